//! The bins of a column: its most frequent values, its patterns, or ranges that held about equal shares.

use std::collections::BTreeMap;

use super::{has_distribution, ratio};
use crate::{
    history::Role,
    profile::{ColumnProfile, edges},
    rules::{Quantity, spread_of},
    value, words,
};

/// Values or patterns with a bin of their own.
const NAMED: usize = 40;
/// A value with a smaller share has no bin of its own.
const LEAST_SHARE: f64 = 0.004;
/// Ranges that a quantity is cut into.
const RANGES: u64 = 12;

/// A way to divide the cells of a column, the same for every push. The last bin takes the rest.
#[derive(Debug)]
pub(crate) enum Bins {
    /// Values by hash, with their texts where they are known.
    Values(Vec<(u64, Option<String>)>),
    Patterns(Vec<String>),
    /// Last fine bin of each range at a shift; the last range is open.
    Ranges { quantity: Quantity, shift: u8, upto: Vec<u64> },
}

/// How a column is divided, by what it is for and by the merge of all that is known; `now` may be coarser.
pub(crate) fn bins(role: Role, merged: &ColumnProfile, now: &ColumnProfile) -> Option<Bins> {
    if !has_distribution(role) {
        return None;
    }
    if let Role::Measure(quantity) = role {
        return ranges(quantity, merged, now);
    }
    if merged.sample.is_exact() {
        let named = most_frequent(merged.sample.counts().map(|(hash, count)| (count, hash)), merged.filled);
        if named.len() > 1 || role == Role::Constant {
            let texts: BTreeMap<u64, &String> =
                merged.values.iter().flat_map(|values| values.keys()).map(|text| (value::hash(text), text)).collect();
            let text = |hash: &u64| texts.get(hash).map(ToString::to_string);
            return Some(Bins::Values(named.into_iter().map(|hash| (hash, text(&hash))).collect()));
        }
    }
    let patterns = merged.patterns.as_ref()?;
    Some(Bins::Patterns(most_frequent(patterns.iter().map(|(pattern, count)| (*count, pattern.clone())), merged.filled)))
}

fn most_frequent<T: Ord>(counts: impl Iterator<Item = (u64, T)>, filled: u64) -> Vec<T> {
    let mut frequent: Vec<(u64, T)> = counts.filter(|(count, _)| ratio(*count, filled) >= LEAST_SHARE).collect();
    frequent.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    frequent.into_iter().take(NAMED).map(|(_, key)| key).collect()
}

fn ranges(quantity: Quantity, merged: &ColumnProfile, now: &ColumnProfile) -> Option<Bins> {
    let spread = spread_of(merged, quantity)?;
    let shift = spread.shift().max(spread_of(now, quantity).map_or(0, crate::profile::Spread::shift));
    let full = (spread.count() / RANGES).max(1);
    let (mut upto, mut held, mut last) = (Vec::new(), 0, None);
    for (bin, count) in spread.at(shift) {
        // A value that fills a range by itself gets it alone.
        if let Some(before) = last.filter(|_| held > 0 && held + count > full) {
            upto.push(before);
            held = 0;
        }
        held += count;
        last = Some(bin);
    }
    Some(Bins::Ranges { quantity, shift, upto })
}

impl Bins {
    /// Share of the column's filled cells in each bin, the rest last.
    pub(crate) fn shares(&self, column: &ColumnProfile) -> Vec<f64> {
        let filled = column.filled;
        let mut counts: Vec<u64> = match self {
            Self::Values(values) => {
                if !column.sample.is_exact() {
                    return [vec![0.0; values.len()], vec![1.0]].concat();
                }
                let known: BTreeMap<u64, u64> = column.sample.counts().collect();
                values.iter().map(|(hash, _)| known.get(hash).copied().unwrap_or(0)).collect()
            }
            Self::Patterns(patterns) => {
                let count = |pattern| column.patterns.as_ref().and_then(|known| known.get(pattern)).copied().unwrap_or(0);
                patterns.iter().map(count).collect()
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
        counts.into_iter().map(|count| ratio(count, filled)).collect()
    }

    /// How many bins, the rest included.
    pub(crate) fn len(&self) -> usize {
        1 + match self {
            Self::Values(values) => values.len(),
            Self::Patterns(patterns) => patterns.len(),
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
            Self::Patterns(patterns) => patterns.get(at).map_or("of another form".to_owned(), |p| format!("of the form {p}")),
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
