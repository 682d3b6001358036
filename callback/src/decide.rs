//! Taking a decision, from the page and from Slack alike.
//!
//! The vote is written first, by compare-and-swap; Step Functions is told after. Whatever goes wrong on the way, the
//! ledger is read again: finding one's own vote there is success, so that a second press, a lost reply and a race with
//! oneself all end in the same answer. What could not be delivered is the clock's to deliver.

use std::{error::Error, sync::Arc, time::Duration};

use holdpoint_platform::{Stored, metrics, now};
use holdpoint_review::{NotAllowed, Refusal, Round, Step, Verdict, Who, may_decide, owed, own_vote, refused, vote};
use tracing::{Instrument, Span, info, warn};

use crate::{app::App, evidence};

/// A browser, and the balancer before us, wait longer than this; then the person is told to try again.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads and writes of one decision. A round changes rarely: a handful of reviewers, a token now and then.
const ATTEMPTS: u32 = 5;

/// What somebody wants.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) who: Who,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub(crate) enum Decided {
    /// It is in the ledger.
    Recorded(Box<Round>),
    /// It was not taken, and will not be.
    Refused(Refusal, Box<Round>),
    /// The evidence is not what it was when the question was put.
    EvidenceChanged,
    /// Nothing is known to be stored: try again.
    NotRecorded,
}

/// Decides, while a browser waits. Once begun it goes on, whether or not anybody waits.
pub(crate) async fn decide_in_time(app: Arc<App>, stored: Stored, wish: Wish, span: Span) -> Decided {
    let begun = app.begun.clone();
    let deciding = begun.spawn(async move { decide(&app, stored, wish).await }.instrument(span));
    match tokio::time::timeout(PATIENCE, deciding).await {
        Ok(Ok(decided)) => decided,
        Ok(Err(_)) | Err(_) => Decided::NotRecorded,
    }
}

/// Decides, for who sees to it that this is not dropped half-way.
pub(crate) async fn decide(app: &App, read: Stored, wish: Wish) -> Decided {
    if read.round.is_open() && evidence::is_changed(app, &read.round.request).await {
        warn!("a decision was refused: the evidence was changed");
        return Decided::EvidenceChanged;
    }
    let (review, round) = (read.round.review_id.clone(), read.round.round);
    let (mut stored, mut interrupted) = (read, false);
    for _ in 0..ATTEMPTS {
        if has_voted_so(&stored.round, &wish) {
            let round = if interrupted { go_on(app, stored).await } else { stored.round };
            return Decided::Recorded(Box::new(round));
        }
        let step = match vote(&stored.round, &wish.who, wish.verdict, wish.reason.clone(), now()) {
            Ok(step) => step,
            Err(refusal) => {
                count_refusal(&refusal);
                if let Refusal::NotAllowed(why) = refusal {
                    stored = Box::pin(record_refusal(app, stored, &wish.who, why)).await;
                } else {
                    info!(review.refusal = %refusal, "a decision was refused");
                }
                return Decided::Refused(refusal, Box::new(stored.round));
            }
        };
        match Box::pin(app.reviews.carry_out(stored, step)).await {
            Ok(carried) => {
                let verdict = if wish.verdict == Verdict::Approve { "approve" } else { "reject" };
                metrics::VOTES.get_or_create(&[("way", wish.who.way().as_str()), ("verdict", verdict)]).inc();
                info!(review.verdict = ?wish.verdict, review.open = carried.stored.round.is_open(), "a decision was taken");
                return Decided::Recorded(Box::new(carried.stored.round));
            }
            Err(error) => warn!(error = &error as &dyn Error, "a decision was interrupted; reading again"),
        }
        interrupted = true;
        match app.reviews.ledger.read(&review, round).await {
            Ok(Some(read)) => stored = read,
            Ok(None) => return Decided::NotRecorded,
            Err(error) => {
                warn!(error = &error as &dyn Error, "a decision may not have been recorded");
                return Decided::NotRecorded;
            }
        }
    }
    Decided::NotRecorded
}

fn count_refusal(refusal: &Refusal) {
    let why = match refusal {
        Refusal::NotAllowed(NotAllowed::NotAReviewer) => "not a reviewer",
        Refusal::NotAllowed(NotAllowed::Submitter) => "submitter",
        Refusal::NotAllowed(NotAllowed::AnotherWorkspace) => "another workspace",
        Refusal::Closed(_) => "closed",
        Refusal::Voted(_) => "voted",
    };
    metrics::REFUSALS.get_or_create(&[("why", why)]).inc();
}

/// Writes into the ledger that somebody without the right to it wanted to decide; the round as it is known then. It changes
/// nothing for that person, so that trouble with it is only logged.
pub(crate) async fn record_refusal(app: &App, mut stored: Stored, who: &Who, why: NotAllowed) -> Stored {
    info!(review.refusal = %why, "a decision was refused");
    for _ in 0..ATTEMPTS {
        let Some(noted) = refused(&stored.round, who, why, now()) else { return stored };
        match app.reviews.ledger.replace(&stored, noted).await {
            Ok(written) => return written,
            Err(error) => warn!(error = &error as &dyn Error, "a refusal was not recorded; reading again"),
        }
        match app.reviews.ledger.read(&stored.round.review_id, stored.round.round).await {
            Ok(Some(read)) => stored = read,
            Ok(None) | Err(_) => return stored,
        }
    }
    stored
}

/// Our own vote had arrived after all. What follows it is done now: the reviewer waits, and the next tick may be far.
async fn go_on(app: &App, stored: Stored) -> Round {
    let round = stored.round.clone();
    if round.is_open() {
        return round;
    }
    let follows = Step { write: None, then: owed(&round) };
    match Box::pin(app.reviews.carry_out(stored, follows)).await {
        Ok(carried) => carried.stored.round,
        Err(error) => {
            warn!(error = &error as &dyn Error, "a decision was recorded; the clock does the rest");
            round
        }
    }
}

fn has_voted_so(round: &Round, wish: &Wish) -> bool {
    let voter = may_decide(&round.route, &round.request, &wish.who);
    voter.is_ok_and(|voter| own_vote(round, &voter, wish.verdict))
}
