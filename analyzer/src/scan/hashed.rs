//! Collections of what is a hash already: to hash it again would take most of their time.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

/// Different hashes.
pub(super) type Hashes = HashSet<u64, BuildHasherDefault<AsItIs>>;
/// Something by hash.
pub(super) type ByHash<T> = HashMap<u64, T, BuildHasherDefault<AsItIs>>;

/// Hashes an `u64` to itself, its halves exchanged: samples keep hashes that end alike.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0.rotate_left(32)
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only an u64 is its own hash");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
