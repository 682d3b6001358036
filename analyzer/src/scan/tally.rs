//! What a scan keeps: the profile, per rule its hits and examples, and the records hit, in a scratch file.

use std::{collections::BTreeSet, io::BufWriter};

use polars::prelude::*;
use tempfile::{NamedTempFile, TempPath};

use super::{alike, hit_column, repeats::Repeats};
use crate::{
    declared::Declared,
    profile::{ColumnProfile, Pair, Relations, Rows, Sample, Table},
    read::Unreadable,
    rules::{Rule, Test},
    value,
};

/// Examples of one rule.
const EXAMPLES: usize = 3;
/// The hash of a cell without a value.
const NO_VALUE: u64 = 0x9e37_79b9_7f4a_7c15;

/// What came out of a scan.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) records: u64,
    pub(crate) table: Table,
    /// In the order of the rules.
    pub(crate) hits: Vec<Hits>,
    pub(crate) candidates: Candidates,
}

/// What one rule hit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hits {
    pub(crate) records: u64,
    pub(crate) examples: Vec<String>,
}

/// Records that any rule hit, as CSV without header: the record's number, its mask as hex words, its cells.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) path: TempPath,
}

pub(super) struct Tally {
    names: Vec<String>,
    personal: Vec<bool>,
    columns: Vec<ColumnProfile>,
    rules: Vec<Watched>,
    words: usize,
    scanned: Scanned,
    rows: Repeats,
    sample: Rows,
    /// Pairs of columns whose keys the rules need.
    wanted: BTreeSet<Pair>,
    writer: csv::Writer<BufWriter<std::fs::File>>,
    buffer: String,
}

/// A rule as the scan sees it.
struct Watched {
    columns: Vec<usize>,
    keys: Option<Repeats>,
    is_record: bool,
}

impl Tally {
    pub(super) fn new(names: &[String], rules: &[Rule], declared: &Declared) -> Result<Self, Unreadable> {
        let scratch = NamedTempFile::new()?;
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::new(scratch.reopen()?));
        let watch = |rule: &Rule| Watched {
            columns: rule.columns().iter().filter_map(|column| names.iter().position(|name| name == column)).collect(),
            keys: matches!(rule.test, Test::RepeatedValue | Test::RepeatedKey(_)).then(Repeats::default),
            is_record: matches!(rule.test, Test::RepeatedRecord),
        };
        Ok(Self {
            names: names.to_vec(),
            personal: names.iter().map(|name| declared.is_personal(name)).collect(),
            columns: names.iter().map(|name| blank(declared.is_personal(name))).collect(),
            rules: rules.iter().map(watch).collect(),
            words: rules.len().div_ceil(64).max(1),
            scanned: Scanned {
                records: 0,
                table: Table::default(),
                hits: vec![Hits::default(); rules.len()],
                candidates: Candidates { path: scratch.into_temp_path() },
            },
            rows: Repeats::default(),
            sample: Rows::default(),
            wanted: rules.iter().filter_map(wanted).collect(),
            writer,
            buffer: String::new(),
        })
    }

    pub(super) fn add(&mut self, batch: &DataFrame) -> PolarsResult<()> {
        let cells: Vec<&StringChunked> = (self.names.iter())
            .map(|name| batch.column(name)?.as_materialized_series().str())
            .collect::<PolarsResult<_>>()?;
        let hashes = self.profile(&cells, batch.height());
        let masks = self.masks(batch, &cells, &hashes)?;
        self.keep(&masks, &cells, batch.height())?;
        self.scanned.records += batch.height() as u64;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Scanned, Unreadable> {
        self.writer.flush()?;
        self.scanned.table.relations = Relations::of(&self.names, &self.columns, &self.sample, &self.wanted);
        self.scanned.table.columns = self.names.into_iter().zip(self.columns).collect();
        Ok(self.scanned)
    }

    /// Profiles the cells and returns the hash of each record.
    fn profile(&mut self, cells: &[&StringChunked], height: usize) -> Vec<u64> {
        let mut hashes = vec![0_u64; height];
        for (column, cells) in self.columns.iter_mut().zip(cells) {
            let mut records = hashes.iter_mut();
            alike::add(column, cells, &mut self.buffer, |cell| {
                let record = records.next().expect("each column has as many cells as the batch has records");
                *record = mix(*record, cell.unwrap_or(NO_VALUE));
            });
        }
        let records: &mut Sample = &mut self.scanned.table.records;
        for (row, hash) in hashes.iter().enumerate() {
            records.add(*hash);
            self.sample.add(*hash, cells.iter().map(|column| column.get(row)));
        }
        hashes
    }

    /// One bit per rule and record.
    fn masks(&mut self, batch: &DataFrame, cells: &[&StringChunked], hashes: &[u64]) -> PolarsResult<Vec<u64>> {
        let mut masks = vec![0_u64; batch.height() * self.words];
        for at in 0..self.rules.len() {
            let watched = &mut self.rules[at];
            let column = watched.columns.first().filter(|column| !self.personal[**column]).map(|column| cells[*column]);
            let guilty: BooleanChunked = match (&mut watched.keys, watched.columns.as_slice()) {
                (Some(keys), [column]) => {
                    let repeated = |cell: Option<&str>| {
                        cell.is_some_and(|text| !text.is_empty() && keys.is_repeat(value::hash(text)))
                    };
                    cells[*column].iter().map(repeated).collect()
                }
                (Some(keys), columns) => {
                    let key = |row: usize| key_of(columns.iter().map(|column| cells[*column].get(row)));
                    (0..batch.height()).map(|row| key(row).is_some_and(|key| keys.is_repeat(key))).collect()
                }
                _ if watched.is_record => hashes.iter().map(|hash| self.rows.is_repeat(*hash)).collect(),
                _ => batch.column(&hit_column(at))?.bool()?.clone(),
            };
            let hits = &mut self.scanned.hits[at];
            for (row, _) in guilty.iter().enumerate().filter(|(_, guilty)| *guilty == Some(true)) {
                masks[row * self.words + at / 64] |= 1 << (at % 64);
                hits.records += 1;
                if hits.examples.len() < EXAMPLES {
                    hits.note(column.and_then(|column| column.get(row)));
                }
            }
        }
        Ok(masks)
    }

    /// Writes down every record that was hit.
    fn keep(&mut self, masks: &[u64], cells: &[&StringChunked], height: usize) -> PolarsResult<()> {
        for row in 0..height {
            let mask = &masks[row * self.words..(row + 1) * self.words];
            if mask.iter().all(|word| *word == 0) {
                continue;
            }
            let record = self.scanned.records + row as u64;
            let mask: Vec<String> = mask.iter().map(|word| format!("{word:x}")).collect();
            let head = [record.to_string(), mask.join(" ")];
            let cells = cells.iter().map(|column| column.get(row).unwrap_or_default());
            let line = head.iter().map(String::as_str).chain(cells);
            self.writer.write_record(line).map_err(|error| polars_err!(ComputeError: "scratch file: {error}"))?;
        }
        Ok(())
    }
}

impl Hits {
    fn note(&mut self, cell: Option<&str>) {
        /// Enough to recognise a value by.
        const LONGEST: usize = 60;
        let Some(text) = cell.filter(|text| !text.is_empty()) else { return };
        let mut example: String = text.chars().take(LONGEST).collect();
        if example.len() < text.len() {
            example.push('…');
        }
        if !self.examples.contains(&example) {
            self.examples.push(example);
        }
    }
}

fn blank(personal: bool) -> ColumnProfile {
    if personal { ColumnProfile::personal() } else { ColumnProfile::default() }
}

/// The hash of some cells together; none where all are without a value.
fn key_of<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> Option<u64> {
    let hashes = cells.map(|cell| cell.filter(|text| !text.is_empty()).map_or(NO_VALUE, value::hash));
    let (key, filled) = hashes.fold((0, false), |(key, filled), hash| (mix(key, hash), filled || hash != NO_VALUE));
    filled.then_some(key)
}

/// The keys that a rule votes with.
fn wanted(rule: &Rule) -> Option<Pair> {
    let Test::Against(key, _) = &rule.test else { return None };
    Some((key.clone(), rule.column.clone()))
}

/// Order matters: a record with two cells swapped is another record.
fn mix(record: u64, cell: u64) -> u64 {
    (record.rotate_left(23) ^ cell).wrapping_mul(0x9fb2_1c65_1e98_df25)
}
