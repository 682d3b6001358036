//! Where a push's records come from: in order, batch by batch, in bounded memory.
//!
//! A typed file is read by its row groups, one ahead of the one that is looked at: Polars' own streaming keeps a dozen decoded.
//! A file of lines is streamed by Polars.

use std::{
    fs::File,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
};

use polars::prelude::*;

/// Cells per batch: enough for loops to run, few enough to stay in a core's own cache from one look to the next.
const CELLS: usize = 1 << 16;
/// Bytes per batch, where records are so long that they are the tighter bound.
const BYTES: usize = 4 << 20;
/// Records that a stretch of a typed file has at least, if it has so many: small row groups are read together.
const STRETCH: usize = 1 << 16;
/// Cells that a stretch has at most: a larger row group is read in several turns.
const MOST_CELLS: usize = 1 << 24;

/// A push's records.
pub(super) enum Source {
    /// A typed file, and the stretches of it that are read one at a time.
    Typed(PathBuf, Vec<Stretch>),
    /// A file of lines, and how long they are.
    Lines(Box<LazyFrame>, usize),
    /// Some records that are in memory.
    Few(DataFrame),
}

/// Some records of a file, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) first: usize,
    pub(super) records: usize,
}

impl Source {
    /// A typed file, with its number of records.
    pub(super) fn typed(path: &Path) -> PolarsResult<(Self, usize)> {
        let mut reader = ParquetReader::new(File::open(path)?);
        let metadata = reader.get_metadata()?;
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut records = 0;
        let most = STRETCH.max(MOST_CELLS / metadata.schema_descr.columns().len().max(1));
        for group in &metadata.row_groups {
            let mut left = group.num_rows();
            while left > 0 {
                let taken = left.min(most);
                match stretches.last_mut().filter(|stretch| stretch.records < STRETCH) {
                    Some(stretch) => stretch.records += taken,
                    None => stretches.push(Stretch { first: records, records: taken }),
                }
                records += taken;
                left -= taken;
            }
        }
        Ok((Self::Typed(path.to_owned(), stretches), records))
    }

    /// Hands over each batch in turn.
    pub(super) fn each(
        &self,
        columns: usize,
        take: impl Fn(&DataFrame) -> PolarsResult<()> + Send + Sync + 'static,
    ) -> PolarsResult<()> {
        let rows = (CELLS / columns.max(1)).clamp(256, CELLS);
        match self {
            Self::Few(frame) => each_slice(frame, rows, &take),
            Self::Typed(path, stretches) => std::thread::scope(|scope| {
                let (ahead, read) = sync_channel(0);
                scope.spawn(move || stretches.iter().try_for_each(|stretch| ahead.send(stretch.of(path))));
                read.into_iter().try_for_each(|frame| each_slice(&frame?, rows, &take))
            }),
            Self::Lines(frame, bytes) => {
                let rows = rows.min(BYTES / bytes.max(&1)).max(1);
                let batches = PlanCallback::new(move |batch: DataFrame| take(&batch).map(|()| false));
                let query = LazyFrame::clone(frame).sink_batches(batches, true, NonZeroUsize::new(rows))?;
                query.collect_with_engine(Engine::Streaming).map(|_| ())
            }
        }
    }
}

impl Stretch {
    /// These records of a typed file.
    pub(super) fn of(self, path: &Path) -> PolarsResult<DataFrame> {
        ParquetReader::new(File::open(path)?).with_slice(Some((self.first, self.records))).finish()
    }
}

fn each_slice(frame: &DataFrame, rows: usize, take: &impl Fn(&DataFrame) -> PolarsResult<()>) -> PolarsResult<()> {
    let mut rest = frame.clone();
    while rest.height() > rows {
        let (batch, after) = rest.split_at(i64::try_from(rows).unwrap_or(i64::MAX));
        take(&batch)?;
        rest = after;
    }
    take(&rest)
}
