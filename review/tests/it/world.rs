//! A reference world for a review's life: one execution, its ledger, its clock, one queue of notices and Slack.
//!
//! Everything that a service does to it is an effect: it waits for its turn, happens at once, and may lose its reply. So a
//! schedule of turns is an interleaving, and dropping a service between two turns is a crash.

use std::{
    cell::{RefCell, RefMut},
    future::poll_fn,
    task::Poll,
};

use holdpoint_review::{
    Answer, AnswerMark, Channel, ClockMessage, ExecutionFacts, Notice, Outcome, Purpose, Round, TaskToken,
};
use jiff::{SignedDuration, Timestamp};

use crate::execution::Execution;

/// SQS forgets a deduplication id after five minutes.
const DEDUPLICATION: SignedDuration = SignedDuration::from_mins(5);

/// From a worker's clock message to its CAS.
const OPENING: SignedDuration = SignedDuration::from_mins(5);

/// What may go wrong with one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never happened.
    NotSent,
    /// It happened, and nobody heard.
    ReplyLost,
}

/// The reply did not come: it may have happened or not.
#[derive(Debug)]
pub(crate) struct Unknown;

/// A round as it was read, with what a compare-and-swap needs.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) round: Round,
    pub(crate) etag: u64,
}

/// One message in the clock queue.
#[derive(Debug, Clone)]
pub(crate) struct ClockEntry {
    pub(crate) id: u64,
    pub(crate) message: ClockMessage,
    pub(crate) sent_at: Timestamp,
}

/// One message in the notices queue.
#[derive(Debug, Clone)]
pub(crate) struct QueuedNotice {
    pub(crate) id: u64,
    pub(crate) notice: Notice,
}

/// One message in Slack.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) channel: Channel,
    pub(crate) round: u32,
    pub(crate) purpose: Purpose,
    /// What it says: nothing but the question, with buttons, or how the round ended, without.
    pub(crate) says: Option<Outcome>,
    pub(crate) deleted: bool,
}

impl Post {
    pub(crate) fn is_live(&self) -> bool {
        self.says.is_none() && !self.deleted
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) execution: Execution,
    pub(crate) rounds: Vec<Stored>,
    pub(crate) clock: Vec<ClockEntry>,
    pub(crate) notices: Vec<QueuedNotice>,
    pub(crate) slack: Vec<Post>,
    /// Tokens that were just found alive and are about to be stored, and since when: a worker that takes longer than five
    /// minutes sends its clock message again, and one that stalls longer than a heartbeat starts again at the read.
    pub(crate) fresh: Vec<(TaskToken, Timestamp)>,
    /// What goes wrong with the next effect.
    pub(crate) fault: Option<Fault>,
    /// Whose turn it is, for the log.
    pub(crate) at_turn: String,
    /// Every effect in order, for whoever must understand a failure.
    pub(crate) log: Vec<String>,
    deduplication: Vec<(String, Timestamp)>,
    last_id: u64,
}

/// The world that all services share.
#[derive(Debug)]
pub(crate) struct World(RefCell<State>);

impl World {
    pub(crate) fn new(execution: Execution) -> Self {
        Self(RefCell::new(State {
            now: "2026-11-22T08:14:00Z".parse().unwrap(),
            execution,
            rounds: vec![],
            clock: vec![],
            notices: vec![],
            slack: vec![],
            fresh: vec![],
            fault: None,
            at_turn: String::new(),
            log: vec![],
            deduplication: vec![],
            last_id: 0,
        }))
    }

    /// Never held over an `await`.
    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.state().now
    }

    async fn effect<T: std::fmt::Debug>(&self, name: String, act: impl FnOnce(&mut State) -> T) -> Result<T, Unknown> {
        let mut waited = false;
        poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        let mut state = self.state();
        let fault = state.fault.take();
        let name = format!("{}: {name}", state.at_turn);
        if fault == Some(Fault::NotSent) {
            state.log.push(format!("{name}: not sent"));
            return Err(Unknown);
        }
        let reply = act(&mut state);
        let lost = fault == Some(Fault::ReplyLost);
        state.log.push(if lost { format!("{name}: done, reply lost") } else { name });
        if lost { Err(Unknown) } else { Ok(reply) }
    }

    pub(crate) async fn read(&self, round: u32) -> Result<Option<Stored>, Unknown> {
        self.effect(format!("read round {round}"), |state| state.rounds.get(round as usize - 1).cloned()).await
    }

    pub(crate) async fn read_latest(&self) -> Result<Option<Stored>, Unknown> {
        self.effect("read the latest round".into(), |state| state.rounds.last().cloned()).await
    }

    /// Compare-and-swap; none where it is refused.
    pub(crate) async fn replace(&self, over: &Stored, round: Round) -> Result<Option<Stored>, Unknown> {
        let name = format!("CAS round {}: {:?}", round.round, round.events.last().unwrap().event);
        self.effect(name, |state| {
            let etag = state.id();
            let place = &mut state.rounds[round.round as usize - 1];
            (place.etag == over.etag).then(|| {
                *place = Stored { round, etag };
                place.clone()
            })
        })
        .await
    }

    /// Creates a round that must not exist; none where it does.
    pub(crate) async fn create(&self, round: Round) -> Result<Option<Stored>, Unknown> {
        self.effect(format!("create round {}", round.round), |state| {
            let stored = Stored { etag: state.id(), round };
            (state.rounds.len() + 1 == stored.round.round as usize).then(|| {
                state.rounds.push(stored.clone());
                stored
            })
        })
        .await
    }

    pub(crate) async fn send_clock(&self, message: ClockMessage) -> Result<(), Unknown> {
        let name = format!("send clock, round {}, generation {}", message.round, message.generation);
        self.effect(name, |state| {
            let entry = ClockEntry { id: state.id(), sent_at: state.now, message };
            state.clock.push(entry);
        })
        .await
    }

    pub(crate) async fn delete_clock(&self, id: u64) -> Result<(), Unknown> {
        self.effect(format!("delete clock {id}"), |state| state.clock.retain(|entry| entry.id != id)).await
    }

    pub(crate) async fn queue(&self, notice: Notice) -> Result<(), Unknown> {
        let name = format!("queue {:?} {:?} of round {}", notice.purpose, notice.says, notice.round);
        self.effect(name, |state| {
            let (id, now) = (notice.deduplication_id(), state.now);
            state.deduplication.retain(|(_, at)| now.duration_since(*at) < DEDUPLICATION);
            if !state.deduplication.iter().any(|(known, _)| *known == id) {
                state.deduplication.push((id, now));
                let queued = QueuedNotice { id: state.id(), notice };
                state.notices.push(queued);
            }
        })
        .await
    }

    pub(crate) async fn delete_notice(&self, id: u64) -> Result<(), Unknown> {
        self.effect(format!("delete notice {id}"), |state| state.notices.retain(|queued| queued.id != id)).await
    }

    /// Whether Step Functions knows the token.
    pub(crate) async fn heartbeat(&self, token: &TaskToken) -> Result<bool, Unknown> {
        self.effect(format!("heartbeat {}", token.expose()), |state| state.execution.is_alive(token)).await
    }

    /// Whether Step Functions took the answer.
    pub(crate) async fn tell(&self, token: &TaskToken, answer: &Answer) -> Result<bool, Unknown> {
        let (approved, text) = match answer {
            Answer::Success { output } => (true, output),
            Answer::Failure { cause, .. } => (false, cause),
        };
        let mark = AnswerMark::read(text).unwrap();
        self.effect(format!("tell {} {approved}", token.expose()), |state| {
            state.execution.answer(token, Some(mark.round), approved)
        })
        .await
    }

    pub(crate) async fn describe(&self) -> Result<bool, Unknown> {
        self.effect("describe".into(), |state| state.execution.is_running()).await
    }

    /// The part of the facts that the history knows.
    pub(crate) async fn history(&self, round: &Round) -> Result<ExecutionFacts, Unknown> {
        self.effect("read the history".into(), |state| state.execution.history(round)).await
    }

    pub(crate) async fn has_later(&self, round: &Round) -> Result<bool, Unknown> {
        self.effect("look for a later round".into(), |state| state.rounds.len() > round.round as usize).await
    }

    /// The first message of that kind in the channel: its place is its `ts`.
    pub(crate) async fn look_back(&self, notice: &Notice) -> Result<Option<usize>, Unknown> {
        self.effect(format!("look back for {:?}", notice.purpose), |state| {
            state.slack.iter().position(|post| {
                post.channel == notice.channel
                    && post.round == notice.round
                    && post.purpose == notice.purpose
                    && !post.deleted
            })
        })
        .await
    }

    pub(crate) async fn post(&self, notice: &Notice) -> Result<usize, Unknown> {
        self.effect(format!("post {:?} of round {}", notice.purpose, notice.round), |state| {
            state.slack.push(Post {
                channel: notice.channel.clone(),
                round: notice.round,
                purpose: notice.purpose,
                says: None,
                deleted: false,
            });
            state.slack.len() - 1
        })
        .await
    }

    pub(crate) async fn delete_post(&self, ts: usize) -> Result<(), Unknown> {
        self.effect(format!("delete post {ts}"), |state| state.slack[ts].deleted = true).await
    }

    /// Edits every message of the round in the channel.
    pub(crate) async fn edit(&self, notice: &Notice, says: Option<Outcome>) -> Result<(), Unknown> {
        let what = says.map_or("ask", Outcome::as_str);
        self.effect(format!("edit round {} to {what}", notice.round), |state| {
            let of_round = |post: &&mut Post| post.channel == notice.channel && post.round == notice.round;
            state.slack.iter_mut().filter(of_round).for_each(|post| post.says = says);
        })
        .await
    }
}

impl State {
    /// Lets time pass, but no more than a worker may take from its clock message to its CAS.
    pub(crate) fn wait(&mut self, time: SignedDuration) {
        let until = self.fresh.iter().map(|(_, since)| *since + OPENING).min();
        self.now = until.map_or(self.now + time, |until| until.min(self.now + time));
    }

    fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
