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
/// Columns at most; more are data in the place of names.
pub(super) const COLUMNS: usize = 20_000;
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
        if header.len() > COLUMNS {
            return Err(Unreadable::Columns(format!("there are over {COLUMNS}")));
        }
        Ok(Self { path: path.to_owned(), delimiter, columns: different(cells(&header)) })
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
        Ok(Frames { columns: &self.columns, records, record, owed: None, rows })
    }
}

/// A column whose name came before is told from it as Polars does.
fn different<'a>(header: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let name = |name| {
        let before = seen.entry(name).or_default();
        *before += 1;
        if *before == 1 { name.to_owned() } else { format!("{name}_duplicated_{}", *before - 2) }
    };
    header.map(name).collect()
}

/// The records of a file, the header being the first.
pub(super) struct Records {
    reader: csv::Reader<Bounded>,
    /// Lines without anything that came before the last record.
    blank: u64,
}

/// The cells of a record. Lines end in a line feed; what some put before it is none of the last cell's.
pub(super) fn cells<'a>(record: &'a StringRecord) -> impl Iterator<Item = &'a str> {
    let last = record.len().saturating_sub(1);
    let cell =
        move |(at, cell): (usize, &'a str)| if at == last { cell.strip_suffix('\r').unwrap_or(cell) } else { cell };
    record.iter().enumerate().map(cell)
}

impl Records {
    pub(super) fn of(path: &Path, delimiter: u8) -> io::Result<Self> {
        let file = Bounded { file: File::open(path)?, left: 0, last: None, has_ended: false };
        let mut reader = csv::ReaderBuilder::new();
        reader.delimiter(delimiter).terminator(csv::Terminator::Any(b'\n')).has_headers(false).flexible(true);
        Ok(Self { reader: reader.buffer_capacity(1 << 17).from_reader(file), blank: 0 })
    }

    /// Reads the next one; whether there was one.
    pub(super) fn read(&mut self, record: &mut StringRecord) -> Result<bool, Unreadable> {
        self.reader.get_mut().left = RECORD_BYTES;
        let before = self.reader.position().line();
        if !self.reader.read_record(record)? {
            return Ok(false);
        }
        // The crate passes over lines without anything, and counts them.
        let own = memchr::memchr_iter(b'\n', record.as_slice().as_bytes()).count() as u64 + 1;
        self.blank = (self.reader.position().line() - before).saturating_sub(own);
        if self.is_in_quotes(record) {
            let line = self.line(record);
            let reason = format!("a quote of the record in line {line} is never closed");
            return Err(Unreadable::Broken { format: Format::Csv.name(), reason });
        }
        Ok(true)
    }

    /// Whether the file ended within the quotes of the record that was read. The crate closes them without a word.
    fn is_in_quotes(&self, record: &StringRecord) -> bool {
        let file = self.reader.get_ref();
        file.has_ended && file.last != Some(b'"') && cells(record).last().is_some_and(|cell| cell.contains('\n'))
    }

    /// The line in which a record that was read begins, from 1.
    fn line(&self, record: &StringRecord) -> u64 {
        record.position().map_or(1, csv::Position::line) + self.blank
    }
}

/// The records of a file but its header, many at a time.
pub(super) struct Frames<'a> {
    columns: &'a [String],
    records: Records,
    record: StringRecord,
    /// Empty records still to come before the one that was read last; none where the next is to be read.
    owed: Option<u64>,
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
        while rows < self.rows && bytes < BATCH_BYTES && self.next_record()? {
            if let [only] = builders.as_mut_slice() {
                let empty = self.empty_records(self.rows - rows);
                (0..empty).for_each(|_| only.append_null());
                rows += empty;
                if self.owed.is_some() {
                    break;
                }
            } else if cells(&self.record).eq([""]) {
                continue;
            }
            let mut cells = cells(&self.record);
            for builder in &mut builders {
                builder.append_option(cells.next().filter(|cell| !cell.is_empty()));
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

    /// Reads the next record, unless the last one still waits for room; whether there is one.
    fn next_record(&mut self) -> Result<bool, Unreadable> {
        if self.owed.is_some() {
            return Ok(true);
        }
        let is_there = self.records.read(&mut self.record)?;
        let (found, expected) = (self.record.len(), self.columns.len());
        if is_there && found > expected {
            let line = self.records.line(&self.record);
            let words = format!("the record in line {line} has {found} fields, the header has {expected}");
            return Err(Unreadable::Ragged(words));
        }
        Ok(is_there)
    }

    /// How many empty records come now, before the one that was read: in a file of one column a line without anything is one.
    /// Where they leave no room for that record it has to wait.
    fn empty_records(&mut self, room: usize) -> usize {
        let owed = self.owed.take().unwrap_or(self.records.blank);
        let now = usize::try_from(owed).unwrap_or(usize::MAX).min(room);
        self.owed = (now == room).then(|| owed - now as u64);
        now
    }
}

/// A file that hands out no more than one record may take.
struct Bounded {
    file: File,
    left: u64,
    /// The byte that was read last.
    last: Option<u8>,
    has_ended: bool,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let length = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(length as u64);
        self.has_ended = length == 0;
        self.last = buffer[..length].last().copied().or(self.last);
        Ok(length)
    }
}

impl From<csv::Error> for Unreadable {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let most = RECORD_BYTES >> 20;
                let reason = format!(
                    "{most} MiB without the end of a record: a quote is not closed, a line is endless, or lines are empty"
                );
                Self::Broken { format: Format::Csv.name(), reason }
            }
            csv::ErrorKind::Io(error) => Self::Io(error),
            csv::ErrorKind::Utf8 { pos, .. } => Self::NotUtf8 { offset: pos.map_or(0, |at| at.byte()) },
            other => Self::Broken { format: Format::Csv.name(), reason: format!("{other:?}") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_empty_records_is_cut_into_batches_like_any_other() {
        for empty in 0..12 {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), format!("name\na\n{}b\nc\n", "\n".repeat(empty))).unwrap();
            let lines = Lines::open(file.path(), b',').unwrap();
            let frames: Vec<DataFrame> = lines.frames(4).unwrap().collect::<Result<_, _>>().unwrap();
            let full = frames.iter().rev().skip(1).all(|frame| frame.height() == 4);
            assert!(full && frames.iter().all(|frame| frame.height() <= 4), "{empty}");
            let names = frames.iter().flat_map(|frame| frame["name"].str().unwrap().iter());
            let names: Vec<String> = names.map(|name| name.unwrap_or("-").to_owned()).collect();
            assert_eq!(names.concat(), format!("a{}bc", "-".repeat(empty)));
        }
    }
}
