//! One column's tests on its cells: most cells are plainly fine or equal to one that was just looked at; the others are looked
//! at as text, one by one.

use std::collections::BTreeMap;

use super::{
    cells::{Cells, NO_VALUE},
    plain::{Plain, tell_others},
};
use crate::rules::{Cell, Places, Rule, Test};

/// Tests that fit into one mask.
const TESTS: usize = 64;
/// Cells remembered, by the last bits of their hashes.
const REMEMBERED: usize = 1024;

/// The tests of one column that look at one cell at a time.
pub(super) struct Watch {
    pub(super) column: usize,
    /// Each with its rule's place.
    tests: Vec<(usize, Test)>,
    looks: Looks,
}

/// Which tests spoke against the cells that were looked at last.
struct Looks {
    remembered: Vec<(u64, u64)>,
    text: String,
    pattern: String,
}

impl Watch {
    /// The watches over the columns that stand at these places.
    pub(super) fn all(places: &Places, rules: &[Rule]) -> Vec<Self> {
        let mut by_column = BTreeMap::<usize, Vec<(usize, Test)>>::new();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.test.is_of_one_cell()) {
            if let Some(column) = places.get(rule.column.as_str()) {
                by_column.entry(*column).or_default().push((at, rule.test.clone()));
            }
        }
        let watch =
            |column: usize, tests: &[(usize, Test)]| Self { column, tests: tests.to_vec(), looks: Looks::none() };
        by_column.iter().flat_map(|(column, tests)| tests.chunks(TESTS).map(|tests| watch(*column, tests))).collect()
    }

    /// Tells each rule that a cell is guilty of, with the cell's record.
    pub(super) fn judge(&mut self, cells: &Cells, hashes: &[u64], mut tell: impl FnMut(usize, usize)) {
        let (tests, looks) = (&self.tests, &mut self.looks);
        for (at, _) in tests.iter().filter(|(_, test)| matches!(test, Test::Null) && cells.may_lack_values()) {
            let is_filled = |hash| hash != NO_VALUE;
            tell_others(hashes, is_filled, is_filled, |row| tell(row, *at));
        }
        let mut suspect = |looks: &mut Looks, row: usize| {
            let mut mask = looks.remembered(hashes[row]).unwrap_or_else(|| looks.look(tests, cells, hashes[row], row));
            while mask != 0 {
                tell(row, tests[mask.trailing_zeros() as usize].0);
                mask &= mask - 1;
            }
        };
        match Plain::of(tests.iter().map(|(_, test)| test), cells) {
            Some(plain) => plain.others(cells, |row| suspect(looks, row)),
            None => {
                for (row, hash) in hashes.iter().enumerate() {
                    if looks.remembered(*hash) != Some(0) {
                        suspect(looks, row);
                    }
                }
            }
        }
    }
}

impl Looks {
    fn none() -> Self {
        Self { remembered: vec![(NO_VALUE, 0); REMEMBERED], text: String::new(), pattern: String::new() }
    }

    fn remembered(&self, hash: u64) -> Option<u64> {
        let (known, mask) = self.remembered[place_of(hash)];
        (known == hash).then_some(mask)
    }

    /// The tests that speak against a cell, by their places.
    fn look(&mut self, tests: &[(usize, Test)], cells: &Cells, hash: u64, row: usize) -> u64 {
        let mut mask = 0;
        if let Some(cell) = cells.text(row, &mut self.text).map(Cell::of) {
            for (at, (_, test)) in tests.iter().enumerate() {
                mask |= u64::from(test.is_against(&cell, &mut self.pattern)) << at;
            }
        }
        self.remembered[place_of(hash)] = (hash, mask);
        mask
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the last bits of a hash")]
fn place_of(hash: u64) -> usize {
    hash as usize % REMEMBERED
}
