//! Reviewer, decision, task resolved.
//!
//! A small web service on one thread: it shows a reviewer the evidence and takes the decision, from the page and from
//! Slack. It keeps nothing: every request reads the ledger, and what it decides is written there before anybody is told.
//!
//! Deliberately absent: sessions and accounts (a sealed link says who stands before us), scripts, any asset of another
//! host, and whatever changes something on GET.

mod app;
mod config;
mod decide;
mod doctor;
mod evidence;
mod form;
mod guard;
mod list;
mod oidc;
mod operate;
mod own_link;
mod page;
mod proof;
mod routes;
mod seen;
mod server;
mod slack;
mod visitor;

pub use config::Config;
pub use doctor::doctor;
pub use operate::{Operation, OperationError, operate};
pub use server::{Bound, Fatal, bind, run};
