//! Tests that look at more than one cell: two columns of a record, or a value, a key or a record that came before.

use std::collections::BTreeSet;

use super::{
    batch::{Batch, Known},
    cells::NO_VALUE,
    repeats::Repeats,
};
use crate::{
    profile::{Pair, both},
    rules::{Places, Rule, Test},
};

/// A rule on a pair of columns, with its place among the rules.
pub(super) struct PairRule {
    at: usize,
    cell: usize,
    other: usize,
    test: Test,
}

impl PairRule {
    /// The rules on pairs of the columns that stand at these places.
    pub(super) fn all(places: &Places, rules: &[Rule]) -> Vec<Self> {
        let pair = |(at, rule): (usize, &Rule)| {
            let (cell, other) = (*places.get(rule.column.as_str())?, *places.get(rule.test.other()?)?);
            Some(Self { at, cell, other, test: rule.test.clone() })
        };
        rules.iter().enumerate().filter_map(pair).collect()
    }

    /// The keys that the rules vote with.
    pub(super) fn wanted(rules: &[Rule]) -> BTreeSet<Pair> {
        let wanted = |rule: &Rule| match &rule.test {
            Test::Against(key, _) => Some((key.clone(), rule.column.clone())),
            _ => None,
        };
        rules.iter().filter_map(wanted).collect()
    }

    /// Tells each record that breaks the rule.
    pub(super) fn judge(&self, batch: &Batch, known: &mut Known, mut tell: impl FnMut(usize, usize)) {
        let (cell, other) = (self.cell, self.other);
        let is_filled = |column: usize, row: usize| batch.hashes[column][row] != NO_VALUE;
        let mut each = |is_guilty: &mut dyn FnMut(usize) -> bool| {
            (0..batch.height).filter(|row| is_guilty(*row)).for_each(|row| tell(row, self.at));
        };
        match &self.test {
            Test::Above(_, left, right) => {
                known.learn_quantities(cell, *left);
                known.learn_quantities(other, *right);
                let (lefts, rights) = (known.quantities(cell, *left), known.quantities(other, *right));
                for (row, _) in lefts.iter().zip(rights).enumerate().filter(|(_, (left, right))| left > right) {
                    tell(row, self.at);
                }
            }
            Test::Together(_, missing) => {
                known.learn_forms(cell);
                known.learn_forms(other);
                let (forms, others) = (known.forms(cell), known.forms(other));
                each(&mut |row| missing.contains(&both(forms[row], others[row])));
            }
            Test::Against(_, decided) => {
                known.learn_short_hashes(cell);
                known.learn_short_hashes(other);
                let (values, keys) = (known.short_hashes(cell), known.short_hashes(other));
                let is_against = |row: usize| decided.get(&keys[row]).is_some_and(|value| *value != values[row]);
                each(&mut |row| is_filled(other, row) && is_against(row));
            }
            Test::NotIn(_) => {
                let (mut text, mut whole) = (String::new(), String::new());
                each(&mut |row| {
                    let text = batch.columns[cell].text(row, &mut text);
                    let whole = batch.columns[other].text(row, &mut whole);
                    text.zip(whole).is_some_and(|(text, whole)| !whole.contains(text))
                });
            }
            _ => {}
        }
    }
}

/// A rule on what came before, with its place among the rules.
pub(super) struct RepeatRule {
    at: usize,
    /// None for whole records.
    columns: Vec<usize>,
    seen: Repeats,
}

impl RepeatRule {
    /// The rules on repeated values, keys and records.
    pub(super) fn all(places: &Places, rules: &[Rule]) -> Vec<Self> {
        let is_of_repeats =
            |test: &Test| matches!(test, Test::RepeatedValue | Test::RepeatedKey(_) | Test::RepeatedRecord);
        let repeat = |(at, rule): (usize, &Rule)| Self {
            at,
            columns: rule.columns().into_iter().filter_map(|name| places.get(name).copied()).collect(),
            seen: Repeats::default(),
        };
        rules.iter().enumerate().filter(|(_, rule)| is_of_repeats(&rule.test)).map(repeat).collect()
    }

    /// Tells each record whose key came before; returns for how many others they stand.
    pub(super) fn judge(&mut self, batch: &Batch, mut tell: impl FnMut(usize, usize)) -> (usize, u64) {
        let mut others = 0;
        for row in 0..batch.height {
            let key = match self.columns.as_slice() {
                [] => Some(batch.records[row]),
                [column] => Some(batch.hashes[*column][row]).filter(|hash| *hash != NO_VALUE),
                columns => batch.key(columns, row),
            };
            let count = key.map_or(0, |key| self.seen.count(key));
            if count > 0 {
                tell(row, self.at);
                others += count - 1;
            }
        }
        (self.at, others)
    }
}
