//! Where a push's records come from: in order, batch by batch, in bounded memory.
//!
//! One stretch of the file is read while the one before is looked at: Polars' own streaming keeps a dozen decoded.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
};

use polars::prelude::*;

use super::{Format, Unreadable, broken, guarded, lines::Lines};

/// Cells per batch: enough for loops to run, few enough to stay in a core's own cache from one look to the next.
const CELLS: usize = 1 << 15;
/// Records that a stretch of a typed file has at least, if it has so many: small row groups are read together.
const STRETCH: usize = 1 << 16;
/// Cells that a stretch has at most: a larger row group is read in several turns.
const MOST_CELLS: usize = 1 << 24;

/// A push's records.
pub(super) enum Source {
    /// A typed file, and the stretches of it that are read one at a time.
    Typed(PathBuf, Vec<Stretch>),
    /// A file of lines.
    Lines(Lines),
    /// Some records that are in memory.
    Few(DataFrame),
}

/// Some records of a typed file, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) first: usize,
    pub(super) records: usize,
}

impl Source {
    /// A typed file, its columns and its number of records.
    pub(super) fn typed(path: &Path) -> Result<(Self, Schema, usize), Unreadable> {
        guarded(Format::Parquet, || {
            let mut reader = ParquetReader::new(File::open(path)?);
            let schema =
                Schema::from_arrow_schema(reader.schema().map_err(|error| broken(Format::Parquet, &error))?.as_ref());
            let metadata = reader.get_metadata().map_err(|error| broken(Format::Parquet, &error))?;
            let mut groups = Vec::new();
            for group in &metadata.row_groups {
                groups.push(group.num_rows());
            }
            let stretches = stretches(&groups, schema.len());
            Ok((Self::Typed(path.to_owned(), stretches), schema, groups.iter().sum()))
        })
    }

    /// Hands over each batch in turn.
    pub(super) fn each<E: From<Unreadable>>(
        &self,
        columns: usize,
        mut take: impl FnMut(&DataFrame) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = (CELLS / columns.max(1)).clamp(256, CELLS);
        match self {
            Self::Few(frame) => each_slice(frame, rows, &mut take),
            Self::Typed(path, stretches) => {
                one_ahead(stretches.iter().map(|stretch| stretch.of(path)), |frame| each_slice(frame, rows, &mut take))
            }
            Self::Lines(lines) => one_ahead(lines.frames(rows)?, take),
        }
    }
}

fn stretches(groups: &[usize], columns: usize) -> Vec<Stretch> {
    let (mut stretches, mut first): (Vec<Stretch>, usize) = (Vec::new(), 0);
    let most = STRETCH.max(MOST_CELLS / columns.max(1));
    for group in groups {
        let mut left = *group;
        while left > 0 {
            let records = left.min(most);
            match stretches.last_mut().filter(|stretch| stretch.records < STRETCH) {
                Some(stretch) => stretch.records += records,
                None => stretches.push(Stretch { first, records }),
            }
            first += records;
            left -= records;
        }
    }
    stretches
}

impl Stretch {
    /// These records of a typed file.
    pub(super) fn of(self, path: &Path) -> Result<DataFrame, Unreadable> {
        guarded(Format::Parquet, || {
            let reader = ParquetReader::new(File::open(path)?).with_slice(Some((self.first, self.records)));
            reader.finish().map_err(|error| broken(Format::Parquet, &error))
        })
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
