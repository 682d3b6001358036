//! A file of several customers, written as one file for each.
//!
//! What is delivered together must be judged, held and decided on its own, so each customer's records become a file of the
//! same format. The records are the same and in the same order; a CSV is quoted anew, and what was packed is written plain.
//! Memory does not grow with the file: records go out as they come in, for Parquet in row groups of several batches.
//! Each customer has a file open meanwhile, so a column with more values than customers can have is refused.

mod parquet;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use csv::StringRecord;

use super::{
    Format, Limits, PlainFile, Unreadable, delimiter, json_lines,
    lines::{Records, cells},
    unpack,
};

/// A process may usually have 1,024 files open.
const CUSTOMERS: usize = 500;
/// Bytes of a customer's name: it becomes a part of keys, of which S3 allows 1,024 bytes.
const NAME_BYTES: usize = 128;

/// The records of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// None for the records that do not say whose they are.
    pub(crate) customer: Option<String>,
    /// A plain file of the push's format.
    pub(crate) file: PathBuf,
}

/// Why a file stays as it is. The text is what a reviewer reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSplit {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the file holds a header and no record")]
    NoRecords,
    #[error("the file has no column {0}, which says whose each record is")]
    NoColumn(String),
    #[error("column {0} has more than {CUSTOMERS} different values: they cannot all be customers")]
    TooMany(String),
}

impl From<std::io::Error> for NotSplit {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

impl From<csv::Error> for NotSplit {
    fn from(error: csv::Error) -> Self {
        Self::Unreadable(Unreadable::Io(error.into()))
    }
}

/// Writes the records of each customer, named in `column`, to a file of its own in `folder`; in the order of their names.
///
/// # Errors
/// [`Unreadable::Io`] is this machine's fault; everything else is the file's.
pub(crate) fn split(path: &Path, name: &Path, column: &str, folder: &Path) -> Result<Vec<Part>, NotSplit> {
    let plain = PlainFile::of(path, name, Limits::default())?;
    let parts = match plain.format {
        Format::Csv => split_csv(&plain, column, folder),
        Format::JsonLines => split_json_lines(&plain, column, folder),
        Format::Parquet => parquet::split(&plain, column, folder),
    }?;
    if parts.is_empty() { Err(NotSplit::NoRecords) } else { Ok(parts) }
}

/// A writer for each customer so far; nobody's is the one named by nothing.
struct Writers<W> {
    column: String,
    folder: PathBuf,
    of: BTreeMap<String, (PathBuf, W)>,
}

impl<W> Writers<W> {
    fn new(column: &str, folder: &Path) -> Self {
        Self { column: column.to_owned(), folder: folder.to_owned(), of: BTreeMap::new() }
    }

    fn of(&mut self, cell: &str, open: impl FnOnce(File) -> Result<W, NotSplit>) -> Result<&mut W, NotSplit> {
        let customer = name_in(cell);
        // Not `entry`: that needs a `String` for each record.
        if !self.of.contains_key(customer) {
            if self.of.len() == CUSTOMERS {
                return Err(NotSplit::TooMany(self.column.clone()));
            }
            let path = self.folder.join(self.of.len().to_string());
            let writer = open(File::create(&path)?)?;
            self.of.insert(customer.to_owned(), (path, writer));
        }
        Ok(&mut self.of.get_mut(customer).expect("it was put there").1)
    }

    /// Closes what is open.
    fn finish(&mut self, mut close: impl FnMut(W) -> Result<(), NotSplit>) -> Result<Vec<Part>, NotSplit> {
        let part = |(customer, (file, writer)): (String, (PathBuf, W))| {
            close(writer)?;
            Ok(Part { customer: Some(customer).filter(|name| !name.is_empty()), file })
        };
        std::mem::take(&mut self.of).into_iter().map(part).collect()
    }
}

/// The customer that a cell names; nothing where it names none, or one that no key has room for.
fn name_in(cell: &str) -> &str {
    let name = cell.trim();
    if name.len() > NAME_BYTES { "" } else { name }
}

fn split_csv(plain: &PlainFile, column: &str, folder: &Path) -> Result<Vec<Part>, NotSplit> {
    unpack::require_utf8(&plain.path)?;
    let delimiter = delimiter::sniff(&plain.start);
    let mut records = Records::of(&plain.path, delimiter)?;
    let (mut header, mut record) = (StringRecord::new(), StringRecord::new());
    if !records.read(&mut header)? {
        return Err(Unreadable::Empty.into());
    }
    let Some(at) = cells(&header).position(|name| name == column) else {
        return Err(NotSplit::NoColumn(column.to_owned()));
    };
    let mut writers = Writers::new(column, folder);
    while records.read(&mut record)? {
        let writer = writers.of(cells(&record).nth(at).unwrap_or_default(), |file| {
            let mut writer = csv::WriterBuilder::new().delimiter(delimiter).flexible(true).from_writer(file);
            writer.write_record(cells(&header))?;
            Ok(writer)
        })?;
        writer.write_record(cells(&record))?;
    }
    writers.finish(|mut writer| Ok(writer.flush()?))
}

fn split_json_lines(plain: &PlainFile, column: &str, folder: &Path) -> Result<Vec<Part>, NotSplit> {
    unpack::require_utf8(&plain.path)?;
    let mut writers = Writers::new(column, folder);
    let mut named = false;
    json_lines::each_object(&plain.path, Limits::default(), |text, object| {
        named |= object.contains_key(column);
        let cell = object.get(column).map(json_lines::cell).unwrap_or_default();
        let writer = writers.of(&cell, |file| Ok(BufWriter::new(file)))?;
        writer.write_all(text)?;
        writer.write_all(b"\n")?;
        Ok::<_, NotSplit>(())
    })?;
    if !named {
        return Err(NotSplit::NoColumn(column.to_owned()));
    }
    writers.finish(|mut writer| Ok(writer.flush()?))
}

#[cfg(test)]
mod tests;
