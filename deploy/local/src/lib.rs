//! Holdpoint in one process on one machine, with a stand-in for the three AWS services.
//!
//! For trying out and for tests: everything is in memory and gone when the process ends. Production is AWS.

pub mod aws;
pub mod demo;
pub mod deployment;
pub mod gate;
pub mod local;
mod loopback;
pub mod mail;
pub mod outbox;
pub mod person;
pub mod slack;
