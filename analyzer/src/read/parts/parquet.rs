//! Parquet by customer: the file's own columns, types included, so what goes on is what was delivered.

use std::{
    collections::BTreeMap,
    fs::File,
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use polars::{io::parquet::write::BatchedWriter, prelude::*};

use super::{super::scan_parquet, NotSplit, Part, PlainFile, Unreadable, Writers, name_in};
use crate::read::{Format, broken, guarded};

/// Cells of one batch.
const BATCH_CELLS: usize = 1 << 20;
/// Batches that are collected before row groups are written of them: many customers would else make tiny ones.
pub(super) const BATCHES: usize = 8;

type Writer = BatchedWriter<File>;

pub(super) fn split(plain: &PlainFile, column: &str, folder: &Path) -> Result<Vec<Part>, NotSplit> {
    let mut frame = scan_parquet(&plain.path)?;
    let schema = guarded(|| frame.collect_schema()).map_err(|error| unreadable(&error))?;
    if schema.get(column).is_none() {
        return Err(NotSplit::NoColumn(column.to_owned()));
    }
    let groups = Arc::new(Mutex::new(Groups {
        writers: Writers::new(column, folder),
        schema: schema.clone(),
        waiting: BTreeMap::new(),
        batches: 0,
        failed: None,
    }));
    // Locked once per batch, by the one thread that the sink calls in order.
    let sink = Arc::clone(&groups);
    let batches = PlanCallback::new(move |batch: DataFrame| {
        let mut groups = sink.lock().unwrap_or_else(PoisonError::into_inner);
        if groups.failed.is_none() {
            groups.failed = groups.add(&batch).err();
        }
        Ok(groups.failed.is_some())
    });
    let records = NonZeroUsize::new((BATCH_CELLS / schema.len().max(1)).clamp(256, 65_536));
    let query = || frame.sink_batches(batches, true, records)?.collect_with_engine(Engine::Streaming);
    let outcome = guarded(query);
    let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(failed) = groups.failed.take() {
        return Err(failed);
    }
    outcome.map_err(|error| unreadable(&error))?;
    groups.flush()?;
    groups.writers.finish(|writer| writer.finish().map(drop).map_err(unwritten))
}

/// Records by customer, on their way out.
struct Groups {
    writers: Writers<Writer>,
    schema: SchemaRef,
    waiting: BTreeMap<String, DataFrame>,
    batches: usize,
    failed: Option<NotSplit>,
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
        self.batches += 1;
        if self.batches == BATCHES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), NotSplit> {
        self.batches = 0;
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
