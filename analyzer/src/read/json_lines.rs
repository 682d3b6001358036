//! NDJSON rewritten as CSV: numbers as they are written, strings unquoted, nested values as JSON, null and absent as nothing.
//!
//! Polars infers a schema from the first lines and drops or refuses what comes later and differs. A push that differs is just
//! what must be judged, so two plain passes replace the inference: one for the keys, one for the cells.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufRead, BufReader, BufWriter},
    path::Path,
};

use serde_json::{Map, Value};
use tempfile::{NamedTempFile, TempPath};

use super::{Limits, Unreadable, lines::COLUMNS};

pub(super) fn rewrite(path: &Path, limits: Limits) -> Result<TempPath, Unreadable> {
    let columns = keys(path, limits)?;
    if columns.is_empty() {
        return Err(Unreadable::Columns("there are none".to_owned()));
    }
    let scratch = NamedTempFile::new()?;
    let mut writer = csv::Writer::from_writer(BufWriter::new(scratch.as_file()));
    writer.write_record(&columns).map_err(into_io)?;
    each_object(path, limits, |_, object| {
        let cells = columns.iter().map(|name| object.get(name).map_or_else(String::new, cell));
        writer.write_record(cells).map_err(into_io)
    })?;
    writer.flush()?;
    drop(writer);
    Ok(scratch.into_temp_path())
}

fn keys(path: &Path, limits: Limits) -> Result<Vec<String>, Unreadable> {
    let (mut columns, mut known) = (Vec::new(), BTreeSet::new());
    each_object(path, limits, |_, object| {
        for name in object.keys() {
            if known.insert(name.clone()) {
                columns.push(name.clone());
            }
        }
        if columns.len() > COLUMNS { Err(Unreadable::Columns(format!("there are over {COLUMNS}"))) } else { Ok(()) }
    })?;
    Ok(columns)
}

/// Calls `each` with every line that is not blank, and the object that it is.
pub(super) fn each_object<E: From<Unreadable>>(
    path: &Path,
    limits: Limits,
    mut each: impl FnMut(&[u8], Map<String, Value>) -> Result<(), E>,
) -> Result<(), E> {
    /// A record that does not fit in memory many times over is no record.
    const LONGEST_LINE_BYTES: u64 = 64 << 20;
    let longest = LONGEST_LINE_BYTES.min(limits.unpacked_bytes);
    let mut reader = BufReader::new(File::open(path).map_err(Unreadable::from)?);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = std::io::Read::take(&mut reader, longest).read_until(b'\n', &mut text);
        let length = read.map_err(Unreadable::from)? as u64;
        if length == 0 {
            break;
        }
        let trimmed = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text).trim_ascii();
        if trimmed.is_empty() {
            continue;
        }
        let object = serde_json::from_slice(trimmed).map_err(|_| Unreadable::NotJson { line })?;
        each(trimmed, object)?;
    }
    Ok(())
}

/// A value as the text of a cell.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn into_io(error: csv::Error) -> Unreadable {
    Unreadable::Io(error.into())
}
