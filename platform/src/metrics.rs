//! What can be counted, in the text form of Prometheus: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! A few lines instead of a library: counters and histograms with one or two labels of few values, and no registry, since
//! all there is stands in this file. Counted per process; nothing here decides anything. No label holds a name that came
//! from outside: customers and datasets would make a series each.

mod cells;
mod serve;

pub use self::{
    cells::{Counter, Histogram},
    serve::MetricsServer,
};

/// Seconds that people take.
const PATIENT: &[f64] = &[60.0, 300.0, 900.0, 3_600.0, 4.0 * 3_600.0, 12.0 * 3_600.0, 24.0 * 3_600.0, 72.0 * 3_600.0];
/// Seconds that programs take.
const QUICK: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 900.0, 3_600.0];

/// Rounds opened, and tokens that joined one.
pub static TOKENS: Counter = Counter::new(
    "holdpoint_task_tokens_total",
    "Task tokens stored: opening a round, or rotated into one",
    &["became"],
);
/// Tokens of open or untold rounds that Step Functions knew no more.
pub static TOKENS_LOST: Counter =
    Counter::new("holdpoint_task_tokens_lost_total", "Task tokens that Step Functions knew no more", &[]);
/// Rounds closed, by how.
pub static CLOSED: Counter =
    Counter::new("holdpoint_reviews_closed_total", "Reviews closed, by how they ended", &["outcome"]);
/// Votes taken, by the way they came and what they say.
pub static VOTES: Counter = Counter::new("holdpoint_votes_total", "Votes taken", &["way", "verdict"]);
/// Votes refused, by why.
pub static REFUSALS: Counter = Counter::new("holdpoint_refusals_total", "Votes refused", &["why"]);
/// From opening to the first look in this process.
pub static FIRST_VIEW: Histogram =
    Histogram::new("holdpoint_first_view_seconds", "From opening a review to the first look at its page", "", PATIENT);
/// From opening to the vote that decided.
pub static DECISION: Histogram =
    Histogram::new("holdpoint_decision_seconds", "From opening a review to its decision", "", PATIENT);
/// From queueing a notice to its delivery.
pub static NOTICE_LAG: Histogram =
    Histogram::new("holdpoint_notice_lag_seconds", "From queueing a notice to having dealt with it", "channel", QUICK);
/// Tries of notices that failed, by what follows.
pub static NOTICES_FAILED: Counter =
    Counter::new("holdpoint_notices_failed_total", "Tries to deliver a notice that failed", &["then"]);
/// The average time between two ticks of a review so far: far above the tick, heartbeats come late.
pub static TICK_INTERVAL: Histogram = Histogram::new(
    "holdpoint_tick_interval_seconds",
    "Average time between two ticks of a review so far, each with its heartbeat",
    "",
    QUICK,
);
/// Messages handled, by queue: of the pushes queue these are the analyzer's pushes.
pub static MESSAGES: Histogram =
    Histogram::new("holdpoint_message_seconds", "Handling one message of a queue", "queue", QUICK);

/// Everything counted so far.
pub fn render() -> String {
    let counters = [&TOKENS, &TOKENS_LOST, &CLOSED, &VOTES, &REFUSALS, &NOTICES_FAILED];
    let histograms = [&FIRST_VIEW, &DECISION, &NOTICE_LAG, &TICK_INTERVAL, &MESSAGES];
    let mut out = String::new();
    for counter in counters {
        counter.render(&mut out);
    }
    for histogram in histograms {
        histogram.render(&mut out);
    }
    out
}

/// A duration of people, in seconds.
pub fn seconds_between(since: jiff::Timestamp, until: jiff::Timestamp) -> f64 {
    until.duration_since(since).as_secs_f64().max(0.0)
}
