//! Opens a review for a task that was handed out.
//!
//! The order comes from the model and is not to be changed here: read the ledger, heartbeat the token (lost: drop it), index
//! entry, clock message, compare-and-swap; then deliver a decision that was taken between tokens, or queue the request. The
//! clock message goes first because a round without one would be forgotten; a clock message without a round only expires.
//! A token that does not reach the ledger is let go: Step Functions times it out and hands out another.

use std::{error::Error, time::Duration};

use holdpoint_platform::{
    Backoff, QueueError, ReadError, Reviews, Stop, Stored, TaskReply, TasksError, WriteError, metrics, now,
};
use holdpoint_review::{ActivityInput, Admission, BadInput, ReviewId, Round, Step, TaskToken, admit, owed, words};
use tokio::time::Instant;
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::routes::RouteBook;

/// Tries in all when AWS fails; afterwards the token is let go, since one that is held without being stored must time out.
const TRIES: u32 = 3;
/// A clock message waits ten minutes for its round; half of that is left for the write and its retries.
const CLOCK_IS_FRESH_FOR: Duration = Duration::from_mins(5);
/// Characters of a cause; Step Functions takes 32,768, but a person reads it.
const CAUSE_LIMIT: usize = 1_000;

/// Opens reviews.
pub(crate) struct Opener {
    pub(crate) reviews: Reviews,
    pub(crate) routes: RouteBook,
}

/// A task that could not be stored and was let go.
#[derive(Debug)]
pub(crate) struct Unstored {
    review: ReviewId,
    round: Option<Box<Round>>,
}

/// What a look into the ledger says about a task.
enum Considered {
    /// There is nothing to write: dropped or refused.
    Done,
    /// The token is in the ledger: a write of unknown outcome had arrived.
    Known(Stored),
    /// To be written, over what was read.
    Write { over: Option<Stored>, round: Box<Round> },
}

/// Why a try did not come to its end.
enum Hitch {
    /// Another write came first: start again at the read.
    Refused,
    /// AWS failed; what was tried may have happened.
    Failed { source: Box<dyn Error + Send + Sync>, round: Option<Box<Round>> },
    /// The ledger holds what is no round.
    Foreign(ReadError),
}

impl Opener {
    /// Opens a review for a task, joins it to the one it belongs to, or refuses its input.
    ///
    /// Twice with the same token is harmless: the second time finds it stored.
    ///
    /// # Errors
    /// [`Unstored`]: the ledger or AWS fails. Ask for no further task before [`Opener::can_write`].
    pub(crate) async fn open(&self, token: &TaskToken, input: &str) -> Result<(), Unstored> {
        let input = match ActivityInput::parse(input) {
            Ok(input) => input,
            Err(bad) => {
                self.refuse(token, &bad).await;
                return Ok(());
            }
        };
        let span = info_span!("open", review.id = %input.review_id(), token = token.fingerprint());
        self.open_for(token, &input).instrument(span).await
    }

    /// Whether the ledger can be written again, tried with an index entry that a review needs anyway.
    pub(crate) async fn can_write(&self, unstored: &Unstored) -> bool {
        let ledger = &self.reviews.ledger;
        let works = match (ledger.latest(&unstored.review).await, &unstored.round) {
            (Ok(Some(stored)), _) if stored.round.is_open() => ledger.enter_index(&stored.round).await.is_ok(),
            (Ok(None), Some(round)) => ledger.enter_index(round).await.is_ok(),
            (read, _) => read.is_ok(),
        };
        if !works {
            warn!(review.id = %unstored.review, "the ledger still fails; no task is asked for");
        }
        works
    }

    async fn open_for(&self, token: &TaskToken, input: &ActivityInput) -> Result<(), Unstored> {
        let mut backoff = Backoff::default();
        let mut unwritten = None;
        let mut tries = 0;
        while tries < TRIES {
            match Box::pin(self.try_once(token, input)).await {
                Ok(()) => return Ok(()),
                Err(Hitch::Refused) => debug!("another write came first; reading again"),
                Err(Hitch::Foreign(error)) => {
                    error!(error = &error as &dyn Error, "a review cannot be opened");
                    return Ok(());
                }
                Err(Hitch::Failed { source, round }) => {
                    warn!(error = &*source as &dyn Error, "a review could not be opened");
                    unwritten = round.or(unwritten);
                    tries += 1;
                    // Also while stopping: there is one token in hand, and a second or two left to store it.
                    backoff.wait(&Stop::new()).await;
                }
            }
        }
        warn!("a task was let go unstored; Step Functions hands it out again");
        Err(Unstored { review: input.review_id(), round: unwritten })
    }

    async fn try_once(&self, token: &TaskToken, input: &ActivityInput) -> Result<(), Hitch> {
        let stored = match self.consider(token, input).await? {
            Considered::Done => return Ok(()),
            Considered::Known(stored) => stored,
            Considered::Write { over, round } => self.write(over, round).await?,
        };
        self.follow_up(stored).await;
        Ok(())
    }

    async fn consider(&self, token: &TaskToken, input: &ActivityInput) -> Result<Considered, Hitch> {
        let routes = self.routes.current().await;
        let latest = self.reviews.ledger.latest(&input.review_id()).await?;
        if self.reviews.tasks.heartbeat(token).await? == TaskReply::Lost {
            info!("a task was over before it could be stored; dropped");
            return Ok(Considered::Done);
        }
        let route = || routes.for_request(&input.request).cloned();
        let admitted = admit(latest.as_ref().map(|stored| &stored.round), token, input, route, now());
        Ok(match (admitted, latest) {
            (Ok(Admission::Known), Some(stored)) => Considered::Known(stored),
            (Ok(Admission::Known), None) => unreachable!("a token is known from a round"),
            (Ok(Admission::Join(round)), over) => Considered::Write { over, round: Box::new(round) },
            (Ok(Admission::Open(round)), _) => Considered::Write { over: None, round: Box::new(round) },
            (Err(bad), _) => {
                self.refuse(token, &bad).await;
                Considered::Done
            }
        })
    }

    async fn write(&self, over: Option<Stored>, round: Box<Round>) -> Result<Stored, Hitch> {
        let written = self.write_in_order(over, &round).await;
        written.map_err(|hitch| match hitch {
            Hitch::Failed { source, .. } => Hitch::Failed { source, round: Some(round) },
            other => other,
        })
    }

    /// Index entry, clock message, compare-and-swap.
    async fn write_in_order(&self, over: Option<Stored>, round: &Round) -> Result<Stored, Hitch> {
        if round.is_open() {
            self.reviews.ledger.enter_index(round).await?;
        }
        self.start_clock(round).await?;
        Ok(match over {
            Some(read) => self.reviews.ledger.replace(&read, round.clone()).await?,
            None => self.reviews.ledger.create(round.clone()).await?,
        })
    }

    /// Where sending took so long that the message might give its round up before the write, another one is sent.
    async fn start_clock(&self, round: &Round) -> Result<(), QueueError> {
        loop {
            let sent_after = Instant::now();
            self.reviews.start_clock(round, round.generation()).await?;
            if sent_after.elapsed() < CLOCK_IS_FRESH_FOR {
                return Ok(());
            }
        }
    }

    /// What is interrupted here the clock finishes.
    async fn follow_up(&self, stored: Stored) {
        let round = &stored.round;
        let became = if round.generation() > 1 { "rotated" } else { "opened" };
        metrics::TOKENS.get_or_create(&[("became", became)]).inc();
        info!(review.round = round.round, review.generation = round.generation(), "a task was stored with its review");
        let then = owed(round);
        if let Err(error) = Box::pin(self.reviews.carry_out(stored, Step { write: None, then })).await {
            warn!(error = &error as &dyn Error, "a review was opened; the clock does the rest");
        }
    }

    /// Fails the task, so that whoever wrote the state machine reads what to mend. The cause goes there and not into our
    /// log, because it may quote the input.
    async fn refuse(&self, token: &TaskToken, bad: &BadInput) {
        let field = match bad {
            BadInput::Shape(_) => "shape",
            BadInput::Version(_) => "version",
            BadInput::Field { field, .. } => field,
        };
        error!(token = token.fingerprint(), input.field = field, "a task's input was refused; its execution says why");
        let cause = words::visible(&bad.to_string(), CAUSE_LIMIT);
        if let Err(error) = self.reviews.tasks.refuse_input(token, &cause).await {
            warn!(error = &error as &dyn Error, "a refusal was not heard; the task comes again");
        }
    }
}

impl Hitch {
    fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed { source: source.into(), round: None }
    }
}

impl From<ReadError> for Hitch {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(_) => Self::failed(error),
            ReadError::Foreign { .. } => Self::Foreign(error),
        }
    }
}

impl From<WriteError> for Hitch {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused => Self::Refused,
            WriteError::Unknown(_) => Self::failed(error),
        }
    }
}

impl From<TasksError> for Hitch {
    fn from(error: TasksError) -> Self {
        Self::failed(error)
    }
}

impl From<QueueError> for Hitch {
    fn from(error: QueueError) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests;
