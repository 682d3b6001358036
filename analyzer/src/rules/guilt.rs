//! What a test says of one cell. What it says of two, or of a cell and those before it, is the scan's to see.

use std::{cell::OnceCell, collections::BTreeSet};

use super::{Quantity, Test};
use crate::value;

/// A cell that has a value: its text, and what was found out about it so far.
pub(crate) struct Cell<'a> {
    pub(crate) text: &'a str,
    number: OnceCell<Option<f64>>,
}

impl<'a> Cell<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text, number: OnceCell::new() }
    }

    fn quantity(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Number => *self.number.get_or_init(|| value::number(self.text)),
            Quantity::Moment(_) => quantity.of(self.text),
        }
    }
}

impl Test {
    /// Whether it speaks against a cell; `buffer` is scratch space for patterns. Tests that need other cells or records say
    /// nothing here.
    pub(crate) fn is_against(&self, cell: &Cell, buffer: &mut String) -> bool {
        let text = cell.text;
        match self {
            Self::Sentinel(seen) => value::sentinel(text).is_some_and(|sentinel| !seen.contains(&sentinel)),
            Self::NotA(quantity) => cell.quantity(*quantity).is_none(),
            Self::Decimals(most) => cell.quantity(Quantity::Number).is_some() && value::decimals(text) > *most,
            Self::Outside(quantity, low, high) => {
                cell.quantity(*quantity).is_some_and(|quantity| quantity < *low || quantity > *high)
            }
            Self::Value(known) | Self::Batch(known) => !known.contains(text),
            Self::Misspelt(known, common) => is_misspelt(text, known, common),
            Self::Hash(known) => !known.contains(value::hash(text)),
            Self::Pattern(known) => {
                value::pattern(text, buffer);
                !known.contains(buffer.as_str())
            }
            Self::Shape(known) => !known.contains(&value::shape(text)),
            Self::Longer(most) => text.len() > *most as usize && text.chars().count() > *most as usize,
            Self::NonAscii => !text.is_ascii(),
            Self::Mojibake => value::is_mojibake(text),
            Self::Unlike(regex) => !regex.is_match(text),
            _ => false,
        }
    }
}

/// Characters below which a value is a name or a code, of which another letter makes another.
const LONG: usize = 7;

/// Whether a text is not known but nearly common. Another digit is another number, no slip; nor is another letter in a short
/// value, where names of one length lie side by side (`mdr.de`, `ndr.de`) and a letter too many or too few is what is odd.
pub(super) fn is_misspelt(text: &str, known: &BTreeSet<String>, common: &BTreeSet<String>) -> bool {
    let letters = |text: &str| text.bytes().filter(|byte| !byte.is_ascii_digit()).collect::<Vec<u8>>();
    let is_slip = |common: &String| {
        value::is_one_edit(text, common) && letters(text) != letters(common) && !is_another_name(text, common)
    };
    !known.contains(text) && common.iter().any(is_slip)
}

/// Whether two short texts differ in one letter that is another letter, and in nothing else.
fn is_another_name(text: &str, common: &str) -> bool {
    let length = common.chars().count();
    let mut differ = text.chars().zip(common.chars()).filter(|(a, b)| a != b);
    let is_letter = differ.next().is_some_and(|(a, b)| a.is_alphabetic() && b.is_alphabetic());
    length < LONG && text.chars().count() == length && is_letter && differ.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_letter_is_a_slip_in_a_long_value_and_another_name_in_a_short_one() {
        let common = ["mdr.de", "youtube.com"].map(str::to_owned).into();
        let check = |text, expected| assert_eq!(is_misspelt(text, &BTreeSet::new(), &common), expected, "{text}");
        check("youtuve.com", true);
        check("ndr.de", false);
        check("mdrr.de", true);
        check("mr.de", true);
        check("mrd.de", true);
        check("m$r.de", true);
        check("m0r.de", true);
    }
}
