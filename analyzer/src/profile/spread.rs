//! How numbers are spread: a histogram whose bins are as fine as a fixed number of them allows.
//!
//! A number's 64 bits, with the sign turned so that they sort as the numbers do, are cut by `shift` bits from the right; numbers
//! alike in what remains share a bin. The shift is the smallest with at most [`BINS`] bins in use, so the histogram depends on
//! the numbers alone: not on their order, not on how they were split over shards. That makes merging exact and a commutative
//! monoid, needs no randomness (the KLL of `datasketches` draws random bits), and two histograms line up bin by bin once the
//! finer is coarsened. Few different numbers are kept exactly; dates, which differ only in late digits, as well as prices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bins in use at most: enough for a twentieth of the records to be told apart, small enough for 60 profiles of 20 columns.
const BINS: usize = 128;

/// Count, least, most and histogram of some numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spread {
    shift: u8,
    bins: BTreeMap<u64, u64>,
    /// As ordered bits: they survive JSON to the last digit.
    least: Option<u64>,
    /// See `least`.
    most: Option<u64>,
}

impl Spread {
    #[cfg(test)]
    pub(crate) fn add(&mut self, number: f64) {
        self.add_many(number, 1);
    }

    /// Counts a number so many times.
    pub(crate) fn add_many(&mut self, number: f64, count: u64) {
        let bits = ordered_bits(number);
        *self.bins.entry(cut(bits, self.shift)).or_default() += count;
        self.least = Some(self.least.map_or(bits, |least| least.min(bits)));
        self.most = self.most.max(Some(bits));
        self.coarsen_to_fit();
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        self.coarsen_to(other.shift);
        for (bin, count) in &other.bins {
            *self.bins.entry(cut(*bin, self.shift - other.shift)).or_default() += count;
        }
        self.least = [self.least, other.least].into_iter().flatten().min();
        self.most = self.most.max(other.most);
        self.coarsen_to_fit();
    }

    pub(crate) fn count(&self) -> u64 {
        self.bins.values().sum()
    }

    /// Least and most, or none where there are no numbers.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        self.least.zip(self.most).map(|(least, most)| (number_of(least), number_of(most)))
    }

    /// The number below which a share of all lies, as exact as the bins are.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let (least, most) = self.range()?;
        #[expect(clippy::cast_precision_loss, reason = "a rank among bins that are approximate themselves")]
        let rank = share * self.count().saturating_sub(1) as f64;
        let mut below = 0.0;
        for (bin, count) in &self.bins {
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            let upto = below + *count as f64;
            if upto > rank {
                let (from, to) = self.edges(*bin);
                return Some((from + (to - from) * 0.5).clamp(least, most));
            }
            below = upto;
        }
        Some(most)
    }

    /// How many lie below `low` or above `high`: exact where nothing or everything does, else within one bin's count.
    pub(crate) fn outside(&self, low: f64, high: f64) -> u64 {
        let Some((least, most)) = self.range() else { return 0 };
        if least >= low && most <= high {
            return 0;
        }
        let outside = |bin: &u64| {
            let (from, to) = self.edges(*bin);
            let (from, to) = (from.max(least), to.min(most));
            to < low || from > high || from + (to - from) * 0.5 > high || from + (to - from) * 0.5 < low
        };
        self.bins.iter().filter(|(bin, _)| outside(bin)).map(|(_, count)| count).sum::<u64>().max(1)
    }

    /// How coarse the bins are.
    pub(crate) fn shift(&self) -> u8 {
        self.shift
    }

    /// The bins as they would be at a coarser shift.
    pub(crate) fn at(&self, shift: u8) -> BTreeMap<u64, u64> {
        let mut bins = BTreeMap::new();
        for (bin, count) in &self.bins {
            *bins.entry(cut(*bin, shift.saturating_sub(self.shift))).or_default() += count;
        }
        bins
    }

    /// First and last number of a bin.
    pub(crate) fn edges(&self, bin: u64) -> (f64, f64) {
        edges(bin, self.shift)
    }

    fn coarsen_to(&mut self, shift: u8) {
        if shift > self.shift {
            self.bins = self.at(shift);
            self.shift = shift;
        }
    }

    fn coarsen_to_fit(&mut self) {
        while self.bins.len() > BINS {
            self.coarsen_to(self.shift + 1);
        }
    }
}

/// First and last number of a bin at a shift.
pub(crate) fn edges(bin: u64, shift: u8) -> (f64, f64) {
    let first = bin << shift;
    (number_of(first), number_of(first | ((1 << shift) - 1)))
}

/// The last bin that holds negative numbers.
pub(crate) fn last_below_zero(shift: u8) -> u64 {
    cut((1 << 63) - 1, shift)
}

/// `shift` never reaches 64: at 57 there are no more than 128 bins.
fn cut(bits: u64, shift: u8) -> u64 {
    bits >> shift
}

fn ordered_bits(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn number_of(ordered: u64) -> f64 {
    f64::from_bits(if ordered >> 63 == 1 { ordered & !(1 << 63) } else { !ordered })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[f64]) -> Spread {
        let mut spread = Spread::default();
        for number in numbers {
            spread.add(*number + 0.0);
        }
        spread
    }

    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        let number = prop_oneof![
            -1e12..1e12f64,
            (0..400).prop_map(f64::from),
            (0..2_000).prop_map(|day| 1.36e9 + 86_400.0 * f64::from(day))
        ];
        prop::collection::vec(number, 0..600)
    }

    proptest! {
        #[test]
        fn shards_in_any_order_merge_to_the_whole(mut all in numbers(), at in 0..600usize) {
            let whole = of(&all);
            all.reverse();
            let (left, right) = all.split_at(at.min(all.len()));
            let (mut one, mut other) = (of(left), of(right));
            one.absorb(&of(right));
            other.absorb(&of(left));
            prop_assert_eq!(&one, &whole);
            prop_assert_eq!(&other, &whole);
        }

        #[test]
        fn every_number_lies_in_its_bin_and_bins_sort_as_numbers(number in -1e12..1e12f64, shift in 0..57u8) {
            let (from, to) = edges(cut(ordered_bits(number), shift), shift);
            prop_assert!(from <= number && number <= to);
        }

        #[test]
        fn outside_is_nought_exactly_when_nothing_lies_outside(all in numbers(), low in -1e3..1e3f64, high in 1e3..1e9f64) {
            let exact = all.iter().filter(|n| **n < low || **n > high).count();
            prop_assert_eq!(of(&all).outside(low, high) == 0, exact == 0);
        }
    }

    #[test]
    fn few_numbers_are_kept_exactly() {
        let spread = of(&[3.0, 1.0, 2.0, 2.0, -5.5]);
        assert_eq!((spread.shift(), spread.range(), spread.count()), (0, Some((-5.5, 3.0)), 5));
        assert_eq!(spread.quantile(0.5), Some(2.0));
        assert_eq!(spread.outside(0.0, 2.0), 2);
    }

    #[test]
    fn dates_of_a_year_are_told_apart_by_the_day() {
        let days: Vec<f64> = (0..100).map(|day| 1.36e9 + 86_400.0 * f64::from(day)).collect();
        let spread = of(&days);
        assert_eq!(spread.quantile(0.0), Some(days[0]));
        assert_eq!(spread.outside(days[10], days[89]), 20);
    }
}
