//! Where a push's records come from: in order, batch by batch, in bounded memory.
//!
//! One stretch of the file is read while the one before is looked at: Polars' own streaming keeps a dozen decoded.

use std::sync::mpsc::sync_channel;

use polars::prelude::*;

use super::{Unreadable, lines::Lines, typed::Typed};

/// Cells per batch: enough for loops to run, few enough to stay in a core's own cache from one look to the next.
const CELLS: usize = 1 << 15;

/// A push's records.
pub(super) enum Source {
    /// A file whose columns have types.
    Typed(Typed),
    /// A file of lines.
    Lines(Lines),
    /// Some records that are in memory.
    Few(DataFrame),
}

impl Source {
    /// Hands over each batch in turn.
    pub(super) fn each<E: From<Unreadable>>(
        &self,
        columns: usize,
        mut take: impl FnMut(&DataFrame) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = (CELLS / columns.max(1)).clamp(256, CELLS);
        match self {
            Self::Few(frame) => each_slice(frame, rows, &mut take),
            Self::Typed(typed) => one_ahead(typed.frames(), |frame| each_slice(frame, rows, &mut take)),
            Self::Lines(lines) => one_ahead(lines.frames(rows)?, take),
        }
    }
}

/// Reads the next frame while the one before is taken.
fn one_ahead<E: From<Unreadable>>(
    mut frames: impl Iterator<Item = Result<DataFrame, Unreadable>> + Send,
    mut take: impl FnMut(&DataFrame) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|scope| {
        let (ahead, read) = sync_channel(0);
        scope.spawn(move || frames.try_for_each(|frame| ahead.send(frame)));
        read.into_iter().try_for_each(|frame| take(&frame?))
    })
}

fn each_slice<E>(frame: &DataFrame, rows: usize, take: &mut impl FnMut(&DataFrame) -> Result<(), E>) -> Result<(), E> {
    let mut firsts = (0..frame.height()).step_by(rows);
    firsts.try_for_each(|first| take(&frame.slice(i64::try_from(first).unwrap_or(i64::MAX), rows)))
}
