//! Which hashes came before, in bounded memory.

use super::hashed::Hashes;

/// Hashes held at most: 16 bytes each at the worst.
const MOST: usize = 1 << 19;

/// Finds repeats exactly up to [`MOST`] different hashes; beyond, only among a halved, quartered … share of all hashes: nothing
/// is called a repeat that is none, and each one found stands for as many as were not looked for.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    level: u32,
    seen: Hashes,
}

impl Repeats {
    /// For how many records an earlier one stands that had this hash; 0 where none is known.
    pub(super) fn count(&mut self, hash: u64) -> u64 {
        if hash.trailing_zeros() < self.level {
            return 0;
        }
        let repeat = !self.seen.insert(hash);
        let count = if repeat { 1 << self.level } else { 0 };
        while self.seen.len() > MOST {
            self.level += 1;
            self.seen.retain(|hash| hash.trailing_zeros() >= self.level);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::spread_bits;

    #[test]
    fn repeats_are_exact_while_all_are_remembered_and_estimated_beyond() {
        let (few, many) = (MOST as u64 / 2, MOST as u64 * 3);
        let mut repeats = Repeats::default();
        let mut count =
            |numbers: std::ops::Range<u64>| -> u64 { numbers.map(|number| repeats.count(spread_bits(number))).sum() };
        assert_eq!((count(0..few), count(0..few)), (0, few));
        assert_eq!(count(few..many), 0);
        let estimate = count(0..many);
        assert!(estimate.abs_diff(many) < many / 50, "{estimate} of {many}");
    }
}
