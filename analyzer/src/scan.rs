//! The one scan of a push: Polars reads it in order, in batches; profile, hits and flagged records come out together.
//!
//! Every record is held against every rule; one bit mask per record says which it broke. Columns of a typed file are judged as
//! the numbers they are. The profile is of a sample of the records where there are many, chosen by
//! a hash of their numbers. Memory holds one batch, the sketches, and the bounded set of hashes that finds
//! duplicates; records that a rule hit go to a scratch file at once.

mod alike;
mod batch;
mod cells;
mod hashed;
mod pairs;
mod plain;
mod repeats;
mod tally;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::*;
use tally::Tally;
pub(crate) use tally::{Candidates, Scanned};

use crate::{
    declared::Declared,
    read::{Opened, Unreadable, guarded},
    rules::Rule,
};

/// Scans the push with these rules; of declared personal columns no value is kept.
pub(crate) fn scan(opened: &Opened, rules: &[Rule], declared: &Declared) -> Result<Scanned, Unreadable> {
    let tally = Arc::new(Mutex::new(Tally::new(opened, rules, declared)?));
    // Locked once per batch, by the one thread that they come from in order.
    let sink = Arc::clone(&tally);
    opened.progress.begin(opened.records as u64);
    let progress = opened.progress.clone();
    let query = || {
        opened.each_batch(move |frame| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).add(frame)?;
            progress.advance(frame.height());
            Ok(())
        })
    };
    guarded(query).map_err(|error| opened.unreadable(&error))?;
    let tally =
        Arc::into_inner(tally).ok_or_else(|| opened.unreadable(&polars_err!(ComputeError: "the scan did not end")))?;
    tally.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

/// Each record and rule that it breaks, for the oracle.
#[cfg(test)]
pub(crate) fn hits(frame: &DataFrame, rules: &[Rule]) -> Vec<(usize, usize)> {
    tally::hits(frame, rules)
}

/// The text of each cell of a column, for the oracle.
#[cfg(test)]
pub(crate) fn texts(series: &Series) -> Vec<Option<String>> {
    let cells = cells::Cells::of(&series.clone().into_column()).expect("a column of a file");
    (0..series.len()).map(|row| cells.text(row, &mut String::new()).map(ToOwned::to_owned)).collect()
}
