//! A round: what was asked, and an append-only list of what happened since. Its state is a fold over that list.
//!
//! One JSON document in the ledger. Ticks and retries append nothing, so that it stays small however long a person thinks.
//! Only the newest task token is kept as a secret; of its predecessors the list keeps a fingerprint.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Channel, Closing, ContentHash, Decision, NotAllowed, Outcome, Purpose, PushId, ReviewId, ReviewRequest, Route,
    TaskToken, Verdict, Visit, Voter, WhenReplaced, decision::cut_reason, token,
};

mod surfaces;

/// One asking of a review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Version of this document; 1.
    pub version: u32,
    /// The review.
    pub review_id: ReviewId,
    /// Counted from 1.
    pub round: u32,
    /// What is asked.
    pub request: ReviewRequest,
    /// It must not change within a round.
    pub request_hash: ContentHash,
    /// Who is asked, and by when; as it was when the round was opened.
    pub route: Route,
    /// When it expires.
    pub deadline: Timestamp,
    #[serde(with = "token::in_ledger")]
    pub(crate) token: TaskToken,
    /// What happened, in the order in which it was written.
    pub events: Vec<Entry>,
}

/// One event and when it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// By the clock of the service that wrote it; orders nothing, the list does.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen to a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A task token came, the first or after a retry.
    TokenReceived {
        /// Of the token.
        fingerprint: String,
        /// The entry into the waiting state that it belongs to.
        visit: Visit,
        /// Clock messages below it are stale.
        generation: u32,
    },
    /// A clock message near the end of its retention was succeeded by one of this generation.
    ClockRenewed {
        /// Clock messages below it are stale.
        generation: u32,
    },
    /// A message went out.
    Notified {
        /// Where to.
        channel: Channel,
        /// What for.
        purpose: Purpose,
        /// Slack's `ts` or the mail's `Message-ID`; none where the round was closed before it could be sent.
        receipt: Option<String>,
    },
    /// A reviewer said something.
    Vote {
        /// Who.
        voter: Voter,
        /// What.
        verdict: Verdict,
        /// Why, whole.
        reason: Option<String>,
        /// Whether this vote closed the round.
        decides: bool,
    },
    /// The deadline passed.
    Expired,
    /// The workflow stopped asking.
    Withdrawn,
    /// A newer version of what was delivered is there. The round stays open, unless its route says otherwise.
    Replaced(Newer),
    /// Somebody without the right to it wanted to decide.
    Refused {
        /// Who, as far as that is known.
        who: String,
        /// Why not.
        why: NotAllowed,
    },
    /// A notice could not be delivered, and lies in the dead-letter queue.
    Undelivered {
        /// Where to.
        channel: Channel,
        /// What for.
        purpose: Purpose,
        /// Why, without anybody's address.
        reason: String,
    },
    /// Step Functions has the answer, or can have it no more.
    Resolved {
        /// Whether the workflow went by it.
        applied: bool,
    },
    /// A channel shows this outcome, and no live button.
    NoticeFinal {
        /// Which channel.
        channel: Channel,
        /// What it says.
        says: Outcome,
        /// The question itself could not be edited: its thread says how it ended, and its buttons are refused.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_thread_only: bool,
    },
}

/// The newer version of what a round is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newer {
    /// The push that it is.
    pub push: PushId,
    /// The review that it has if it is held.
    pub review: ReviewId,
}

impl Round {
    /// The round with one more event.
    #[must_use]
    pub(crate) fn with(&self, event: Event, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.events.push(Entry { at: now, event });
        next
    }

    /// The round with a newer token.
    #[must_use]
    pub(crate) fn with_token(&self, token: &TaskToken, visit: &Visit, now: Timestamp) -> Self {
        let event = Event::TokenReceived {
            fingerprint: token.fingerprint(),
            visit: visit.clone(),
            generation: self.generation() + 1,
        };
        Self { token: token.clone(), ..self.with(event, now) }
    }

    /// The newest token: the one that decisions are delivered to.
    pub fn token(&self) -> &TaskToken {
        &self.token
    }

    /// Whether this token was stored here once.
    pub fn knows(&self, token: &TaskToken) -> bool {
        let fingerprint = token.fingerprint();
        self.tokens().any(|(known, _)| *known == fingerprint)
    }

    /// The visit of the newest token.
    pub fn visit(&self) -> &Visit {
        let newest = self.tokens().last();
        newest.map(|(_, visit)| visit).expect("a round is created with its first token")
    }

    fn tokens(&self) -> impl Iterator<Item = (&String, &Visit)> {
        self.events.iter().filter_map(|entry| match &entry.event {
            Event::TokenReceived { fingerprint, visit, .. } => Some((fingerprint, visit)),
            _ => None,
        })
    }

    /// Clock messages of a lower generation are stale.
    pub fn generation(&self) -> u32 {
        let generations = self.events.iter().filter_map(|entry| match entry.event {
            Event::TokenReceived { generation, .. } | Event::ClockRenewed { generation } => Some(generation),
            _ => None,
        });
        generations.max().unwrap_or(0)
    }

    /// When the first token was stored.
    pub fn opened_at(&self) -> Timestamp {
        self.events.first().map_or(Timestamp::UNIX_EPOCH, |entry| entry.at)
    }

    /// The closing event and when it was written; none while the round is open.
    pub fn closing(&self) -> Option<(Closing, Timestamp)> {
        self.events.iter().find_map(|entry| Some((self.closing_by(&entry.event)?, entry.at)))
    }

    /// How an event closes the round; none where it does not.
    fn closing_by(&self, event: &Event) -> Option<Closing> {
        Some(match (event, self.route.at_deadline) {
            (Event::Vote { verdict: Verdict::Approve, decides: true, .. }, _) => Closing::Approved,
            (Event::Vote { verdict: Verdict::Reject, decides: true, .. }, _) => Closing::Rejected,
            (Event::Expired, crate::AtDeadline::Expire) => Closing::Expired,
            (Event::Expired, crate::AtDeadline::ApproveUnseen) => Closing::ApprovedUnseen,
            (Event::Withdrawn, _) => Closing::Withdrawn,
            (Event::Replaced(_), _) if self.route.when_replaced == WhenReplaced::Withdraw => Closing::Replaced,
            _ => return None,
        })
    }

    /// Whether it can still be decided.
    pub fn is_open(&self) -> bool {
        self.closing().is_none()
    }

    /// What every surface must show; none while the round is open.
    pub fn outcome(&self) -> Option<Outcome> {
        let (closing, _) = self.closing()?;
        let not_applied = self.resolved() == Some(false) && closing != Closing::Withdrawn;
        Some(Outcome { closing, not_applied })
    }

    /// Whether Step Functions went by the decision; none while that is not known. A withdrawn round has nothing to tell.
    pub fn resolved(&self) -> Option<bool> {
        let told = self.events.iter().find_map(|entry| match entry.event {
            Event::Resolved { applied } => Some(applied),
            _ => None,
        });
        told.or_else(|| matches!(self.closing(), Some((Closing::Withdrawn, _))).then_some(false))
    }

    /// Votes so far: who, what and why.
    pub fn votes(&self) -> impl Iterator<Item = (&Voter, Verdict, Option<&str>)> {
        self.events.iter().filter_map(|entry| match &entry.event {
            Event::Vote { voter, verdict, reason, .. } => Some((voter, *verdict, reason.as_deref())),
            _ => None,
        })
    }

    /// How many different people approved.
    pub fn approvals(&self) -> usize {
        let ids = self.votes().filter(|(_, verdict, _)| *verdict == Verdict::Approve).map(|(voter, ..)| &voter.id);
        ids.collect::<std::collections::BTreeSet<_>>().len()
    }

    /// The decision to tell Step Functions; none while open and for a withdrawn round.
    pub fn decision(&self) -> Option<Decision> {
        let (closing, at) = self.closing()?;
        let word = match closing {
            Closing::Approved | Closing::ApprovedUnseen => "approve",
            Closing::Rejected => "reject",
            Closing::Expired => "expire",
            Closing::Replaced => "replace",
            Closing::Withdrawn => return None,
        };
        let vote = match closing {
            Closing::Approved | Closing::Rejected => self.votes().last(),
            _ => None,
        };
        Some(Decision {
            decision: word.to_owned(),
            is_manually_approved: closing == Closing::Approved,
            is_manually_rejected: closing == Closing::Rejected,
            reviewer: vote.map(|(voter, ..)| voter.name.clone()),
            way: vote.and_then(|(voter, ..)| voter.way),
            reason: vote.and_then(|(_, _, reason)| reason).map(cut_reason),
            at,
            review_id: self.review_id.clone(),
            round: self.round,
            report_hash: self.request.evidence.as_ref().map(|evidence| evidence.report_hash.clone()),
        })
    }
}
