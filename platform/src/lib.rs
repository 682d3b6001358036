//! What each service stands on: settings, telemetry, health, shutdown, AWS clients, the ledger, the queue loop.
//!
//! Everything that touches AWS for a review's sake is here once: [`Reviews`] carries out what the pure life in
//! `holdpoint-review` says, with its order of effects, for the worker's clock and the callback's decisions alike.

mod aws;
pub mod doctor;
mod document;
pub mod health;
mod ledger;
pub mod metrics;
mod objects;
mod queue;
mod reviews;
mod settings;
mod shutdown;
mod tasks;
mod telemetry;
#[cfg(test)]
mod trial;
mod wait;

pub use aws::{Clients, require_versioning};
pub use document::{Document, DocumentError, Edition};
pub use health::{Health, Pulse};
pub use ledger::{Ledger, OpenRounds, ReadError, Stored, WriteError};
pub use objects::{Objects, ObjectsError, PART_OF, in_metadata};
pub use queue::{After, Consumer, DeadLetters, Message, Queue, QueueError};
pub use reviews::{Carried, Interrupted, Reviews};
pub use settings::{Common, Secret, Settings, SettingsError, SlackApi, WebUrl};
pub use shutdown::Stop;
pub use tasks::{TaskReply, Tasks, TasksError};
pub use telemetry::{LogFormat, init as init_telemetry};
pub use wait::Backoff;

/// The wall clock. The one place that reads it; pure functions take `now`.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Randomness for one seal.
pub fn nonce() -> [u8; 24] {
    let mut nonce = [0; 24];
    getrandom::fill(&mut nonce).expect("the system has randomness");
    nonce
}
