//! From a file to a frame: whatever a customer delivers, as columns of text, numbers and moments.
//!
//! The file is read once before its records are: for the hash of its bytes, to unpack gzip and zstd (bounded, into a scratch
//! file), and to say in plain words what is wrong with it: broken text, a Parquet file without its footer, a name that promises
//! another format. NDJSON is rewritten as CSV on the way, so that its cells are text like all others and a key that appears
//! late is not lost. Records go out in frames, batch by batch; nothing here grows with the file but the scratch file.

mod delimiter;
mod footer;
mod glimpse;
mod guard;
mod json_lines;
mod lines;
mod parts;
mod source;
mod typed;
mod unpack;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

pub(crate) use guard::guarded;
use holdpoint_review::PushHash;
use indicatif::ProgressBar;
use lines::Lines;
pub(crate) use parts::{NotSplit, split};
use polars::prelude::*;
use source::Source;
use tempfile::TempPath;
use typed::Typed;
use unpack::Unpacked;

/// A file that is not as a push must be. Its text is what a reviewer reads.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not one byte, or nothing but blank lines.
    #[error("the file is empty: not even a header")]
    Empty,
    /// Text that is not UTF-8.
    #[error("the file is not UTF-8 text: byte {offset} cannot be read")]
    NotUtf8 {
        /// Where, in the unpacked file.
        offset: u64,
    },
    /// The name says one format, the bytes another.
    #[error("the file is named {named} but its content is {found}")]
    WrongFormat {
        /// What the extension promises.
        named: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A record with another number of fields than the header.
    #[error("the file is ragged: {0}")]
    Ragged(String),
    /// The columns cannot be used.
    #[error("the columns cannot be read: {0}")]
    Columns(String),
    /// Something that people deliver by mistake.
    #[error("the content is {0}: deliver CSV, NDJSON or Parquet, and text in UTF-8 with lines that end in LF")]
    Mistaken(&'static str),
    /// A line that is no JSON object.
    #[error("line {line} is not a JSON object")]
    NotJson {
        /// 1-based.
        line: u64,
    },
    /// Compressed data that is cut off or damaged.
    #[error("the compressed file is damaged: {0}")]
    Damaged(String),
    /// More than [`Limits`] allow.
    #[error("the file unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// The format's reader refused it.
    #[error("the file cannot be read as {format}: {reason}")]
    Broken {
        /// Which reader.
        format: &'static str,
        /// Its words, on one line.
        reason: String,
    },
    /// Not the file's fault: trying again may help.
    #[error("the file could not be read")]
    Io(#[from] io::Error),
}

/// What an unpacked file may take on disk, so that a small hostile file cannot fill it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { unpacked_bytes: 64 << 30 }
    }
}

/// A push that can be scanned, any number of times, as long as this lives.
pub(crate) struct Opened {
    pub(crate) columns: Vec<String>,
    /// Of `2^level` records in a row one is in the profile's sample.
    pub(crate) level: u8,
    /// Unpacked, and as lines if it was NDJSON.
    path: PathBuf,
    /// As the file says, or as many as it has lines: a cell over several lines counts several times.
    pub(crate) records: usize,
    pub(crate) progress: ProgressBar,
    format: Format,
    source: Source,
    /// Deleted on drop.
    _scratch: Vec<TempPath>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    JsonLines,
    Parquet,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::JsonLines => "NDJSON",
            Self::Parquet => "Parquet",
        }
    }

    /// What the name promises, `.gz` and `.zst` aside; none for names that promise nothing.
    fn named(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
        match name.rsplit_once('.')?.1 {
            "csv" | "tsv" | "txt" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::JsonLines),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    fn found(start: &[u8]) -> Self {
        if start.starts_with(b"PAR1") {
            return Self::Parquet;
        }
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
        let object = text.strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""));
        if object { Self::JsonLines } else { Self::Csv }
    }
}

/// The hash of a file's bytes, in bounded memory.
pub(crate) fn push_hash(path: &Path) -> io::Result<PushHash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(PushHash::of_blake3(hasher.finalize().into()))
}

/// What is delivered in the place of a push, by its first bytes.
const MISTAKEN: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", "a ZIP archive, as files of Excel are"),
    (b"\xd0\xcf\x11\xe0", "a file of an old Excel"),
    (b"%PDF-", "a PDF"),
    (b"<!DOCTYPE", "a page of HTML"),
    (b"<html", "a page of HTML"),
    (b"<?xml", "XML"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
];

/// A file as it is without its packing.
struct PlainFile {
    path: PathBuf,
    format: Format,
    /// Its first bytes.
    start: Vec<u8>,
    scratch: Option<TempPath>,
}

impl PlainFile {
    /// `name` is what the customer called it; its extension is held against the content.
    fn of(path: &Path, name: &Path, limits: Limits) -> Result<Self, Unreadable> {
        let Unpacked { path, scratch } = unpack::unpack(path, limits)?;
        let start = start_of(&path)?;
        if let Some((_, found)) = MISTAKEN.iter().find(|(first, _)| start.starts_with(first)) {
            return Err(Unreadable::Mistaken(found));
        }
        let format = Format::found(&start);
        if format == Format::Csv && start.trim_ascii_end().contains(&b'\r') && !start.contains(&b'\n') {
            return Err(Unreadable::Mistaken("text whose lines end in CR alone"));
        }
        match Format::named(name).filter(|named| *named != format) {
            Some(named) => Err(Unreadable::WrongFormat { named: named.name(), found: format.name() }),
            None => Ok(Self { path, format, start, scratch }),
        }
    }
}

/// Opens a file for scanning. `name` is what the customer called it.
pub(crate) fn open(path: &Path, name: &Path, limits: Limits) -> Result<Opened, Unreadable> {
    let PlainFile { path: plain, format, start, scratch } = PlainFile::of(path, name, limits)?;
    let mut scratch: Vec<_> = scratch.into_iter().collect();
    let (path, columns, source, records) = match format {
        Format::Parquet => {
            let typed = Typed::open(&plain)?;
            let (columns, records) = (typed.schema.iter_names().map(ToString::to_string).collect(), typed.records());
            (plain, columns, Source::Typed(typed), records)
        }
        Format::Csv => {
            let count = count_lines(&plain, &start)?;
            let lines = Lines::open(&plain, delimiter::sniff(&start))?;
            (plain, lines.columns().to_owned(), Source::Lines(lines), count)
        }
        Format::JsonLines => {
            let count = unpack::require_utf8(&plain)?;
            let rewritten = json_lines::rewrite(&plain, limits)?;
            let path = rewritten.to_path_buf();
            scratch.push(rewritten);
            let lines = Lines::open(&path, b',')?;
            (path, lines.columns().to_owned(), Source::Lines(lines), count)
        }
    };
    let (level, progress) = (level(records), ProgressBar::hidden());
    Ok(Opened { columns, level, path, records, progress, format, source, _scratch: scratch })
}

/// The level at which a sample of so many records is large enough for shares within a tenth of a per cent, and small enough to
/// cost little. Up to `ALL` it is all of them.
fn level(records: usize) -> u8 {
    const ALL: usize = 1 << 17;
    const SAMPLE: usize = 1 << 16;
    let most = if records <= ALL { ALL } else { SAMPLE };
    (0..64).find(|level| records >> level <= most).unwrap_or(64)
}

impl Opened {
    /// Some records from a few places, to be scanned in full; none of a file that is small, or of which no part can be read.
    pub(crate) fn glimpse(&self) -> Option<Self> {
        if self.level == 0 {
            return None;
        }
        let (source, scratch) = match &self.source {
            Source::Lines(lines) => {
                let some = glimpse::of_lines(&self.path).ok()?;
                (Source::Lines(lines.of(&some)), Some(some))
            }
            Source::Typed(typed) => (Source::Few(glimpse::of_records(typed).ok()?), None),
            Source::Few(_) => return None,
        };
        let (columns, path, progress) = (self.columns.clone(), self.path.clone(), ProgressBar::hidden());
        Some(Self { columns, path, progress, level: 0, source, _scratch: scratch.into_iter().collect(), ..*self })
    }

    /// Hands over the records batch by batch, in their order.
    pub(crate) fn each_batch<E: From<Unreadable>>(
        &self,
        take: impl FnMut(&DataFrame) -> Result<(), E>,
    ) -> Result<(), E> {
        guarded(self.format, || self.source.each(self.columns.len(), take))
    }

    /// What a batch that cannot be worked with says about the file.
    pub(crate) fn unreadable(&self, error: &PolarsError) -> Unreadable {
        broken(self.format, error)
    }
}

fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    /// Enough lines of any file to tell its delimiter.
    const START_BYTES: u64 = 64 << 10;
    let mut start = Vec::new();
    File::open(path)?.take(START_BYTES).read_to_end(&mut start)?;
    Ok(start)
}

/// The number of lines of a text; refuses what is none, or blank.
fn count_lines(path: &Path, start: &[u8]) -> Result<usize, Unreadable> {
    let count = unpack::require_utf8(path)?;
    let is_blank = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii().is_empty();
    if is_blank { Err(Unreadable::Empty) } else { Ok(count) }
}

fn broken(format: Format, error: &PolarsError) -> Unreadable {
    let words = error.to_string();
    let reason: String = words.lines().next().unwrap_or_default().chars().take(200).collect();
    match error {
        PolarsError::NoData(_) => Unreadable::Empty,
        PolarsError::Duplicate(_) => Unreadable::Columns(reason),
        _ => Unreadable::Broken { format: format.name(), reason },
    }
}
