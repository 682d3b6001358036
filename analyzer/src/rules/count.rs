//! Rules tried on a profile: how many records of that push would have been hit.

use super::{Quantity, Rule, Test, expr::is_misspelt};
use crate::profile::{ColumnProfile, Spread, Table, length_class};

impl Rule {
    /// Share of the records that the rule would have hit, exact wherever the profile is.
    #[expect(clippy::cast_precision_loss, reason = "a rate that is learned, not the one that decides")]
    pub(crate) fn rate_in(&self, table: &Table, records: u64) -> f64 {
        if records == 0 {
            return 0.0;
        }
        if let Test::RepeatedRecord = self.test {
            return table.records.repeated();
        }
        let Some(column) = table.columns.get(&self.column) else { return 0.0 };
        match &self.test {
            Test::Hash(known) => {
                column.sample.share_not_in(known).unwrap_or(0.0) * column.filled as f64 / records as f64
            }
            Test::RepeatedValue => column.sample.repeated(),
            _ => self.count_in(column) as f64 / records as f64,
        }
    }

    fn count_in(&self, column: &ColumnProfile) -> u64 {
        match &self.test {
            Test::Null => column.nulls,
            Test::Sentinel(seen) => column.sentinels.iter().filter(|(s, _)| !seen.contains(*s)).map(|(_, n)| n).sum(),
            Test::NotA(quantity) => column.filled - spread_of(column, *quantity).map_or(0, Spread::count),
            Test::Decimals(most) => column.decimals.iter().filter(|(d, _)| *d > most).map(|(_, n)| n).sum(),
            Test::Outside(quantity, low, high) => spread_of(column, *quantity).map_or(0, |s| s.outside(*low, *high)),
            Test::Value(known) => column.values.as_ref().map_or(column.filled, |values| {
                values.iter().filter(|(value, _)| !known.contains(*value)).map(|(_, n)| n).sum()
            }),
            Test::Misspelt(known, common) => column.values.as_ref().map_or(0, |values| {
                values.iter().filter(|(value, _)| is_misspelt(value, known, common)).map(|(_, n)| n).sum()
            }),
            Test::Pattern(known) => column.patterns.as_ref().map_or(column.filled, |patterns| {
                patterns.iter().filter(|(pattern, _)| !known.contains(*pattern)).map(|(_, n)| n).sum()
            }),
            Test::Shape(known) => {
                column.shapes.iter().filter(|(shape, _)| !known.contains(shape)).map(|(_, n)| n).sum()
            }
            Test::Longer(most) => {
                column.lengths.iter().filter(|(l, _)| **l > length_class(*most)).map(|(_, n)| n).sum()
            }
            Test::NonAscii => column.non_ascii,
            Test::Mojibake => column.mojibake,
            Test::Hash(_) | Test::RepeatedValue | Test::RepeatedRecord => 0,
        }
    }
}

/// The spread of a column's numbers or moments.
pub(crate) fn spread_of(column: &ColumnProfile, quantity: Quantity) -> Option<&Spread> {
    match quantity {
        Quantity::Number => Some(&column.numbers),
        Quantity::Moment(order) => column.moments.get(&order),
    }
}
