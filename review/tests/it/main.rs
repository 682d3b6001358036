//! What `holdpoint-review` promises to the world outside: its contracts as files, and a review's life under any order,
//! repetition and loss of events.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on fails the test")]

mod contract;
mod execution;
mod life;
mod rules;
mod services;
mod simulation;
mod world;
