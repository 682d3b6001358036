//! How far a scan is, for whoever waits for it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// How many records, or files, were looked at so far, and about how many there are. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    count: AtomicU64,
    expected: AtomicU64,
}

impl Progress {
    /// It begins. `expected` is about how many there are, 0 where nobody knows.
    pub(crate) fn begin(&self, expected: u64) {
        self.0.count.store(0, Relaxed);
        self.0.expected.store(expected, Relaxed);
    }

    pub(crate) fn advance(&self, count: usize) {
        self.0.count.fetch_add(count as u64, Relaxed);
    }

    /// How many were looked at since it began.
    pub(crate) fn count(&self) -> u64 {
        self.0.count.load(Relaxed)
    }

    /// The share of them, as far as it can be guessed; never all of them before the end.
    #[expect(clippy::cast_precision_loss, reason = "a bar")]
    pub(crate) fn share(&self) -> Option<f64> {
        let expected = self.0.expected.load(Relaxed);
        (expected > 0).then(|| (self.count() as f64 / expected as f64).min(0.99))
    }
}
