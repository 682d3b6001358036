//! What is normal for a customer, and what is wrong with a push.
//!
//! [`profile()`] says what a trusted file looked like, [`Baseline::learn`] what a customer's accepted pushes have in common, and
//! [`analyze`] judges a push by it. Polars stops at this crate: what leaves it is JSON of the contract types and a CSV.

mod baseline;
mod check;
mod cold;
mod declared;
mod flagged;
mod history;
mod judge;
mod mass;
mod profile;
mod read;
mod replay;
mod rules;
mod scan;
mod service;
mod value;
mod words;

pub use baseline::Baseline;
pub use check::{CheckArguments, check};
pub use declared::{Declared, NotDeclared};
pub use judge::{Analysis, Push, Settings, analyze, hold_unanalyzed, profile};
pub use profile::{PROFILE_VERSION, Profile};
pub use read::Unreadable;
pub use service::{Config, Fatal, LearnError, Trusted, doctor, forget, learn, run};
