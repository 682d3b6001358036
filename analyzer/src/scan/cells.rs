//! The cells of one column of one batch, in the form in which the file holds them.
//!
//! Numbers and moments of typed files stay what they are: nearly all are plainly fine, which a comparison tells. Their text,
//! written as Polars would write it, is made only where somebody looks at it.

use std::{borrow::Cow, fmt::Write};

use jiff::{SignedDuration, civil::DateTime, fmt::temporal::DateTimePrinter};
use polars::prelude::*;

use super::nested;
use crate::{rules::Quantity, value};

/// The hash of a cell without a value.
pub(super) const NO_VALUE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The cells of one column.
pub(super) enum Cells {
    Text(StringChunked),
    Whole(Int64Chunked),
    Real(Float64Chunked),
    /// Ticks since 1970.
    Moment(Int64Chunked, Tick),
}

/// What a moment is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tick {
    Day,
    Milli,
    Micro,
    Nano,
}

impl Cells {
    /// The column's cells in one piece.
    ///
    /// What it makes of a type may not depend on the batch: equal cells have equal hashes all over the push.
    pub(super) fn of(column: &Column) -> PolarsResult<Self> {
        use DataType::{
            Binary, Date, Datetime, Decimal, Float64, Int8, Int16, Int32, Int64, String, UInt8, UInt16, UInt32,
        };
        let series = column.as_materialized_series().rechunk();
        let whole = |series: &Series| series.to_physical_repr().cast(&Int64);
        Ok(match series.dtype() {
            String => Self::Text(series.str()?.clone()),
            Binary => Self::Text(series.binary()?.iter().map(|cell| cell.map(text_of)).collect()),
            Float64 => Self::Real(series.f64()?.clone()),
            Date => Self::Moment(whole(&series)?.i64()?.clone(), Tick::Day),
            // A file that keeps zones keeps the moments themselves in UTC.
            Datetime(unit, _) => Self::Moment(whole(&series)?.i64()?.clone(), Tick::of(*unit)),
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => Self::Whole(whole(&series)?.i64()?.clone()),
            Decimal(..=18, 0) => Self::Whole(series.cast(&Int64)?.i64()?.clone()),
            // So many digits come back from a float as they went in.
            Decimal(..=15, _) => Self::Real(series.cast(&Float64)?.f64()?.clone()),
            nested if nested.is_nested() => Self::Text(series.iter().map(nested::written_out).collect()),
            _ => Self::Text(series.cast(&String)?.str()?.clone()),
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Whole(cells) | Self::Moment(cells, _) => cells.len(),
            Self::Real(cells) => cells.len(),
        }
    }

    /// Whether any is without a value; of texts, which may be empty, only a look at each tells.
    pub(super) fn may_lack_values(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Whole(cells) | Self::Moment(cells, _) => cells.null_count() > 0,
            Self::Real(cells) => cells.null_count() > 0,
        }
    }

    /// The text of a cell, none where it has no value; `buffer` is where a number is written down.
    pub(super) fn text<'a>(&'a self, row: usize, buffer: &'a mut String) -> Option<&'a str> {
        buffer.clear();
        match self {
            Self::Text(cells) => return cells.downcast_as_array().get(row).filter(|text| !text.is_empty()),
            Self::Whole(cells) => {
                buffer.push_str(itoa::Buffer::new().format(cells.downcast_as_array().get(row)?));
                Ok(())
            }
            // -0 is 0, as in `value::number`.
            Self::Real(cells) => write_real(cells.downcast_as_array().get(row)? + 0.0, buffer),
            Self::Moment(cells, tick) => tick.write(cells.downcast_as_array().get(row)?, buffer),
        }
        .expect("a String takes what is written");
        Some(buffer)
    }

    /// A hash of each cell, equal where the cells are.
    pub(super) fn hash_into(&self, hashes: &mut Vec<u64>) {
        match self {
            Self::Text(cells) => hash_texts(cells, hashes),
            Self::Real(cells) => hash_numbers(cells, hashes, |number| (number + 0.0).to_bits()),
            Self::Whole(cells) | Self::Moment(cells, _) => hash_numbers(cells, hashes, i64::cast_unsigned),
        }
    }

    /// Each cell as a quantity, NaN where it is none.
    #[expect(clippy::cast_precision_loss, reason = "as when the text of the number is read")]
    pub(super) fn quantities(&self, quantity: Quantity) -> Vec<f64> {
        match (self, quantity) {
            (Self::Text(cells), _) => {
                let read = |cell: Option<&str>| cell.and_then(|text| quantity.of(text)).unwrap_or(f64::NAN);
                cells.downcast_as_array().iter().map(read).collect()
            }
            (Self::Whole(cells), Quantity::Number) => {
                cells.iter().map(|cell| cell.map_or(f64::NAN, |number| number as f64)).collect()
            }
            (Self::Real(cells), Quantity::Number) => {
                let finite = |cell: Option<f64>| cell.filter(|number| number.is_finite()).unwrap_or(f64::NAN);
                cells.iter().map(finite).collect()
            }
            (Self::Moment(cells, tick), Quantity::Moment(value::DateOrder::YearFirst)) => {
                cells.iter().map(|cell| cell.map_or(f64::NAN, |ticks| tick.seconds(ticks))).collect()
            }
            (Self::Whole(cells) | Self::Moment(cells, _), _) => vec![f64::NAN; cells.len()],
            (Self::Real(cells), _) => vec![f64::NAN; cells.len()],
        }
    }
}

/// Bytes of which a file does not say that they are text: often they are, else they are written as hexadecimal digits.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| Cow::Owned(digits(bytes)), Cow::Borrowed)
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a String takes what is written");
        digits
    })
}

/// A short text is all in its view, and is hashed as the two numbers that this is; one that is hardly longer as its two ends.
/// Hashes of records are stored, and may be: what a view holds is part of Arrow's format.
#[expect(clippy::cast_possible_truncation, reason = "halves are meant")]
fn hash_texts(cells: &StringChunked, hashes: &mut Vec<u64>) {
    let texts = cells.downcast_as_array();
    let views = texts.views().iter().enumerate();
    fill(
        hashes,
        views.map(|(row, view)| match view.length {
            0 => NO_VALUE,
            _ if view.is_inline() => value::spread_words([view.as_u128() as u64, (view.as_u128() >> 64) as u64]),
            _ => hash_long(texts.value(row)),
        }),
    );
    if cells.null_count() > 0 {
        for (hash, _) in hashes.iter_mut().zip(texts).filter(|(_, text)| text.is_none()) {
            *hash = NO_VALUE;
        }
    }
}

/// A hash of a text that is not all in its view. The ends of one of up to sixteen bytes overlap, so its length says which it is.
fn hash_long(text: &str) -> u64 {
    let bytes = text.as_bytes();
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) if bytes.len() <= 16 => {
            let ends = [first, last].map(|end| u64::from_le_bytes(*end));
            value::spread_words(ends).wrapping_add(bytes.len() as u64)
        }
        _ => value::hash(text),
    }
}

fn hash_numbers<T: PolarsNumericType>(cells: &ChunkedArray<T>, hashes: &mut Vec<u64>, bits: impl Fn(T::Native) -> u64) {
    let hash = |number: T::Native| value::spread_bits(bits(number));
    match cells.cont_slice() {
        Ok(numbers) => fill(hashes, numbers.iter().map(|number| hash(*number))),
        Err(_) => fill(hashes, cells.iter().map(|cell| cell.map_or(NO_VALUE, hash))),
    }
}

/// Fills the same room again; nothing is asked for each element, as it would be to append it.
fn fill(hashes: &mut Vec<u64>, found: impl ExactSizeIterator<Item = u64>) {
    hashes.resize(found.len(), NO_VALUE);
    hashes.iter_mut().zip(found).for_each(|(hash, found)| *hash = found);
}

impl Tick {
    fn of(unit: TimeUnit) -> Self {
        match unit {
            TimeUnit::Milliseconds => Self::Milli,
            TimeUnit::Microseconds => Self::Micro,
            TimeUnit::Nanoseconds => Self::Nano,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 with six digits after the point fit")]
    pub(super) fn seconds(self, ticks: i64) -> f64 {
        match self {
            Self::Day => ticks as f64 * 86_400.0,
            Self::Milli => ticks as f64 / 1e3,
            Self::Micro => ticks as f64 / 1e6,
            Self::Nano => ticks as f64 / 1e9,
        }
    }

    /// `2013-01-01`, `2013-01-01 10:00:00.000000`; what is on no calendar is written as the number it is.
    fn write(self, ticks: i64, buffer: &mut String) -> std::fmt::Result {
        const START: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        const PRINTER: DateTimePrinter = DateTimePrinter::new().separator(b' ');
        let (since, digits) = match self {
            Self::Day => (SignedDuration::from_secs(ticks.saturating_mul(86_400)), None),
            Self::Milli => (SignedDuration::from_millis(ticks), Some(3)),
            Self::Micro => (SignedDuration::from_micros(ticks), Some(6)),
            Self::Nano => (SignedDuration::from_nanos(ticks), Some(9)),
        };
        let Ok(moment) = START.checked_add(since) else { return write!(buffer, "{ticks}") };
        let printed = match digits {
            None => PRINTER.print_date(&moment.date(), buffer),
            digits => PRINTER.precision(digits).print_datetime(&moment, buffer),
        };
        printed.map_err(|_| std::fmt::Error)
    }
}

/// As `{:?}` writes it, which is slow; the two differ where a number begins to have an exponent.
fn write_real(number: f64, buffer: &mut String) -> std::fmt::Result {
    if number == 0.0 || (1e-4..1e15).contains(&number.abs()) {
        buffer.push_str(zmij::Buffer::new().format_finite(number));
        Ok(())
    } else {
        write!(buffer, "{number:?}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_written_as_rust_does(number in prop_oneof![any::<f64>(), -1e5..1e5, (-9999..9999).prop_map(f64::from)]) {
            let (mut ours, short) = (String::new(), (number * 100.0).round() / 100.0);
            write_real(number, &mut ours).unwrap();
            prop_assert_eq!(&ours, &format!("{number:?}"));
            ours.clear();
            write_real(short, &mut ours).unwrap();
            prop_assert_eq!(ours, format!("{short:?}"));
        }
    }
    proptest! {
        #[test]
        fn texts_hash_alike_where_they_are_equal_and_only_there(
            text in "[0-3a-c-]{8,18}",
            place in any::<prop::sample::Index>(),
            inserted in "[0-3a-c-]",
        ) {
            let mut other = text.clone();
            other.insert_str(place.index(text.len()), &inserted);
            let mut hashes = Vec::new();
            Cells::Text(StringChunked::from_slice("c".into(), &[&text, &other, &text])).hash_into(&mut hashes);
            prop_assert!(hashes[0] == hashes[2] && hashes[0] != hashes[1], "{text} {other}");
        }
    }

    #[test]
    fn moments_are_written_as_polars_does() {
        const DAY: i64 = 86_400;
        let seconds = [0, 1, -1, DAY, -62_135_596_800, 253_402_300_799, 1_700_000_000];
        let ticks = [
            (Tick::Day, DataType::Date, 1),
            (Tick::Milli, DataType::Datetime(TimeUnit::Milliseconds, None), DAY * 1_000),
            (Tick::Micro, DataType::Datetime(TimeUnit::Microseconds, None), DAY * 1_000_000),
            (Tick::Nano, DataType::Datetime(TimeUnit::Nanoseconds, None), DAY * 1_000_000_000),
        ];
        for (tick, dtype, a_day) in ticks {
            let count = |second: &i64| i64::try_from(i128::from(*second) * i128::from(a_day) / i128::from(DAY)).ok();
            let moments: Vec<i64> = seconds.iter().filter_map(count).collect();
            let series = Series::new("c".into(), &moments).cast(&dtype).unwrap();
            let expected = series.cast(&DataType::String).unwrap();
            for (ticks, expected) in moments.iter().zip(expected.str().unwrap().iter()) {
                let mut ours = String::new();
                tick.write(*ticks, &mut ours).unwrap();
                assert_eq!(Some(ours.as_str()), expected, "{ticks} {tick:?}");
            }
            for ticks in [i64::MIN, i64::MAX] {
                tick.write(ticks, &mut String::new()).unwrap();
            }
        }
    }

    /// The texts of a column's cells, as all who look at them see them.
    fn texts(column: Series) -> Vec<Option<String>> {
        let cells = Cells::of(&column.into()).unwrap();
        (0..cells.len()).map(|row| cells.text(row, &mut String::new()).map(ToOwned::to_owned)).collect()
    }

    #[test]
    fn decimals_are_numbers_as_long_as_no_digit_is_lost() {
        let decimal = |digits, fraction, cells: &[&str]| {
            Series::new("c".into(), cells).cast(&DataType::Decimal(digits, fraction)).unwrap()
        };
        let check = |series: Series, expected: &[&str]| {
            assert_eq!(texts(series), expected.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>());
        };
        check(decimal(10, 2, &["12.50", "-0.01", "0", "99999999.99"]), &["12.5", "-0.01", "0.0", "99999999.99"]);
        check(decimal(18, 0, &["7", "-999999999999999999"]), &["7", "-999999999999999999"]);
        check(decimal(38, 0, &["7", "12345678901234567890123"]), &["7", "12345678901234567890123"]);
        check(decimal(20, 3, &["12345678901234567.891"]), &["12345678901234567.891"]);
    }

    #[test]
    fn bytes_are_text_where_they_can_be() {
        let series = Series::new("c".into(), [Some(&b"caf\xc3\xa9"[..]), Some(b"\xff\x00"), Some(b""), None]);
        assert_eq!(texts(series), [Some("café".to_owned()), Some("ff00".to_owned()), None, None]);
    }

    #[test]
    fn nested_cells_are_json() {
        let lists = Series::new("c".into(), [Some(Series::new("".into(), [Some(1_i64), None])), None]);
        assert_eq!(texts(lists), [Some("[1,null]".to_owned()), None]);
        let days = Series::new("day".into(), [20_000_i32]).cast(&DataType::Date).unwrap();
        let fields = [Series::new("b".into(), ["x"]), Series::new("a".into(), [2.5]), days];
        let structs = StructChunked::from_series("c".into(), 1, fields.iter()).unwrap().into_series();
        assert_eq!(texts(structs), [Some(r#"{"a":2.5,"b":"x","day":"2024-10-04"}"#.to_owned())]);
    }

    #[test]
    fn times_of_day_are_text() {
        let times = Series::new("c".into(), [3_661_000_000_000_i64]).cast(&DataType::Time).unwrap();
        assert_eq!(texts(times), [Some("01:01:01".to_owned())]);
    }

    /// It is stored in profiles: records that were delivered before are known by it.
    #[test]
    fn the_hash_of_a_record_stays_what_it_is() {
        let frame = df!["id" => [7_i64], "name" => ["Ada"], "mail" => ["ada@example.org"], "paid" => [2.5]].unwrap();
        let (mut batch, names) =
            (super::super::batch::Batch::default(), ["id", "name", "mail", "paid"].map(Into::into));
        batch.read(&frame, &names).unwrap();
        assert_eq!(batch.records, [15_032_807_717_348_479_330]);
    }
}
