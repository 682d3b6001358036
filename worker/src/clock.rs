//! The clock: each message in its queue makes one round tick, again and again, until nothing is left to do for it.
//!
//! The safety net of everything else. Whatever a crash left half done — a notice that was not queued, an answer that Step
//! Functions did not hear, an index entry — the next tick finishes. Two ticks of one round at once are harmless, so that a
//! message may well come again while it is still in hand.

use std::time::Duration;

use holdpoint_platform::{
    After, Consumer, Interrupted, Message, Pulse, ReadError, Reviews, Stop, WriteError, metrics, now,
};
use holdpoint_review::{ClockMessage, Input, Round, step};
use jiff::{SignedDuration, Timestamp};
use tracing::{Instrument, debug, error, info_span, warn};

/// Enough for 10,000 open reviews at a tick of a minute, each taking a tenth of a second.
const TICKS_AT_ONCE: usize = 32;
/// The clock message is sent before the round is written: so long, a missing round may still come.
const ROUND_COMES_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// Ticks from one repair of the index to the next: an hour. Each is a write, which at every tick would be most of the cost.
const REPAIR_EVERY: u32 = 60;
/// How long SQS holds an empty receive, its maximum.
const WAIT: Duration = Duration::from_secs(20);
/// After a tick that another write interrupted.
const SOON: Duration = Duration::from_secs(2);

/// Ticks until asked to stop.
pub(crate) async fn run(reviews: Reviews, stop: &Stop, pulse: Pulse) {
    let consumer = Consumer {
        queue: reviews.clock.clone(),
        at_once: TICKS_AT_ONCE,
        // A worker that died with it is missed for two ticks, far less than the heartbeat's five.
        visibility: (reviews.tick * 2).max(Duration::from_secs(5)),
        wait: WAIT,
        pulse,
    };
    consumer.run(stop.clone(), |message| tick(reviews.clone(), message)).await;
}

async fn tick(reviews: Reviews, message: Message) -> After {
    let Ok(clock) = serde_json::from_str::<ClockMessage>(&message.body) else {
        error!("a message in the clock queue is no clock message; it was deleted");
        return After::Delete;
    };
    let span = info_span!("tick", review.id = %clock.review_id, review.round = clock.round);
    let ticked = tick_round(&reviews, &clock, message.sent_at, message.receives).instrument(span.clone()).await;
    let _entered = span.enter();
    ticked.unwrap_or_else(|interrupted| after_interruption(&interrupted, reviews.tick))
}

async fn tick_round(
    reviews: &Reviews,
    clock: &ClockMessage,
    sent_at: Timestamp,
    receives: u32,
) -> Result<After, Interrupted> {
    let Some(stored) = reviews.ledger.read(&clock.review_id, clock.round).await? else {
        return Ok(without_round(sent_at, now(), reviews.tick));
    };
    let age = metrics::seconds_between(sent_at, now());
    metrics::TICK_INTERVAL.observe(age / f64::from(receives.max(1)));
    if receives % REPAIR_EVERY == 1 && stored.round.is_open() {
        repair_index(reviews, &stored.round).await;
    }
    let due = Input::Tick { generation: clock.generation, sent_at };
    let due = step(&stored.round, due, now());
    let carried = Box::pin(reviews.carry_out(stored, due)).await?;
    if carried.delete_clock {
        return Ok(After::Delete);
    }
    // Last, so that nothing here can cost a heartbeat.
    Box::pin(reviews.look_for_newer(carried.stored)).await?;
    Ok(After::Again(with_jitter(reviews.tick)))
}

/// Whoever sent the message may have died before the round was written; then nobody will ever need it.
fn without_round(sent_at: Timestamp, now: Timestamp, tick: Duration) -> After {
    if now.duration_since(sent_at) > ROUND_COMES_WITHIN {
        debug!("a clock message whose round never came was deleted");
        After::Delete
    } else {
        After::Again(with_jitter(tick))
    }
}

/// The index only helps people to an overview: a tick goes on without it.
async fn repair_index(reviews: &Reviews, round: &Round) {
    if let Err(error) = reviews.ledger.enter_index(round).await {
        warn!(error = &error as &dyn std::error::Error, "the index of open reviews could not be repaired");
    }
}

/// A tick, give or take a tenth, so that reviews of one morning do not tick together for ever. In whole seconds, as SQS
/// counts, and never none.
fn with_jitter(tick: Duration) -> Duration {
    let seconds = tick.as_secs();
    let tenth = seconds / 10;
    Duration::from_secs(fastrand::u64(seconds - tenth..=seconds + tenth).max(1))
}

/// The tick ends and is not taken up again where it stopped: the next one starts at what the ledger says then.
fn after_interruption(interrupted: &Interrupted, tick: Duration) -> After {
    let cause = interrupted as &dyn std::error::Error;
    match interrupted {
        Interrupted::Read(ReadError::Foreign { .. }) => {
            error!(error = cause, "a round cannot tick");
            return After::Again(with_jitter(tick));
        }
        Interrupted::Write(WriteError::Refused) => debug!("another write came first; the round ticks again soon"),
        _ => warn!(error = cause, "a tick was interrupted; the round ticks again soon"),
    }
    After::Again(SOON.min(tick))
}

#[cfg(test)]
mod tests;
