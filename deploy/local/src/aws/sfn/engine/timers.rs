//! All timers, in one map in the order they are due.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};

use super::Place;

#[derive(Debug)]
pub(super) struct Timers {
    due: BTreeMap<TimerKey, Timer>,
    armed: u64,
    /// Told when the next timer is due earlier than before.
    changed: Arc<Notify>,
}

#[derive(Debug)]
pub(super) enum Timer {
    TaskTimeout(u64),
    HeartbeatTimeout(u64),
    /// A Wait state is over, or a retry is due.
    Continue(Place),
    ExecutionTimeout(usize),
}

/// When, and a number that tells timers of the same instant apart.
pub(super) type TimerKey = (Instant, u64);

impl Timers {
    pub(super) fn new(changed: Arc<Notify>) -> Self {
        Self { due: BTreeMap::new(), armed: 0, changed }
    }

    pub(super) fn arm(&mut self, after: Duration, timer: Timer) -> TimerKey {
        self.armed += 1;
        let key = (Instant::now() + after, self.armed);
        self.due.insert(key, timer);
        if self.due.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.changed.notify_one();
        }
        key
    }

    pub(super) fn cancel(&mut self, key: TimerKey) {
        self.due.remove(&key);
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let first = self.due.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }
}
