//! Which rounds this process has shown already, for the one metric that asks: how long until somebody first looks.
//!
//! In memory, and forgotten when it is full: nothing depends on it, and a page view writes nothing to the ledger.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use holdpoint_platform::{metrics, now};
use holdpoint_review::{ReviewId, Round};

/// Rounds that are remembered: an outage's worth.
const ROUNDS: usize = 10_000;

/// What was shown.
#[derive(Default)]
pub(crate) struct Seen(
    /// Guards the names while one is added.
    Mutex<HashSet<(ReviewId, u32)>>,
);

impl Seen {
    /// An open round is shown.
    pub(crate) fn note(&self, round: &Round) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= ROUNDS {
            seen.clear();
        }
        if round.is_open() && seen.insert((round.review_id.clone(), round.round)) {
            metrics::FIRST_VIEW.observe(metrics::seconds_between(round.opened_at(), now()));
        }
    }
}
