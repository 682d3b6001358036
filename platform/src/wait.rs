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
        stop.pause(self.next_wait()).await;
    }

    fn next_wait(&mut self) -> Duration {
        self.next_bound().mul_f64(fastrand::f64())
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
    fn b06_a_wait_is_anything_from_nothing_to_its_bound_and_never_over_thirty_seconds() {
        for failures in [0, 1, 5, 7, 40, u32::MAX] {
            let bound = Backoff { failures }.next_bound();
            assert!(bound <= Duration::from_secs(30), "{bound:?} after {failures} failures");
            let mut tenths = [0; 10];
            for _ in 0..2_000 {
                let wait = Backoff { failures }.next_wait();
                assert!(wait < bound, "{wait:?} after {failures} failures");
                tenths[usize::try_from(10 * wait.as_nanos() / bound.as_nanos()).unwrap()] += 1;
            }
            assert!(tenths.iter().all(|waits| *waits > 100), "full jitter, a tenth each: {tenths:?}");
        }
    }

    #[test]
    fn b06_loops_that_failed_together_come_back_apart() {
        let (mut one, mut other) = (Backoff::default(), Backoff::default());
        let waits: Vec<_> = (0..10).map(|_| (one.next_wait(), other.next_wait())).collect();
        assert!(waits.iter().all(|(one, other)| one != other), "{waits:?}");
    }

    #[test]
    fn b05_after_one_failure_the_next_try_comes_within_a_second() {
        assert!(Backoff::default().next_bound() < Duration::from_secs(1));
    }

    #[test]
    fn the_bound_doubles_up_to_thirty_seconds_and_starts_over() {
        let mut backoff = Backoff::default();
        let bounds: Vec<_> = (0..9).map(|_| backoff.next_bound().as_millis()).collect();
        assert_eq!(bounds, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        backoff.reset();
        assert_eq!(backoff.next_bound(), FIRST);
    }
}
