//! Which hashes came before, in bounded memory.

use super::hashed::Hashes;
use crate::value::ends_in_zeros;

/// Records among which each is looked for.
const ALL: usize = 1 << 19;
/// Hashes held of more records than that; few enough to stay in a core's own cache.
const SAMPLED: usize = 1 << 17;

/// Finds repeats exactly in a push of up to [`ALL`] records; in a larger one only among a share of all hashes: nothing is called
/// a repeat that is none, and each one found stands for as many as were not looked for.
#[derive(Debug)]
pub(super) struct Repeats {
    level: u32,
    seen: Hashes,
}

impl Repeats {
    /// Of a push with so many records.
    pub(super) fn among(records: usize) -> Self {
        let most = if records <= ALL { ALL } else { SAMPLED };
        let level = (0..usize::BITS).find(|level| records >> level <= most).unwrap_or(usize::BITS);
        Self { level, seen: Hashes::default() }
    }

    /// For how many records an earlier one stands that had this hash; 0 where none is known.
    pub(super) fn count(&mut self, hash: u64) -> u64 {
        let is_looked_for = ends_in_zeros(hash, self.level);
        if is_looked_for && !self.seen.insert(hash) { 1 << self.level } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::spread_bits;

    #[test]
    fn repeats_are_exact_in_a_push_that_is_not_large_and_estimated_beyond() {
        let repeated = |records: usize| -> (u64, u64) {
            let (mut repeats, half) = (Repeats::among(records), records as u64 / 2);
            let mut count = || (0..half).map(|number| repeats.count(spread_bits(number))).sum();
            (count(), count())
        };
        let (few, many) = (ALL as u64, ALL as u64 * 6);
        assert_eq!(repeated(ALL), (0, few / 2));
        let (none, estimate) = repeated(ALL * 6);
        assert_eq!(none, 0);
        assert!(estimate.abs_diff(many / 2) < many / 100, "{estimate} of {many}");
    }
}
