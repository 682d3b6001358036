//! Rules as Polars expressions: text column in, `true` where the record is guilty; never null.

use std::collections::BTreeSet;

use polars::prelude::*;

use super::{Quantity, Rule, Test};
use crate::value;

impl Rule {
    /// The rule's expression, or none where the scan carries it out.
    pub(crate) fn expr(&self) -> Option<Expr> {
        let cell = col(self.column.as_str());
        let guilty = match &self.test {
            Test::RepeatedValue | Test::RepeatedRecord => return None,
            Test::Null => cell.clone().is_null().or(cell.eq(lit(""))),
            Test::NotA(quantity) => cell.clone().neq(lit("")).and(quantity_of(cell, *quantity).is_null()),
            Test::Outside(quantity, low, high) => {
                let quantity = quantity_of(cell, *quantity);
                quantity.clone().lt(lit(*low)).or(quantity.gt(lit(*high)))
            }
            Test::Longer(most) => cell.str().len_chars().gt(lit(*most)),
            test => where_text(cell, test.clone()),
        };
        Some(guilty.fill_null(lit(false)))
    }
}

/// The number or moment that each cell is, null where it is none.
fn quantity_of(cell: Expr, quantity: Quantity) -> Expr {
    let read = move |column: Column| {
        let numbers: Float64Chunked = column.str()?.iter().map(|cell| quantity.of(cell?)).collect();
        Ok(numbers.into_column().with_name(column.name().clone()))
    };
    cell.map(read, |_, field| Ok(Field::new(field.name().clone(), DataType::Float64)))
}

/// `true` where there is a text and the test speaks against it: what Polars has no words for.
fn where_text(cell: Expr, test: Test) -> Expr {
    let apply = move |column: Column| {
        let mut buffer = String::new();
        let mut is_guilty = |text: &str| !text.is_empty() && speaks_against(&test, text, &mut buffer);
        let guilty: BooleanChunked = column.str()?.iter().map(|cell| cell.is_some_and(&mut is_guilty)).collect();
        Ok(guilty.into_column().with_name(column.name().clone()))
    };
    cell.map(apply, |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)))
}

/// `buffer` is scratch space for patterns.
fn speaks_against(rule: &Test, text: &str, buffer: &mut String) -> bool {
    match rule {
        Test::Sentinel(seen) => value::sentinel(text).is_some_and(|sentinel| !seen.contains(&sentinel)),
        Test::Decimals(most) => value::number(text).is_some() && value::decimals(text) > *most,
        Test::Value(known) => !known.contains(text),
        Test::Misspelt(known, common) => is_misspelt(text, known, common),
        Test::Hash(known) => !known.contains(value::hash(text)),
        Test::Pattern(known) => {
            value::pattern(text, buffer);
            !known.contains(buffer.as_str())
        }
        Test::Shape(known) => !known.contains(&value::shape(text)),
        Test::NonAscii => !text.is_ascii(),
        Test::Mojibake => value::is_mojibake(text),
        Test::Null
        | Test::NotA(_)
        | Test::Outside(..)
        | Test::Longer(_)
        | Test::RepeatedValue
        | Test::RepeatedRecord => false,
    }
}

/// Whether a text is not known but nearly common.
pub(super) fn is_misspelt(text: &str, known: &BTreeSet<String>, common: &BTreeSet<String>) -> bool {
    !known.contains(text) && common.iter().any(|common| value::is_one_edit(text, common))
}
