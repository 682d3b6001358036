//! A review's life as a pure function: `(round, input, now) → (round to write, actions)`.
//!
//! Services only carry out what it says: first the write, by compare-and-swap with the `ETag` under which the round was
//! read; if that is refused, nothing else happens. Then the actions, in order. Every input may come late, twice or never:
//! an input that no longer fits the round changes nothing.
//!
//! The orders of effects come from an exhaustive model; ARCHITECTURE.md names the rules they keep.

use jiff::{SignedDuration, Timestamp};

use self::notices::{due_reminders, missing_changes, missing_outcomes, missing_requests};
pub use self::voting::{Refusal, own_vote, refused, vote};
use crate::{
    ActivityInput, Answer, BadInput, Channel, Event, Newer, Notice, Outcome, Purpose, Round, Route, TaskToken,
    WhenReplaced,
};

mod notices;
mod voting;

/// A clock message older than this is succeeded by a new one: the queue keeps messages 14 days at most.
const RENEW_CLOCK_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Newer versions that one round speaks of: a key that is written every minute must not fill the ledger.
const REPLACEMENTS: usize = 10;

/// What happened to an open or closed round.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A clock message was received.
    Tick {
        /// The message's generation.
        generation: u32,
        /// When the message was sent.
        sent_at: Timestamp,
    },
    /// Step Functions took the answer.
    Told,
    /// Step Functions knows the newest token no more; this is what it says of the execution.
    TokenLost(ExecutionFacts),
    /// A message went out, or had to no more.
    Notified {
        /// Where to.
        channel: Channel,
        /// What for.
        purpose: Purpose,
        /// Slack's `ts` or the mail's `Message-ID`.
        receipt: Option<String>,
    },
    /// A channel shows this outcome, and no live button.
    NoticeFinal {
        /// Which channel.
        channel: Channel,
        /// What it says.
        says: Outcome,
        /// Only in the thread of a question that could not be edited.
        in_thread_only: bool,
    },
    /// A newer version of what was delivered is there.
    Replaced(Newer),
    /// A notice went to the dead-letter queue.
    Undelivered {
        /// Where to.
        channel: Channel,
        /// What for.
        purpose: Purpose,
        /// Why.
        reason: String,
    },
}

/// What Step Functions says of an execution, for one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts, each read on its own and any of them true beside any other")]
pub struct ExecutionFacts {
    /// Whether it still runs.
    pub running: bool,
    /// Whether the history that was read holds all there will ever be of the round's visit: it shows a later visit of the
    /// review, or the execution's end.
    pub history_is_whole: bool,
    /// An answer in the history that carries this review and round.
    pub answered_by_us: bool,
    /// The task that this round waits for was answered by somebody else.
    pub answered_by_another: bool,
    /// The ledger has a later round of this review.
    pub later_round: bool,
}

/// What a service does next, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Tell Step Functions that the task is alive.
    Heartbeat,
    /// Tell Step Functions the answer. Taken: feed [`Input::Told`]; lost: feed [`Input::TokenLost`].
    Tell(Answer),
    /// Put a message into the notices queue.
    Notify(Notice),
    /// Send a clock message of this generation, then write [`renewed`], then delete the one received.
    RenewClock(u32),
    /// Remove the review from the index of open reviews.
    LeaveIndex,
    /// Delete the clock message that was received.
    DeleteClock,
}

/// What comes of an input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    /// The round to write before anything else is done; none where nothing changed.
    pub write: Option<Round>,
    /// What to do once that is written.
    pub then: Vec<Action>,
}

impl Step {
    fn act(then: Vec<Action>) -> Self {
        Self { write: None, then }
    }

    fn write(round: Round, then: Vec<Action>) -> Self {
        Self { write: Some(round), then }
    }
}

/// One step of a round's life.
pub fn step(round: &Round, input: Input, now: Timestamp) -> Step {
    match input {
        Input::Tick { generation, sent_at } => tick(round, generation, sent_at, now),
        Input::Told => resolve(round, true, now),
        Input::TokenLost(facts) => token_lost(round, facts, now),
        Input::Notified { channel, purpose, receipt } => match round.receipt(&channel, purpose) {
            Some(_) => Step::default(),
            None => Step::write(round.with(Event::Notified { channel, purpose, receipt }, now), vec![]),
        },
        Input::NoticeFinal { channel, says, .. } if round.said(&channel) == Some(says) => Step::default(),
        Input::NoticeFinal { channel, says, in_thread_only } => {
            Step::write(round.with(Event::NoticeFinal { channel, says, in_thread_only }, now), vec![])
        }
        Input::Replaced(newer) => replaced(round, newer, now),
        Input::Undelivered { channel, purpose, .. } if round.is_undelivered(&channel, purpose) => Step::default(),
        Input::Undelivered { channel, purpose, reason } => {
            Step::write(round.with(Event::Undelivered { channel, purpose, reason }, now), vec![])
        }
    }
}

/// Says so on every surface, or closes the round where the route asks for that. What is decided stays so.
fn replaced(round: &Round, newer: Newer, now: Timestamp) -> Step {
    let known = round.replaced_by() == Some(&newer) || round.replacements() >= REPLACEMENTS;
    if !round.is_open() || known {
        return Step::default();
    }
    let next = round.with(Event::Replaced(newer), now);
    let then = match next.route.when_replaced {
        WhenReplaced::Keep => missing_changes(&next).map(Action::Notify).collect(),
        WhenReplaced::Withdraw => after_closing(&next),
    };
    Step::write(next, then)
}

fn tick(round: &Round, generation: u32, sent_at: Timestamp, now: Timestamp) -> Step {
    if generation < round.generation() {
        return Step::act(vec![Action::DeleteClock]);
    }
    if round.is_finished() {
        return Step::act(vec![Action::LeaveIndex, Action::DeleteClock]);
    }
    if now.duration_since(sent_at) > RENEW_CLOCK_AFTER {
        return Step::act(vec![Action::RenewClock(round.generation().max(generation) + 1)]);
    }
    if !round.is_open() {
        return Step::act(after_closing(round));
    }
    if now >= round.deadline {
        let expired = round.with(Event::Expired, now);
        let then = after_closing(&expired);
        return Step::write(expired, then);
    }
    // The heartbeat first: a notices queue that fails must not cost the token.
    let notices = missing_requests(round).chain(missing_changes(round)).chain(due_reminders(round, now));
    Step::act(std::iter::once(Action::Heartbeat).chain(notices.map(Action::Notify)).collect())
}

/// What an open or closed round still owes: the answer to Step Functions first, then its outcome to every channel.
fn after_closing(round: &Round) -> Vec<Action> {
    let tell = match (round.resolved(), round.decision()) {
        (None, Some(decision)) => Some(Action::Tell(decision.answer())),
        _ => None,
    };
    tell.into_iter().chain(missing_outcomes(round).map(Action::Notify)).collect()
}

fn token_lost(round: &Round, facts: ExecutionFacts, now: Timestamp) -> Step {
    if round.is_open() {
        let asks_no_more = !facts.running || (facts.answered_by_another && !facts.answered_by_us);
        // Running and unanswered: between tokens. Answered by us: an old reading of a round that somebody just closed.
        if !asks_no_more || (facts.running && facts.answered_by_us) {
            return Step::default();
        }
        let withdrawn = round.with(Event::Withdrawn, now);
        let then = after_closing(&withdrawn);
        return Step::write(withdrawn, then);
    }
    if facts.answered_by_us {
        return resolve(round, true, now);
    }
    // A later round says that the visit is over, but not how: only a history that has come so far can tell.
    let can_hear_no_more = facts.history_is_whole && (facts.later_round || !facts.running);
    if can_hear_no_more { resolve(round, false, now) } else { Step::default() }
}

fn resolve(round: &Round, applied: bool, now: Timestamp) -> Step {
    if round.is_open() || round.resolved().is_some() {
        return Step::default();
    }
    let resolved = round.with(Event::Resolved { applied }, now);
    let then = missing_outcomes(&resolved).map(Action::Notify).collect();
    Step::write(resolved, then)
}

/// The round after a clock message was succeeded; none where another tick did it already, or a newer token came.
pub fn renewed(round: &Round, generation: u32, now: Timestamp) -> Option<Round> {
    (round.generation() < generation).then(|| round.with(Event::ClockRenewed { generation }, now))
}

/// What a newly arrived token means.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    /// It is in the ledger already.
    Known,
    /// Write this round under the `ETag` it was read with: the same round with a newer token, open or closed and untold.
    Join(Round),
    /// Create this round: the first, or the next one after a closed one.
    Open(Round),
}

/// Decides where a newly arrived token belongs.
///
/// `latest` is the newest round of its review in the ledger; `route` is asked for only where a round is opened.
///
/// # Errors
/// [`BadInput`]: the request changed within a round, or nobody can be asked. The task is to be failed with it.
pub fn admit(
    latest: Option<&Round>,
    token: &TaskToken,
    input: &ActivityInput,
    route: impl FnOnce() -> Option<Route>,
    now: Timestamp,
) -> Result<Admission, BadInput> {
    let Some(latest) = latest else { return first_or_next(1, token, input, route, now) };
    if latest.knows(token) {
        return Ok(Admission::Known);
    }
    let retried = latest.visit().is_same_entry(&input.visit);
    if !latest.is_open() && (latest.resolved().is_some() || !retried) {
        return first_or_next(latest.round + 1, token, input, route, now);
    }
    if latest.request_hash != input.request.hash() {
        let problem = format!("{:?} was asked with another request while its round is open", input.request.key);
        return Err(BadInput::Field { field: "request.key", problem });
    }
    Ok(Admission::Join(latest.with_token(token, &input.visit, now)))
}

fn first_or_next(
    number: u32,
    token: &TaskToken,
    input: &ActivityInput,
    route: impl FnOnce() -> Option<Route>,
    now: Timestamp,
) -> Result<Admission, BadInput> {
    let no_route = || BadInput::Field {
        field: "request.dataset",
        problem: format!("no route matches dataset {:?}, customer {:?}", input.request.dataset, input.request.customer),
    };
    let route = route().ok_or_else(no_route)?;
    let empty = Round {
        version: 1,
        review_id: input.review_id(),
        round: number,
        request: input.request.clone(),
        request_hash: input.request.hash(),
        deadline: now + SignedDuration::from(route.deadline),
        route,
        token: token.clone(),
        events: Vec::new(),
    };
    Ok(Admission::Open(empty.with_token(token, &input.visit, now)))
}

/// What a round owes as it stands, whoever wrote it: once a token is admitted, or where one's own write of unknown outcome
/// is found. An open round asks; a closed one tells Step Functions, and everybody else.
pub fn owed(round: &Round) -> Vec<Action> {
    if round.is_open() { missing_requests(round).map(Action::Notify).collect() } else { after_closing(round) }
}

#[cfg(test)]
mod tests;
