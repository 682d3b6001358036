//! Values that stand in the wrong column: a comma too many, two columns in the wrong order.
//!
//! Such a record breaks the tests of several columns, so it is anomalous already. That what breaks one column fits another is
//! the reason that explains the others, and it is only looked for where they were found. Nothing is made of a value that its
//! own column takes, or of a column that would take any.

use super::{Cell, Check, Rule, Test, places};

/// The tests that tell what kind of value belongs into a column.
pub(crate) struct Kinds<'a> {
    by_column: Vec<Vec<&'a Test>>,
    /// By rule that is such a test and counts, its column.
    of_rules: Vec<Option<usize>>,
    rules: &'a [Rule],
}

/// What is wrong with a record as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Misplaced {
    /// Each value stands one column to the right of its own, or to the left.
    Shifted { right: bool },
    /// The values of these two columns stand in each other's place.
    Swapped(usize, usize),
}

impl Misplaced {
    pub(crate) fn check(self) -> Check {
        match self {
            Self::Shifted { .. } => Check::ShiftedRow,
            Self::Swapped(..) => Check::SwappedColumns,
        }
    }

    /// Where the value of a column stands, if that is elsewhere; it may be beyond the last column.
    pub(crate) fn place_of(self, column: usize) -> Option<usize> {
        match self {
            Self::Shifted { right: true } => Some(column + 1),
            Self::Shifted { right: false } => column.checked_sub(1),
            Self::Swapped(one, other) if column == one => Some(other),
            Self::Swapped(one, other) if column == other => Some(one),
            Self::Swapped(..) => None,
        }
    }
}

impl<'a> Kinds<'a> {
    /// Of these columns, by the rules that count.
    pub(crate) fn of(names: &[String], rules: &'a [Rule], counts: &[bool]) -> Self {
        let places = places(names);
        let mut kinds = Self { by_column: vec![Vec::new(); names.len()], of_rules: vec![None; rules.len()], rules };
        for (at, rule) in rules.iter().enumerate().filter(|(at, rule)| counts[*at] && rule.test.is_of_kind()) {
            if let Some(column) = places.get(rule.column.as_str()) {
                kinds.by_column[*column].push(&rule.test);
                kinds.of_rules[at] = Some(*column);
            }
        }
        kinds
    }

    /// What is wrong with a record as a whole, from the rules that it breaks.
    pub(crate) fn misplaced(&self, guilty: &[usize], cells: &[&str]) -> Option<Misplaced> {
        let of_kind = || guilty.iter().filter_map(|at| Some((*at, self.of_rules[*at]?)));
        let mut strangers: Vec<usize> = of_kind().map(|(_, column)| column).collect();
        strangers.sort_unstable();
        strangers.dedup();
        if let [one, other] = strangers[..]
            && self.takes(cells[one], other)
            && self.takes(cells[other], one)
        {
            return Some(Misplaced::Swapped(one, other));
        }
        // A number out of its range may be within that of the next column by chance; a word for a number is no chance.
        if of_kind().all(|(at, _)| matches!(self.rules[at].test, Test::Outside(..))) {
            return None;
        }
        let side = [true, false].into_iter().find(|right| self.is_shifted(cells, &strangers, *right));
        side.map(|right| Misplaced::Shifted { right })
    }

    /// Whether all values from the first stranger to the last fit the column beside theirs, and two of the strangers do so where
    /// not every value would.
    fn is_shifted(&self, cells: &[&str], strangers: &[usize], right: bool) -> bool {
        let (Some(first), Some(last)) = (strangers.first(), strangers.last()) else { return false };
        let own = |at: usize| if right { at.checked_sub(1) } else { Some(at + 1).filter(|own| *own < cells.len()) };
        let may_be =
            |at: usize| own(at).is_some_and(|own| self.by_column[own].is_empty() || self.takes(cells[at], own));
        let is = |at: &&usize| own(**at).is_some_and(|own| self.takes(cells[**at], own));
        (*first..=*last).all(|at| cells[at].is_empty() || may_be(at)) && strangers.iter().filter(is).count() > 1
    }

    /// Whether a column that would not take any value takes this one.
    fn takes(&self, text: &str, column: usize) -> bool {
        let (cell, mut buffer) = (Cell::of(text), String::new());
        let fits = |test: &&Test| match test {
            // Of what is no quantity a range says nothing.
            Test::Outside(quantity, ..) if quantity.of(text).is_none() => false,
            other => !other.is_against(&cell, &mut buffer),
        };
        let tests = &self.by_column[column];
        !text.is_empty() && !tests.is_empty() && tests.iter().all(fits)
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
    use std::sync::Arc;

    use super::*;
    use crate::rules::Quantity;

    fn among(values: &[&str]) -> Test {
        Test::Value(Arc::new(values.iter().map(ToString::to_string).collect()))
    }

    fn told_by(tests: &[(&str, Test)], names: &[&str], cells: &[&str]) -> Option<Misplaced> {
        let rule = |(column, test): &(&str, Test)| Rule {
            check: Check::Type,
            column: (*column).to_owned(),
            test: test.clone(),
            before: String::new(),
            expected: 0.0,
        };
        let rules: Vec<Rule> = tests.iter().map(rule).collect();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let is_against = |rule: &Rule| {
            let cell = cells[names.iter().position(|name| *name == rule.column).unwrap()];
            !cell.is_empty() && rule.test.is_against(&Cell::of(cell), &mut String::new())
        };
        let guilty: Vec<usize> = (0..rules.len()).filter(|at| is_against(&rules[*at])).collect();
        Kinds::of(&names, &rules, &vec![true; rules.len()]).misplaced(&guilty, cells)
    }

    /// An identifier, a city, a state, a note of any kind, and an amount.
    fn told(cells: [&str; 5]) -> Option<Misplaced> {
        let number = || Test::NotA(Quantity::Number);
        let tests = [
            ("id", number()),
            ("id", Test::Outside(Quantity::Number, 1.0, 99_999.0)),
            ("city", among(&["Austin", "Boston"])),
            ("state", among(&["MA", "TX"])),
            ("amount", number()),
            ("amount", Test::Outside(Quantity::Number, 0.0, 500.0)),
        ];
        told_by(&tests, &["id", "city", "state", "note", "amount"], &cells)
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

    #[test]
    fn a_range_alone_takes_no_word() {
        let range = || Test::Outside(Quantity::Number, 0.0, 500.0);
        let tests = [("amount", range()), ("city", among(&["Austin"])), ("tax", range()), ("state", among(&["TX"]))];
        let told = |cells: [&str; 4]| told_by(&tests, &["amount", "city", "tax", "state"], &cells);
        assert_eq!(told(["5", "Autsin", "", "TZ"]), None);
        assert_eq!(told(["5", "9", "Austin", "7"]), Some(Misplaced::Shifted { right: true }));
    }

    #[test]
    fn the_place_of_a_value_is_where_it_stands_now() {
        let places = |misplaced: Misplaced| [0, 1, 2].map(|column| misplaced.place_of(column));
        assert_eq!(places(Misplaced::Shifted { right: true }), [Some(1), Some(2), Some(3)]);
        assert_eq!(places(Misplaced::Shifted { right: false }), [None, Some(0), Some(1)]);
        assert_eq!(places(Misplaced::Swapped(0, 2)), [Some(2), None, Some(0)]);
    }
}
