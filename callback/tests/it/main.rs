//! The callback over HTTP, against doubles of AWS and Slack on loopback.

mod decisions;
mod doubles;
mod pages;
mod slack;
mod stopping;
mod world;
