//! A profile: what one push looked like, in some kilobytes.
//!
//! It is all that is kept of an accepted push; the baseline is made of profiles and nothing else. Nothing in it is random,
//! unordered or dependent on the order of records, so that shards of a push merge to the profile of the whole, and the same
//! bytes make the same JSON; only which records of a large push are in its sample goes by their numbers. Of a column that is declared personal only hashes, lengths and coarse forms are kept.

mod column;
mod relations;
mod rows;
mod sample;
mod spread;

use std::{borrow::Cow, collections::BTreeMap};

pub(crate) use column::ColumnProfile;
pub(crate) use column::length_class;
use holdpoint_review::{PushHash, PushId, Share};
use jiff::Timestamp;
pub(crate) use relations::{Kept, Keys, Pair, Relations, Verdict, both};
pub(crate) use rows::{Cell, NO_FORM, Rows, short_hash};
pub(crate) use sample::Sample;
use serde::{Deserialize, Serialize};
pub(crate) use spread::Spread;
pub(crate) use spread::{edges, last_below_zero};

/// The version of [`Profile`] that this code writes.
pub const PROFILE_VERSION: u32 = 1;

/// What one push looked like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// [`PROFILE_VERSION`] at the time of writing.
    pub version: u32,
    /// Which push.
    pub push: PushId,
    /// When it was delivered.
    pub delivered_at: Timestamp,
    /// BLAKE3 of the object's bytes.
    pub content: PushHash,
    /// Its records.
    pub records: u64,
    /// Its anomaly rate when it was judged; none where it was trusted as it was.
    pub rate: Option<Share>,
    /// Its columns' names, in the push's order.
    pub columns: Vec<String>,
    /// What was in the records.
    pub(crate) table: Table,
}

impl Profile {
    /// A profile as it was stored; none where another version of this code wrote it.
    pub(crate) fn from_json(bytes: &[u8]) -> serde_json::Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Written {
            version: u32,
        }
        let read = serde_json::from_slice::<Self>(bytes);
        let version = match &read {
            Ok(profile) => profile.version,
            Err(_) => serde_json::from_slice::<Written>(bytes)?.version,
        };
        if version == PROFILE_VERSION { read.map(Some) } else { Ok(None) }
    }
}

/// The part of a profile that is counted from records, and that merges.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// Per column.
    pub(crate) columns: BTreeMap<String, ColumnProfile>,
    /// Whole records by hash.
    pub(crate) records: Sample,
    /// What the columns have to do with each other, from a sample of records.
    pub(crate) relations: Relations,
}

impl Table {
    /// The forms of two columns that came together in the sample of records. They are counted where both columns have several;
    /// where one has a single form, the other's forms came together with that one.
    pub(crate) fn forms(&self, pair: &Pair) -> Option<Cow<'_, BTreeMap<u16, u64>>> {
        if let Some(counted) = self.relations.forms.get(pair) {
            return Some(Cow::Borrowed(counted));
        }
        let (left, right) = (self.columns.get(&pair.0)?, self.columns.get(&pair.1)?);
        let records = left.records();
        let (left, right) = (left.forms(), right.forms());
        if left.len() != 1 && right.len() != 1 {
            return None;
        }
        let in_sample = |count: u64| count * self.relations.records / records.max(1);
        let together = |(form, count): (u8, u64)| {
            right.iter().map(move |(other, of)| (both(form, *other), in_sample(count.min(*of))))
        };
        Some(Cow::Owned(left.iter().flat_map(|(form, count)| together((*form, *count))).collect()))
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        self.records.absorb(&other.records);
        self.relations.absorb(&other.relations);
        for (name, column) in &other.columns {
            match self.columns.get_mut(name) {
                Some(held) => held.absorb(column),
                None => {
                    self.columns.insert(name.clone(), column.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column_of(cells: &[Option<String>]) -> ColumnProfile {
        let (mut profile, mut buffer) = (ColumnProfile::default(), String::new());
        for cell in cells {
            profile.add(cell.as_deref().map(|text| (text, crate::value::hash(text))), &mut buffer);
        }
        profile
    }

    type Row = [Option<String>; 3];

    /// A number, a category that it decides, and a text that both are part of, with exceptions.
    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let row = (0..60u32, 0..12u32, prop::option::weighted(0.9, "[ab]{1,2}")).prop_map(|(number, slip, text)| {
            let category = if slip == 0 { text.clone() } else { Some(format!("k{}", number % 7)) };
            let text = text.map(|text| format!("{text}-{number}-k{}", number % 7));
            [Some(number.to_string()), category, text]
        });
        prop::collection::vec(row, 0..200)
    }

    fn table_of(rows: &[Row]) -> Table {
        let names = ["a", "b", "c"].map(ToOwned::to_owned);
        let columns = [0, 1, 2].map(|at| column_of(&rows.iter().map(|row| row[at].clone()).collect::<Vec<_>>()));
        let (mut records, mut sample) = (Sample::default(), Rows::default());
        for row in rows {
            let hash = crate::value::hash(&format!("{row:?}"));
            records.add_many(hash, 1);
            sample.add(hash, || row.iter().map(|cell| Cell::of(cell.as_deref())).collect());
        }
        let relations = Relations::of(&names, &columns, &sample, &[("a".to_owned(), "b".to_owned())].into());
        Table { columns: names.into_iter().zip(columns).collect(), records, relations }
    }

    fn merged(tables: &[&Table]) -> Table {
        tables.iter().fold(Table::default(), |mut merged, table| {
            merged.absorb(table);
            merged
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn profiles_merge_in_any_order_and_any_grouping(a in rows(), b in rows(), c in rows()) {
            let [a, b, c] = [table_of(&a), table_of(&b), table_of(&c)];
            let whole = merged(&[&a, &b, &c]);
            prop_assert_eq!(&merged(&[&c, &a, &b]), &whole);
            prop_assert_eq!(&merged(&[&a, &merged(&[&b, &c])]), &whole);
            let json = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Table>(&json).unwrap(), whole);
        }

        #[test]
        fn a_profile_does_not_depend_on_the_order_of_records(mut rows in rows()) {
            let whole = table_of(&rows);
            rows.reverse();
            prop_assert_eq!(table_of(&rows), whole);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn profiles_of_shards_merge_to_the_profile_of_the_whole(
            cells in prop::collection::vec(prop::option::of("[a-c]|-?[0-9]{1,3}(\\.[0-9])?|20[12][0-9]-0[1-9]-1[0-9]|N/A|é{1,70}"), 0..400),
            at in 0..400usize,
        ) {
            let (left, right) = cells.split_at(at.min(cells.len()));
            let mut merged = column_of(right);
            merged.absorb(&column_of(left));
            let whole = column_of(&cells);
            prop_assert_eq!(&merged, &whole);
            let json = serde_json::to_string(&merged).unwrap();
            prop_assert_eq!(serde_json::from_str::<ColumnProfile>(&json).unwrap(), whole);
        }
    }
}
