//! Parts of a date in columns of their own: `year`, `ship_month`, `Jan`. On a first of the month, the first that is known or
//! not, they have another value in every record, and nothing is wrong with that.

use std::collections::BTreeSet;

use crate::{profile::ColumnProfile, value};

/// Parts of a date that begin again, by the last word of a column's name, with the last of each.
const ROUND: [(&str, u8); 4] = [("quarter", 4), ("month", 12), ("week", 53), ("day", 31)];
/// Parts of a date as names, whatever the column is called.
const NAMES: [&[&str]; 5] = [
    &[
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    &["Q1", "Q2", "Q3", "Q4"],
];
/// Years of data.
const YEARS: (f64, f64) = (1900.0, 2199.0);

/// A part of a date.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// A number, with the least and the most that it may be.
    Number { low: f64, high: f64, begins_again: bool },
    /// One of these names.
    Name(BTreeSet<String>),
}

/// The part of a date that a column holds; none for columns that hold many in one push, of which more can be said.
pub(crate) fn part_in(name: &str, merged: &ColumnProfile, history: &[&ColumnProfile]) -> Option<Part> {
    number_in(name, merged, history).or_else(|| name_in(merged, history))
}

fn number_in(name: &str, merged: &ColumnProfile, history: &[&ColumnProfile]) -> Option<Part> {
    let round = ROUND.iter().find(|(part, _)| is_last_word(name, part)).map(|(_, last)| *last);
    let (low, high) = round.map(|last| (1.0, f64::from(last))).or(is_last_word(name, "year").then_some(YEARS))?;
    let (least, most) = merged.numbers.range().filter(|_| merged.numbers.count() == merged.filled)?;
    // `6.0` is how a month is written where some records have none.
    let mut values = merged.values.as_ref()?.keys().filter_map(|text| value::number(text));
    let is_whole = values.all(|number| number.fract() == 0.0);
    if !(low <= least && most <= high && is_whole && holds_few(history, round.map_or(0, usize::from))) {
        return None;
    }
    Some(match round {
        Some(_) => Part::Number { low, high, begins_again: true },
        None => Part::Number { low: least, high: most + 1.0, begins_again: false },
    })
}

/// Each name in each of the ways in which some were written.
fn name_in(merged: &ColumnProfile, history: &[&ColumnProfile]) -> Option<Part> {
    let seen: BTreeSet<&str> = merged.values.as_ref()?.keys().map(String::as_str).collect();
    let ways: [fn(&str) -> String; 3] = [str::to_owned, str::to_uppercase, str::to_lowercase];
    let mut may_be = BTreeSet::new();
    for names in NAMES.into_iter().filter(|names| holds_few(history, names.len())) {
        let written: Vec<BTreeSet<String>> =
            ways.iter().map(|way| names.iter().map(|name| way(name)).collect()).collect();
        if seen.iter().all(|text| written.iter().any(|names| names.contains(*text))) {
            may_be.extend(written.into_iter().filter(|names| seen.iter().any(|text| names.contains(*text))).flatten());
        }
    }
    (!seen.is_empty() && !may_be.is_empty()).then_some(Part::Name(may_be))
}

/// Whether no push had more than a third of what there is, or two: a push may be of a night in which even a year changes.
fn holds_few(history: &[&ColumnProfile], of: usize) -> bool {
    history.iter().all(|column| column.sample.distinct() <= (of as u64 / 3).max(2))
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
