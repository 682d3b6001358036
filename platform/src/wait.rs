//! Waiting longer after each failure, with full jitter, so that many workers do not come back at the same instant.

use std::time::Duration;

use crate::Stop;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// How long one loop waits after its failures in a row.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Things work again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Waits between nothing and a bound that doubles with each failure, up to 30 s; returns early when asked to stop.
    pub async fn wait(&mut self, stop: &Stop) {
        let bound = self.next_bound();
        stop.pause(bound.mul_f64(fastrand::f64())).await;
    }

    fn next_bound(&mut self) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_thirty_seconds_and_starts_over() {
        let mut backoff = Backoff::default();
        let bounds: Vec<_> = (0..9).map(|_| backoff.next_bound().as_millis()).collect();
        assert_eq!(bounds, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        backoff.reset();
        assert_eq!(backoff.next_bound(), FIRST);
    }
}
