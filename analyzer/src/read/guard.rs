//! Polars panics on some files that it should refuse; such a file is unreadable, and the service lives on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Format, Unreadable};

/// What is made of a file of this format. What it was worked with is not used again after an error.
pub(crate) fn guarded<T, E: From<Unreadable>>(format: Format, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let gave_up = || Unreadable::Broken { format: format.name(), reason: "the reader gave up".to_owned() };
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(gave_up().into()))
}
