//! Which hashes came before, in bounded memory.

use super::hashed::Hashes;
use crate::value::ends_in_zeros;

/// Different hashes up to which each is held.
const ALL: usize = 1 << 19;
/// Hashes held where there are more; few enough to stay in a core's own cache.
const SAMPLED: usize = 1 << 17;

/// Finds repeats exactly up to [`ALL`] different hashes; beyond, only among a share of them: nothing is called a repeat that is
/// none, and each one found stands for as many as were not looked for.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    level: u32,
    seen: Hashes,
}

impl Repeats {
    /// For how many records an earlier one stands that had this hash; 0 where none is known.
    pub(super) fn count(&mut self, hash: u64) -> u64 {
        let is_looked_for = ends_in_zeros(hash, self.level);
        let count = if is_looked_for && !self.seen.insert(hash) { 1 << self.level } else { 0 };
        if self.seen.len() > if self.level == 0 { ALL } else { SAMPLED } {
            self.thin();
        }
        count
    }

    fn thin(&mut self) {
        while self.seen.len() > SAMPLED {
            self.level += 1;
            self.seen.retain(|hash| ends_in_zeros(*hash, self.level));
        }
        self.seen.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::spread_bits;

    #[test]
    fn repeats_are_exact_while_all_are_remembered_and_estimated_beyond() {
        let repeated = |half: u64| -> (u64, u64) {
            let mut repeats = Repeats::default();
            let mut count = || (0..half).map(|number| repeats.count(spread_bits(number))).sum();
            (count(), count())
        };
        let (few, many) = (ALL as u64, ALL as u64 * 3);
        assert_eq!(repeated(few), (0, few));
        let (none, estimate) = repeated(many);
        assert_eq!(none, 0);
        assert!(estimate.abs_diff(many) < many / 50, "{estimate} of {many}");
    }

    #[test]
    fn one_record_many_times_over_is_counted_among_many() {
        let mut repeats = Repeats::default();
        let records = (0..ALL as u64).flat_map(|number| [number, 7]);
        let found: u64 = records.map(|number| repeats.count(spread_bits(number))).sum();
        assert_eq!(found, ALL as u64);
    }
}
