//! Relations that held between columns, as rules: a record that breaks one is wrong, whichever of the two cells is guilty.
//!
//! The same relations are looked for in a push without history, where a small minority is taken for wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    history::kind_of,
    profile::{Kept, Keys, NO_FORM, Pair, Relations, Table, both},
    rules::{Check, Rule, Test},
    words,
};

/// Relations of one kind that become rules: each costs time per record.
const MOST: usize = 24;

/// How sure a relation must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certainty {
    /// Share of the records that may break it.
    pub(crate) broken: f64,
    /// Share of a key's records that must agree.
    pub(crate) agree: f64,
    /// Records that a key must have.
    pub(crate) of: u32,
}

/// The rules that follow from the relations of a table; `is_known` says which pairs were there often enough, `draws` what one
/// record of a column is worth.
pub(crate) fn related(
    table: &Table,
    certainty: Certainty,
    within: &str,
    is_known: impl Fn(&Pair, Check) -> bool,
    draws: impl Fn(&str) -> f64,
) -> Vec<Rule> {
    let relations = &table.relations;
    let mut rules = Vec::new();
    for (pair, kept) in best(&relations.orders, certainty, 0.1, |pair| is_known(pair, Check::Order)) {
        let kinds = table.columns.get(&pair.0).and_then(kind_of).zip(table.columns.get(&pair.1).and_then(kind_of));
        let Some((left, right)) = kinds else { continue };
        let before = format!("before: not above {} in all but {} {within}", pair.1, words::percent(rate(kept)));
        rules.push(rule(Check::Order, pair, Test::Above(pair.1.clone(), left, right), before, floor(kept)));
    }
    for (pair, kept) in best(&relations.parts, certainty, 0.3, |pair| is_known(pair, Check::Part)) {
        let before = format!("before: part of {} in all but {} {within}", pair.1, words::percent(rate(kept)));
        rules.push(rule(Check::Part, pair, Test::NotIn(pair.1.clone()), before, floor(kept)));
    }
    rules.extend(forms(relations, within, draws));
    for (pair, keys) in relations.keys.iter().filter(|(pair, _)| is_known(pair, Check::Dependency)) {
        rules.extend(dependency(pair, keys, certainty, within));
    }
    rules
}

fn rule(check: Check, (left, _): &Pair, test: Test, before: String, expected: f64) -> Rule {
    Rule { check, column: left.clone(), test, before, expected }
}

#[expect(clippy::cast_precision_loss, reason = "a rate that is learned")]
fn rate(kept: &Kept) -> f64 {
    kept.broken as f64 / kept.of.max(1) as f64
}

/// The rate at which a relation is broken, and no less than what so few records can tell.
#[expect(clippy::cast_precision_loss, reason = "a rate that is learned")]
fn floor(kept: &Kept) -> f64 {
    rate(kept).max(2.0 / kept.of as f64)
}

/// The relations that hold, those first which chance would break most.
#[expect(clippy::cast_precision_loss, reason = "a rate that is learned")]
fn best(
    pairs: &BTreeMap<Pair, Kept>,
    certainty: Certainty,
    least_chance: f64,
    is_known: impl Fn(&Pair) -> bool,
) -> Vec<(&Pair, &Kept)> {
    const ENOUGH: u64 = 30;
    let holds = |kept: &Kept| {
        let chance = kept.chance as f64 / kept.of as f64;
        kept.of >= ENOUGH && rate(kept) <= certainty.broken && chance >= least_chance && rate(kept) * 4.0 <= chance
    };
    let mut best: Vec<_> = pairs.iter().filter(|(pair, kept)| holds(kept) && is_known(pair)).collect();
    let gain = |kept: &Kept| (kept.chance as f64 - kept.broken as f64) / kept.of as f64;
    best.sort_by(|a, b| gain(b.1).total_cmp(&gain(a.1)).then_with(|| a.0.cmp(b.0)));
    best.truncate(MOST);
    best
}

/// Forms that hardly ever came together although each came often.
fn forms(relations: &Relations, within: &str, draws: impl Fn(&str) -> f64) -> Vec<Rule> {
    let hardly = |(pair, seen): (&Pair, &BTreeMap<u16, u64>)| {
        hardly_together(pair, seen, draws(&pair.0).max(draws(&pair.1)), within)
    };
    let mut rules: Vec<(f64, Rule)> = relations.forms.iter().filter_map(hardly).collect();
    rules.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.key().cmp(&b.1.key())));
    rules.into_iter().take(MOST).map(|(_, rule)| rule).collect()
}

#[expect(clippy::cast_precision_loss, reason = "shares that are learned")]
fn hardly_together(pair: &Pair, seen: &BTreeMap<u16, u64>, draws: f64, within: &str) -> Option<(f64, Rule)> {
    /// Draws that chance would have brought: with so many expected, none is no chance.
    const EXPECTED: f64 = 12.0;
    /// Of what chance would have brought.
    const RARE: f64 = 0.2;
    let of = seen.values().sum::<u64>() as f64;
    let (mut left, mut right) = (BTreeMap::<u8, f64>::new(), BTreeMap::<u8, f64>::new());
    for (forms, count) in seen {
        let [first, second] = forms.to_be_bytes();
        *left.entry(first).or_default() += *count as f64 / of;
        *right.entry(second).or_default() += *count as f64 / of;
    }
    let (mut missing, mut mass, mut broken) = (BTreeSet::new(), 0.0, 0.0);
    for (first, p) in &left {
        for (second, q) in &right {
            let count = seen.get(&both(*first, *second)).copied().unwrap_or(0) as f64;
            if p * q * of * draws >= EXPECTED && count <= RARE * p * q * of {
                missing.insert(both(*first, *second));
                mass += p * q;
                broken += count;
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    let is_null = |form: u8| form == NO_FORM;
    let nulls = missing.iter().any(|forms| forms.to_be_bytes().into_iter().any(is_null));
    let what = if nulls { "filled and empty as now" } else { "in these forms" };
    let before = format!("before: with {} {what} in {} {within}", pair.1, words::percent(broken / of));
    let test = Test::Together(pair.1.clone(), Arc::new(missing));
    Some((mass, rule(Check::Together, pair, test, before, (broken / of).max(2.0 / of))))
}

fn dependency(pair: &Pair, keys: &Keys, certainty: Certainty, within: &str) -> Option<Rule> {
    let (mut known, mut of, mut broken) = (BTreeMap::new(), 0, 0);
    for verdict in keys.verdicts() {
        if verdict.of > 1 {
            of += verdict.of;
            broken += verdict.of - verdict.agree;
        }
        let agrees = f64::from(verdict.agree) >= certainty.agree * f64::from(verdict.of);
        if let Some(value) = verdict.value.filter(|_| agrees && verdict.of >= certainty.of) {
            known.insert(verdict.key, value);
        }
    }
    let rate = f64::from(broken) / f64::from(of.max(1));
    if of == 0 || rate > certainty.broken {
        return None;
    }
    let before = format!("before: decided by {} in all but {} {within}", pair.0, words::percent(rate));
    let test = Test::Against(pair.0.clone(), Arc::new(known));
    Some(Rule {
        check: Check::Dependency,
        column: pair.1.clone(),
        test,
        before,
        expected: rate.max(2.0 / f64::from(of)),
    })
}
