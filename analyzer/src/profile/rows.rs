//! Some whole records: what columns have to do with each other is learned from these.
//!
//! Chosen by the record's hash, as values are in [`super::sample`]: all of a small push, some thousands of a large one, the
//! same whatever their order. They are kept while a push is scanned and are no part of its profile.

use std::collections::BTreeMap;

use crate::value::{self, ends_in_zeros};

/// Cells kept at most.
const CELLS: usize = 80_000;
/// Records kept at most.
const RECORDS: usize = 4096;
/// Columns looked at: pairs grow with their square.
pub(super) const COLUMNS: usize = 40;
/// A longer text is kept by hash and form only.
const LONGEST_BYTES: usize = 512;
/// The form of a cell without a value.
pub(crate) const NO_FORM: u8 = u8::MAX;

/// One cell as relations see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// 0 for no value.
    pub(super) hash: u32,
    pub(super) form: u8,
    pub(super) text: Option<Box<str>>,
}

/// A bounded sample of different records.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    level: u32,
    kept: BTreeMap<u64, Vec<Cell>>,
}

impl Rows {
    /// Takes in a record, unless it is known or not in the sample.
    pub(crate) fn add(&mut self, hash: u64, cells: impl FnOnce() -> Vec<Cell>) {
        if !ends_in_zeros(hash, self.level) || self.kept.contains_key(&hash) {
            return;
        }
        let mut cells = cells();
        cells.truncate(COLUMNS);
        let most = (CELLS / cells.len().max(1)).min(RECORDS);
        self.kept.insert(hash, cells);
        while self.kept.len() > most {
            self.level += 1;
            self.kept.retain(|hash, _| ends_in_zeros(*hash, self.level));
        }
    }

    /// The records in the order of their hashes, which is no order at all.
    pub(super) fn records(&self) -> Vec<&[Cell]> {
        self.kept.values().map(Vec::as_slice).collect()
    }
}

/// The hash of a value as pairs of columns keep it; never 0.
pub(crate) fn short_hash(text: &str) -> u32 {
    let upper = (value::hash(text) >> 32) as u32;
    upper.max(1)
}

/// The form of a cell: the shape of its text, or that there is none.
pub(crate) fn form(text: Option<&str>) -> u8 {
    text.filter(|text| !text.is_empty()).map_or(NO_FORM, value::shape)
}

impl Cell {
    pub(crate) fn of(text: Option<&str>) -> Self {
        let text = text.filter(|text| !text.is_empty());
        Self {
            hash: text.map_or(0, short_hash),
            form: form(text),
            text: text.filter(|text| text.len() <= LONGEST_BYTES).map(Into::into),
        }
    }
}
