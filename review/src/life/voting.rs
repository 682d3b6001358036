//! Votes: taken, refused, found again.

use jiff::Timestamp;

use super::{Action, Step, after_closing, notices::missing_changes};
use crate::{Closing, Event, NotAllowed, Outcome, Round, Verdict, Voter, Who, may_decide};

/// Refusals that one round remembers: somebody who presses all day must not fill the ledger.
const REFUSALS: usize = 20;

/// Why a vote was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No right to decide.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The round is closed.
    #[error("this review is closed: {}", .0.as_str())]
    Closed(Outcome),
    /// This person has voted, and a vote is final.
    #[error("you have voted already")]
    Voted(Verdict),
}

/// Takes a reviewer's vote: write the round, then carry out the actions.
///
/// # Errors
/// [`Refusal`]; nothing changes. A [`Refusal::Closed`] or [`Refusal::Voted`] after a write of unknown outcome may be one's
/// own vote that arrived: [`own_vote`] tells.
pub fn vote(
    round: &Round,
    who: &Who,
    verdict: Verdict,
    reason: Option<String>,
    now: Timestamp,
) -> Result<Step, Refusal> {
    let voter = may_decide(&round.route, &round.request, who)?;
    if let Some(outcome) = round.outcome() {
        return Err(Refusal::Closed(outcome));
    }
    if now >= round.deadline {
        return Err(Refusal::Closed(Outcome { closing: Closing::Expired, not_applied: false }));
    }
    if let Some((_, earlier, _)) = round.votes().find(|(earlier, ..)| earlier.id == voter.id) {
        return Err(Refusal::Voted(earlier));
    }
    let decides = verdict == Verdict::Reject || round.approvals() + 1 >= round.route.quorum as usize;
    let next = round.with(Event::Vote { voter, verdict, reason, decides }, now);
    let then = if decides { after_closing(&next) } else { missing_changes(&next).map(Action::Notify).collect() };
    Ok(Step::write(next, then))
}

/// Whether this person's same vote is in the round: then a second try is a success, not a refusal.
pub fn own_vote(round: &Round, voter: &Voter, verdict: Verdict) -> bool {
    round.votes().any(|(earlier, said, _)| earlier.id == voter.id && said == verdict)
}

/// The round with a note that somebody without the right to it wanted to decide. None where there is nothing to note: it is
/// closed, the same person was refused so before, or it has notes enough.
pub fn refused(round: &Round, who: &Who, why: NotAllowed, now: Timestamp) -> Option<Round> {
    let refusal = Event::Refused { who: who.in_ledger(), why };
    let is_refusal = |event: &Event| matches!(event, Event::Refused { .. });
    let known = round.events.iter().any(|entry| entry.event == refusal);
    let enough = round.events.iter().filter(|entry| is_refusal(&entry.event)).count() >= REFUSALS;
    (round.is_open() && !known && !enough).then(|| round.with(refusal, now))
}
