//! Rules for a push without history: what is dominant within it is taken for normal, and a small minority for wrong.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    baseline::Weighed,
    history::{is_unique, kind_of},
    profile::{ColumnProfile, Spread, Table},
    rules::{Certainty, Check, Quantity, Rule, Test, common, related, spread_of},
    words,
};

/// A form that fewer of the cells have is a minority.
const MINORITY: f64 = 0.02;
/// Deviations (1.4826 × MAD) from the median, on an asinh scale, beyond which a number is an outlier.
const FAR: f64 = 8.0;
/// Cells below which nothing is dominant.
const ENOUGH: u64 = 50;

/// What must be true of a relation within a push that may be dirty.
const RELATED: Certainty = Certainty { broken: 0.15, agree: 0.67, of: 4 };

/// A guess agrees with what is learned where no rule hits more records than by so much of all.
const AGREES: f64 = 0.001;

/// What a glimpse of a push suggests: its rules, and those on missing values that chance may have left out.
pub(crate) fn guess(glimpse: &Table) -> Vec<Rule> {
    let mut rules = rules(glimpse);
    for (name, column) in glimpse.columns.iter().filter(|(_, column)| column.filled > 0) {
        let is_known = rules.iter().any(|rule| rule.check == Check::Null && rule.column == *name);
        if !is_known && (column.nulls == 0 || is_minority(column.nulls / 2, column.records())) {
            rules.push(rule(Check::Null, name, Test::Null, "nearly always filled"));
        }
    }
    rules
}

/// Whether the rules that a push was judged by do as those that the whole push taught; what it did not teach counts no more.
pub(crate) fn stands(guess: &mut [Weighed], learned: &[Rule], table: &Table) -> bool {
    let agrees = |rule: &Rule| {
        let guessed = guess.iter().find(|guess| guess.rule.key() == rule.key());
        (guessed.map_or(0.0, |guess| guess.rule.rate_in(table)) - rule.rate_in(table)).abs() <= AGREES
    };
    // What a key decides is known of those keys only that the glimpse fell on.
    if guess.iter().any(|guess| guess.rule.with_votes(table).is_some()) || !learned.iter().all(agrees) {
        return false;
    }
    for weighed in guess {
        if !learned.iter().any(|rule| rule.key() == weighed.rule.key()) {
            weighed.ignore();
        }
    }
    true
}

/// Rules from the profile of the push itself.
pub(crate) fn rules(table: &Table) -> Vec<Rule> {
    let repeated = table.records.repeated();
    let mut rules = Vec::new();
    if repeated < MINORITY {
        rules.push(rule(Check::DuplicateRecord, "", Test::RepeatedRecord, "hardly any here"));
    }
    for (name, column) in table.columns.iter().filter(|(_, column)| column.records() >= ENOUGH && column.filled > 0) {
        rules.extend(absent(name, column));
        rules.extend(kind(name, column));
        rules.extend(pattern(name, column));
        rules.extend(characters(name, column));
        rules.extend(misspelt(name, column));
        rules.extend(stray(name, column));
    }
    rules.extend(
        related(table, RELATED, "here", |_, _| true, |_| 1.0).into_iter().filter(|rule| rule.check != Check::Order),
    );
    rules
}

fn rule(check: Check, column: &str, test: Test, before: &str) -> Rule {
    Rule { check, column: column.to_owned(), test, before: before.to_owned(), expected: 0.0 }
}

fn is_minority(count: u64, of: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a share that is dominant or not")]
    let share = count as f64 / of.max(1) as f64;
    count > 0 && share < MINORITY
}

fn absent(name: &str, column: &ColumnProfile) -> Vec<Rule> {
    let mut rules = Vec::new();
    if is_minority(column.nulls, column.records()) {
        rules.push(rule(Check::Null, name, Test::Null, "nearly always filled"));
    }
    let dominant = column.sentinels.iter().filter(|(_, count)| !is_minority(**count, column.filled));
    let mut dominant: BTreeSet<String> = dominant.map(|(sentinel, _)| sentinel.clone()).collect();
    if is_unique(column) {
        // A counter comes by each of them once.
        dominant.extend((4..=18).map(|digits| "9".repeat(digits)));
    }
    rules.push(rule(Check::Sentinel, name, Test::Sentinel(Arc::new(dominant)), "hardly any here"));
    rules
}

fn kind(name: &str, column: &ColumnProfile) -> Vec<Rule> {
    let Some(quantity) = kind_of(column) else { return Vec::new() };
    let Some(spread) = spread_of(column, quantity) else { return Vec::new() };
    let mut rules = Vec::new();
    if is_minority(column.filled - spread.count(), column.filled) {
        rules.push(rule(Check::Type, name, Test::NotA(quantity), "nearly all of one type"));
    }
    // The numbers of a counter lie where they lie.
    let usual = if is_unique(column) { None } else { usual(spread) };
    if let (Quantity::Number, Some((low, high))) = (quantity, usual) {
        let (low, high) = with_frequent(column, low, high);
        let before =
            format!("nearly all within {} to {}", words::quantity(quantity, low), words::quantity(quantity, high));
        rules.push(rule(Check::Range, name, Test::Outside(quantity, low, high), &before));
    }
    rules
}

/// The range, widened to numbers that come too often to be outliers.
fn with_frequent(column: &ColumnProfile, low: f64, high: f64) -> (f64, f64) {
    const FREQUENT: u64 = 5;
    let frequent = column.values.iter().flatten().filter(|(_, count)| **count >= FREQUENT);
    let numbers = frequent.filter_map(|(text, _)| Quantity::Number.of(text));
    numbers.fold((low, high), |(low, high), number| (low.min(number), high.max(number)))
}

/// The range within [`FAR`] deviations of the median on an asinh scale, where a heavy tail is no outlier; none where most values
/// are alike.
fn usual(spread: &Spread) -> Option<(f64, f64)> {
    let median = spread.quantile(0.5)?.asinh();
    let quantiles = (0..=100).filter_map(|percent| spread.quantile(f64::from(percent) / 100.0));
    let mut distances: Vec<f64> = quantiles.map(|value| (value.asinh() - median).abs()).collect();
    distances.sort_by(f64::total_cmp);
    let deviation = 1.4826 * distances[distances.len() / 2];
    (deviation > 0.0).then(|| ((median - FAR * deviation).sinh(), (median + FAR * deviation).sinh()))
}

fn pattern(name: &str, column: &ColumnProfile) -> Vec<Rule> {
    let Some(patterns) = &column.patterns else { return Vec::new() };
    let dominant: Vec<_> = patterns.iter().filter(|(_, count)| !is_minority(**count, column.filled)).collect();
    let covered = dominant.iter().map(|(_, count)| **count).sum::<u64>();
    if dominant.is_empty() || !is_minority(column.filled - covered, column.filled) {
        return Vec::new();
    }
    let before = format!("nearly all in {}", words::some(dominant.len(), "pattern"));
    let known = dominant.into_iter().map(|(pattern, _)| pattern.clone()).collect();
    vec![rule(Check::Pattern, name, Test::Pattern(Arc::new(known)), &before)]
}

/// Values that hardly occur and are one slip from one that often does.
fn misspelt(name: &str, column: &ColumnProfile) -> Option<Rule> {
    const RARE: u64 = 3;
    let values = column.values.as_ref().filter(|_| kind_of(column).is_none())?;
    let common = common(values, column.filled);
    let known = values.iter().filter(|(_, count)| **count > RARE).map(|(value, _)| value.clone()).collect();
    let before = format!("{} in common use", words::some(common.len(), "value"));
    Some(rule(Check::Misspelt, name, Test::Misspelt(Arc::new(known), Arc::new(common)), &before))
}

/// Values that hardly occur where a few values are nearly everything.
fn stray(name: &str, column: &ColumnProfile) -> Option<Rule> {
    /// More values in common use than this have a long tail of their own.
    const MOST: usize = 12;
    let values = column.values.as_ref().filter(|_| kind_of(column).is_none())?;
    let (stray, common): (Vec<_>, Vec<_>) =
        values.iter().partition(|(_, count)| **count <= 2 || **count * 100 <= column.filled);
    let strays: u64 = stray.iter().map(|(_, count)| **count).sum();
    if common.len() > MOST || strays * 20 > column.filled {
        return None;
    }
    let before = format!("nearly all one of {}", words::some(common.len(), "value"));
    let known = common.into_iter().map(|(value, _)| value.clone()).collect();
    Some(rule(Check::Category, name, Test::Value(Arc::new(known)), &before))
}

fn characters(name: &str, column: &ColumnProfile) -> Vec<Rule> {
    if is_minority(column.mojibake, column.filled) || (column.mojibake > 0 && column.non_ascii == column.mojibake) {
        return vec![rule(Check::Mojibake, name, Test::Mojibake, "hardly any here")];
    }
    if is_minority(column.non_ascii, column.filled) && kind_of(column).is_some() {
        return vec![rule(Check::NonAscii, name, Test::NonAscii, "hardly any here")];
    }
    Vec::new()
}
