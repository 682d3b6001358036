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

/// Whether a text is not known but nearly common. Another digit is another number, no slip.
pub(super) fn is_misspelt(text: &str, known: &BTreeSet<String>, common: &BTreeSet<String>) -> bool {
    let letters = |text: &str| text.bytes().filter(|byte| !byte.is_ascii_digit()).collect::<Vec<u8>>();
    let is_slip = |common: &String| value::is_one_edit(text, common) && letters(text) != letters(common);
    !known.contains(text) && common.iter().any(is_slip)
}
