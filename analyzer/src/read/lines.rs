//! A file of lines as frames of text, batch by batch.
//!
//! Every column is text: to guess types here costs more than the read itself, and the baseline knows them. The csv crate reads
//! it and not Polars, whose reader first counts all lines to cut the file for its threads and holds the file mapped; and a
//! ragged record is named by its line.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use csv::StringRecord;
use polars::prelude::*;

use super::{Format, Unreadable};

/// Bytes per batch, where records are so long that they are the tighter bound.
const BATCH_BYTES: usize = 4 << 20;
/// What a record may take. A longer one is a quote that nobody closed.
const RECORD_BYTES: u64 = 64 << 20;

/// A file of lines, its header aside.
pub(super) struct Lines {
    path: PathBuf,
    delimiter: u8,
    columns: Vec<String>,
}

impl Lines {
    /// Reads the header of a text.
    pub(super) fn open(path: &Path, delimiter: u8) -> Result<Self, Unreadable> {
        let mut header = StringRecord::new();
        Records::of(path, delimiter)?.read(&mut header)?;
        Ok(Self { path: path.to_owned(), delimiter, columns: different(&header) })
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The same columns of another file.
    pub(super) fn of(&self, path: &Path) -> Self {
        Self { path: path.to_owned(), columns: self.columns.clone(), ..*self }
    }

    /// Frames of so many records at most, in the order of the file.
    pub(super) fn frames(&self, rows: usize) -> Result<Frames<'_>, Unreadable> {
        let (mut records, mut record) = (Records::of(&self.path, self.delimiter)?, StringRecord::new());
        records.read(&mut record)?;
        Ok(Frames { columns: &self.columns, records, record, rows })
    }
}

/// A column whose name came before is told from it as Polars does.
fn different(header: &StringRecord) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let name = |name| {
        let before = seen.entry(name).or_default();
        *before += 1;
        if *before == 1 { name.to_owned() } else { format!("{name}_duplicated_{}", *before - 2) }
    };
    header.iter().map(name).collect()
}

/// The records of a file, the header being the first.
pub(super) struct Records(csv::Reader<Bounded>);

impl Records {
    pub(super) fn of(path: &Path, delimiter: u8) -> io::Result<Self> {
        let file = Bounded { file: File::open(path)?, left: 0 };
        let mut reader = csv::ReaderBuilder::new();
        reader.delimiter(delimiter).has_headers(false).flexible(true).buffer_capacity(1 << 17);
        Ok(Self(reader.from_reader(file)))
    }

    /// Reads the next one; whether there was one.
    pub(super) fn read(&mut self, record: &mut StringRecord) -> Result<bool, Unreadable> {
        self.0.get_mut().left = RECORD_BYTES;
        Ok(self.0.read_record(record)?)
    }
}

/// The records of a file but its header, many at a time.
pub(super) struct Frames<'a> {
    columns: &'a [String],
    records: Records,
    record: StringRecord,
    rows: usize,
}

impl Iterator for Frames<'_> {
    type Item = Result<DataFrame, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl Frames<'_> {
    fn read(&mut self) -> Result<Option<DataFrame>, Unreadable> {
        let builder = |name: &String| StringChunkedBuilder::new(name.into(), self.rows);
        let mut builders: Vec<_> = self.columns.iter().map(builder).collect();
        let (mut rows, mut bytes) = (0, 0);
        while rows < self.rows && bytes < BATCH_BYTES && self.records.read(&mut self.record)? {
            if self.record.len() > self.columns.len() {
                return Err(ragged(&self.record, self.columns.len()));
            }
            for (at, builder) in builders.iter_mut().enumerate() {
                builder.append_option(self.record.get(at).filter(|cell| !cell.is_empty()));
            }
            rows += 1;
            bytes += self.record.as_slice().len();
        }
        if rows == 0 {
            return Ok(None);
        }
        let columns = builders.into_iter().map(|builder| builder.finish().into_column()).collect();
        DataFrame::new(rows, columns).map(Some).map_err(|error| super::broken(Format::Csv, &error))
    }
}

fn ragged(record: &StringRecord, expected: usize) -> Unreadable {
    let line = record.position().map_or(0, csv::Position::line);
    Unreadable::Ragged(format!("the record in line {line} has {} fields, the header has {expected}", record.len()))
}

/// A file that hands out no more than one record may take.
struct Bounded {
    file: File,
    left: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let length = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(length as u64);
        Ok(length)
    }
}

impl From<csv::Error> for Unreadable {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let reason = format!("a record is longer than {} MiB: a quote may not be closed", RECORD_BYTES >> 20);
                Self::Broken { format: Format::Csv.name(), reason }
            }
            csv::ErrorKind::Io(error) => Self::Io(error),
            csv::ErrorKind::Utf8 { pos, .. } => Self::NotUtf8 { offset: pos.map_or(0, |at| at.byte()) },
            other => Self::Broken { format: Format::Csv.name(), reason: format!("{other:?}") },
        }
    }
}
