//! Which values there are, by a bounded sample of their hashes.
//!
//! Up to [`EXACT`] different values every hash is kept with its count. Beyond that only hashes that end in `level` zero bits,
//! the smallest level that leaves at most [`SAMPLED`] of them. Two samples of different files keep the *same* values, so what
//! they share can be counted: values never seen, records delivered again, duplicates. Like the histogram it depends on the
//! values alone and merges exactly. A Bloom filter answers for every record but costs a byte for each; this costs 8 KiB.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::value;

/// Up to here the values are known one by one.
const EXACT: usize = 4096;
/// Beyond, so many remain: a share of 6 % is then estimated within one per cent.
const SAMPLED: usize = 512;
/// Hashes asked about at once.
const TOGETHER: usize = 32;

/// Hashes of some values with their counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub(crate) struct Sample {
    level: u8,
    counts: BTreeMap<u64, u32>,
}

impl Sample {
    /// Of values of which only those at this level are told.
    pub(crate) fn at(level: u8) -> Self {
        Self { level, ..Self::default() }
    }

    /// Counts so many values with one hash.
    pub(crate) fn add_many(&mut self, hash: u64, count: u32) {
        if kept(hash, self.level) {
            self.count_up(hash, count);
        }
    }

    /// Counts a value for each hash. Nearly all are none of the sample's, so several are asked about at once, without a branch.
    pub(crate) fn add_all(&mut self, hashes: &[u64]) {
        for together in hashes.chunks(TOGETHER) {
            let level = self.level;
            if together.iter().fold(false, |any, hash| any | kept(*hash, level)) {
                let some = together.iter().filter(|hash| kept(**hash, level));
                some.for_each(|hash| self.add_many(*hash, 1));
            }
        }
    }

    fn count_up(&mut self, hash: u64, count: u32) {
        let held = self.counts.entry(hash).or_default();
        *held = held.saturating_add(count);
        self.thin_to_fit();
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        self.thin_to(other.level);
        for (hash, count) in &other.counts {
            self.add_many(*hash, *count);
        }
    }

    /// Whether every value is in it.
    pub(crate) fn is_exact(&self) -> bool {
        self.level == 0
    }

    /// Whether a value with this hash would be in it.
    pub(crate) fn looks_for(&self, hash: u64) -> bool {
        kept(hash, self.level)
    }

    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.counts.contains_key(&hash)
    }

    /// Different values, estimated beyond [`EXACT`].
    pub(crate) fn distinct(&self) -> u64 {
        (self.counts.len() as u64) << self.level
    }

    /// The counts of the values, in the order of their hashes.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts.iter().map(|(hash, count)| (*hash, u64::from(*count)))
    }

    /// Share of the records whose value is another record's too, all but the first of each.
    pub(crate) fn repeated(&self) -> f64 {
        let total: u64 = self.counts().map(|(_, count)| count).sum();
        share(total - self.counts.len() as u64, total)
    }

    /// The same of so large a part of the records, drawn at random (rarefaction: Hurlbert 1971, doi:10.2307/1934145): of more
    /// records more repeat another.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn repeated_in(&self, part: f64) -> f64 {
        let (mut all, mut different) = (0.0, 0.0);
        for (_, count) in self.counts() {
            all += count as f64;
            different += 1.0 - (1.0 - part).powf(count as f64);
        }
        if all > 0.0 { 1.0 - different / (all * part) } else { 0.0 }
    }

    /// Pairs of records with the same value, estimated beyond [`EXACT`].
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn equal_pairs(&self) -> f64 {
        let pairs = self.counts().map(|(_, count)| count as f64 * (count as f64 - 1.0) / 2.0);
        pairs.sum::<f64>() * f64::from(1 << self.level.min(30))
    }

    /// How many clumps of records would be as large as a record's own is on average (Kish's effective number). A value makes one
    /// clump, and a usual one as many as it has records.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn clumps(&self, is_usual: impl Fn(u64) -> bool) -> f64 {
        let (mut all, mut squares) = (0.0, 0.0);
        for (hash, count) in self.counts() {
            all += count as f64;
            squares += if is_usual(hash) { count as f64 } else { (count * count) as f64 };
        }
        if squares > 0.0 { all * all / squares * f64::from(1 << self.level.min(30)) } else { f64::INFINITY }
    }

    /// Share of the records whose value `known` does not hold; none where too few are in both samples to say.
    pub(crate) fn share_not_in(&self, known: &Self) -> Option<f64> {
        let level = self.level.max(known.level);
        let (mut all, mut unknown) = (0, 0);
        for (hash, count) in self.counts().filter(|(hash, _)| kept(*hash, level)) {
            all += count;
            unknown += if known.contains(hash) { 0 } else { count };
        }
        (all > 0 && (level == 0 || all >= 30)).then(|| share(unknown, all))
    }

    fn thin_to(&mut self, level: u8) {
        if level > self.level {
            self.level = level;
            self.counts.retain(|hash, _| kept(*hash, level));
        }
    }

    fn thin_to_fit(&mut self) {
        while self.counts.len() > if self.level == 0 { EXACT } else { SAMPLED } {
            self.thin_to(self.level + 1);
        }
    }
}

fn kept(hash: u64, level: u8) -> bool {
    value::ends_in_zeros(hash, level.into())
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn share(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

/// As written: hashes and counts as little-endian bytes in base64, a third of what JSON numbers take.
#[derive(Serialize, Deserialize)]
struct Stored {
    level: u8,
    hashes: String,
}

impl From<Sample> for Stored {
    fn from(sample: Sample) -> Self {
        let entry = |(hash, count): (&u64, &u32)| [&hash.to_le_bytes()[..], &count.to_le_bytes()[..]].concat();
        let bytes: Vec<u8> = sample.counts.iter().flat_map(entry).collect();
        Self { level: sample.level, hashes: BASE64_STANDARD_NO_PAD.encode(bytes) }
    }
}

impl TryFrom<Stored> for Sample {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let bytes = BASE64_STANDARD_NO_PAD.decode(stored.hashes).map_err(|_| "hashes are not base64")?;
        let (entries, rest) = bytes.as_chunks::<12>();
        if !rest.is_empty() {
            return Err("hashes end in the middle of one".to_owned());
        }
        let entry = |bytes: &[u8; 12]| {
            let (hash, count) = bytes.split_at(8);
            let (hash, count) =
                (hash.try_into().expect("the first 8 of 12"), count.try_into().expect("the last 4 of 12"));
            (u64::from_le_bytes(hash), u32::from_le_bytes(count))
        };
        Ok(Self { level: stored.level, counts: entries.iter().map(entry).collect() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u32]) -> Sample {
        let mut sample = Sample::default();
        for value in values {
            sample.add_many(crate::value::hash(&value.to_string()), 1);
        }
        sample
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn shards_in_any_order_merge_to_the_whole_and_survive_json(
            mut all in prop::collection::vec(0..20_000u32, 0..9_000), at in 0..9_000usize,
        ) {
            let whole = of(&all);
            all.reverse();
            let (left, right) = all.split_at(at.min(all.len()));
            let mut merged = of(left);
            merged.absorb(&of(right));
            prop_assert_eq!(&merged, &whole);
            let json = serde_json::to_string(&merged).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sample>(&json).unwrap(), whole);
        }
    }

    #[test]
    fn what_two_files_share_is_exact_when_small_and_close_when_large() {
        let (known, half) = (of(&(0..100).collect::<Vec<_>>()), of(&(50..150).collect::<Vec<_>>()));
        assert_eq!(half.share_not_in(&known), Some(0.5));
        let (known, half) = (of(&(0..100_000).collect::<Vec<_>>()), of(&(50_000..150_000).collect::<Vec<_>>()));
        let estimate = half.share_not_in(&known).unwrap();
        assert!((estimate - 0.5).abs() < 0.08, "{estimate}");
        assert!(known.distinct().abs_diff(100_000) < 12_000, "{}", known.distinct());
    }

    #[test]
    fn records_of_one_value_are_one_clump_unless_it_is_usual() {
        let (sample, zero) = (of(&[0, 0, 0, 0, 1, 2, 3, 3]), crate::value::hash("0"));
        assert!((sample.clumps(|_| false) - 64.0 / 22.0).abs() < 1e-9);
        assert!((sample.clumps(|hash| hash == zero) - 64.0 / 10.0).abs() < 1e-9);
        assert!((sample.clumps(|_| true) - 8.0).abs() < 1e-9);
    }

    #[test]
    fn a_part_of_the_records_repeats_less_than_all() {
        let sample = of(&(0..900).map(|record| record % 300).collect::<Vec<_>>());
        assert!((sample.repeated_in(1.0) - sample.repeated()).abs() < 1e-9);
        // Of a value that comes three times, none of it is in a half with one in eight: 262.5 different ones in 450.
        assert!((sample.repeated_in(0.5) - 187.5 / 450.0).abs() < 1e-9);
    }

    #[test]
    fn repeated_counts_all_but_the_first() {
        assert!((of(&[1, 1, 1, 2]).repeated() - 0.5).abs() < 1e-9);
        assert!(of(&[]).repeated().abs() < 1e-9);
    }
}
