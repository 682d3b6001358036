//! Rules as Polars expressions: text column in, `true` where the record is guilty; never null.

use std::collections::BTreeSet;

use polars::prelude::*;

use super::{Quantity, Rule, Test};
use crate::{
    profile::{both, form, short_hash},
    value,
};

impl Rule {
    /// The rule's expression, or none where the scan carries it out.
    pub(crate) fn expr(&self) -> Option<Expr> {
        let cell = col(self.column.as_str());
        let guilty = match &self.test {
            Test::RepeatedValue | Test::RepeatedKey(_) | Test::RepeatedRecord => return None,
            Test::Null => cell.clone().is_null().or(cell.eq(lit(""))),
            Test::NotA(quantity) => cell.clone().neq(lit("")).and(quantity_of(cell, *quantity).is_null()),
            Test::Outside(quantity, low, high) => {
                let quantity = quantity_of(cell, *quantity);
                quantity.clone().lt(lit(*low)).or(quantity.gt(lit(*high)))
            }
            Test::Longer(most) => cell.str().len_chars().gt(lit(*most)),
            test => match test.other() {
                Some(other) => where_pair(cell, col(other), test.clone()),
                None => where_text(cell, test.clone()),
            },
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

/// `true` where the test speaks against the texts of two columns together.
fn where_pair(cell: Expr, other: Expr, test: Test) -> Expr {
    let apply = move |columns: &mut [Column]| {
        let (cells, others) = (columns[0].str()?, columns[1].str()?);
        let guilty: BooleanChunked =
            cells.iter().zip(others.iter()).map(|(cell, other)| breaks(&test, cell, other)).collect();
        Ok(guilty.into_column().with_name(columns[0].name().clone()))
    };
    cell.map_many(apply, &[other], |_, fields| Ok(Field::new(fields[0].name().clone(), DataType::Boolean)))
}

/// Whether a test of pairs speaks against the cells of two columns.
fn breaks(test: &Test, cell: Option<&str>, other: Option<&str>) -> bool {
    if let Test::Together(_, missing) = test {
        return missing.contains(&both(form(cell), form(other)));
    }
    let Some(other) = other.filter(|text| !text.is_empty()) else { return false };
    if let Test::Against(_, known) = test {
        let value = cell.filter(|text| !text.is_empty()).map_or(0, short_hash);
        return known.get(&short_hash(other)).is_some_and(|known| *known != value);
    }
    let Some(cell) = cell.filter(|text| !text.is_empty()) else { return false };
    match test {
        Test::Above(_, left, right) => left.of(cell).zip(right.of(other)).is_some_and(|(left, right)| left > right),
        Test::NotIn(_) => !other.contains(cell),
        _ => false,
    }
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
        Test::Unlike(regex) => !regex.is_match(text),
        _ => false,
    }
}

/// Whether a text is not known but nearly common. Another digit is another number, no slip.
pub(super) fn is_misspelt(text: &str, known: &BTreeSet<String>, common: &BTreeSet<String>) -> bool {
    let letters = |text: &str| text.bytes().filter(|byte| !byte.is_ascii_digit()).collect::<Vec<u8>>();
    let is_slip = |common: &String| value::is_one_edit(text, common) && letters(text) != letters(common);
    !known.contains(text) && common.iter().any(is_slip)
}
