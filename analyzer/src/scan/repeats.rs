//! Which hashes came before, in bounded memory.

use super::hashed::Hashes;

/// Hashes held at most: 16 bytes each, so 32 MiB at the worst.
const MOST: usize = 2 << 20;

/// Finds repeats exactly up to [`MOST`] different hashes; beyond, only among a halved, quartered … share of all hashes, so that
/// a repeat may be overlooked but nothing is called one that is none.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    level: u32,
    seen: Hashes,
}

impl Repeats {
    /// Whether an earlier record had this hash.
    pub(super) fn is_repeat(&mut self, hash: u64) -> bool {
        if hash.trailing_zeros() < self.level {
            return false;
        }
        let repeat = !self.seen.insert(hash);
        while self.seen.len() > MOST {
            self.level += 1;
            self.seen.retain(|hash| hash.trailing_zeros() >= self.level);
        }
        repeat
    }
}
