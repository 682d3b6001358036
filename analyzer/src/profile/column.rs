//! What one column of one push looked like, counted cell by cell.
//!
//! A cell is counted as everything it may be (number, date in each order, category, pattern), because what a column *is* gets
//! decided over many pushes, in the baseline. Everything is bounded: what has too many forms is given up (`None`) and stays
//! given up when profiles merge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{rows::NO_FORM, sample::Sample, spread::Spread};
use crate::value::{self, DateOrder};

/// A column with more different values than this is no category.
const DICTIONARY: usize = 256;
/// A longer value is no category: it would fill profiles with text that nobody compares.
const LONGEST_VALUE_BYTES: usize = 120;
/// A column with more patterns than this is free text.
const PATTERNS: usize = 96;

/// One column of one push, or of several merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnProfile {
    /// Cells without a value.
    pub(crate) nulls: u64,
    /// Cells with one.
    pub(crate) filled: u64,
    /// By sentinel, how many cells hold it.
    pub(crate) sentinels: BTreeMap<String, u64>,
    /// By [`value::decimals`], how many numbers have so many.
    pub(crate) decimals: BTreeMap<i32, u64>,
    /// The numbers.
    pub(crate) numbers: Spread,
    /// The moments, by each order in which the texts are dates.
    pub(crate) moments: BTreeMap<DateOrder, Spread>,
    /// Values with their counts, as long as there are few.
    pub(crate) values: Option<BTreeMap<String, u64>>,
    /// Values by hash.
    pub(crate) sample: Sample,
    /// Patterns with their counts, as long as there are few.
    pub(crate) patterns: Option<BTreeMap<String, u64>>,
    /// Cells by [`value::shape`].
    pub(crate) shapes: BTreeMap<u8, u64>,
    /// Cells by length in characters; from 64 on by powers of two.
    pub(crate) lengths: BTreeMap<u32, u64>,
    /// Characters of the longest cell.
    pub(crate) longest: u32,
    /// Cells with characters outside of ASCII.
    pub(crate) non_ascii: u64,
    /// Cells in broken encoding.
    pub(crate) mojibake: u64,
    /// Share of all cells whose value came before, where the others are a sample; a repeat that both records are in the sample of
    /// is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repeated: Option<f64>,
    /// Whether its values are kept out while cells are counted.
    #[serde(skip)]
    personal: bool,
}

impl Default for ColumnProfile {
    fn default() -> Self {
        Self {
            nulls: 0,
            filled: 0,
            sentinels: BTreeMap::new(),
            decimals: BTreeMap::new(),
            numbers: Spread::default(),
            moments: BTreeMap::new(),
            values: Some(BTreeMap::new()),
            sample: Sample::default(),
            patterns: Some(BTreeMap::new()),
            shapes: BTreeMap::new(),
            lengths: BTreeMap::new(),
            longest: 0,
            non_ascii: 0,
            mojibake: 0,
            repeated: None,
            personal: false,
        }
    }
}

impl ColumnProfile {
    /// Of values that nobody may see: their hashes, lengths and coarsest forms remain.
    pub(crate) fn personal() -> Self {
        Self { personal: true, values: None, patterns: None, ..Self::default() }
    }

    /// Counts one cell.
    #[cfg(test)]
    pub(crate) fn add(&mut self, cell: Option<(&str, u64)>, buffer: &mut String) {
        match cell {
            Some((text, hash)) => self.add_many(text, hash, 1, buffer),
            None => self.nulls += 1,
        }
    }

    /// Counts so many cells with one text; `buffer` is scratch space.
    pub(crate) fn add_many(&mut self, text: &str, hash: u64, count: u64, buffer: &mut String) {
        self.filled += count;
        self.sample.add_many(hash, u32::try_from(count).unwrap_or(u32::MAX));
        if !self.personal {
            self.add_meaning(text, count);
        }
        count_up(&mut self.values, text, count, DICTIONARY, LONGEST_VALUE_BYTES);
        if self.patterns.is_some() {
            value::pattern(text, buffer);
            count_up(&mut self.patterns, buffer, count, PATTERNS, usize::MAX);
        }
        self.add_characters(text, count);
    }

    fn add_meaning(&mut self, text: &str, count: u64) {
        if let Some(sentinel) = value::sentinel(text) {
            *self.sentinels.entry(sentinel).or_default() += count;
        }
        if let Some(number) = value::number(text) {
            self.numbers.add_many(number, count);
            *self.decimals.entry(value::decimals(text)).or_default() += count;
            return;
        }
        for (order, moment) in value::moments(text) {
            self.moments.entry(order).or_default().add_many(moment, count);
        }
    }

    fn add_characters(&mut self, text: &str, count: u64) {
        *self.shapes.entry(value::shape(text)).or_default() += count;
        let ascii = text.is_ascii();
        let length = u32::try_from(if ascii { text.len() } else { text.chars().count() }).unwrap_or(u32::MAX);
        *self.lengths.entry(length_class(length)).or_default() += count;
        self.longest = self.longest.max(length);
        if !ascii {
            self.non_ascii += count;
            self.mojibake += if value::is_mojibake(text) { count } else { 0 };
        }
    }

    /// Adds what another part of the push, or another push, counted.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.nulls += other.nulls;
        self.filled += other.filled;
        self.non_ascii += other.non_ascii;
        self.mojibake += other.mojibake;
        self.longest = self.longest.max(other.longest);
        self.numbers.absorb(&other.numbers);
        self.sample.absorb(&other.sample);
        self.repeated = [self.repeated, other.repeated].into_iter().flatten().reduce(f64::max);
        add_counts(&mut self.sentinels, &other.sentinels);
        add_counts(&mut self.decimals, &other.decimals);
        add_counts(&mut self.shapes, &other.shapes);
        add_counts(&mut self.lengths, &other.lengths);
        for (order, spread) in &other.moments {
            self.moments.entry(*order).or_default().absorb(spread);
        }
        absorb_bounded(&mut self.values, other.values.as_ref(), DICTIONARY);
        absorb_bounded(&mut self.patterns, other.patterns.as_ref(), PATTERNS);
    }

    /// Share of the cells whose value came before.
    pub(crate) fn repeated(&self) -> f64 {
        self.repeated.unwrap_or_else(|| self.sample.repeated())
    }

    /// Cells by form, those without a value among them.
    pub(super) fn forms(&self) -> BTreeMap<u8, u64> {
        let nulls = Some((NO_FORM, self.nulls)).filter(|(_, nulls)| *nulls > 0);
        self.shapes.iter().map(|(shape, count)| (*shape, *count)).chain(nulls).collect()
    }

    /// Cells, with and without a value.
    pub(crate) fn records(&self) -> u64 {
        self.nulls + self.filled
    }
}

/// The class that a length is counted in: exact below 64, then the power of two at or below it.
pub(crate) fn length_class(length: u32) -> u32 {
    if length < 64 { length } else { 1 << length.ilog2() }
}

fn count_up(counts: &mut Option<BTreeMap<String, u64>>, key: &str, count: u64, most: usize, longest_bytes: usize) {
    let Some(held) = counts else { return };
    if let Some(held) = held.get_mut(key) {
        *held += count;
    } else if held.len() < most && key.len() <= longest_bytes {
        held.insert(key.to_owned(), count);
    } else {
        *counts = None;
    }
}

fn absorb_bounded(counts: &mut Option<BTreeMap<String, u64>>, other: Option<&BTreeMap<String, u64>>, most: usize) {
    let (Some(held), Some(other)) = (counts.as_mut(), other) else {
        *counts = None;
        return;
    };
    add_counts(held, other);
    if held.len() > most {
        *counts = None;
    }
}

fn add_counts<K: Clone + Ord>(counts: &mut BTreeMap<K, u64>, other: &BTreeMap<K, u64>) {
    for (key, count) in other {
        *counts.entry(key.clone()).or_default() += count;
    }
}
