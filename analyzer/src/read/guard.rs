//! Polars panics on some files that it should refuse; such a file is unreadable, and the service lives on.

use std::{
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use super::{Format, Unreadable};

/// What is made of a file of this format. What it was worked with is not used again after an error.
pub(crate) fn guarded<T, E: From<Unreadable>>(format: Format, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    log_panics_of_polars();
    let gave_up = || Unreadable::Broken { format: format.name(), reason: "the reader gave up".to_owned() };
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(gave_up().into()))
}

/// They are answers here, and no reader of an answer wants a backtrace above it; panics of our own stay as loud as they are.
fn log_panics_of_polars() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if panic.location().is_some_and(|place| place.file().contains("polars")) {
                tracing::debug!(%panic, "Polars gave a file up");
            } else {
                loud(panic);
            }
        }));
    });
}
