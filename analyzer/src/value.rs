//! What one cell's text is: a number, a moment, a pattern of characters, a sentinel, broken encoding.
//!
//! Profiles count these and rules test them, so both must mean the same thing: there is one definition, here.
//! Casting is not left to Polars because its casts accept other texts than ours (`inf`, surrounding blanks) and guess dates.

mod edit;
mod moment;
mod pattern;
mod shape;

pub(crate) use edit::is_one_edit;
pub(crate) use moment::{DateOrder, moments};
pub(crate) use pattern::{has_pattern, pattern};
pub(crate) use shape::{shape, shape_in_words};
use xxhash_rust::xxh3::xxh3_64;

/// A stable hash of a cell: it is stored in profiles, so it must not change with a library's version.
pub(crate) fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// A stable hash of what is a number already.
pub(crate) fn spread_bits(bits: u64) -> u64 {
    spread_words([bits, 0])
}

/// A stable hash of what is two numbers already.
#[expect(clippy::cast_possible_truncation, reason = "halves of a product are meant")]
pub(crate) fn spread_words([first, second]: [u64; 2]) -> u64 {
    // As wyhash does it: the halves of one long product, of which each has to do with every bit that goes in.
    let product = u128::from(first ^ 0xa076_1d64_78bd_642f) * u128::from(second ^ 0xe703_7ed1_a0b4_28db);
    product as u64 ^ (product >> 64) as u64
}

/// Whether a hash ends in so many zero bits, as one in `2^bits` does. Asked of every hash, so no zeros are counted.
#[inline]
pub(crate) fn ends_in_zeros(hash: u64, bits: u32) -> bool {
    hash & !u64::MAX.unbounded_shl(bits) == 0
}

/// A text without the blanks around it. Nearly none has any, and to ask Unicode about each is slow.
fn trimmed(text: &str) -> &str {
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if is_plain(bytes.first()) && is_plain(bytes.last()) { text } else { text.trim() }
}

/// The number that a text is, or none. No `inf`, no `nan`, no thousands separators.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = trimmed(text);
    let bytes = text.as_bytes();
    let plausible = bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        && bytes.iter().any(u8::is_ascii_digit);
    if !plausible {
        return None;
    }
    // -0 is 0: the two must fall into one bin.
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number + 0.0)
}

/// Digits after the decimal point of a text that is a number; where there are none, how many noughts it ends in, below zero:
/// 2 for `2.50`, 0 for `12`, -2 for `1200`.
pub(crate) fn decimals(text: &str) -> i32 {
    let count = |digits: usize| i32::try_from(digits).unwrap_or(i32::MAX);
    match trimmed(text).split_once('.') {
        Some((_, fraction)) => count(fraction.bytes().take_while(u8::is_ascii_digit).count()),
        None => -count(trimmed(text).bytes().rev().take_while(|digit| *digit == b'0').count().min(text.len() - 1)),
    }
}

/// Texts that stand for "no value", in lower case.
const NO_VALUE: &[&str] = &[
    "#n/a",
    "#null!",
    "#ref!",
    "#value!",
    "(blank)",
    "(null)",
    "-",
    "--",
    "?",
    "??",
    "missing",
    "n.a.",
    "n/a",
    "na",
    "nan",
    "nil",
    "none",
    "null",
    "tbd",
    "undefined",
    "unknown",
];

/// Days that systems write for "no date".
const NO_DAY: &[&str] =
    &["0000-00-00", "0001-01-01", "1899-12-30", "1900-01-01", "1970-01-01", "2999-12-31", "9999-12-31"];

/// Longest text that can be a sentinel; longer ones are not looked at.
const LONGEST_SENTINEL: usize = 24;

/// Bytes of the longest of [`NO_VALUE`].
const LONGEST_WORD: usize = 9;

/// The sentinel that a text is, in its one written form, or none: `N/A`, `NULL`, `99999`, `1970-01-01 00:00:00`.
pub(crate) fn sentinel(text: &str) -> Option<String> {
    let text = trimmed(text);
    if text.is_empty() || text.len() > LONGEST_SENTINEL {
        return None;
    }
    let first = text.as_bytes()[0];
    if first.is_ascii_digit() || (first == b'-' && text.len() > 2) {
        let day = text.get(..10).filter(|day| NO_DAY.contains(day));
        return day.map(ToOwned::to_owned).or_else(|| repeated_nines(text));
    }
    let word = (text.len() <= LONGEST_WORD).then(|| NO_VALUE.iter().find(|word| word.eq_ignore_ascii_case(text)))?;
    word.map(|word| (*word).to_owned())
}

/// Whether a text is none without a look at any: it begins with a letter, and no word among them is as long.
pub(crate) fn is_plainly_no_sentinel(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends_plainly = bytes.last().is_some_and(u8::is_ascii_graphic);
    bytes.len() > LONGEST_WORD && bytes[0].is_ascii_alphabetic() && ends_plainly
}

/// `99999`, `9999`, `-999`, with or without `.0`: three nines only when negative, for 999 is an everyday number.
fn repeated_nines(text: &str) -> Option<String> {
    let whole = text
        .split_once('.')
        .map_or(text, |(whole, fraction)| if fraction.trim_matches('0').is_empty() { whole } else { "" });
    let nines = whole.trim_start_matches('-');
    let least = if whole.starts_with('-') { 3 } else { 4 };
    (nines.len() >= least && nines.bytes().all(|b| b == b'9')).then(|| whole.to_owned())
}

/// UTF-8 that was read as Latin-1 or Windows-1252 and written again: `Ã©`, `â€™`, or the replacement character.
pub(crate) fn is_mojibake(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    let mut before = ' ';
    for c in text.chars() {
        let continued = matches!(c, '\u{80}'..='\u{bf}' | '€' | '™' | '‚' | '„' | '“' | '”' | '˜' | 'œ' | 'ž' | 'Ÿ');
        if c == '\u{fffd}' || (continued && matches!(before, 'Ã' | 'Â' | 'â' | 'Ð' | 'Ñ')) {
            return true;
        }
        before = c;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_decimal_texts() {
        let check = |text: &str, expected| assert_eq!(number(text), expected, "{text:?}");
        check("517.0", Some(517.0));
        check(" -4 ", Some(-4.0));
        check("-0", Some(0.0));
        check("1e3", Some(1000.0));
        for text in ["", "inf", "nan", "1,000", "1e999", "0x10", "--1", "e", "12a"] {
            check(text, None);
        }
        assert!(number("-0.0").unwrap().is_sign_positive());
    }

    #[test]
    fn decimals_speak_of_the_text_not_the_value() {
        assert_eq!((decimals("2.50"), decimals("2"), decimals("1.5e3")), (2, 0, 1));
        assert_eq!((decimals("1200"), decimals("0"), decimals("-10")), (-2, 0, -1));
    }

    #[test]
    fn sentinels_are_known_in_every_spelling() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(sentinel(text).as_deref(), expected, "{text:?}");
        check("N/A", Some("n/a"));
        check("NONE", Some("none"));
        check("99999", Some("99999"));
        check("99999.0", Some("99999"));
        check("-999", Some("-999"));
        check("1970-01-01T00:00:00Z", Some("1970-01-01"));
        for text in ["", "999", "99.9", "none of these", "-9", "2013-01-01", "ÄÄÄÄÄÄ"] {
            check(text, None);
        }
    }

    #[test]
    fn mojibake_is_told_from_accents() {
        for text in ["cafÃ©", "donâ€™t", "Â°C", "\u{fffd}"] {
            assert!(is_mojibake(text), "{text}");
        }
        for text in ["café", "Ångström", "São Paulo", "plain", "Ãlvaro"] {
            assert!(!is_mojibake(text), "{text}");
        }
    }
}
