//! A look at a few places of a large file, so that a push without history need not be read twice: once to learn what is usual in
//! it and once to judge by that.
//!
//! The places are spread over the file, because pushes are sorted more often than not. What they taught is held against the
//! whole push afterwards (`crate::cold`): where a rule would hit a tenth of a per cent more or less of it, it is read again.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use polars::prelude::*;
use tempfile::{NamedTempFile, TempPath};

use super::{
    Format, Unreadable, broken,
    typed::{Stretch, Typed},
};

/// Places looked at.
const PLACES: usize = 4;
/// Records at each.
const RECORDS: usize = 4096;
/// Bytes of text at each.
const TEXT_BYTES: u64 = 1 << 18;

/// Some records of a typed file.
pub(super) fn of_records(typed: &Typed) -> Result<DataFrame, Unreadable> {
    let last = typed.records().saturating_sub(RECORDS);
    let mut seen: Option<DataFrame> = None;
    for place in 0..PLACES {
        let frame = typed.read(Stretch { first: last / (PLACES - 1) * place, records: RECORDS })?;
        match &mut seen {
            Some(seen) => seen.vstack_mut_owned(frame).map_err(|error| broken(Format::Parquet, &error))?,
            None => seen.insert(frame),
        };
    }
    Ok(seen.unwrap_or_default())
}

/// The header and some whole lines of a file of lines. A line that begins within quotes reads as another record or as none.
pub(super) fn of_lines(path: &Path) -> io::Result<TempPath> {
    let scratch = NamedTempFile::new()?;
    let length = std::fs::metadata(path)?.len();
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    file.read_until(b'\n', &mut line)?;
    let mut out = scratch.as_file();
    out.write_all(&line)?;
    let first = line.len() as u64;
    let each = TEXT_BYTES.min((length - first) / PLACES as u64);
    let last = (length - each).max(first);
    for place in 0..PLACES {
        file.seek(SeekFrom::Start(first + (last - first) / (PLACES - 1) as u64 * place as u64))?;
        if place > 0 {
            file.skip_until(b'\n')?;
        }
        let mut lines = Vec::new();
        file.by_ref().take(each).read_to_end(&mut lines)?;
        let end = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        out.write_all(&lines[..end])?;
    }
    Ok(scratch.into_temp_path())
}
