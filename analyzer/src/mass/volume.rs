//! Records missing: by their number, and by the time of the day at which a push begins and ends.
//!
//! The number is held against the numbers before, by weekday where weekdays differ: quiet Sundays must not make a quiet Tuesday
//! normal, nor be missed themselves. Where weekdays do not matter and the customer grows, it is held against the last numbers.
//! Where a day's records are many one time and few another, their number says little; that the evening is missing says more.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Excess, count,
    envelope::SOME,
    level::{self, QUIETER},
    ratio,
    student::{ONE_IN_A_HUNDRED, further},
};
use crate::{
    history::{History, Role},
    profile::{ColumnProfile, Table, edges},
    rules::{Check, Quantity, spread_of},
    words,
};

/// Numbers of records, as logarithms: a customer's quiet days are so many times quieter, not so many records.
struct Usual {
    mean: f64,
    deviation: f64,
    /// What the mean is of.
    days: usize,
    /// What the deviation is of.
    freedom: usize,
    least: f64,
}

/// Records short of the low envelope of their number.
pub(super) fn missing_records(history: &History, table: &Table, records: u64, delivered_at: Timestamp) -> Excess {
    let past: Vec<f64> = history.members.iter().map(|member| count(member.records).ln()).collect();
    let (days, today) = weekdays(history, table, delivered_at);
    let low = low(&past, &days, today);
    let share = if low > 0.0 { (1.0 - count(records) / low).max(0.0) } else { 0.0 };
    Excess {
        check: Check::MissingRecords,
        column: String::new(),
        share,
        reason: format!("{records} records; before, at least {low:.0}"),
    }
}

/// The number of records that a push may well be as low as.
fn low(past: &[f64], days: &[u8], today: u8) -> f64 {
    let Some(usual) = Usual::of(past) else { return 0.0 };
    let plain = usual.low(past.len());
    match Usual::of_weekday(past, days, today) {
        // On any weekday a push may be as small as on the quietest: that is what holidays look like.
        Some((alike, true)) => alike.low(past.len()).min(plain.max(usual.least.exp() * QUIETER)),
        other => {
            let low = other.map_or(plain, |(alike, _)| alike.low(past.len()).min(plain));
            level::low(past).map_or(low, |lately| lately.max(low))
        }
    }
}

impl Usual {
    fn of(past: &[f64]) -> Option<Self> {
        let (mean, deviation) = moments(past);
        let least = past.iter().copied().reduce(f64::min)?;
        Some(Self { mean, deviation, days: past.len(), freedom: past.len() - 1, least })
    }

    /// Of the same weekday alone, and whether weekdays explain most of how the numbers differ.
    #[expect(clippy::cast_precision_loss, reason = "at most sixty")]
    fn of_weekday(past: &[f64], days: &[u8], today: u8) -> Option<(Self, bool)> {
        let mut by_day = BTreeMap::<u8, Vec<f64>>::new();
        for (count, day) in past.iter().zip(days) {
            by_day.entry(*day).or_default().push(*count);
        }
        let freedom = past.len().checked_sub(by_day.len()).filter(|freedom| *freedom >= SOME)?;
        let squares = |counts: &Vec<f64>| moments(counts).1.powi(2) * (counts.len() - 1) as f64;
        let deviation = (by_day.values().map(squares).sum::<f64>() / freedom as f64).sqrt();
        let alike = by_day.get(&today).filter(|alike| alike.len() > 1)?;
        let explains = deviation.powi(2) * 2.0 <= moments(past).1.powi(2);
        Some((Self { deviation, freedom, ..Self::of(alike)? }, explains))
    }

    /// The number of records that one push in a hundred is below, and less than the least there was. As long as it is not
    /// known what a week is like, half of the least.
    #[expect(clippy::cast_precision_loss, reason = "at most sixty")]
    fn low(&self, pushes: usize) -> f64 {
        let least = self.least.exp();
        if pushes < SOME {
            return least * 0.5;
        }
        let reach = further(ONE_IN_A_HUNDRED, self.days as f64, self.freedom as f64) * self.deviation;
        (self.mean - reach).exp().min(least * QUIETER)
    }
}

/// The largest part of a day that is missing at its end or its beginning, by the first time that advances push by push: a file
/// that was cut off lacks the evening, however many records a day may have.
pub(super) fn broken_off(history: &History, table: &Table) -> Vec<Excess> {
    if history.members.len() < SOME {
        return Vec::new();
    }
    let excess = |(name, role): (&String, &Role)| {
        let Role::Advancing(quantity @ Quantity::Moment(_)) = role else { return None };
        let now = times(*quantity, table.columns.get(name)?)?;
        let past: Option<Vec<_>> = history.histories(name).map(|column| times(*quantity, column)).collect();
        let past = past?;
        let (first, last) =
            (now.iter().map(|(second, _)| *second).min()?, now.iter().map(|(second, _)| *second).max()?);
        let (before, after) = (least(&past, |second| second < first), least(&past, |second| second > last));
        let clock = |second: u32| format!("{:02}:{:02}", second / 3600, second % 3600 / 60);
        let (share, what) = if after >= before {
            (after, format!("ends at {}; before, at least {} came later", clock(last), words::percent(after)))
        } else {
            (before, format!("begins at {}; before, at least {} came earlier", clock(first), words::percent(before)))
        };
        Some(Excess { check: Check::MissingRecords, column: name.clone(), share, reason: format!("{name} {what}") })
    };
    history.roles.iter().filter_map(excess).collect()
}

/// The least share of a day's records that lay at such a time.
fn least(past: &[Vec<(u32, u64)>], is_then: impl Fn(u32) -> bool) -> f64 {
    let share = |times: &Vec<(u32, u64)>| {
        let then = times.iter().filter(|(second, _)| is_then(*second)).map(|(_, count)| count).sum();
        ratio(then, times.iter().map(|(_, count)| count).sum())
    };
    past.iter().map(share).fold(1.0, f64::min)
}

/// Seconds since midnight with how many cells lie there; none where the profile does not know the time of the day.
fn times(quantity: Quantity, column: &ColumnProfile) -> Option<Vec<(u32, u64)>> {
    /// The bins of a push of one day are a fraction of this.
    const HOUR: f64 = 3600.0;
    let spread = spread_of(column, quantity)?;
    let time = |(bin, count): (u64, u64)| {
        let (from, to) = edges(bin, spread.shift());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than a day")]
        let second = f64::midpoint(from, to).rem_euclid(86_400.0) as u32;
        (to - from <= HOUR).then_some((second, count))
    };
    spread.at(spread.shift()).into_iter().map(time).collect()
}

/// The weekday that each push before is about, and that of this one: by the first date that advances push by push, else by when
/// it was delivered.
fn weekdays(history: &History, table: &Table, delivered_at: Timestamp) -> (Vec<u8>, u8) {
    by_date(history, table).unwrap_or_else(|| {
        #[expect(clippy::cast_precision_loss, reason = "years have four digits")]
        let day = |at: Timestamp| weekday(at.as_second() as f64);
        (history.members.iter().map(|member| day(member.delivered_at)).collect(), day(delivered_at))
    })
}

fn by_date(history: &History, table: &Table) -> Option<(Vec<u8>, u8)> {
    let (name, quantity) = history.roles.iter().find_map(|(name, role)| match role {
        Role::Advancing(quantity @ Quantity::Moment(_)) => Some((name, *quantity)),
        _ => None,
    })?;
    let day = |table: &Table| Some(weekday(spread_of(table.columns.get(name)?, quantity)?.quantile(0.5)?));
    let days: Option<Vec<u8>> = history.members.iter().map(|member| day(&member.table)).collect();
    days.zip(day(table))
}

/// Thursday is 0, as 1970-01-01 was.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 6")]
fn weekday(seconds: f64) -> u8 {
    (seconds / 86_400.0).floor().rem_euclid(7.0) as u8
}

fn moments(values: &[f64]) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "at most sixty")]
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four weeks of a customer who sends about 1500 records on weekdays and half of it on Sundays, as logarithms.
    fn weeks() -> (Vec<f64>, Vec<u8>) {
        let week = [(3, 700.0), (4, 1500.0), (5, 1420.0), (6, 1610.0), (0, 1480.0), (1, 1550.0)];
        let days = (0..4).flat_map(|at| week.map(|(day, count)| (f64::ln(count * (1.0 + 0.03 * f64::from(at))), day)));
        days.unzip()
    }

    #[test]
    fn a_sunday_may_be_as_quiet_as_sundays_are() {
        let (past, days) = weeks();
        let on = |today| low(&past, &days, today);
        assert!(on(3) < 600.0, "{}", on(3));
        assert!(on(5) > 540.0 && on(5) < 700.0, "a weekday may be a holiday: {}", on(5));
        assert!(low(&past[..3], &days[..3], 5) < 400.0, "what a week is like is not known yet");
        assert!((low(&[], &[], 5) - 0.0).abs() < f64::EPSILON);
    }

    #[test]
    fn days_alike_are_held_against_each_other_only_where_weekdays_matter() {
        let (past, days) = weeks();
        let (alike, explains) = Usual::of_weekday(&past, &days, 3).unwrap();
        assert!(explains && (alike.least.exp() - 700.0).abs() < 1.0);
        let any: Vec<u8> = (0..24).map(|at| at % 5).collect();
        assert!(!Usual::of_weekday(&past, &any, 3).unwrap().1);
    }

    #[test]
    fn half_a_file_of_a_customer_who_grew_is_too_little() {
        let grown = [20, 23, 19, 24, 27, 25, 31, 34, 33, 40, 44, 41, 52, 55, 60, 57].map(|n| f64::from(n).ln());
        let days: Vec<u8> = (0..16).map(|at| at % 7).collect();
        let low = low(&grown, &days, 2);
        assert!((29.0..50.0).contains(&low), "{low}");
    }

    #[test]
    fn the_first_of_january_1970_was_a_thursday() {
        assert_eq!((weekday(0.0), weekday(-1.0), weekday(86_400.0 * 7.5)), (0, 6, 0));
    }
}
