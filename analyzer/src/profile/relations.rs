//! What the columns of a push have to do with each other: which is never above which, which text is part of which, which forms
//! come together, which value decides another.
//!
//! Everything is counted over a sample of whole records ([`super::rows`]) and beside it the same with one column taken from the
//! next record: what holds no better than by chance is no relation. Counts add up, so relations of pushes merge; which of them
//! are rules is decided where all pushes are known.

mod keys;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use keys::{Keys, Verdict};
use serde::{Deserialize, Serialize};

use super::{
    ColumnProfile,
    rows::{Cell, NO_FORM, Rows},
};
use crate::{history::kind_of, rules::Quantity};

/// Two columns by name.
pub(crate) type Pair = (String, String);

/// Records that texts are searched in: a search costs more than a comparison.
const SEARCHED: usize = 512;
/// Forms above which a column has none to speak of.
const FORMS: usize = 6;
/// Columns that may decide the same other column.
const DECIDERS: usize = 3;

/// A relation between two columns, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Records that have both.
    pub(crate) of: u64,
    /// Records that break it.
    pub(crate) broken: u64,
    /// Records that would break it with the second column of another record that has both.
    pub(crate) chance: u64,
}

/// Relations between the columns of one push, or of several merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Relations {
    /// Records looked at.
    pub(crate) records: u64,
    /// The first is not above the second.
    #[serde(with = "entries")]
    pub(crate) orders: BTreeMap<Pair, Kept>,
    /// The first is part of the second.
    #[serde(with = "entries")]
    pub(crate) parts: BTreeMap<Pair, Kept>,
    /// Forms of the first and the second that came together: `first << 8 | second`.
    #[serde(with = "entries")]
    pub(crate) forms: BTreeMap<Pair, BTreeMap<u16, u64>>,
    /// The first decides the second.
    #[serde(with = "entries")]
    pub(crate) keys: BTreeMap<Pair, Keys>,
}

impl Relations {
    /// Looks for relations; the keys of `wanted` are counted whether they decide anything or not.
    pub(crate) fn of(names: &[String], columns: &[ColumnProfile], rows: &Rows, wanted: &BTreeSet<Pair>) -> Self {
        let records = rows.records();
        let mut relations = Self { records: records.len() as u64, ..Self::default() };
        if records.len() < 2 {
            return relations;
        }
        let columns: Vec<Column> = (names.iter().zip(columns).enumerate().take(super::rows::COLUMNS))
            .map(|(at, (name, profile))| Column::of(name, profile, records.iter().map(|record| &record[at]).collect()))
            .collect();
        let mut deciders: BTreeMap<usize, Vec<Decider>> = BTreeMap::new();
        for (at, left) in columns.iter().enumerate() {
            let groups = left.groups();
            for (other, right) in columns.iter().enumerate().filter(|(other, _)| *other != at) {
                let pair = || (left.name.to_owned(), right.name.to_owned());
                if let Some(kept) = order(left, right) {
                    relations.orders.insert(pair(), kept);
                }
                if let Some(kept) = part(left, right) {
                    relations.parts.insert(pair(), kept);
                }
                if let Some(forms) = forms(left, right).filter(|_| at < other) {
                    relations.forms.insert(pair(), forms);
                }
                if let Some(dissent) = dissent(&groups, right) {
                    deciders.entry(other).or_default().push(Decider { dissent, keys: groups.len(), at });
                }
            }
        }
        relations.keys = keys(&columns, deciders, wanted);
        relations
    }

    /// Adds forms of two columns that came together.
    pub(crate) fn add_forms(&mut self, pair: &Pair, more: &BTreeMap<u16, u64>) {
        add(self.forms.entry(pair.clone()).or_default(), more, |count, more| *count += more);
    }

    /// Adds what was counted in another push.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.records += other.records;
        add(&mut self.orders, &other.orders, Kept::absorb);
        add(&mut self.parts, &other.parts, Kept::absorb);
        add(&mut self.forms, &other.forms, |forms, more| add(forms, more, |count, more| *count += more));
        add(&mut self.keys, &other.keys, Keys::absorb);
    }
}

impl Kept {
    /// Whether chance alone would have broken it far more often.
    pub(crate) fn is_more_than_chance(&self) -> bool {
        self.chance * 10 >= self.of && self.broken * 4 <= self.chance
    }

    fn absorb(&mut self, other: &Self) {
        self.of += other.of;
        self.broken += other.broken;
        self.chance += other.chance;
    }
}

fn add<K: Clone + Ord, V: Clone + Default>(
    held: &mut BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
    absorb: impl Fn(&mut V, &V),
) {
    for (key, more) in other {
        absorb(held.entry(key.clone()).or_default(), more);
    }
}

/// One column of the sampled records, in the order of their hashes.
struct Column<'a> {
    name: &'a str,
    kind: Option<Quantity>,
    cells: Vec<&'a Cell>,
    numbers: Vec<Option<f64>>,
    /// Those that occur.
    forms: BTreeSet<u8>,
}

/// A column that may decide another.
struct Decider {
    dissent: f64,
    keys: usize,
    at: usize,
}

impl<'a> Column<'a> {
    fn of(name: &'a str, profile: &ColumnProfile, cells: Vec<&'a Cell>) -> Self {
        let kind = kind_of(profile);
        let number = |cell: &&Cell| kind?.of(cell.text.as_deref()?);
        let numbers = if kind.is_some() { cells.iter().map(number).collect() } else { Vec::new() };
        let forms = cells.iter().map(|cell| cell.form).collect();
        Self { name, kind, cells, numbers, forms }
    }

    /// The records of each value that several have; none for measures: that one comes again is chance, and decides nothing.
    fn groups(&self) -> Vec<Vec<usize>> {
        /// So many of the numbers may be slips.
        const SLIPS: usize = 20;
        let numbers = || self.numbers.iter().flatten();
        if numbers().filter(|number| number.fract() != 0.0).count() * SLIPS > numbers().count() {
            return Vec::new();
        }
        let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, cell) in self.cells.iter().enumerate().filter(|(_, cell)| cell.hash != 0) {
            groups.entry(cell.hash).or_default().push(at);
        }
        groups.into_values().filter(|group| group.len() > 1).collect()
    }
}

/// How often the left is above the right; none where both are never on the same scale.
fn order(left: &Column, right: &Column) -> Option<Kept> {
    let comparable = match (left.kind?, right.kind?) {
        (Quantity::Number, Quantity::Number) => true,
        (left, right) => left != Quantity::Number && right != Quantity::Number,
    };
    if !comparable {
        return None;
    }
    let mut kept = Kept::default();
    let both = left.numbers.iter().zip(&right.numbers).filter_map(|(left, right)| left.zip(*right));
    for ((left, right), (_, next)) in both.clone().zip(both.cycle().skip(1)) {
        kept.of += 1;
        kept.broken += u64::from(left > right);
        kept.chance += u64::from(left > next);
    }
    (kept.chance > 0 && kept.broken * 4 <= kept.of).then_some(kept)
}

/// How often the left is no part of the right.
fn part(left: &Column, right: &Column) -> Option<Kept> {
    /// Records after which a relation that is mostly broken is given up.
    const TRIED: u64 = 32;
    let mut kept = Kept::default();
    let records = left.cells.iter().zip(&right.cells).take(SEARCHED);
    let both = records.filter_map(|(left, right)| left.text.as_deref().zip(right.text.as_deref()));
    for ((left, right), (_, next)) in both.clone().zip(both.cycle().skip(1)) {
        kept.of += 1;
        kept.broken += u64::from(!right.contains(left));
        kept.chance += u64::from(!next.contains(left));
        if kept.of == TRIED && kept.broken * 2 > kept.of {
            return None;
        }
    }
    (kept.of > 0 && kept.broken * 5 <= kept.of && kept.chance * 3 >= kept.of).then_some(kept)
}

/// The forms that come together, where each column has several, but few.
fn forms(left: &Column, right: &Column) -> Option<BTreeMap<u16, u64>> {
    let few = |column: &Column| (2..=FORMS).contains(&column.forms.len());
    if !few(left) || !few(right) {
        return None;
    }
    let mut together = BTreeMap::new();
    for (left, right) in left.cells.iter().zip(&right.cells) {
        *together.entry(both(left.form, right.form)).or_default() += 1;
    }
    Some(together)
}

/// Two forms as one number.
pub(crate) fn both(left: u8, right: u8) -> u16 {
    u16::from(left) << 8 | u16::from(right)
}

/// Share of the records of one group that do not say what most of it says, where that is little and far less than by chance.
#[expect(clippy::cast_precision_loss, reason = "a share of some thousand records")]
fn dissent(groups: &[Vec<usize>], right: &Column) -> Option<f64> {
    /// Fewer repeats prove nothing.
    const ENOUGH: usize = 10;
    let of: usize = groups.iter().map(Vec::len).sum();
    if of < ENOUGH || of * 20 < right.cells.len() {
        return None;
    }
    let cells = &right.cells;
    let (mut broken, mut chance) = (0, 0);
    for group in groups {
        broken += minority(group.iter().map(|at| cells[*at].hash));
        chance += minority(group.iter().map(|at| cells[(at + 1) % cells.len()].hash));
        if broken * 6 > of {
            return None;
        }
    }
    (chance >= ENOUGH && chance * 20 >= of && broken * 4 <= chance).then_some(broken as f64 / of as f64)
}

/// How many do not say what most say.
fn minority(values: impl Iterator<Item = u32>) -> usize {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable();
    let most = values.chunk_by(|a, b| a == b).map(<[u32]>::len).max().unwrap_or(0);
    values.len() - most
}

/// The keys of the best deciders of each column and of the wanted pairs.
fn keys(columns: &[Column], deciders: BTreeMap<usize, Vec<Decider>>, wanted: &BTreeSet<Pair>) -> BTreeMap<Pair, Keys> {
    let mut chosen: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (right, mut deciders) in deciders {
        deciders.sort_by(|a, b| a.dissent.total_cmp(&b.dissent).then(a.keys.cmp(&b.keys)).then(a.at.cmp(&b.at)));
        chosen.extend(deciders.iter().take(DECIDERS).map(|decider| (decider.at, right)));
    }
    let place = |name: &String| columns.iter().position(|column| column.name == name);
    chosen.extend(wanted.iter().filter_map(|(left, right)| Some((place(left)?, place(right)?))));
    let counted = |(left, right): (usize, usize)| {
        let (left, right) = (&columns[left], &columns[right]);
        let mut keys = Keys::default();
        for (key, value) in left.cells.iter().zip(&right.cells).filter(|(key, _)| key.form != NO_FORM) {
            keys.add(key.hash, value.hash);
        }
        ((left.name.to_owned(), right.name.to_owned()), keys)
    };
    chosen.into_iter().map(counted).collect()
}

/// Maps whose keys JSON cannot have, as lists.
mod entries {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}
