//! The flagged records as CSV: number, reasons, columns, then the record itself, safe to open in a spreadsheet.
//!
//! Written from the scan's scratch file once it is known which rules count.

use std::{borrow::Cow, collections::BTreeMap, io::BufWriter, path::Path};

use holdpoint_review::SampleRecord;
use tempfile::{NamedTempFile, TempPath};

use crate::{
    declared::Declared,
    read::Unreadable,
    rules::{Columns, Misplaced, Rule},
    scan::Candidates,
    value,
};

/// Records shown on a page.
const SAMPLE: usize = 20;
/// Records shown for the same reason, so that one reason does not crowd out the others.
const ALIKE: usize = 3;

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
    let csv = NamedTempFile::new()?;
    let mut writer = csv::Writer::from_writer(BufWriter::new(csv.as_file()));
    writer
        .write_record(["record", "reasons", "columns"].iter().map(ToString::to_string).chain(header(columns)))
        .map_err(io)?;
    let mut records = 0;
    let mut sample = Vec::new();
    let mut shown = vec![0; rules.len()];
    let reasons: Vec<String> = rules.iter().map(reason).collect();
    let places = Columns::of(columns, rules, counts);
    let mut misplaced: BTreeMap<Misplaced, u64> = BTreeMap::new();
    let personal: Vec<usize> = (0..columns.len()).filter(|at| declared.is_personal(&columns[*at])).collect();
    candidates.each(counts, |record, guilty, mut cells| {
        records += 1;
        let disorder = if guilty.len() > 1 { places.misplaced(&cells) } else { None };
        if let Some(disorder) = disorder {
            *misplaced.entry(disorder).or_default() += 1;
        }
        for at in &personal {
            cells[*at] = MASK;
        }
        let first = disorder.map(|disorder| disorder.check().name());
        let why: Vec<&str> = first.into_iter().chain(guilty.iter().map(|at| reasons[*at].as_str())).collect();
        let names = guilty_columns(guilty, rules);
        writer.write_field(record.to_string())?;
        for cell in [why.join("; ").as_str(), &names.join("|")].iter().chain(&cells) {
            writer.write_field(neutral(cell).as_bytes())?;
        }
        writer.write_record(None::<&[u8]>)?;
        if sample.len() < SAMPLE && guilty.iter().any(|at| shown[*at] < ALIKE) {
            for at in guilty {
                shown[*at] += 1;
            }
            let reasons = why.iter().map(ToString::to_string).collect();
            sample.push(sample_record(record, &cells, &names, columns, reasons));
        }
        Ok(())
    })?;
    writer.flush()?;
    drop(writer);
    Ok(Flagged { records, csv: csv.into_temp_path(), sample, misplaced })
}

/// A file with the header only, for a push of which no record could be judged.
pub(crate) fn nothing(columns: &[String]) -> Result<TempPath, Unreadable> {
    let csv = NamedTempFile::new()?;
    let mut writer = csv::Writer::from_writer(csv.as_file());
    writer
        .write_record(["record", "reasons", "columns"].iter().map(ToString::to_string).chain(header(columns)))
        .map_err(io)?;
    writer.flush()?;
    drop(writer);
    Ok(csv.into_temp_path())
}

/// Copies the CSV to where it is wanted.
pub(crate) fn copy(csv: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(csv, to).map(|_| ())
}

fn io(error: csv::Error) -> Unreadable {
    Unreadable::Io(error.into())
}

/// The push's own columns; those named like ours step aside.
fn header(columns: &[String]) -> impl Iterator<Item = String> {
    columns.iter().map(|name| match name.as_str() {
        "record" | "reasons" | "columns" => format!("push.{name}"),
        _ => neutral(name).into_owned(),
    })
}

fn reason(rule: &Rule) -> String {
    if rule.column.is_empty() {
        rule.check.name().to_owned()
    } else {
        format!("{}: {}", rule.column, rule.check.name())
    }
}

fn guilty_columns<'a>(guilty: &[usize], rules: &'a [Rule]) -> Vec<&'a str> {
    let mut names: Vec<&str> =
        guilty.iter().map(|at| rules[*at].column.as_str()).filter(|name| !name.is_empty()).collect();
    names.dedup();
    names
}

fn sample_record(
    record: u64,
    cells: &[&str],
    guilty: &[&str],
    columns: &[String],
    reasons: Vec<String>,
) -> SampleRecord {
    SampleRecord {
        record,
        values: cells.iter().map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned())).collect(),
        guilty: (0..columns.len()).filter(|at| guilty.contains(&columns[*at].as_str())).collect(),
        reasons,
    }
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
