//! Parts of a date in columns of their own: `year`, `ship_month`. On a first of the month, the first that is known or not, they
//! have another value in every record, and nothing is wrong with that.

use crate::profile::ColumnProfile;

/// What a part of a date may be, by the last word of the column's name.
const PARTS: [(&str, f64, f64); 5] =
    [("year", 1900.0, 2199.0), ("quarter", 1.0, 4.0), ("month", 1.0, 12.0), ("week", 1.0, 53.0), ("day", 1.0, 31.0)];

/// The least and the most that a column may hold of which each push holds a part of a date; none for others, and for columns that
/// hold many in one push, of which more can be said.
pub(crate) fn limits(name: &str, merged: &ColumnProfile, history: &[&ColumnProfile]) -> Option<(f64, f64)> {
    let (_, low, high) = *PARTS.iter().find(|(part, ..)| is_last_word(name, part))?;
    let (least, most) = merged.numbers.range().filter(|_| merged.numbers.count() == merged.filled)?;
    // Two where one push may be of a night in which it changes.
    let few = if high > 100.0 { 2.0 } else { ((high - low + 1.0) / 3.0).max(2.0) };
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let are_few = history.iter().all(|column| column.sample.distinct() as f64 <= few);
    let is_part = low <= least && most <= high && merged.decimals.keys().all(|decimals| *decimals <= 0);
    (is_part && are_few).then(|| if high > 100.0 { (least, most + 1.0) } else { (low, high) })
}

/// Whether a name is this word, or ends in it: `ship_month`, `shipMonth`, `SHIP MONTH`, but not `birthday`.
fn is_last_word(name: &str, word: &str) -> bool {
    let Some(at) = name.len().checked_sub(word.len()).filter(|at| name.is_char_boundary(*at)) else { return false };
    let (before, last) = name.split_at(at);
    let begins = |last: &str| last.starts_with(|first: char| first.is_uppercase());
    let is_apart = match before.chars().next_back() {
        None => true,
        Some(before) if before.is_alphanumeric() => before.is_lowercase() && begins(last),
        Some(_) => true,
    };
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
