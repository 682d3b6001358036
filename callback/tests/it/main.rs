//! The callback over HTTP, against doubles of AWS and Slack on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod decisions;
mod doubles;
mod list;
mod pages;
mod slack;
mod stopping;
mod world;
