//! What an execution's history says of one round: whether its task was answered, by whom, and whether more may come.
//!
//! Histories lag by their tail. So what is missing in one says nothing, until something is in it that only comes after: a
//! later visit of the same review, or the execution's end. The end alone is not enough where our own visit is not seen: a
//! redriven execution keeps the end of its first run.

use std::collections::BTreeSet;

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};
use holdpoint_review::{ActivityInput, AnswerMark, ExecutionFacts, Round};

/// Events carry no token, so that our answers are known by the review and round in output or cause, and another's by the
/// chain of `previousEventId` from the answer back to the scheduling of our task, which is known by its input.
pub(super) fn judge(round: &Round, events: &[HistoryEvent], facts: &mut ExecutionFacts) {
    let mut ours = BTreeSet::new();
    for event in events {
        let follows_ours = ours.contains(&event.previous_event_id());
        match event.r#type() {
            HistoryEventType::ActivityScheduled => match visits(round, event) {
                Some(Visited::Ours) => {
                    ours.insert(event.id());
                }
                Some(Visited::Another) => facts.history_is_whole |= !ours.is_empty(),
                None => {}
            },
            HistoryEventType::ActivityStarted if follows_ours => {
                ours.insert(event.id());
            }
            HistoryEventType::ActivitySucceeded | HistoryEventType::ActivityFailed => {
                let by_us = answer_mark(event)
                    .is_some_and(|mark| mark.review_id == round.review_id && mark.round == round.round);
                facts.answered_by_us |= by_us;
                facts.answered_by_another |= follows_ours && !by_us;
            }
            HistoryEventType::ExecutionSucceeded
            | HistoryEventType::ExecutionFailed
            | HistoryEventType::ExecutionAborted
            | HistoryEventType::ExecutionTimedOut => facts.history_is_whole |= !ours.is_empty(),
            _ => {}
        }
    }
}

/// Whose entry into the waiting state of one review.
enum Visited {
    Ours,
    Another,
}

fn visits(round: &Round, event: &HistoryEvent) -> Option<Visited> {
    let input = event.activity_scheduled_event_details().and_then(|details| details.input());
    let input = input.and_then(|text| ActivityInput::parse(text).ok())?;
    if input.review_id() != round.review_id {
        return None;
    }
    Some(if input.visit == *round.visit() { Visited::Ours } else { Visited::Another })
}

fn answer_mark(event: &HistoryEvent) -> Option<AnswerMark> {
    let output = event.activity_succeeded_event_details().and_then(|details| details.output());
    let cause = event.activity_failed_event_details().and_then(|details| details.cause());
    output.or(cause).and_then(AnswerMark::read)
}

#[cfg(test)]
mod tests;
