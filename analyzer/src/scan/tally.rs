//! What a scan keeps: the profile, per rule its hits and examples, and the records hit, in a scratch file.

use std::collections::BTreeSet;

use polars::prelude::*;

use super::{
    alike,
    batch::{Batch, Known},
    candidates::{Candidates, Scratch},
    pairs::{PairRule, RepeatRule},
    watch::Watch,
};
use crate::{
    declared::Declared,
    profile::{Cell, ColumnProfile, Pair, Relations, Rows, Sample, Table},
    read::{Opened, Unreadable},
    rules::{self, Rule},
    value,
};

/// The level at which values are looked for again: few enough to cost nothing, some hundreds where none comes twice.
const SEEN: u8 = 8;
/// Examples of one rule.
const EXAMPLES: usize = 3;

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
    /// Further records, by an estimate, that were not looked for.
    pub(crate) others: u64,
    pub(crate) examples: Vec<String>,
}

pub(super) struct Tally {
    names: Vec<String>,
    columns: Vec<ColumnProfile>,
    judges: Judges,
    level: u8,
    /// By column, some of its values from all records, where the profile is of a sample of these: whether any comes twice.
    seen: Vec<Sample>,
    sample: Rows,
    /// Hashes of some records, from all of them.
    delivered: Sample,
    /// Pairs of columns whose keys the rules need.
    wanted: BTreeSet<Pair>,
    /// Records so far.
    records: u64,
    hits: Vec<Hits>,
    candidates: Scratch,
    batch: Batch,
}

/// The rules, by what they look at.
struct Judges {
    watches: Vec<Watch>,
    pairs: Vec<PairRule>,
    repeats: Vec<RepeatRule>,
    /// By rule, the column whose cells are its examples.
    shown: Vec<Option<usize>>,
    /// Words of a record's mask.
    words: usize,
}

impl Tally {
    pub(super) fn new(opened: &Opened, rules: &[Rule], declared: &Declared) -> Result<Self, Unreadable> {
        let names = &opened.columns;
        let blank = |name: &String| {
            if declared.is_personal(name) { ColumnProfile::personal() } else { ColumnProfile::default() }
        };
        let judges = Judges::of(names, rules, declared);
        Ok(Self {
            names: names.clone(),
            columns: names.iter().map(blank).collect(),
            candidates: Scratch::new(judges.words, names.len())?,
            judges,
            level: opened.level,
            seen: if opened.level > 0 { vec![Sample::at(SEEN); names.len()] } else { Vec::new() },
            sample: Rows::default(),
            delivered: Sample::default(),
            wanted: PairRule::wanted(rules),
            records: 0,
            hits: vec![Hits::default(); rules.len()],
            batch: Batch::default(),
        })
    }

    pub(super) fn add(&mut self, frame: &DataFrame, opened: &Opened) -> Result<(), Unreadable> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.read(frame, &self.names).map_err(|error| opened.unreadable(&error))?;
        self.profile(&batch);
        let masks = self.judges.masks(&batch, &mut self.hits);
        self.keep(&masks, &batch)?;
        self.records += batch.height as u64;
        self.batch = batch;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Scanned, Unreadable> {
        for (column, seen) in self.columns.iter_mut().zip(&self.seen) {
            column.repeated = Some(if seen.distinct() > 0 { seen.repeated() } else { column.sample.repeated() });
        }
        let relations = Relations::of(&self.names, &self.columns, &self.sample, &self.wanted);
        let columns = self.names.into_iter().zip(self.columns).collect();
        Ok(Scanned {
            records: self.records,
            table: Table { columns, relations, records: self.delivered },
            hits: self.hits,
            candidates: self.candidates.finish()?,
        })
    }

    /// Profiles the records of the sample.
    fn profile(&mut self, batch: &Batch) {
        let rows = self.sampled(batch);
        for ((column, cells), hashes) in self.columns.iter_mut().zip(&batch.columns).zip(&batch.hashes) {
            alike::add(column, cells, hashes, &rows);
        }
        for row in rows {
            self.sample.add(batch.records[row], || {
                batch.columns.iter().map(|cells| Cell::of(cells.text(row, &mut String::new()))).collect()
            });
        }
        // What stands for no value ends in no zero bits, and is in no such sample.
        for (seen, hashes) in self.seen.iter_mut().zip(&batch.hashes) {
            seen.add_all(hashes);
        }
        self.delivered.add_all(&batch.records);
    }

    /// The records of a batch that are in the sample: of so many in a row one, and a hash says which. Were it a hash of what is in
    /// them, all records that are alike would come in together, or none of them.
    fn sampled(&self, batch: &Batch) -> Vec<usize> {
        let (first, end) = (self.records, self.records + batch.height as u64);
        let row = 1_u64 << self.level;
        let chosen = (first / row..end.div_ceil(row)).map(|at| at * row + value::spread_bits(at) % row);
        #[expect(clippy::cast_possible_truncation, reason = "places in a batch")]
        chosen.filter(|record| (first..end).contains(record)).map(|record| (record - first) as usize).collect()
    }

    /// Writes down every record that was hit.
    fn keep(&mut self, masks: &[u64], batch: &Batch) -> std::io::Result<()> {
        let mut buffer = String::new();
        for (row, mask) in masks.chunks_exact(self.judges.words).enumerate() {
            if mask.iter().all(|word| *word == 0) {
                continue;
            }
            for cells in &batch.columns {
                self.candidates.add_cell(cells.text(row, &mut buffer).unwrap_or_default());
            }
            self.candidates.add(self.records + row as u64, mask)?;
        }
        Ok(())
    }
}

impl Judges {
    fn of(names: &[String], rules: &[Rule], declared: &Declared) -> Self {
        let places = rules::places(names);
        let shown = |rule: &Rule| {
            let column = rule.columns().first().filter(|column| !declared.is_personal(column))?.to_owned();
            places.get(column).copied()
        };
        Self {
            watches: Watch::all(&places, rules),
            pairs: PairRule::all(&places, rules),
            repeats: RepeatRule::all(&places, rules),
            shown: rules.iter().map(shown).collect(),
            words: rules.len().div_ceil(64).max(1),
        }
    }

    /// One bit per rule and record; counts each hit and notes examples.
    fn masks(&mut self, batch: &Batch, hits: &mut [Hits]) -> Vec<u64> {
        let (words, shown) = (self.words, &self.shown);
        let mut masks = vec![0_u64; batch.height * words];
        let mut buffer = String::new();
        let mut tell = |row: usize, at: usize| {
            masks[row * words + at / 64] |= 1 << (at % 64);
            hits[at].records += 1;
            if hits[at].examples.len() < EXAMPLES {
                hits[at].note(shown[at].and_then(|column| batch.columns[column].text(row, &mut buffer)));
            }
        };
        for watch in &mut self.watches {
            watch.judge(&batch.columns[watch.column], &batch.hashes[watch.column], &mut tell);
        }
        let mut known = Known::of(batch);
        for pair in &self.pairs {
            pair.judge(batch, &mut known, &mut tell);
        }
        let others: Vec<_> = self.repeats.iter_mut().map(|repeat| repeat.judge(batch, &mut tell)).collect();
        for (at, others) in others {
            hits[at].others += others;
        }
        masks
    }
}

impl Hits {
    fn note(&mut self, cell: Option<&str>) {
        /// Enough to recognise a value by.
        const LONGEST: usize = 60;
        let Some(text) = cell else { return };
        let mut example: String = text.chars().take(LONGEST).collect();
        if example.len() < text.len() {
            example.push('…');
        }
        if !self.examples.contains(&example) {
            self.examples.push(example);
        }
    }
}

#[cfg(test)]
pub(super) fn hits(frame: &DataFrame, rules: &[Rule]) -> Vec<(usize, usize)> {
    let names: Vec<String> = frame.get_column_names().iter().map(ToString::to_string).collect();
    let (mut batch, mut judges) = (Batch::default(), Judges::of(&names, rules, &Declared::default()));
    batch.read(frame, &names).expect("the frame is of text");
    let masks = judges.masks(&batch, &mut vec![Hits::default(); rules.len()]);
    let is_hit = |row: usize, at: usize| masks[row * judges.words + at / 64] >> (at % 64) & 1 == 1;
    (0..batch.height)
        .flat_map(|row| (0..rules.len()).map(move |at| (row, at)))
        .filter(|(row, at)| is_hit(*row, *at))
        .collect()
}
