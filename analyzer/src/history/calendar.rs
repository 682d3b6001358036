//! Parts of a date in columns of their own: `year`, `ship_month`. On a first of the month, the first that is known or not, they
//! have another value in every record, and nothing is wrong with that.

use crate::{profile::ColumnProfile, value};

/// Parts of a date that begin again, by the last word of a column's name.
const ROUND: [(&str, f64, f64); 4] =
    [("quarter", 1.0, 4.0), ("month", 1.0, 12.0), ("week", 1.0, 53.0), ("day", 1.0, 31.0)];
/// Years of data.
const YEARS: (f64, f64) = (1900.0, 2199.0);

/// A part of a date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    /// The least that it may be.
    pub(crate) low: f64,
    /// The most that it may be.
    pub(crate) high: f64,
    pub(crate) begins_again: bool,
}

/// The part of a date that a column holds; none for columns that hold many in one push, of which more can be said.
pub(crate) fn part_in(name: &str, merged: &ColumnProfile, history: &[&ColumnProfile]) -> Option<Part> {
    let round = ROUND.iter().find(|(part, ..)| is_last_word(name, part));
    let (low, high) = round.map(|(_, low, high)| (*low, *high)).or(is_last_word(name, "year").then_some(YEARS))?;
    let (least, most) = merged.numbers.range().filter(|_| merged.numbers.count() == merged.filled)?;
    // `6.0` is how a month is written where some records have none.
    let mut values = merged.values.as_ref()?.keys().filter_map(|text| value::number(text));
    let is_whole = values.all(|number| number.fract() == 0.0);
    // A push may be of a night in which even a year changes.
    let few = if round.is_some() { ((high - low + 1.0) / 3.0).max(2.0) } else { 2.0 };
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let are_few = history.iter().all(|column| column.sample.distinct() as f64 <= few);
    if !(low <= least && most <= high && is_whole && are_few) {
        return None;
    }
    Some(match round {
        Some(_) => Part { low, high, begins_again: true },
        None => Part { low: least, high: most + 1.0, begins_again: false },
    })
}

/// Whether a name is this word, or ends in it: `ship_month`, `shipMonth`, `SHIP MONTH`, but not `birthday`.
fn is_last_word(name: &str, word: &str) -> bool {
    let Some(at) = name.len().checked_sub(word.len()).filter(|at| name.is_char_boundary(*at)) else { return false };
    let (before, last) = name.split_at(at);
    let begins = |last: &str| last.starts_with(|first: char| first.is_uppercase());
    let ends = |before: char| !before.is_alphanumeric() || before.is_lowercase() && begins(last);
    let is_apart = before.chars().next_back().is_none_or(ends);
    last.eq_ignore_ascii_case(word) && is_apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_date_is_the_last_word_of_a_name() {
        for name in ["month", "Month", "MONTH", "ship_month", "shipMonth", "SHIP MONTH", "ship.month"] {
            assert!(is_last_word(name, "month"), "{name}");
        }
        for name in ["twelvemonth", "month_end", "months", "é", ""] {
            assert!(!is_last_word(name, "month"), "{name}");
        }
    }
}
