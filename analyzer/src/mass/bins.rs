//! The bins of a column: its most frequent values, its patterns, or ranges that held about equal shares.

use std::collections::BTreeMap;

use super::{has_distribution, ratio};
use crate::{
    history::{Role, kind_of},
    profile::{ColumnProfile, Spread, edges, last_below_zero},
    rules::{Quantity, spread_of},
    value, words,
};

/// Values or patterns with a bin of their own.
const NAMED: usize = 40;
/// A value with a smaller share has no bin of its own.
const LEAST_SHARE: f64 = 0.004;
/// The same while one push is known: what is less frequent in it may have been so by accident, as who had a large order.
const LEAST_SHARE_OF_ONE: f64 = 0.05;
/// Ranges that a quantity is cut into.
const RANGES: f64 = 12.0;

/// A way to divide the cells of a column, the same for every push. The last bin takes the rest.
#[derive(Debug)]
pub(crate) enum Bins {
    /// Values by hash, with their texts where they are known.
    Values(Vec<(u64, Option<String>)>),
    Patterns(Vec<String>),
    Shapes(Vec<u8>),
    /// The place of the last digit: a change of unit moves the point before it leaves the range.
    Decimals(Vec<i32>),
    /// Last fine bin of each range at a shift; the last range is open.
    Ranges {
        quantity: Quantity,
        shift: u8,
        upto: Vec<u64>,
    },
}

/// The ways to divide a column, by what it is for and by all that is known of it; `now` may be coarser. The first shows the
/// column best.
pub(crate) fn bins(role: Role, merged: &ColumnProfile, past: &[&ColumnProfile], now: &ColumnProfile) -> Vec<Bins> {
    if !has_distribution(role) {
        return Vec::new();
    }
    if let Role::Measure(quantity) = role {
        return ranges(quantity, merged, now);
    }
    let mut bins: Vec<Bins> = values(merged, past)
        .filter(|values| values.len() > 1 || role == Role::Constant)
        .map(Bins::Values)
        .into_iter()
        .collect();
    // How a number is written says nothing: 2014 follows 2013.92.
    let is_text = kind_of(merged) != Some(Quantity::Number);
    if let (None, Some(patterns)) = (bins.first(), merged.patterns.as_ref().filter(|_| is_text)) {
        let has = |column: &ColumnProfile, pattern: &String| {
            column.patterns.as_ref().is_some_and(|p| p.contains_key(pattern))
        };
        let patterns = patterns.iter().filter(|(pattern, _)| is_shared(past, |column| has(column, pattern)));
        let patterns = patterns.map(|(pattern, count)| (*count, pattern.clone()));
        bins.push(Bins::Patterns(most_frequent(patterns, merged.filled, past)));
    }
    if matches!(role, Role::Code | Role::Text) {
        let shapes = merged.shapes.keys().copied();
        bins.push(Bins::Shapes(
            shapes.filter(|shape| is_shared(past, |column| column.shapes.contains_key(shape))).collect(),
        ));
    }
    bins
}

/// Whether more than one push had it. What only one had goes into the rest, or the rest would be nothing in every push that was
/// learned from and something in any other.
fn is_shared(past: &[&ColumnProfile], has: impl Fn(&ColumnProfile) -> bool) -> bool {
    past.iter().filter(|column| has(column)).take(2).count() >= past.len().min(2)
}

/// The most frequent values by hash, with their texts where they are known.
fn values(merged: &ColumnProfile, past: &[&ColumnProfile]) -> Option<Vec<(u64, Option<String>)>> {
    if !merged.sample.is_exact() {
        return None;
    }
    let shared = merged.sample.counts().filter(|(hash, _)| is_shared(past, |column| column.sample.contains(*hash)));
    let named = most_frequent(shared.map(|(hash, count)| (count, hash)), merged.filled, past);
    let texts = merged.values.iter().flat_map(|values| values.keys()).map(|text| (value::hash(text), text));
    let texts: BTreeMap<u64, &String> = texts.collect();
    Some(named.into_iter().map(|hash| (hash, texts.get(&hash).map(ToString::to_string))).collect())
}

fn most_frequent<T: Ord>(counts: impl Iterator<Item = (u64, T)>, filled: u64, past: &[&ColumnProfile]) -> Vec<T> {
    let least = if past.len() > 1 { LEAST_SHARE } else { LEAST_SHARE_OF_ONE };
    let mut frequent: Vec<(u64, T)> = counts.filter(|(count, _)| ratio(*count, filled) >= least).collect();
    frequent.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    frequent.into_iter().take(NAMED).map(|(_, key)| key).collect()
}

/// Ranges that held about equal shares, finer at both ends, where accidents land; and the two signs, where both occur.
fn ranges(quantity: Quantity, merged: &ColumnProfile, now: &ColumnProfile) -> Vec<Bins> {
    let Some(spread) = spread_of(merged, quantity) else { return Vec::new() };
    let shift = spread.shift().max(spread_of(now, quantity).map_or(0, Spread::shift));
    let (mut upto, mut held, mut below, mut last) = (Vec::new(), 0, 0, None);
    for (bin, count) in spread.at(shift) {
        // A value that fills a range by itself gets it alone.
        if let Some(before) =
            last.filter(|_| held > 0 && ratio(held + count, spread.count()) > width(ratio(below, spread.count())))
        {
            upto.push(before);
            below += held;
            held = 0;
        }
        held += count;
        last = Some(bin);
    }
    let mut bins = vec![Bins::Ranges { quantity, shift, upto }];
    if quantity == Quantity::Number && spread.range().is_some_and(|(least, most)| least < 0.0 && most > 0.0) {
        bins.push(Bins::Ranges { quantity, shift, upto: vec![last_below_zero(shift)] });
    }
    if quantity == Quantity::Number && merged.decimals.len() > 1 {
        bins.push(Bins::Decimals(merged.decimals.keys().copied().take(NAMED).collect()));
    }
    bins
}

/// The share of a range that begins where this share lies below.
fn width(below: f64) -> f64 {
    (below.min(1.0 - below) / 2.0).clamp(0.01, 1.0 / RANGES)
}

impl Bins {
    /// Share of the column's cells in each bin, the rest of the filled ones last.
    pub(crate) fn shares(&self, column: &ColumnProfile) -> Vec<f64> {
        let (filled, records) = (column.filled, column.records());
        let mut counts: Vec<u64> = match self {
            Self::Values(values) => {
                if !column.sample.is_exact() {
                    return [vec![0.0; values.len()], vec![ratio(filled, records)]].concat();
                }
                let known: BTreeMap<u64, u64> = column.sample.counts().collect();
                values.iter().map(|(hash, _)| known.get(hash).copied().unwrap_or(0)).collect()
            }
            Self::Patterns(patterns) => {
                let count =
                    |pattern| column.patterns.as_ref().and_then(|known| known.get(pattern)).copied().unwrap_or(0);
                patterns.iter().map(count).collect()
            }
            Self::Shapes(shapes) => shapes.iter().map(|shape| column.shapes.get(shape).copied().unwrap_or(0)).collect(),
            Self::Decimals(digits) => {
                digits.iter().map(|digits| column.decimals.get(digits).copied().unwrap_or(0)).collect()
            }
            Self::Ranges { quantity, shift, upto } => {
                let mut counts = vec![0; upto.len() + 1];
                for (bin, count) in spread_of(column, *quantity).map(|spread| spread.at(*shift)).unwrap_or_default() {
                    counts[upto.partition_point(|last| *last < bin)] += count;
                }
                counts
            }
        };
        counts.push(filled.saturating_sub(counts.iter().sum()));
        counts.into_iter().map(|count| ratio(count, records)).collect()
    }

    /// How many bins, the rest included.
    pub(crate) fn len(&self) -> usize {
        1 + match self {
            Self::Values(values) => values.len(),
            Self::Patterns(patterns) => patterns.len(),
            Self::Shapes(shapes) => shapes.len(),
            Self::Decimals(digits) => digits.len(),
            Self::Ranges { upto, .. } => upto.len() + 1,
        }
    }

    /// What a bin holds, in words that complete "the column is …".
    pub(crate) fn label(&self, at: usize) -> String {
        match self {
            Self::Values(values) => match values.get(at) {
                Some((_, Some(text))) => format!("“{text}”"),
                Some((_, None)) => format!("its {}. most frequent value", at + 1),
                None => "something else".to_owned(),
            },
            Self::Patterns(patterns) => {
                patterns.get(at).map_or("of another form".to_owned(), |p| format!("of the form {p}"))
            }
            Self::Shapes(shapes) => {
                shapes.get(at).map_or("of another form".to_owned(), |shape| value::shape_in_words(*shape))
            }
            Self::Decimals(digits) => {
                let place = |digits: &i32| match usize::try_from(*digits) {
                    Ok(digits) => format!("given to {}", words::some(digits, "decimal")),
                    Err(_) => format!("a multiple of 1{}", "0".repeat(digits.unsigned_abs() as usize)),
                };
                digits.get(at).map_or("of another form".to_owned(), place)
            }
            Self::Ranges { quantity, shift, upto } => {
                let shown = |bin: u64, first: bool| {
                    let (from, to) = edges(bin, *shift);
                    words::quantity(*quantity, if first { from } else { to })
                };
                let low = at.checked_sub(1).and_then(|before| upto.get(before));
                match (low, upto.get(at)) {
                    _ if at > upto.len() => "no quantity".to_owned(),
                    (None, None) => "any quantity".to_owned(),
                    (None, Some(high)) => format!("at most {}", shown(*high, false)),
                    (Some(low), None) => format!("above {}", shown(*low, false)),
                    (Some(low), Some(high)) => format!("{} to {}", shown(*low, false), shown(*high, false)),
                }
            }
        }
    }
}
