//! Rules tried on a profile: how many records of that push would have been hit.

use std::{collections::BTreeMap, sync::Arc};

use super::{Quantity, Rule, Test, guilt::is_misspelt};
use crate::profile::{ColumnProfile, Keys, Spread, Table, Verdict, length_class};

impl Rule {
    /// Share of the records that the rule would have hit, exact wherever the profile is.
    #[expect(clippy::cast_precision_loss, reason = "a rate that is learned, not the one that decides")]
    pub(crate) fn rate_in(&self, table: &Table) -> f64 {
        if let Test::RepeatedRecord = self.test {
            return table.records.repeated();
        }
        let Some(column) = table.columns.get(&self.column).filter(|column| column.records() > 0) else { return 0.0 };
        let records = column.records() as f64;
        if let Some(other) = self.test.other() {
            return self.count_in_relations(other, table) as f64 / table.relations.records.max(1) as f64;
        }
        match &self.test {
            Test::Hash(known) => column.sample.share_not_in(known).unwrap_or(0.0) * column.filled as f64 / records,
            Test::RepeatedValue => column.repeated(),
            _ => self.count_in(column) as f64 / records,
        }
    }

    fn count_in_relations(&self, other: &str, table: &Table) -> u64 {
        let relations = &table.relations;
        let pair = (self.column.clone(), other.to_owned());
        match &self.test {
            Test::Above(..) => relations.orders.get(&pair).map_or(0, |kept| kept.broken),
            Test::NotIn(_) => relations.parts.get(&pair).map_or(0, |kept| kept.broken),
            Test::Together(_, missing) => table.forms(&pair).map_or(0, |seen| {
                seen.iter().filter(|(forms, _)| missing.contains(*forms)).map(|(_, count)| count).sum()
            }),
            Test::Against(_, known) => relations.keys.get(&(pair.1, pair.0)).map_or(0, |keys| {
                let against = |verdict: Verdict| match known.get(&verdict.key) {
                    Some(value) => verdict.of - keys.count(verdict.key, *value),
                    None if verdict.decides() => verdict.of - verdict.agree,
                    None => 0,
                };
                keys.verdicts().map(|verdict| u64::from(against(verdict))).sum()
            }),
            _ => 0,
        }
    }

    /// The rule with what the push itself says; none where nothing is against what is known.
    pub(crate) fn with_votes(&self, table: &Table) -> Option<Self> {
        let test = match &self.test {
            Test::Against(other, known) => {
                against(other, known, table.relations.keys.get(&(other.clone(), self.column.clone()))?)?
            }
            Test::Batch(known) => {
                let now = dominant(table.columns.get(&self.column)?).filter(|now| !known.contains(*now))?;
                Test::Batch(Arc::new(known.iter().chain([now]).cloned().collect()))
            }
            _ => return None,
        };
        Some(Self { test, ..self.clone() })
    }

    /// Whether the rule has nothing to say of a push like this: one of another batch, or of no batch at all.
    pub(crate) fn is_void(&self, table: &Table) -> bool {
        let is_mixed = |column: &ColumnProfile| column.sample.distinct() > 1 && dominant(column).is_some();
        matches!(self.test, Test::Batch(_)) && !table.columns.get(&self.column).is_some_and(is_mixed)
    }

    fn count_in(&self, column: &ColumnProfile) -> u64 {
        match &self.test {
            Test::Null => column.nulls,
            Test::Sentinel(seen) => column.sentinels.iter().filter(|(s, _)| !seen.contains(*s)).map(|(_, n)| n).sum(),
            Test::NotA(quantity) => column.filled - spread_of(column, *quantity).map_or(0, Spread::count),
            Test::Decimals(most) => column.decimals.iter().filter(|(d, _)| *d > most).map(|(_, n)| n).sum(),
            Test::Outside(quantity, low, high) => spread_of(column, *quantity).map_or(0, |s| s.outside(*low, *high)),
            Test::Batch(known) => dominant(column).map_or(0, |batch| {
                let others =
                    column.values.iter().flatten().filter(|(value, _)| *value != batch && !known.contains(*value));
                others.map(|(_, count)| count).sum()
            }),
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
            _ => 0,
        }
    }
}

/// What a key decides, with what the push itself says of keys that nothing was known of.
fn against(other: &str, known: &BTreeMap<u32, u32>, keys: &Keys) -> Option<Test> {
    let disputed =
        |verdict: &Verdict| verdict.decides() && verdict.agree < verdict.of && !known.contains_key(&verdict.key);
    let votes: Vec<(u32, u32)> =
        keys.verdicts().filter(disputed).filter_map(|verdict| Some((verdict.key, verdict.value?))).collect();
    if votes.is_empty() {
        return None;
    }
    let known = known.iter().map(|(key, value)| (*key, *value)).chain(votes).collect();
    Some(Test::Against(other.to_owned(), Arc::new(known)))
}

/// The value that most of the cells have.
fn dominant(column: &ColumnProfile) -> Option<&String> {
    let (value, count) = column.values.as_ref()?.iter().max_by_key(|(_, count)| **count)?;
    (count * 2 > column.filled).then_some(value)
}

/// The spread of a column's numbers or moments.
pub(crate) fn spread_of(column: &ColumnProfile, quantity: Quantity) -> Option<&Spread> {
    match quantity {
        Quantity::Number => Some(&column.numbers),
        Quantity::Moment(order) => column.moments.get(&order),
    }
}
