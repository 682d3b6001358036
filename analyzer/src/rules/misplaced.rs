//! Values that stand in the wrong column: a comma too many, two columns in the wrong order.
//!
//! Such a record breaks the tests of several columns, so it is anomalous already. That what breaks one column fits another is
//! the reason that explains the others, and it is only looked for where they were found. Nothing is made of a value that its
//! own column takes, or of a column that would take any.

use super::{Cell, Check, Rule, Test};

/// The tests that tell whether a value belongs into a column, by column.
pub(crate) struct Columns<'a>(Vec<Vec<&'a Test>>);

/// What is wrong with a record as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Misplaced {
    /// Each value stands one column to the right of its own, or to the left.
    Shifted { right: bool },
    /// The values of these two columns stand in each other's place.
    Swapped(usize, usize),
}

impl Misplaced {
    fn shifted(right: bool) -> Self {
        Self::Shifted { right }
    }

    pub(crate) fn check(self) -> Check {
        match self {
            Self::Shifted { .. } => Check::ShiftedRow,
            Self::Swapped(..) => Check::SwappedColumns,
        }
    }
}

impl<'a> Columns<'a> {
    /// Of these columns, by the rules that count.
    pub(crate) fn of(names: &[String], rules: &'a [Rule], counts: &[bool]) -> Self {
        let counted = || rules.iter().zip(counts).filter(|(_, counts)| **counts).map(|(rule, _)| rule);
        let tests = |name: &String| {
            let own = counted().filter(|rule| rule.column == *name && rule.test.is_of_kind());
            own.map(|rule| &rule.test).collect()
        };
        Self(names.iter().map(tests).collect())
    }

    /// What is wrong with a record of these cells, if it is more than one of them.
    pub(crate) fn misplaced(&self, cells: &[&str]) -> Option<Misplaced> {
        let strangers: Vec<usize> = (0..cells.len()).filter(|at| self.is_strange(cells[*at], *at)).collect();
        if let [one, other] = strangers[..]
            && self.takes(cells[one], other)
            && self.takes(cells[other], one)
        {
            return Some(Misplaced::Swapped(one, other));
        }
        // A number out of its range may be within that of the next column by chance; a word for a number is no chance.
        let by_form = |at: &usize| self.is_against(cells[*at], *at, |test| !matches!(test, Test::Outside(..)));
        if !strangers.iter().any(by_form) {
            return None;
        }
        [true, false].into_iter().find(|right| self.is_shifted(cells, &strangers, *right)).map(Misplaced::shifted)
    }

    /// Whether all values from the first stranger to the last fit the column beside theirs, and two of the strangers do so where
    /// not every value would.
    fn is_shifted(&self, cells: &[&str], strangers: &[usize], right: bool) -> bool {
        let (Some(first), Some(last)) = (strangers.first(), strangers.last()) else { return false };
        let own = |at: usize| if right { at.checked_sub(1) } else { Some(at + 1).filter(|own| *own < cells.len()) };
        let may_be = |at: usize| own(at).is_some_and(|own| self.0[own].is_empty() || self.takes(cells[at], own));
        let is = |at: &&usize| own(**at).is_some_and(|own| self.takes(cells[**at], own));
        (*first..=*last).all(|at| cells[at].is_empty() || may_be(at)) && strangers.iter().filter(is).count() > 1
    }

    /// Whether a column's tests speak against a value.
    fn is_strange(&self, text: &str, column: usize) -> bool {
        self.is_against(text, column, |_| true)
    }

    fn is_against(&self, text: &str, column: usize, counts: impl Fn(&Test) -> bool) -> bool {
        let (cell, mut buffer) = (Cell::of(text), String::new());
        !text.is_empty() && self.0[column].iter().any(|test| counts(test) && test.is_against(&cell, &mut buffer))
    }

    /// Whether a column that would not take any value takes this one.
    fn takes(&self, text: &str, column: usize) -> bool {
        !text.is_empty() && !self.0[column].is_empty() && !self.is_strange(text, column)
    }
}

impl Test {
    /// Whether it tells values of one column from those of another: neither what is missing nor a slip in writing does.
    fn is_of_kind(&self) -> bool {
        use Test::{Batch, Hash, NotA, Outside, Pattern, Unlike, Value};
        matches!(self, NotA(_) | Outside(..) | Value(_) | Batch(_) | Hash(_) | Pattern(_) | Unlike(_))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use super::*;
    use crate::rules::Quantity;

    fn among(values: &[&str]) -> Test {
        Test::Value(Arc::new(values.iter().map(ToString::to_string).collect::<BTreeSet<_>>()))
    }

    /// An identifier, a city, a state, a note of any kind, and an amount.
    fn told(cells: [&str; 5]) -> Option<Misplaced> {
        let number = Test::NotA(Quantity::Number);
        let (city, state) = (among(&["Austin", "Boston"]), among(&["MA", "TX"]));
        let (of_ids, of_amounts) =
            (Test::Outside(Quantity::Number, 1.0, 99_999.0), Test::Outside(Quantity::Number, 0.0, 500.0));
        let columns = vec![vec![&number, &of_ids], vec![&city], vec![&state], vec![], vec![&number, &of_amounts]];
        Columns(columns).misplaced(&cells)
    }

    #[test]
    fn values_in_each_others_place_are_swapped() {
        assert_eq!(told(["7", "TX", "Austin", "", "9.5"]), Some(Misplaced::Swapped(1, 2)));
        assert_eq!(told(["Austin", "7", "TX", "", "9.5"]), Some(Misplaced::Swapped(0, 1)));
        assert_eq!(told(["7", "Austin", "TX", "", "9.5"]), None);
    }

    #[test]
    fn values_one_column_aside_are_shifted() {
        let (right, left) = (Some(Misplaced::Shifted { right: true }), Some(Misplaced::Shifted { right: false }));
        assert_eq!(told(["", "7", "Austin", "TX", ""]), right);
        assert_eq!(told(["", "7", "Austin", "TX", "rush"]), right, "a note may be anything");
        assert_eq!(told(["Austin", "TX", "", "9.5", ""]), left);
    }

    #[test]
    fn typing_errors_numbers_out_of_range_and_gaps_are_neither() {
        assert_eq!(told(["7", "Autsin", "TZ", "", "9.5"]), None);
        assert_eq!(told(["7", "Autsin", "TX", "Boston", "9.5"]), None);
        assert_eq!(told(["7", "TX", "", "", "9.5"]), None, "one value alone may be wrong by itself");
        assert_eq!(told(["700000", "Austin", "TX", "", "900"]), None);
        assert_eq!(told(["", "", "", "", ""]), None);
    }
}
