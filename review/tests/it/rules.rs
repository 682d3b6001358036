//! What must hold in every state of the world, and what must hold in the end.

use std::collections::{BTreeMap, BTreeSet};

use holdpoint_review::{Closing, Event, Outcome, Purpose, Round, Visit, WhenReplaced};

use crate::{
    execution::{Status, TaskState},
    world::State,
};

/// Rules that need to remember what was.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// How each round was closed, and for which visit.
    closed: BTreeMap<u32, (Closing, Visit)>,
}

type Verdict = Result<(), String>;

fn must(holds: bool, rule: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(rule()) }
}

impl Rules {
    /// The rules that never break; `idle` says that no service is in the middle of something.
    pub(crate) fn check(&mut self, state: &State, idle: bool) -> Verdict {
        let visits: BTreeSet<_> = state.rounds.iter().map(|stored| entry(stored.round.visit())).collect();
        must(visits.len() == state.rounds.len(), || "two rounds for one visit".into())?;
        for stored in &state.rounds {
            self.check_round(state, &stored.round)?;
            must(!idle || !owes(state, &stored.round) || has_clock(state, &stored.round), || {
                format!("round {} has things left to do and no clock message", stored.round.round)
            })?;
        }
        self.check_answers(state)
    }

    fn check_round(&mut self, state: &State, round: &Round) -> Verdict {
        let name = round.round;
        must(closing_events(round) <= 1, || format!("round {name} has two closing events"))?;
        if let Some((closing, _)) = round.closing() {
            let first = self.closed.entry(name).or_insert_with(|| (closing, round.visit().clone()));
            must(first.0 == closing, || format!("round {name} was closed as {:?}, then as {closing:?}", first.0))?;
        }
        let answered = state
            .execution
            .tasks
            .iter()
            .any(|task| matches!(task.state, TaskState::Answered { by, .. } if by == Some(name)));
        let disturbed = state.execution.aborted || state.execution.answered_by_another;
        match round.outcome() {
            Some(Outcome { closing: Closing::Withdrawn, .. }) => {
                must(disturbed, || format!("round {name} withdrawn for no reason"))?;
            }
            Some(Outcome { not_applied: true, .. }) => {
                must(!answered, || format!("round {name} says not applied, but it was"))?;
                must(disturbed, || format!("round {name} not applied for no reason"))?;
            }
            _ if round.resolved() == Some(true) => {
                must(answered, || format!("round {name} says applied, but it was not"))?;
            }
            _ => {}
        }
        let live = |purpose| {
            let posts = state.slack.iter().filter(|post| post.round == name && post.purpose == purpose);
            posts.filter(|post| post.is_live()).count()
        };
        must(live(Purpose::Request) <= 1, || format!("round {name} has two live requests in one channel"))
    }

    fn check_answers(&self, state: &State) -> Verdict {
        for task in &state.execution.tasks {
            let TaskState::Answered { by: Some(number), approved } = task.state else { continue };
            let Some((closing, visit)) = self.closed.get(&number) else {
                return Err(format!("round {number} answered before it was closed"));
            };
            let agrees = match closing {
                Closing::Approved | Closing::ApprovedUnseen => approved,
                Closing::Rejected | Closing::Expired | Closing::Replaced => !approved,
                Closing::Withdrawn => false,
            };
            must(agrees, || format!("round {number} was {closing:?}, but Step Functions heard otherwise"))?;
            must(task.visit.is_same_entry(visit), || format!("round {number} answered another visit"))?;
        }
        Ok(())
    }
}

fn closing_events(round: &Round) -> usize {
    let withdraws = round.route.when_replaced == WhenReplaced::Withdraw;
    let closes = |event: &Event| match event {
        Event::Vote { decides: true, .. } | Event::Expired | Event::Withdrawn => true,
        Event::Replaced(_) => withdraws,
        _ => false,
    };
    round.events.iter().filter(|entry| closes(&entry.event)).count()
}

fn entry(visit: &Visit) -> (&str, u32) {
    (&visit.entered, visit.redrives)
}

/// Whether the clock still has to do something for a round: it is open, the workflow may not have heard, or a message does
/// not say how it ended. Read from the events and the messages, not from what the round says of itself.
fn owes(state: &State, round: &Round) -> bool {
    let settles = |event: &Event| matches!(event, Event::Withdrawn | Event::Resolved { .. });
    let settled = round.events.iter().any(|entry| settles(&entry.event));
    let outcome = round.outcome();
    let mut posts = state.slack.iter().filter(|post| post.round == round.round && !post.deleted);
    closing_events(round) == 0 || !settled || posts.any(|post| post.says != outcome)
}

fn has_clock(state: &State, round: &Round) -> bool {
    let ticks = |generation| generation >= round.generation();
    state.clock.iter().any(|entry| entry.message.round == round.round && ticks(entry.message.generation))
}

/// Nothing is left half done. An open round may stay open: alive, with one clock message and its request before people.
pub(crate) fn at_rest(state: &State) -> Verdict {
    must(state.notices.is_empty(), || format!("{} notices are queued", state.notices.len()))?;
    for stored in &state.rounds {
        let round = &stored.round;
        match round.outcome() {
            Some(outcome) => closed_at_rest(state, round, outcome)?,
            None => open_at_rest(state, round)?,
        }
        let size = serde_json::to_vec(round).unwrap();
        must(size.len() < 64 * 1024, || format!("the document has {} bytes", size.len()))?;
        must(serde_json::from_slice::<Round>(&size).unwrap() == *round, || "the document reads otherwise".into())?;
    }
    let orphan = |number: u32| number as usize > state.rounds.len();
    must(!state.clock.iter().any(|entry| orphan(entry.message.round)), || "a clock message without a round".into())?;
    match state.execution.status {
        Status::Waiting => must(state.rounds.last().is_some_and(|stored| stored.round.is_open()), || {
            "the execution waits, and nobody is asked".into()
        }),
        Status::Passing { .. } => Err("the execution is on its way".into()),
        Status::Ended => Ok(()),
    }
}

fn closed_at_rest(state: &State, round: &Round, outcome: Outcome) -> Verdict {
    let name = round.round;
    must(!owes(state, round), || format!("round {name} is closed and not finished"))?;
    must(!state.clock.iter().any(|entry| entry.message.round == name), || format!("round {name} still ticks"))?;
    let every_channel = round.asked().all(|channel| round.said(&channel) == Some(outcome));
    must(every_channel, || format!("a channel was not told how round {name} ended"))
}

fn open_at_rest(state: &State, round: &Round) -> Verdict {
    let name = round.round;
    must(state.execution.is_alive(round.token()), || format!("round {name} is open and cannot be answered"))?;
    let ticking = state.clock.iter().filter(|entry| entry.message.round == name).count();
    must(ticking >= 1, || format!("round {name} is open and does not tick"))?;
    for channel in round.asked() {
        let asked = |post: &&crate::world::Post| post.channel == channel && post.round == name && post.is_live();
        let requests = state.slack.iter().filter(asked).filter(|post| post.purpose == Purpose::Request).count();
        must(requests == 1, || format!("round {name} has {requests} requests in one channel"))?;
        let change = Purpose::Change(round.changes_for(&channel));
        let shown = change == Purpose::Change(0) || round.receipt(&channel, change).is_some();
        must(shown, || format!("round {name} stands otherwise than its question says"))?;
    }
    Ok(())
}
