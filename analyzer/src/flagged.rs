//! The flagged records as CSV: number, reasons, columns, then the record itself, safe to open in a spreadsheet.
//!
//! Written from the scan's scratch file once it is known which rules count.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use holdpoint_review::SampleRecord;
use tempfile::{NamedTempFile, TempPath};

use crate::{
    declared::Declared,
    read::Unreadable,
    rules::{Kinds, Misplaced, Rule},
    scan::Candidates,
    value,
};

/// Records shown on a page.
const SAMPLE: usize = 20;
/// Records shown for the same reason, so that one reason does not crowd out the others.
const ALIKE: usize = 3;

/// The columns before those of the push.
const OURS: [&str; 3] = ["record", "reasons", "columns"];

/// Stands for the value of a personal column.
const MASK: &str = "•••";

/// The flagged records, on disk and as a sample.
#[derive(Debug)]
pub(crate) struct Flagged {
    pub(crate) records: u64,
    pub(crate) csv: TempPath,
    pub(crate) sample: Vec<SampleRecord>,
    /// How many of the records are as a whole in disorder, by what is wrong with them.
    pub(crate) misplaced: BTreeMap<Misplaced, u64>,
}

/// Writes the records that a rule which counts has hit, in the order of the push.
pub(crate) fn write(
    candidates: &Candidates,
    columns: &[String],
    rules: &[Rule],
    counts: &[bool],
    declared: &Declared,
) -> Result<Flagged, Unreadable> {
    let (file, csv) = NamedTempFile::new()?.into_parts();
    let mut writer = Writer {
        file: headed(file, columns)?,
        columns,
        rules,
        reasons: rules.iter().map(reason).collect(),
        kinds: Kinds::of(columns, rules, counts),
        personal: (0..columns.len()).filter(|at| declared.is_personal(&columns[*at])).collect(),
        records: 0,
        shown: vec![0; rules.len()],
        sample: Vec::new(),
        misplaced: BTreeMap::new(),
        line: Line::default(),
    };
    candidates.each(counts, |record, guilty, cells| writer.add(record, guilty, cells))?;
    writer.file.flush()?;
    let Writer { records, sample, misplaced, .. } = writer;
    Ok(Flagged { records, csv, sample, misplaced })
}

/// A file with the header only, for a push of which no record could be judged.
pub(crate) fn nothing(columns: &[String]) -> Result<TempPath, Unreadable> {
    let (file, csv) = NamedTempFile::new()?.into_parts();
    headed(file, columns)?.flush()?;
    Ok(csv)
}

/// Whether flagged records may be written to a file: where there is none, or an empty one, or one of flagged records.
pub(crate) fn may_be_written(path: &Path) -> io::Result<bool> {
    let start = OURS.join(",").into_bytes();
    let mut found = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(start.len() as u64).read_to_end(&mut found).map(|_| found.is_empty() || found == start),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn headed(file: File, columns: &[String]) -> Result<csv::Writer<File>, Unreadable> {
    let mut file = csv::Writer::from_writer(file);
    file.write_record(OURS.map(ToOwned::to_owned).into_iter().chain(header(columns)))
        .map_err(|error| Unreadable::Io(error.into()))?;
    Ok(file)
}

/// The flagged records while they are written.
struct Writer<'a> {
    file: csv::Writer<File>,
    columns: &'a [String],
    rules: &'a [Rule],
    /// By rule.
    reasons: Vec<String>,
    kinds: Kinds<'a>,
    personal: Vec<usize>,
    records: u64,
    /// By rule, how many records are in the sample for it.
    shown: Vec<usize>,
    sample: Vec<SampleRecord>,
    misplaced: BTreeMap<Misplaced, u64>,
    line: Line,
}

/// What is said of one record; its room serves for the next.
#[derive(Default)]
struct Line {
    reasons: String,
    columns: String,
}

impl Writer<'_> {
    fn add(&mut self, record: u64, guilty: &[usize], mut cells: Vec<&str>) -> io::Result<()> {
        self.records += 1;
        let disorder = if guilty.len() > 1 { self.kinds.misplaced(guilty, &cells) } else { None };
        if let Some(disorder) = disorder {
            *self.misplaced.entry(disorder).or_default() += 1;
        }
        for own in &self.personal {
            cells[*own] = MASK;
            if let Some(cell) = disorder.and_then(|disorder| cells.get_mut(disorder.place_of(*own)?)) {
                *cell = MASK;
            }
        }
        let first = disorder.map(|disorder| disorder.check().name());
        let why = || first.into_iter().chain(guilty.iter().map(|at| self.reasons[*at].as_str()));
        join(&mut self.line.reasons, "; ", why());
        join(&mut self.line.columns, "|", guilty_columns(guilty, self.rules));
        self.file.write_field(itoa::Buffer::new().format(record))?;
        for cell in [self.line.reasons.as_str(), &self.line.columns].iter().chain(&cells) {
            self.file.write_field(neutral(cell).as_bytes())?;
        }
        self.file.write_record(None::<&[u8]>)?;
        if self.sample.len() < SAMPLE && guilty.iter().any(|at| self.shown[*at] < ALIKE) {
            let names: Vec<&str> = guilty_columns(guilty, self.rules).collect();
            self.sample.push(SampleRecord {
                record,
                values: cells.iter().map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned())).collect(),
                guilty: (0..self.columns.len()).filter(|at| names.contains(&self.columns[*at].as_str())).collect(),
                reasons: why().map(ToOwned::to_owned).collect(),
            });
            for at in guilty {
                self.shown[*at] += 1;
            }
        }
        Ok(())
    }
}

/// Writes texts into `line`, which is cleared first.
fn join<'a>(line: &mut String, between: &str, texts: impl Iterator<Item = &'a str>) {
    line.clear();
    for (at, text) in texts.enumerate() {
        if at > 0 {
            line.push_str(between);
        }
        line.push_str(text);
    }
}

/// The push's own columns; those named like ours step aside.
fn header(columns: &[String]) -> impl Iterator<Item = String> {
    columns.iter().map(|name| match name.as_str() {
        name if OURS.contains(&name) => format!("push.{name}"),
        name => neutral(name).into_owned(),
    })
}

fn reason(rule: &Rule) -> String {
    if rule.column.is_empty() {
        rule.check.name().to_owned()
    } else {
        format!("{}: {}", rule.column, rule.check.name())
    }
}

fn guilty_columns<'a>(guilty: &[usize], rules: &'a [Rule]) -> impl Iterator<Item = &'a str> {
    let names = guilty.iter().map(|at| rules[*at].column.as_str()).filter(|name| !name.is_empty());
    let mut last = "";
    names.filter(move |name| std::mem::replace(&mut last, name) != *name)
}

/// A cell that no spreadsheet takes for a formula (<https://owasp.org/www-community/attacks/CSV_Injection>): led by `'` where it
/// begins like one and is no plain number.
fn neutral(cell: &str) -> Cow<'_, str> {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && value::number(cell).is_none();
    if formula { format!("'{cell}").into() } else { cell.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_led_by_a_quote_and_numbers_are_left_alone() {
        let check = |cell: &str, expected: &str| assert_eq!(neutral(cell), expected);
        check("=HYPERLINK(\"http://evil\")", "'=HYPERLINK(\"http://evil\")");
        check("@SUM(A1)", "'@SUM(A1)");
        check("-4.0", "-4.0");
        check("+1e3", "+1e3");
        check("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0");
        check("\tx", "'\tx");
        check("-", "'-");
        check("plain", "plain");
    }
}
