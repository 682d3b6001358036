//! Numbers and moments that no test can speak against, told by comparisons: the tests of a column, read once, leave an interval.
//!
//! The rest, and all columns with tests that only a text can answer, are looked at cell by cell.

use std::ops::RangeInclusive;

use polars::prelude::StringChunked;

use super::{
    cells::{Cells, Tick},
    formed::Formed,
    written::Written,
};
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
/// Short of the last whole number, which also stands for all beyond it.
const COUNTED: f64 = 9e18;

/// Numbers asked about at once.
const TOGETHER: usize = 64;

/// Longer than any number or moment is written.
const LONGEST: u32 = 40;

/// 1970-01-02 and 2999-12-30: outside lie the days that systems write for "no date".
const DAYS: (f64, f64) = (86_400.0, 32_503_507_200.0);

/// Which cells of a column are plainly fine.
#[derive(Debug, Clone)]
pub(super) enum Plain<'a> {
    /// Those in an interval, where all cells are of one form.
    Typed(Interval),
    /// Texts that are numbers, without a point and with one, and others of a form.
    Text { whole: Option<Interval>, real: Option<Interval>, formed: Option<Formed<'a>> },
}

/// What is plainly fine of one form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval {
    low: f64,
    high: f64,
    /// Ten to the digits that may follow the point.
    scale: Option<f64>,
    /// Whether a number of nines only is suspect.
    nines: bool,
}

/// How cells are written: what is said of one number of a sign, or of one moment, is said of all of its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Whole,
    Real,
    Day,
    Moment,
}

impl<'a> Plain<'a> {
    /// What these tests leave plainly fine; none where only the text of each cell can tell.
    pub(super) fn of(tests: impl Iterator<Item = &'a Test> + Clone, cells: &Cells) -> Option<Self> {
        let typed = |form| Interval::of(tests.clone(), form).map(Self::Typed);
        match cells {
            Cells::Whole(_) => typed(Form::Whole),
            Cells::Real(_) => typed(Form::Real),
            Cells::Moment(_, Tick::Day) => typed(Form::Day),
            Cells::Moment(..) => typed(Form::Moment),
            Cells::Text(_) => {
                // Some texts are a number and a day.
                let is_of_moments = |test: &Test| matches!(test, Test::Outside(Quantity::Moment(_), ..));
                if tests.clone().any(is_of_moments) {
                    return None;
                }
                let (whole, real) = (Interval::of(tests.clone(), Form::Whole), Interval::of(tests.clone(), Form::Real));
                let formed = Formed::of(tests);
                let is_any = whole.is_some() || real.is_some() || formed.is_some();
                is_any.then_some(Self::Text { whole, real, formed })
            }
        }
    }

    /// Tells the cells that are not plainly fine; for those without a value that may be so or not.
    #[expect(clippy::cast_precision_loss, reason = "what is too large to be exact is not plain")]
    pub(super) fn others(&self, cells: &Cells, tell: impl FnMut(usize)) {
        match (self, cells) {
            (Self::Typed(fine), Cells::Real(cells)) => {
                let (numbers, is_fine) = (cells.downcast_as_array().values(), |number| fine.holds_real(number));
                match fine.scale {
                    None => tell_others(numbers, |number| fine.surely_holds(number), is_fine, tell),
                    Some(scale) => {
                        let is_surely = |number| fine.surely_holds(number) & is_short(number, scale);
                        tell_others(numbers, is_surely, is_fine, tell);
                    }
                }
            }
            (Self::Typed(fine), Cells::Whole(cells)) => {
                let sure = fine.wholes(1.0, 0.0);
                let is_surely = |number| sure.contains(&number) & (!fine.nines | are_surely_no_nines(number));
                let is_fine = |number| fine.holds(number as f64) && !(fine.nines && may_be_nines(number));
                tell_others(cells.downcast_as_array().values(), is_surely, is_fine, tell);
            }
            (Self::Typed(fine), Cells::Moment(cells, tick)) => {
                let sure = fine.wholes(tick.seconds(1), 1.0);
                let is_fine = |ticks| fine.holds(tick.seconds(ticks));
                tell_others(cells.downcast_as_array().values(), |ticks| sure.contains(&ticks), is_fine, tell);
            }
            (Self::Text { whole, real, formed }, Cells::Text(cells)) => {
                let is_number =
                    |text: &str| Written::of(text).is_some_and(|written| holds_written(*whole, *real, written));
                let is_word = |text: &str| formed.as_ref().is_some_and(|formed| formed.holds(text));
                tell_other_texts(cells, |text| is_word(text) || is_number(text), tell);
            }
            _ => (0..cells.len()).for_each(tell),
        }
    }
}

impl Interval {
    fn of<'a>(tests: impl Iterator<Item = &'a Test>, form: Form) -> Option<Self> {
        let (low, high) = if form.kind() == Quantity::Number { (-LARGEST, LARGEST) } else { DAYS };
        let mut plain = Self { low, high, scale: None, nines: false };
        for test in tests {
            plain.narrow(test, form)?;
        }
        (plain.low <= plain.high).then_some(plain)
    }

    fn narrow(&mut self, test: &Test, form: Form) -> Option<()> {
        let kind = form.kind();
        match test {
            Test::NotA(quantity) => return (*quantity == kind).then_some(()),
            Test::Outside(quantity, low, high) if *quantity == kind => {
                self.low = self.low.max(*low);
                self.high = self.high.min(*high);
            }
            Test::Sentinel(_) => self.nines = kind == Quantity::Number,
            Test::Decimals(most) if form == Form::Real => {
                let scale = (1..=15).contains(most).then(|| 10_f64.powi(*most))?;
                self.scale = Some(self.scale.map_or(scale, |stricter| stricter.min(scale)));
            }
            Test::Null | Test::Outside(..) | Test::Decimals(_) => {}
            Test::Pattern(_) | Test::Shape(_) | Test::NonAscii | Test::Mojibake => self.by_form(test, form),
            Test::Longer(most) => return (*most >= LONGEST).then_some(()),
            _ => return None,
        }
        Some(())
    }

    fn by_form(&mut self, test: &Test, form: Form) {
        let is_fine = |text: &str| !test.is_against(&Cell::of(text), &mut String::new());
        let (above, below) = match form {
            Form::Real => (is_fine("1.5"), is_fine("-1.5")),
            Form::Day => (is_fine("2013-01-01"), true),
            Form::Moment => (is_fine("2013-01-01 10:00:00.000000"), true),
            Form::Whole => (is_fine("1"), is_fine("-1")),
        };
        if !above {
            self.high = self.high.min(-SMALLEST);
        }
        if !below {
            self.low = self.low.max(0.0);
        }
    }

    fn holds(self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }

    fn holds_real(self, number: f64) -> bool {
        let is_written_plainly = number == 0.0 || number.abs() > SMALLEST;
        self.holds(number)
            && is_written_plainly
            && !self.is_nines(number)
            && self.scale.is_none_or(|scale| is_short(number, scale))
    }

    /// Whether a number is fine in all but its digits, told without a branch; `false` where that is in doubt.
    fn surely_holds(self, number: f64) -> bool {
        let is_written_plainly = number == 0.0 || number.abs() > SMALLEST;
        #[expect(clippy::float_cmp, reason = "a whole number is its own nearest one")]
        let is_no_nines = !self.nines | (number.abs() < 999.0) | (rounded(number) != number);
        self.holds(number) & is_written_plainly & is_no_nines
    }

    /// The numbers of such units that are in the interval, whatever rounding does to them; none beyond [`COUNTED`].
    #[expect(clippy::cast_possible_truncation, reason = "a bound beyond all whole numbers becomes the last of them")]
    fn wholes(self, unit: f64, slack: f64) -> RangeInclusive<i64> {
        let (low, high) = (self.low / unit, self.high / unit);
        let doubt = |bound: f64| slack + (bound.abs() * 1e-15).floor();
        let (low, high) = ((low + doubt(low)).ceil(), (high - doubt(high)).floor());
        low.max(-COUNTED) as i64..=high.min(COUNTED) as i64
    }

    fn is_nines(self, number: f64) -> bool {
        self.nines && number.abs() >= 999.0 && number.fract() == 0.0 && may_be_nines(integer(number))
    }
}

impl Form {
    fn kind(self) -> Quantity {
        match self {
            Self::Whole | Self::Real => Quantity::Number,
            Self::Day | Self::Moment => Quantity::Moment(DateOrder::YearFirst),
        }
    }
}

fn holds_written(whole: Option<Interval>, real: Option<Interval>, written: Written) -> bool {
    let fine = if written.scale > 1.0 { real } else { whole };
    fine.is_some_and(|fine| {
        let is_short = fine.scale.is_none_or(|scale| written.scale <= scale);
        fine.holds(written.number) && is_short && !fine.is_nines(written.number)
    })
}

/// Looks at each place, whether there is a value or not. Several numbers are asked about at once, without a branch, which
/// processors do side by side; only where one of them is not surely fine, about each.
pub(super) fn tell_others<T: Copy>(
    numbers: &[T],
    is_surely_fine: impl Fn(T) -> bool,
    is_fine: impl Fn(T) -> bool,
    mut tell: impl FnMut(usize),
) {
    for (at, together) in numbers.chunks(TOGETHER).enumerate() {
        if !together.iter().fold(true, |fine, number| fine & is_surely_fine(*number)) {
            let others = together.iter().enumerate().filter(|(_, number)| !is_fine(**number));
            others.for_each(|(place, _)| tell(at * TOGETHER + place));
        }
    }
}

fn tell_other_texts(cells: &StringChunked, is_fine: impl Fn(&str) -> bool, mut tell: impl FnMut(usize)) {
    for (row, text) in cells.downcast_as_array().values_iter().enumerate() {
        if !is_fine(text) {
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
    #[expect(clippy::float_cmp, reason = "the nearest number to a short text is that text's number")]
    let is_equal = rounded(scaled) / scale == number;
    (scaled.abs() < ROUNDED) & is_equal
}

/// The nearest whole number, of numbers up to [`ROUNDED`].
fn rounded(number: f64) -> f64 {
    (number + ROUNDING) - ROUNDING
}

/// Whether a number can be nines only: from four nines on their last four bits are set; below zero -999 counts as well.
fn may_be_nines(number: i64) -> bool {
    if number < 0 { number == -999 || number & 15 == 1 } else { number & 15 == 15 && number > 999 }
}

/// Whether a number is none of nines only, told without a branch; `false` where that is in doubt.
fn are_surely_no_nines(number: i64) -> bool {
    !number.unsigned_abs().wrapping_add(1).is_multiple_of(10_000) && number != -999
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where intervals of columns begin and end, and as far out as there are whole numbers.
    fn bound() -> impl Strategy<Value = f64> {
        prop_oneof![3 => -1e6..3e10, 1 => -2e19..2e19, 1 => prop::sample::select(vec![0.0, LARGEST, -LARGEST, 9.3e18])]
    }

    proptest! {
        #[test]
        #[expect(clippy::cast_precision_loss, reason = "what is rounded is compared as it is when a text is read")]
        fn what_is_surely_fine_is_fine(
            (one, other) in (bound(), bound()),
            (nines, scale) in (any::<bool>(), prop::option::of((1..=15).prop_map(|most| 10_f64.powi(most)))),
            number in prop_oneof![bound(), (-99_999..99_999).prop_map(f64::from), (-9999..9999).prop_map(|cents| f64::from(cents) / 100.0)],
            off in -3..=3_i64,
        ) {
            let fine = Interval { low: f64::min(one, other), high: f64::max(one, other), scale, nines };
            let is_surely_fine = fine.surely_holds(number) && scale.is_none_or(|scale| is_short(number, scale));
            prop_assert!(!is_surely_fine || fine.holds_real(number));
            let bounds = [fine.low, fine.high].map(|bound| integer(bound).saturating_add(off));
            for whole in [integer(number), bounds[0], bounds[1], i64::MIN, i64::MAX] {
                prop_assert!(!fine.wholes(1.0, 0.0).contains(&whole) || fine.holds(whole as f64));
            }
            for tick in [Tick::Day, Tick::Milli, Tick::Micro, Tick::Nano] {
                for seconds in [number, fine.low, fine.high, f64::MIN, f64::MAX] {
                    let ticks = integer(seconds / tick.seconds(1)).saturating_add(off);
                    let is_sure = fine.wholes(tick.seconds(1), 1.0).contains(&ticks);
                    prop_assert!(!is_sure || fine.holds(tick.seconds(ticks)), "{ticks} {tick:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_of_nines_are_never_surely_none() {
        for digits in 4..16 {
            let nines = 10_i64.pow(digits) - 1;
            assert!(!are_surely_no_nines(nines) && !are_surely_no_nines(-nines), "{nines}");
        }
        assert!(!are_surely_no_nines(-999) && are_surely_no_nines(999) && are_surely_no_nines(12_345));
    }
}
