//! Polars panics on some files that it should refuse; such a file is unreadable, and the service lives on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::*;

/// What Polars makes of a file. What it worked with is not used again after an error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(polars_err!(ComputeError: "the reader gave up")))
}
