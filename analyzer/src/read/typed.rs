//! Parquet: columns that have types.
//!
//! The types are the format's own. What a writer says of Arrow's beside them (dictionaries, extensions, zones to show moments
//! in) says how its memory held the cells and not what they are, and is left aside.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use polars::prelude::*;
use polars_parquet::parquet::{metadata::ColumnDescriptor, schema::types::PrimitiveLogicalType};

use super::{Format, Unreadable, broken, footer, guarded};

/// Records that a stretch has at least, if the file has so many: small row groups are read together.
const STRETCH: usize = 1 << 16;
/// Cells that a stretch has at most: a larger row group is read in several turns.
const MOST_CELLS: usize = 1 << 24;
/// Unpacked bytes that a stretch has at most, for records that are large: a small file may hold gigabytes of one letter.
const MOST_BYTES: usize = 1 << 27;

/// A Parquet file.
pub(super) struct Typed {
    pub(super) schema: SchemaRef,
    path: PathBuf,
    metadata: FileMetadataRef,
}

/// Some records, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) first: usize,
    pub(super) records: usize,
}

impl Typed {
    /// Reads what the file says of itself.
    pub(super) fn open(path: &Path) -> Result<Self, Unreadable> {
        footer::require_shallow(path)?;
        guarded(Format::Parquet, || {
            let broken = |error| broken(Format::Parquet, &error);
            let mut reader = ParquetReader::new(File::open(path)?);
            let mut metadata = FileMetadata::clone(reader.get_metadata().map_err(broken)?);
            metadata.key_value_metadata = None;
            let schema = infer_schema(&metadata).map_err(broken)?;
            if schema.is_empty() {
                return Err(Unreadable::Columns("there are none".to_owned()));
            }
            for field in schema.iter_values() {
                require_read(&field.name, &field.dtype)?;
            }
            require_known_floats(&metadata)?;
            let schema = Arc::new(Schema::from_arrow_schema(&schema));
            Ok(Self { schema, path: path.to_owned(), metadata: Arc::new(metadata) })
        })
    }

    /// How many records it has.
    pub(super) fn records(&self) -> usize {
        self.metadata.row_groups.iter().fold(0, |records: usize, group| records.saturating_add(group.num_rows()))
    }

    /// All its records, in their order.
    pub(super) fn frames(&self) -> impl Iterator<Item = Result<DataFrame, Unreadable>> {
        let groups = self.metadata.row_groups.iter().map(|group| (group.num_rows(), group.total_byte_size()));
        stretches(groups, self.schema.len()).map(|stretch| match self.read(stretch) {
            Ok(frame) if frame.height() != stretch.records => {
                let reason = "it holds fewer records than its footer says".to_owned();
                Err(Unreadable::Broken { format: Format::Parquet.name(), reason })
            }
            frame => frame,
        })
    }

    /// Some of its records.
    pub(super) fn read(&self, Stretch { first, records }: Stretch) -> Result<DataFrame, Unreadable> {
        guarded(Format::Parquet, || {
            let mut reader = ParquetReader::new(File::open(&self.path)?).with_slice(Some((first, records)));
            reader.set_metadata(Arc::clone(&self.metadata));
            reader.finish().map_err(|error| broken(Format::Parquet, &error))
        })
    }
}

/// Refuses what Polars would panic on, or would call by another name.
fn require_read(name: &str, dtype: &ArrowDataType) -> Result<(), Unreadable> {
    let what = match dtype {
        ArrowDataType::Interval(_) => "intervals, which have no order",
        ArrowDataType::Decimal(39.., _) => "decimals of over 38 digits",
        _ => return Ok(()),
    };
    Err(Unreadable::Columns(format!("{name} holds {what}")))
}

/// Refuses floats of 16 bits, of which Polars would hand over the bytes.
fn require_known_floats(metadata: &FileMetadata) -> Result<(), Unreadable> {
    let is_half = |column: &&ColumnDescriptor| {
        column.descriptor.primitive_type.logical_type == Some(PrimitiveLogicalType::Float16)
    };
    metadata.schema_descr.columns().iter().find(is_half).map_or(Ok(()), |column| {
        let name = column.path_in_schema.join(".");
        Err(Unreadable::Columns(format!("{name} holds floats of 16 bits: deliver them with 32")))
    })
}

/// In what turns row groups of so many records and bytes are read.
fn stretches(groups: impl Iterator<Item = (usize, usize)>, columns: usize) -> impl Iterator<Item = Stretch> {
    let most = STRETCH.max(MOST_CELLS / columns.max(1));
    let mut pieces = groups.flat_map(move |(records, bytes)| pieces(records, bytes, most)).peekable();
    let mut first = 0;
    std::iter::from_fn(move || {
        let (mut records, mut bytes) = pieces.next()?;
        while records < STRETCH
            && let Some(more) = pieces.next_if(|more| bytes + more.1 <= MOST_BYTES)
        {
            records += more.0;
            bytes += more.1;
        }
        let stretch = Stretch { first, records };
        first = first.saturating_add(records);
        Some(stretch)
    })
}

/// A row group's records and bytes in equal pieces of at most so many records, and of [`MOST_BYTES`].
fn pieces(records: usize, bytes: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = records.div_ceil(most).max(bytes.div_ceil(MOST_BYTES)).clamp(1, records.max(1));
    let each = records.div_ceil(count);
    (0..records).step_by(each.max(1)).map(move |first| (each.min(records - first), bytes / count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(groups: &[(usize, usize)], expected: &[(usize, usize)]) {
        let stretches = stretches(groups.iter().copied(), 16).take(9);
        assert_eq!(stretches.map(|stretch| (stretch.first, stretch.records)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn small_groups_are_read_together_and_large_ones_in_turns() {
        check(&[(250_000, 16 << 20), (250_000, 16 << 20)], &[(0, 250_000), (250_000, 250_000)]);
        check(&[(40_000, 1 << 20), (0, 0), (40_000, 1 << 20), (40_000, 1 << 20)], &[(0, 80_000), (80_000, 40_000)]);
        check(&[(3 << 20, 1 << 20)], &[(0, 1 << 20), (1 << 20, 1 << 20), (2 << 20, 1 << 20)]);
        check(&[], &[]);
    }

    #[test]
    fn records_of_a_megabyte_each_are_read_a_few_at_a_time() {
        check(&[(1_000, 400 << 20)], &[(0, 250), (250, 250), (500, 250), (750, 250)]);
        check(&[(100, 100 << 20), (100, 100 << 20)], &[(0, 100), (100, 100)]);
    }

    /// What a footer says is not to be believed.
    #[test]
    fn more_records_than_there_can_be_take_no_memory() {
        let (records, bytes) = (usize::MAX, usize::MAX);
        assert_eq!(stretches([(records, 0), (7, bytes)].into_iter(), 16).take(1_000).count(), 1_000);
    }
}
