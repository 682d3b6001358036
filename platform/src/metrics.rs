//! What can be counted, in the text form of `OpenMetrics`, which Prometheus fetches.
//!
//! All there is stands in this file. Counted per process; nothing here decides anything. No label holds a name that came
//! from outside: customers and datasets would make a series each.

mod serve;

use std::sync::LazyLock;

pub use prometheus_client::registry::Registry;
use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};

pub use self::serve::MetricsServer;

/// A label and its value.
type Label = (&'static str, &'static str);
/// How often something happened, by the values of its labels.
pub type Counts<const LABELS: usize> = Family<[Label; LABELS], Counter>;
/// How much there is of something, by the value of one label.
pub type Amounts = Family<[Label; 1], Gauge>;
/// How long something took, by the value of one label.
pub type Durations = Family<[Label; 1], Histogram, fn() -> Histogram>;

/// Each line is a static, a name in the registry, and for both the words that say what it counts.
macro_rules! metrics {
    ($(#[doc = $help:literal] $static:ident: $kind:ty = $name:literal, $new:expr;)*) => {
        $(#[doc = $help] pub static $static: LazyLock<$kind> = LazyLock::new(|| $new);)*

        /// The names of all, without what is put before and behind them.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Everything counted so far.
        fn registry() -> Registry {
            let mut registry = Registry::with_prefix("holdpoint");
            $(registry.register($name, $help.trim(), $static.clone());)*
            registry
        }
    };
}

metrics! {
    /// Task tokens stored: opening a round, or rotated into one
    TOKENS: Counts<1> = "task_tokens", Counts::default();
    /// Task tokens that Step Functions knew no more
    TOKENS_LOST: Counter = "task_tokens_lost", Counter::default();
    /// Reviews closed, by how they ended
    CLOSED: Counts<1> = "reviews_closed", Counts::default();
    /// Votes taken, by the way they came and what they say
    VOTES: Counts<2> = "votes", Counts::default();
    /// Votes refused, by why
    REFUSALS: Counts<1> = "refusals", Counts::default();
    /// From opening a review to the first look at its page in this process
    FIRST_VIEW: Histogram = "first_view_seconds", patient();
    /// From opening a review to the vote that decided
    DECISION: Histogram = "decision_seconds", patient();
    /// From queueing a notice to having dealt with it
    NOTICE_LAG: Durations = "notice_lag_seconds", Durations::new_with_constructor(quick);
    /// Tries to deliver a notice that failed, by what follows
    NOTICES_FAILED: Counts<1> = "notices_failed", Counts::default();
    /// Average time between two ticks of a review so far, each with its heartbeat: far above the tick, they come late
    TICK_INTERVAL: Histogram = "tick_interval_seconds", quick();
    /// Handling one message of a queue
    MESSAGES: Durations = "message_seconds", Durations::new_with_constructor(quick);
    /// Pushes, by what became of them
    PUSHES: Counts<1> = "pushes", Counts::default();
    /// From a push's event to the start of its execution
    PUSH_LAG: Histogram = "push_lag_seconds", quick();
    /// Judging one push, without fetching it
    JUDGING: Histogram = "judging_seconds", quick();
    /// Records judged
    RECORDS: Counter = "records", Counter::default();
}

/// For what people take.
fn patient() -> Histogram {
    Histogram::new([60.0, 300.0, 900.0, 3_600.0, 4.0 * 3_600.0, 12.0 * 3_600.0, 24.0 * 3_600.0, 72.0 * 3_600.0])
}

/// For what programs take.
fn quick() -> Histogram {
    Histogram::new([0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 900.0, 3_600.0])
}

fn render(registry: &Registry) -> String {
    let mut out = String::new();
    text::encode(&mut out, registry).expect("a string takes everything");
    out
}

/// A duration of people, in seconds.
pub fn seconds_between(since: jiff::Timestamp, until: jiff::Timestamp) -> f64 {
    until.duration_since(since).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b50_what_is_counted_is_written_as_prometheus_reads_it() {
        VOTES.get_or_create(&[("way", "slack"), ("verdict", "approve")]).inc();
        JUDGING.observe(0.7);
        let text = render(&registry());
        for line in [
            "# HELP holdpoint_votes Votes taken, by the way they came and what they say.\n# TYPE holdpoint_votes counter\n",
            "holdpoint_votes_total{way=\"slack\",verdict=\"approve\"} 1\n",
            "# TYPE holdpoint_judging_seconds histogram\n",
            "holdpoint_judging_seconds_bucket{le=\"0.5\"} 0\nholdpoint_judging_seconds_bucket{le=\"1.0\"} 1\n",
            "holdpoint_judging_seconds_sum 0.7\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
