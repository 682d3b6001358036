//! What operators do: look, decide with the rights of a reviewer, tell again, set going what stands still.
//!
//! Subcommands of the callback, because it has all that they need: its settings, its rights on AWS, and the one way of
//! deciding. Nothing here can do what a reviewer could not: an operator decides in the name of somebody who may.

mod decide;
mod list;
mod queues;
mod show;
mod why;

use std::io::{self, Write};

use clap::{Args, Subcommand};
use holdpoint_platform::{Clients, Interrupted, QueueError, ReadError, Stored};
use holdpoint_review::{ReviewId, Verdict};

use crate::{Config, app::App};

/// What an operator asks for.
#[derive(Debug, Clone, Subcommand)]
pub enum Operation {
    /// List the reviews that are open
    List,
    /// Show what was asked in a review, and all that happened since
    Show(Which),
    /// Say why a push was held, and what a review waits for; takes a review, a push or the key of an object
    Why {
        /// A review's id, a push's id, or an object's key
        what: String,
    },
    /// Approve in the name of a reviewer, who must have the right to
    Approve(InNameOf),
    /// Reject in the name of a reviewer, who must have the right to
    Reject(InNameOf),
    /// Ask everybody again who was asked; for a closed review, tell those who were not told how it ended
    Resend(Which),
    /// List the notices that could not be delivered, and why; or move them back, to be tried again
    DeadLetters {
        /// Move all of them back to their queue
        #[arg(long)]
        move_back: bool,
    },
    /// Send a clock message for every review that is not finished; one too many does no harm
    RebuildClock {
        /// Look at every round that the ledger has, and not only at the index of open reviews
        #[arg(long)]
        everything: bool,
    },
}

/// Which review.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// The review's id, 32 hex digits
    review: ReviewId,
    /// Its round; the newest unless given
    #[arg(long)]
    round: Option<u32>,
}

/// Which review, and who decides it.
#[derive(Debug, Clone, Args)]
pub struct InNameOf {
    #[command(flatten)]
    which: Which,
    /// The reviewer: name or mail address, as the routes have it
    #[arg(long = "as")]
    reviewer: String,
    /// Why; kept with the decision
    #[arg(long)]
    reason: String,
}

/// Why an operation came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// There is no such thing.
    #[error("{0}")]
    Unknown(String),
    /// It was refused, or is not known to have been done.
    #[error("{0}")]
    NotDone(String),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ReadError),
    /// A queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A step of a review's life.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Nobody reads what is said.
    #[error("nothing can be written out")]
    Output(#[from] io::Error),
}

/// Does what an operator asks for, and says on `out` what there is to say.
///
/// # Errors
/// [`OperationError`].
pub async fn operate(
    operation: Operation,
    config: Config,
    clients: Clients,
    out: &mut impl Write,
) -> Result<(), OperationError> {
    let app = App::new(config, clients.clone());
    match operation {
        Operation::List => list::list(&app, out).await,
        Operation::Show(which) => show::show(&find(&app, &which).await?.round, out),
        Operation::Why { what } => why::why(&app, &clients, &what, out).await,
        Operation::Approve(asked) => decide::decide(&app, &asked, Verdict::Approve, out).await,
        Operation::Reject(asked) => decide::decide(&app, &asked, Verdict::Reject, out).await,
        Operation::Resend(which) => queues::resend(&app, &find(&app, &which).await?.round, out).await,
        Operation::DeadLetters { move_back } => queues::dead_letters(&app, move_back, out).await,
        Operation::RebuildClock { everything } => queues::rebuild_clock(&app, everything, out).await,
    }
}

async fn find(app: &App, which: &Which) -> Result<Stored, OperationError> {
    let ledger = &app.reviews.ledger;
    let stored = match which.round {
        Some(round) => ledger.read(&which.review, round).await?,
        None => ledger.latest(&which.review).await?,
    };
    stored.ok_or_else(|| OperationError::Unknown(format!("the ledger has no such round of {}", which.review)))
}
