//! Parquet by customer: the file's own columns, their types included, so what goes on is what was delivered.

use std::{collections::BTreeMap, fs::File, path::Path, sync::Arc};

use polars::{io::parquet::write::BatchedWriter, prelude::*};

use super::{NotSplit, Part, PlainFile, Unreadable, Writers, name_in};
use crate::read::{Format, broken, guarded, source::Source, typed::Typed};

/// Cells that are collected before row groups are written of them: many customers would else make tiny ones.
pub(super) const KEPT_CELLS: usize = 1 << 21;

type Writer = BatchedWriter<File>;

pub(super) fn split(plain: &PlainFile, column: &str, folder: &Path) -> Result<Vec<Part>, NotSplit> {
    let typed = Typed::open(&plain.path)?;
    let schema = Arc::clone(&typed.schema);
    if schema.get(column).is_none() {
        return Err(NotSplit::NoColumn(column.to_owned()));
    }
    let mut groups = Groups { writers: Writers::new(column, folder), schema, waiting: BTreeMap::new(), kept: 0 };
    guarded(Format::Parquet, || Source::Typed(typed).each(groups.schema.len(), |batch| groups.add(batch)))?;
    groups.flush()?;
    groups.writers.finish(|writer| writer.finish().map(drop).map_err(unwritten))
}

/// Records by customer, on their way out.
struct Groups {
    writers: Writers<Writer>,
    schema: SchemaRef,
    waiting: BTreeMap<String, DataFrame>,
    /// Cells in waiting.
    kept: usize,
}

impl Groups {
    fn add(&mut self, batch: &DataFrame) -> Result<(), NotSplit> {
        for (customer, records) in by_customer(batch, &self.writers.column).map_err(|error| unreadable(&error))? {
            let own = batch.take(&IdxCa::from_vec(PlSmallStr::EMPTY, records)).map_err(|error| unreadable(&error))?;
            match self.waiting.get_mut(&customer) {
                Some(waiting) => drop(waiting.vstack_mut_owned(own).map_err(|error| unreadable(&error))?),
                None => drop(self.waiting.insert(customer, own)),
            }
        }
        self.kept += batch.height() * batch.width();
        if self.kept >= KEPT_CELLS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), NotSplit> {
        self.kept = 0;
        for (customer, mut records) in std::mem::take(&mut self.waiting) {
            let schema = &self.schema;
            let writer =
                self.writers.of(&customer, |file| ParquetWriter::new(file).batched(schema).map_err(unwritten))?;
            // One chunk is one row group.
            records.rechunk_mut();
            writer.write_batch(&records).map_err(unwritten)?;
        }
        Ok(())
    }
}

/// The places of each customer's records in a batch.
fn by_customer(batch: &DataFrame, column: &str) -> PolarsResult<BTreeMap<String, Vec<IdxSize>>> {
    let cells = batch.column(column)?.cast(&DataType::String)?;
    let mut places: BTreeMap<String, Vec<IdxSize>> = BTreeMap::new();
    for (place, cell) in (0..).zip(cells.str()?.iter()) {
        let customer = name_in(cell.unwrap_or_default());
        match places.get_mut(customer) {
            Some(own) => own.push(place),
            None => drop(places.insert(customer.to_owned(), vec![place])),
        }
    }
    Ok(places)
}

fn unreadable(error: &PolarsError) -> NotSplit {
    broken(Format::Parquet, error).into()
}

/// Not the file's fault: the disk is full, say.
fn unwritten(error: PolarsError) -> NotSplit {
    Unreadable::Io(std::io::Error::other(error)).into()
}
