//! How often chance had a say in a column.
//!
//! Once per record, unless records come in clumps: the lines of an order have one customer and one country, and a customer's
//! large order is no accident. A column whose values are new in each push makes such clumps, and every column that it decides is
//! drawn once per clump.

use std::collections::BTreeMap;

use super::History;
use crate::profile::ColumnProfile;

/// Pushes from which it can be told whether values are new each time.
const KNOWN: usize = 8;
/// Share of the values of a push that no other push has, at least, where values are new each time.
const NEW: f64 = 0.4;

impl History {
    /// Independent draws that one record of a column is worth: one, or less where records come in clumps.
    pub(crate) fn draws(&self, name: &str) -> f64 {
        if self.members.len() < KNOWN {
            return 1.0;
        }
        let keys = self.merged.relations.keys.keys();
        let deciders = keys.filter(|(_, decided)| decided == name).map(|(key, _)| key.as_str());
        deciders.chain([name]).filter_map(|key| self.clumps(key)).fold(1.0, f64::min)
    }

    /// Clumps per record that the values of a column made in most pushes, where they are new in each. A value that half of the
    /// pushes have is no clump: the nought of a measure that is nought in every second record tells of no common cause. What a
    /// push that is judged says of it does not count: a value written over many others would look like one large clump.
    #[expect(clippy::cast_precision_loss, reason = "numbers of values")]
    fn clumps(&self, name: &str) -> Option<f64> {
        let each: u64 = self.histories(name).map(|column| column.sample.distinct()).sum();
        if (self.merged.columns.get(name)?.sample.distinct() as f64) < NEW * each as f64 {
            return None;
        }
        let columns: Vec<_> = self.histories(name).filter(|column| column.filled > 0).collect();
        let mut pushes = BTreeMap::<u64, usize>::new();
        for (hash, _) in columns.iter().flat_map(|column| column.sample.counts()) {
            *pushes.entry(hash).or_default() += 1;
        }
        let asked = |hash| columns.iter().filter(|column| column.sample.looks_for(hash)).count();
        let is_usual = |hash| pushes.get(&hash).is_some_and(|of| *of > 1 && of * 2 >= asked(hash));
        let of = |column: &&ColumnProfile| column.sample.clumps(is_usual) / column.filled as f64;
        let mut clumps: Vec<f64> = columns.iter().map(of).collect();
        clumps.sort_by(f64::total_cmp);
        clumps.get(clumps.len() / 2).copied()
    }
}
