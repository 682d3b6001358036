//! Hard rules: what a single record can be guilty of.
//!
//! A rule is learned from profiles, so it can be tried on profiles too ([`Rule::rate_in`]): that is how replay knows, without
//! any old file at hand, how often it would have hit a push that was fine. Two need memory of the records before (a repeated
//! key, a repeated record) and are carried out by the scan.

mod count;
mod guilt;
mod learn;
mod misplaced;
#[cfg(test)]
mod oracle;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use count::spread_of;
pub(crate) use guilt::Cell;
pub(crate) use learn::{Certainty, common, learn, related};
pub(crate) use misplaced::{Kinds, Misplaced};

use regex::Regex;

use crate::{
    profile::Sample,
    value::{self, DateOrder},
};

/// A rule with a higher rate in any accepted push is soft.
pub(crate) const HARD: f64 = 0.004;

/// What is looked at, in a reviewer's words. Of what concerns the same records, a reviewer is told in this order: what a value
/// means before how it is written, and that before what other columns say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Check {
    Unreadable,
    Empty,
    MissingColumn,
    NewColumn,
    AlreadyDelivered,
    MissingRecords,
    ShiftedRow,
    SwappedColumns,
    Null,
    Sentinel,
    Type,
    Range,
    Sign,
    Category,
    Value,
    Misspelt,
    Mojibake,
    Behind,
    Ahead,
    DuplicateKey,
    DuplicateRecord,
    Decimals,
    Length,
    Pattern,
    Shape,
    NonAscii,
    Dependency,
    Order,
    Part,
    Together,
    ExcessNulls,
    Distribution,
    Repeats,
}

impl Check {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Empty => "no records",
            Self::MissingColumn => "column missing",
            Self::NewColumn => "column never seen",
            Self::AlreadyDelivered => "already delivered",
            Self::MissingRecords => "records missing",
            Self::ShiftedRow => "shifted row",
            Self::SwappedColumns => "swapped columns",
            Self::Null => "null where never null",
            Self::Sentinel => "sentinel never seen",
            Self::Type => "type broken",
            Self::Decimals => "format broken",
            Self::Range => "outside the learned range",
            Self::Sign => "sign never seen",
            Self::Category => "category never seen",
            Self::Value => "value never seen",
            Self::Misspelt => "misspelt",
            Self::Pattern => "character pattern never seen",
            Self::Shape => "letter case never seen",
            Self::Length => "too long",
            Self::NonAscii => "character outside ASCII",
            Self::Mojibake => "broken encoding",
            Self::Behind => "behind what was accepted",
            Self::Ahead => "far ahead of what was accepted",
            Self::DuplicateKey => "duplicate key",
            Self::DuplicateRecord => "duplicate record",
            Self::Dependency => "learned dependency broken",
            Self::Order => "learned order broken",
            Self::Part => "no longer part of the other column",
            Self::Together => "does not go with another column",
            Self::ExcessNulls => "more nulls than ever",
            Self::Distribution => "distribution shifted",
            Self::Repeats => "more repeats than ever",
        }
    }
}

/// How a cell becomes a number that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Number,
    Moment(DateOrder),
}

impl Quantity {
    /// The number or the seconds since 1970 that a text is.
    pub(crate) fn of(self, text: &str) -> Option<f64> {
        match self {
            Self::Number => value::number(text),
            Self::Moment(order) => order.moment(text),
        }
    }
}

/// What makes a record guilty. No test but `Null` speaks of cells without a value.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Null,
    /// A sentinel other than these.
    Sentinel(Arc<BTreeSet<String>>),
    NotA(Quantity),
    /// More digits after the point than so many.
    Decimals(i32),
    /// Below the first or above the second; what is no quantity has its own test.
    Outside(Quantity, f64, f64),
    /// None of these values.
    Value(Arc<BTreeSet<String>>),
    /// None of these values, in a column that had one value in the one push known: a day or a batch number, of which the next
    /// push may have another, but not several.
    Batch(Arc<BTreeSet<String>>),
    /// None of the first, and one slip of a finger from one of the second.
    Misspelt(Arc<BTreeSet<String>>, Arc<BTreeSet<String>>),
    /// None of the values in a sample that is exact.
    Hash(Arc<Sample>),
    Pattern(Arc<BTreeSet<String>>),
    Shape(Arc<BTreeSet<u8>>),
    /// More characters than so many.
    Longer(u32),
    NonAscii,
    Mojibake,
    /// A value that an earlier record had.
    RepeatedValue,
    /// Values of these columns that an earlier record had together.
    RepeatedKey(Vec<String>),
    /// A record that an earlier one equals.
    RepeatedRecord,
    /// What a declared pattern does not match.
    Unlike(Regex),
    /// Above the other column, both as these quantities.
    Above(String, Quantity, Quantity),
    /// A text that is no part of the other column's.
    NotIn(String),
    /// One of these pairs of forms, this column's and the other's; the only test of pairs that speaks of cells without a value.
    Together(String, Arc<BTreeSet<u16>>),
    /// Another value than the other column's decides, by their short hashes.
    Against(String, Arc<BTreeMap<u32, u32>>),
}

impl Test {
    /// Whether it looks at one cell of one record at a time.
    pub(crate) fn is_of_one_cell(&self) -> bool {
        let is_of_repeats = matches!(self, Self::RepeatedValue | Self::RepeatedKey(_) | Self::RepeatedRecord);
        !is_of_repeats && self.other().is_none()
    }

    /// The second column that it looks at.
    pub(crate) fn other(&self) -> Option<&str> {
        match self {
            Self::Above(other, ..) | Self::NotIn(other) | Self::Together(other, _) | Self::Against(other, _) => {
                Some(other)
            }
            _ => None,
        }
    }
}

/// Where each column stands, by its name.
pub(crate) type Places<'a> = BTreeMap<&'a str, usize>;

/// The places of the columns of these names.
pub(crate) fn places(names: &[String]) -> Places<'_> {
    names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect()
}

/// One test on one column, with what it does when it hits.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) check: Check,
    /// Empty for whole records.
    pub(crate) column: String,
    pub(crate) test: Test,
    /// What is normal and how that is known, for the reason: `before: 0 to 59 in 20 pushes`.
    pub(crate) before: String,
    /// Share of records that it hits in pushes that are fine, as far as the data itself tells (replay adds to it).
    pub(crate) expected: f64,
}

impl Rule {
    /// The columns that it looks at; none for one on whole records.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let key = if let Test::RepeatedKey(columns) = &self.test { columns.as_slice() } else { &[] };
        let column = Some(self.column.as_str()).filter(|name| !name.is_empty());
        column.into_iter().chain(self.test.other()).chain(key.iter().map(String::as_str)).collect()
    }

    /// What is the same rule in another baseline.
    pub(crate) fn key(&self) -> (Check, String) {
        let columns = self.test.other().map_or(self.column.clone(), |other| format!("{}\n{other}", self.column));
        (self.check, columns)
    }
}
