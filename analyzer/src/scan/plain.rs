//! Numbers and moments that no test can speak against, told by comparisons: the tests of a column, read once, leave an interval.
//!
//! The rest, and all columns with tests that only a text can answer, are looked at cell by cell.

use polars::prelude::{ChunkedArray, PolarsNumericType};

use super::cells::{Cells, Tick};
use crate::{
    rules::{Cell, Quantity, Test},
    value::DateOrder,
};

/// Beyond these a number is written with an exponent, and is not plain.
const SMALLEST: f64 = 1e-4;
const LARGEST: f64 = 9.9e15;
/// Numbers whose product with a power of ten is rounded exactly by adding and taking away this.
const ROUNDING: f64 = 6_755_399_441_055_744.0;
const ROUNDED: f64 = 1e15;

/// Longer than any number or moment is written.
const LONGEST: u32 = 40;

/// 1970-01-02 and 2999-12-30: outside lie the days that systems write for "no date".
const DAYS: (f64, f64) = (86_400.0, 32_503_507_200.0);

/// What is plainly fine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    low: f64,
    high: f64,
    /// Ten to the digits that may follow the point.
    scale: Option<f64>,
    /// Whether a number of nines only is suspect.
    nines: bool,
}

impl Plain {
    /// What these tests leave plainly fine; none where only the text of each cell can tell.
    pub(super) fn of<'a>(tests: impl Iterator<Item = &'a Test>, cells: &Cells) -> Option<Self> {
        let kind = match cells {
            Cells::Text(_) => return None,
            Cells::Whole(_) | Cells::Real(_) => Quantity::Number,
            Cells::Moment(..) => Quantity::Moment(DateOrder::YearFirst),
        };
        let (low, high) = if kind == Quantity::Number { (-LARGEST, LARGEST) } else { DAYS };
        let mut plain = Self { low, high, scale: None, nines: false };
        for test in tests {
            plain.narrow(test, kind, cells)?;
        }
        Some(plain)
    }

    fn narrow(&mut self, test: &Test, kind: Quantity, cells: &Cells) -> Option<()> {
        match test {
            Test::NotA(quantity) => return (*quantity == kind).then_some(()),
            Test::Outside(quantity, low, high) if *quantity == kind => {
                self.low = self.low.max(*low);
                self.high = self.high.min(*high);
            }
            Test::Sentinel(_) => self.nines = kind == Quantity::Number,
            Test::Decimals(most) if matches!(cells, Cells::Real(_)) => {
                let scale = (1..=15).contains(most).then(|| 10_f64.powi(*most))?;
                self.scale = Some(self.scale.map_or(scale, |stricter| stricter.min(scale)));
            }
            Test::Null | Test::Outside(..) | Test::Decimals(_) => {}
            Test::Pattern(_) | Test::Shape(_) | Test::NonAscii | Test::Mojibake => self.by_form(test, cells),
            Test::Longer(most) => return (*most >= LONGEST).then_some(()),
            _ => return None,
        }
        Some(())
    }

    /// Numbers of one sign, and moments, are all of one form: what is said of one is said of all.
    fn by_form(&mut self, test: &Test, cells: &Cells) {
        let is_fine = |text: &str| !test.is_against(&Cell::of(text), &mut String::new());
        let (above, below) = match cells {
            Cells::Real(_) => (is_fine("1.5"), is_fine("-1.5")),
            Cells::Moment(_, Tick::Day) => (is_fine("2013-01-01"), true),
            Cells::Moment(..) => (is_fine("2013-01-01 10:00:00.000000"), true),
            _ => (is_fine("1"), is_fine("-1")),
        };
        if !above {
            self.high = self.high.min(-SMALLEST);
        }
        if !below {
            self.low = self.low.max(0.0);
        }
    }

    /// Tells the cells that are not plainly fine; for those without a value that may be so or not.
    #[expect(clippy::cast_precision_loss, reason = "what is too large to be exact is not plain")]
    pub(super) fn others(self, cells: &Cells, tell: impl FnMut(usize)) {
        match cells {
            Cells::Text(_) => {}
            Cells::Real(cells) => tell_others(cells, |number| self.is_real(number), tell),
            Cells::Whole(cells) => {
                let is_fine = |number| self.is_within(number as f64) && !(self.nines && may_be_nines(number));
                tell_others(cells, is_fine, tell);
            }
            Cells::Moment(cells, tick) => tell_others(cells, |ticks| self.is_within(tick.seconds(ticks)), tell),
        }
    }

    fn is_within(self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }

    fn is_real(self, number: f64) -> bool {
        let is_written_plainly = number == 0.0 || number.abs() > SMALLEST;
        let is_nines = self.nines && number.abs() >= 999.0 && number.fract() == 0.0 && may_be_nines(integer(number));
        self.is_within(number)
            && is_written_plainly
            && !is_nines
            && self.scale.is_none_or(|scale| is_short(number, scale))
    }
}

/// Looks at each place, whether there is a value or not: one loop without questions is what makes this fast.
fn tell_others<T: PolarsNumericType>(
    cells: &ChunkedArray<T>,
    is_fine: impl Fn(T::Native) -> bool,
    mut tell: impl FnMut(usize),
) {
    for (row, number) in cells.downcast_as_array().values().iter().enumerate() {
        if !is_fine(*number) {
            tell(row);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a plain number has no more than sixteen digits")]
fn integer(number: f64) -> i64 {
    number as i64
}

/// Whether a number has no more digits after the point than the scale says; `false` where that is not plain.
fn is_short(number: f64, scale: f64) -> bool {
    let scaled = number * scale;
    let rounded = (scaled + ROUNDING) - ROUNDING;
    #[expect(clippy::float_cmp, reason = "the nearest number to a short text is that text's number")]
    let is_equal = rounded / scale == number;
    scaled.abs() < ROUNDED && is_equal
}

/// Whether a number can be nines only: from four nines on their last four bits are set; below zero -999 counts as well.
fn may_be_nines(number: i64) -> bool {
    if number < 0 { number == -999 || number & 15 == 1 } else { number & 15 == 15 && number > 999 }
}
