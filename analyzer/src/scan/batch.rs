//! One batch of a push: its cells column by column, a hash of each, and what the tests of pairs want to know of them.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::cells::{Cells, NO_VALUE};
use crate::{
    profile::{NO_FORM, short_hash},
    rules::Quantity,
    value,
};

/// The cells of some records.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) height: usize,
    pub(super) columns: Vec<Cells>,
    /// By column, then by record.
    pub(super) hashes: Vec<Vec<u64>>,
    /// By record, of all its cells in their order.
    pub(super) records: Vec<u64>,
}

impl Batch {
    /// Takes in the next batch; only the room is what remains of the last one.
    pub(super) fn read(&mut self, frame: &DataFrame, names: &[String]) -> PolarsResult<()> {
        self.height = frame.height();
        self.columns = names.iter().map(|name| Cells::of(frame.column(name)?)).collect::<PolarsResult<_>>()?;
        self.hashes.resize_with(names.len(), Vec::new);
        self.records.clear();
        self.records.resize(self.height, 0);
        for (cells, hashes) in self.columns.iter().zip(&mut self.hashes) {
            cells.hash_into(hashes);
            for (record, hash) in self.records.iter_mut().zip(hashes) {
                *record = mix(*record, *hash);
            }
        }
        for record in &mut self.records {
            *record = value::spread_bits(*record);
        }
        Ok(())
    }

    /// The hash of some cells of a record together; none where all are without a value.
    pub(super) fn key(&self, columns: &[usize], row: usize) -> Option<u64> {
        let hashes = columns.iter().map(|column| self.hashes[*column][row]);
        let (key, filled) = hashes.fold((0, false), |(key, filled), hash| (mix(key, hash), filled || hash != NO_VALUE));
        filled.then(|| value::spread_bits(key))
    }
}

/// Order matters: a record with two cells swapped is another record. Hashes of cells go in and the outcome is spread again, so
/// to turn and to add is enough.
fn mix(record: u64, cell: u64) -> u64 {
    record.rotate_left(23).wrapping_add(cell)
}

/// What was found out about whole columns of a batch, each once.
pub(super) struct Known<'a> {
    batch: &'a Batch,
    quantities: Vec<((usize, Quantity), Vec<f64>)>,
    forms: BTreeMap<usize, Vec<u8>>,
    short_hashes: BTreeMap<usize, Vec<u32>>,
}

impl<'a> Known<'a> {
    pub(super) fn of(batch: &'a Batch) -> Self {
        Self { batch, quantities: Vec::new(), forms: BTreeMap::new(), short_hashes: BTreeMap::new() }
    }

    pub(super) fn learn_quantities(&mut self, column: usize, quantity: Quantity) {
        let key = (column, quantity);
        if !self.quantities.iter().any(|(known, _)| *known == key) {
            self.quantities.push((key, self.batch.columns[column].quantities(quantity)));
        }
    }

    pub(super) fn learn_forms(&mut self, column: usize) {
        let batch = self.batch;
        self.forms.entry(column).or_insert_with(|| {
            let mut buffer = String::new();
            let cells = &batch.columns[column];
            (0..batch.height).map(|row| form(cells, row, &mut buffer)).collect()
        });
    }

    pub(super) fn learn_short_hashes(&mut self, column: usize) {
        let batch = self.batch;
        self.short_hashes.entry(column).or_insert_with(|| {
            let (cells, mut buffer) = (&batch.columns[column], String::new());
            (0..batch.height).map(|row| cells.text(row, &mut buffer).map_or(0, short_hash)).collect()
        });
    }

    /// NaN where a cell is no such quantity.
    pub(super) fn quantities(&self, column: usize, quantity: Quantity) -> &[f64] {
        self.quantities.iter().find(|(known, _)| *known == (column, quantity)).map_or(&[], |(_, all)| all)
    }

    pub(super) fn forms(&self, column: usize) -> &[u8] {
        self.forms.get(&column).map_or(&[], Vec::as_slice)
    }

    /// 0 for a cell without a value.
    pub(super) fn short_hashes(&self, column: usize) -> &[u32] {
        self.short_hashes.get(&column).map_or(&[], Vec::as_slice)
    }
}

/// The form of a cell; whole numbers of one sign have the same.
fn form(cells: &Cells, row: usize, buffer: &mut String) -> u8 {
    match cells {
        Cells::Whole(numbers) => {
            numbers.get(row).map_or(NO_FORM, |number| value::shape(if number < 0 { "-1" } else { "1" }))
        }
        cells => cells.text(row, buffer).map_or(NO_FORM, value::shape),
    }
}
