//! How many messages a channel gets: each review its own, until there are so many that nobody would read them.
//!
//! Kept in memory: what is lost with a worker is only that a burst is recognised again, and two workers each allow as much.
//! Everything that must not be lost is in the queue and in the ledger.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use holdpoint_review::Channel;
use tokio::time::Instant;

/// What a burst is measured by, and how long one digest is for.
const MINUTE: Duration = Duration::from_mins(1);
/// Channels that are remembered; beyond that those at rest are forgotten.
const CHANNELS: usize = 1_000;

/// The pace of every channel.
pub(crate) struct Pace {
    /// Messages a minute that a channel gets singly.
    burst: usize,
    /// Guards what is known of each channel; never held over a wait.
    channels: Mutex<HashMap<Channel, Recent>>,
}

#[derive(Default)]
struct Recent {
    /// Single messages of the last minute.
    singles: Vec<Instant>,
    /// As long as messages keep coming at less than a minute's distance it is one burst.
    burst_until: Option<Instant>,
    /// The minute for which a digest was queued last.
    queued: Option<u32>,
    /// When the last digest went out.
    digest: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(burst: usize) -> Self {
        Self { burst, channels: Mutex::default() }
    }

    /// Whether a channel gets one more single message now; if not, it is in a burst, for at least another minute.
    pub(crate) fn allows(&self, channel: &Channel) -> bool {
        let now = Instant::now();
        self.with(channel, |recent| {
            recent.singles.retain(|at| now.duration_since(*at) < MINUTE);
            let in_burst = recent.burst_until.is_some_and(|until| now < until);
            if in_burst || recent.singles.len() >= self.burst {
                recent.burst_until = Some(now + MINUTE);
                return false;
            }
            recent.singles.push(now);
            true
        })
    }

    /// Whether this minute's digest was queued from here, so that it waits there for the minute's end.
    pub(crate) fn is_digest_queued(&self, channel: &Channel, minute: u32) -> bool {
        self.with(channel, |recent| recent.queued == Some(minute))
    }

    /// A minute's digest is in the queue.
    pub(crate) fn digest_queued(&self, channel: &Channel, minute: u32) {
        self.with(channel, |recent| recent.queued = Some(minute));
    }

    /// How long the next digest has to wait.
    pub(crate) fn before_digest(&self, channel: &Channel) -> Duration {
        self.with(channel, |recent| recent.digest.map_or(Duration::ZERO, |at| MINUTE.saturating_sub(at.elapsed())))
    }

    /// A digest went out.
    pub(crate) fn digest_sent(&self, channel: &Channel) {
        self.with(channel, |recent| recent.digest = Some(Instant::now()));
    }

    fn with<T>(&self, channel: &Channel, look: impl FnOnce(&mut Recent) -> T) -> T {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.len() >= CHANNELS {
            channels.retain(|_, recent| !recent.is_at_rest());
        }
        look(channels.entry(channel.clone()).or_default())
    }
}

impl Recent {
    fn is_at_rest(&self) -> bool {
        let is_old = |at: &Instant| at.elapsed() >= MINUTE;
        self.singles.iter().all(is_old) && self.digest.is_none_or(|at| is_old(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> Channel {
        Channel::Slack(name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn b39_a_burst_lasts_until_a_minute_is_quiet() {
        let pace = Pace::new(3);
        let allowed = |times: usize| (0..times).filter(|_| pace.allows(&channel("C1"))).count();
        assert_eq!(allowed(10), 3);
        assert!(pace.allows(&channel("C2")), "another channel");
        for _ in 0..5 {
            tokio::time::advance(Duration::from_secs(50)).await;
            assert_eq!(allowed(2), 0, "messages kept coming");
        }
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(allowed(10), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn b39_a_digest_waits_for_its_minute() {
        let pace = Pace::new(3);
        assert_eq!(pace.before_digest(&channel("C1")), Duration::ZERO);
        pace.digest_sent(&channel("C1"));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(pace.before_digest(&channel("C1")), Duration::from_secs(40));
        assert_eq!(pace.before_digest(&channel("C2")), Duration::ZERO);
    }
}
