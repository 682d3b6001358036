//! The one scan of a push: Polars streams it in order, in batches; profile, hits and flagged records come out together.
//!
//! Each rule arrives as a boolean column computed inside the query; here they are folded into one bit mask per record. Cells
//! are profiled in the same pass, so a push with a baseline is read once. Memory holds one batch, the sketches, and the bounded
//! set of hashes that finds duplicates; records that a rule hit go to a scratch file at once.

mod alike;
mod hashed;
mod repeats;
mod tally;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use polars::prelude::*;
use tally::Tally;
pub(crate) use tally::{Candidates, Scanned};

use crate::{
    declared::Declared,
    read::{Opened, Unreadable},
    rules::Rule,
};

/// Records per batch: large enough for vectorised work, small enough that a wide push fits.
const CELLS_PER_BATCH: usize = 1 << 20;

/// Scans the push with these rules; of declared personal columns no value is kept.
pub(crate) fn scan(opened: &Opened, rules: &[Rule], declared: &Declared) -> Result<Scanned, Unreadable> {
    let tally = Arc::new(Mutex::new(Tally::new(&opened.columns, rules, declared)?));
    // Locked once per batch, by the one thread that the sink calls in order.
    let sink = Arc::clone(&tally);
    let batches = PlanCallback::new(move |batch: DataFrame| {
        sink.lock().unwrap_or_else(PoisonError::into_inner).add(&batch)?;
        Ok(false)
    });
    let hits = rules.iter().enumerate().filter_map(|(at, rule)| Some(rule.expr()?.alias(hit_column(at))));
    let frame = opened.frame.clone().with_columns(hits.collect::<Vec<_>>());
    let rows = CELLS_PER_BATCH / opened.columns.len().max(1);
    let query = || {
        let chunk = std::num::NonZeroUsize::new(rows.clamp(256, 65_536));
        frame.sink_batches(batches, true, chunk)?.collect_with_engine(Engine::Streaming)
    };
    // Polars panics on some files that it should refuse; such a file is unreadable, and the service lives on.
    let outcome =
        catch_unwind(AssertUnwindSafe(query)).unwrap_or_else(|_| Err(polars_err!(ComputeError: "the reader gave up")));
    outcome.map_err(|error| opened.unreadable(&error))?;
    let tally =
        Arc::into_inner(tally).ok_or_else(|| opened.unreadable(&polars_err!(ComputeError: "the scan did not end")))?;
    tally.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

/// A rule's column in the batch; no column of a push can have this name, because a line feed ends a header.
fn hit_column(at: usize) -> PlSmallStr {
    format!("\n{at}").into()
}
