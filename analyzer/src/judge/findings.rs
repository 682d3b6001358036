//! What was found, as a reviewer reads it: the check, how many records, and figures of before and now in one sentence.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use holdpoint_review::{Finding, PushHash, Share};
use jiff::Timestamp;

use super::together::{self, Broken};
use crate::{
    baseline::{Baseline, Weighed},
    declared::Declared,
    history::History,
    mass,
    profile::{NO_FORM, Table},
    rules::{Check, Misplaced, Test},
    scan::Scanned,
    words,
};

/// A finding before it is ranked.
pub(super) struct Found {
    pub(super) finding: Finding,
    pub(super) check: Check,
    /// Whether it makes the push as a whole unusable, whatever the threshold.
    pub(super) breaks: bool,
}

impl Found {
    /// A finding about the whole push.
    pub(super) fn whole(check: Check, columns: Vec<String>, reason: String) -> Self {
        let finding = Finding {
            check: check.name().to_owned(),
            columns,
            hard: false,
            share: Share::WHOLE,
            reason,
            examples: Vec::new(),
        };
        Self { finding, check, breaks: true }
    }

    /// By share, then what names records, then what explains others, then by column and check, so that the order never depends
    /// on anything else.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |found: &Self| found.finding.share.as_f64();
        let names = |found: &Self| (found.finding.columns.clone(), found.check);
        let hard = |found: &Self| found.finding.hard;
        let explains = |found: &Self| matches!(found.check, Check::ShiftedRow | Check::SwappedColumns);
        key(self)
            .total_cmp(&key(other))
            .then_with(|| hard(self).cmp(&hard(other)))
            .then_with(|| explains(self).cmp(&explains(other)))
            .then_with(|| names(other).cmp(&names(self)))
    }
}

/// Whether the records that a rule hit are named one by one: all of a hard rule's; of a soft one's where most of them are beyond
/// what is usual. How often an order is usually broken differs more from day to day.
pub(super) fn names_records(weighed: &Weighed, scanned: &Scanned, at: usize) -> bool {
    let times = if weighed.rule.check == Check::Order { 4.0 } else { 3.0 };
    let beyond = weighed.beyond(hit(scanned, at), scanned.records);
    weighed.is_hard || (beyond > 0.0 && rate(scanned, at) > times * weighed.allowance)
}

#[expect(clippy::cast_precision_loss, reason = "compared with what was learned, not with the threshold")]
fn rate(scanned: &Scanned, at: usize) -> f64 {
    hit(scanned, at) as f64 / scanned.records.max(1) as f64
}

/// Records that a rule hit, with those that only an estimate knows of.
fn hit(scanned: &Scanned, at: usize) -> u64 {
    (scanned.hits[at].records + scanned.hits[at].others).min(scanned.records)
}

/// The share of a number of records that is nearest to a learned one.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and records"
)]
fn share_of(share: f64, records: u64) -> Share {
    Share::new((share.clamp(0.0, 1.0) * records as f64).round() as u64, records)
}

/// What the rules hit: every hit where single records are named, else what is beyond the allowance.
pub(super) fn of_rules(weighed: &[Weighed], scanned: &Scanned, names: &[bool]) -> Vec<Found> {
    let (mut found, mut broken) = (Vec::new(), Vec::new());
    for (at, weighed) in weighed.iter().enumerate() {
        let (rule, hits) = (&weighed.rule, &scanned.hits[at]);
        let share = if names[at] {
            Share::new(hit(scanned, at), scanned.records)
        } else {
            share_of(weighed.beyond(hit(scanned, at), scanned.records), scanned.records)
        };
        if share.count == 0 {
            continue;
        }
        if let Test::Together(other, forms) = &rule.test {
            let of_nulls = forms.iter().any(|forms| forms.to_be_bytes().contains(&NO_FORM));
            broken.push(Broken { columns: [&rule.column, other], share, hard: names[at], of_nulls });
            continue;
        }
        let subject = if rule.column.is_empty() { "record" } else { &rule.column };
        let usual = if weighed.is_hard {
            String::new()
        } else {
            format!(", of which up to {} is usual", words::percent(weighed.allowance))
        };
        let now = Share::new(hit(scanned, at), scanned.records);
        let about = if hits.others > 0 { "about " } else { "" };
        let reason = format!("{subject}: {} in {about}{now} of the records{usual}; {}", rule.check.name(), rule.before);
        let columns = if rule.column.is_empty() { Vec::new() } else { vec![rule.column.clone()] };
        let check = rule.check.name().to_owned();
        // What is only estimated names too few records to be counted by them.
        let hard = names[at] && hits.others == 0;
        let finding = Finding { check, columns, hard, share, reason, examples: hits.examples.clone() };
        found.push(Found { finding, check: rule.check, breaks: false });
    }
    let broken = together::told(broken).into_iter();
    found.extend(broken.map(|finding| Found { finding, check: Check::Together, breaks: false }));
    found
}

/// Records that are in disorder as a whole: at most so many pairs of columns, the most frequent first.
pub(super) fn of_misplaced(misplaced: &BTreeMap<Misplaced, u64>, columns: &[String], records: u64) -> Vec<Found> {
    const MOST: usize = 6;
    let finding = |(misplaced, count): (&Misplaced, &u64)| {
        let share = Share::new(*count, records);
        let (names, reason) = match misplaced {
            Misplaced::Shifted { right } => {
                let side = if *right { "right" } else { "left" };
                let why = "what breaks a column there fits the one beside it";
                (Vec::new(), format!("values stand one column too far to the {side} in {share} of the records: {why}"))
            }
            Misplaced::Swapped(one, other) => {
                let names = [*one, *other].map(|at| columns[at].clone());
                let why = "what breaks the one fits the other";
                let reason = format!(
                    "{} and {} stand in each other's place in {share} of the records: {why}",
                    names[0], names[1]
                );
                (names.to_vec(), reason)
            }
        };
        let check = misplaced.check();
        let finding =
            Finding { check: check.name().to_owned(), columns: names, hard: true, share, reason, examples: Vec::new() };
        Found { finding, check, breaks: false }
    };
    let mut found: Vec<Found> = misplaced.iter().map(finding).collect();
    found.sort_by(|one, other| other.order(one));
    found.truncate(MOST);
    found
}

/// Takes away the examples of columns into which personal values came.
pub(super) fn mask(found: &mut [Found], misplaced: &BTreeMap<Misplaced, u64>, columns: &[String], declared: &Declared) {
    let personal = (0..columns.len()).filter(|at| declared.is_personal(&columns[*at]));
    let places = personal.flat_map(|own| misplaced.keys().filter_map(move |misplaced| misplaced.place_of(own)));
    let names: BTreeSet<&String> = places.filter_map(|at| columns.get(at)).collect();
    for Found { finding, .. } in
        found.iter_mut().filter(|found| found.finding.columns.iter().any(|name| names.contains(name)))
    {
        finding.examples.clear();
    }
}

/// Columns that every accepted push had and this one has not, and columns that none had.
pub(super) fn of_columns(history: &History, columns: &[String]) -> Vec<Found> {
    let Some(last) = history.members.last() else { return Vec::new() };
    let now: BTreeSet<&String> = columns.iter().collect();
    let members = || history.members.iter().map(|member| &member.table.columns);
    let is_required = |name: &&String| members().all(|had| had.contains_key(*name));
    let missing: Vec<&String> = last.columns.iter().filter(is_required).filter(|name| !now.contains(name)).collect();
    let new: Vec<&String> = columns.iter().filter(|name| !members().any(|had| had.contains_key(*name))).collect();
    let is_one = missing.len() == 1 && new.len() == 1;
    let hint = |name: &str, others: &[&String]| {
        let is_alike = |other: &&&String| is_one || other.trim().to_lowercase() == name.trim().to_lowercase();
        let renamed = others.iter().find(is_alike);
        renamed.map_or_else(String::new, |other| format!("; perhaps renamed: {}", words::column(other)))
    };
    let all = words::pushes(history.members.len());
    let gone = missing.iter().map(|name| {
        let reason = format!("{} is missing; it was in all of {all} before{}", words::column(name), hint(name, &new));
        Found::whole(Check::MissingColumn, vec![(*name).clone()], reason)
    });
    let come = new.iter().map(|name| {
        let reason = format!("{} was never in a push before{}", words::column(name), hint(name, &missing));
        Found::whole(Check::NewColumn, vec![(*name).clone()], reason)
    });
    gone.chain(come).collect()
}

/// Columns that are declared and missing, and columns that are not declared where all are.
pub(super) fn of_declared(declared: &Declared, columns: &[String]) -> Vec<Found> {
    let (missing, new) = declared.amiss(columns);
    let gone = missing.into_iter().map(|name| (Check::MissingColumn, name, "is missing; it is declared"));
    let come = new.into_iter().map(|name| (Check::NewColumn, name, "is not among the declared columns"));
    gone.chain(come)
        .map(|(check, name, why)| Found::whole(check, vec![name.clone()], format!("{name} {why}")))
        .collect()
}

/// The very bytes of an earlier push.
pub(super) fn of_content(history: &History, content: &PushHash) -> Option<Found> {
    let nth = history.members.iter().rposition(|member| member.content == *content)?;
    let (at, known) = (history.members[nth].delivered_at, history.members.len());
    let reason = format!("byte for byte accepted push {} of {known}, delivered at {at}", nth + 1);
    Some(Found::whole(Check::AlreadyDelivered, Vec::new(), reason))
}

/// Excess mass beyond the worst that replay saw.
pub(super) fn of_mass(baseline: &Baseline, table: &Table, records: u64, delivered_at: Timestamp) -> Vec<Found> {
    let mut found = Vec::new();
    for excess in mass::excesses(&baseline.history, table, records, delivered_at) {
        let share = share_of(baseline.beyond_worst(excess.check, &excess.column, excess.share), records);
        if share.count == 0 {
            continue;
        }
        let columns = if excess.column.is_empty() { Vec::new() } else { vec![excess.column] };
        let check = excess.check.name().to_owned();
        let finding = Finding { check, columns, hard: false, share, reason: excess.reason, examples: Vec::new() };
        found.push(Found { finding, check: excess.check, breaks: false });
    }
    found
}
