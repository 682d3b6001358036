//! Dates and times as seconds since 1970, by the order of their parts.
//!
//! `03/04/2020` is a day in two orders and enters the profile as both: which one a column speaks is learned from many values,
//! never guessed from one. Offsets are taken into account, names of months and of zones are deliberately absent.

use serde::{Deserialize, Serialize};

use super::trimmed;

/// The order in which a date's parts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the part that comes first is what they say")]
pub(crate) enum DateOrder {
    /// `2020-04-03`, `2020/04/03`, with or without a time.
    YearFirst,
    /// `04/03/2020`.
    MonthFirst,
    /// `03/04/2020`, `03.04.2020`.
    DayFirst,
}

impl DateOrder {
    /// The moment that a text is in this order, in seconds since 1970.
    pub(crate) fn moment(self, text: &str) -> Option<f64> {
        moments(text).find(|(order, _)| *order == self).map(|(_, moment)| moment)
    }
}

/// Each order in which the text is a date, with its moment in seconds since 1970.
pub(crate) fn moments(text: &str) -> impl Iterator<Item = (DateOrder, f64)> {
    let text = trimmed(text);
    let read = text.as_bytes().first().filter(|byte| byte.is_ascii_digit()).and_then(|_| parts(text));
    let in_order = move |order| {
        let ([a, b, c], year_first, seconds) = read?;
        let day = match order {
            DateOrder::YearFirst if year_first => days(a, b, c),
            DateOrder::MonthFirst if !year_first => days(c, a, b),
            DateOrder::DayFirst if !year_first => days(c, b, a),
            _ => None,
        }?;
        #[expect(clippy::cast_precision_loss, reason = "years have four digits")]
        Some((order, (day * 86_400) as f64 + seconds))
    };
    [DateOrder::YearFirst, DateOrder::MonthFirst, DateOrder::DayFirst].into_iter().filter_map(in_order)
}

/// Three numbers, whether the first of them is the year, and the seconds of the time that follows.
fn parts(text: &str) -> Option<([i64; 3], bool, f64)> {
    let (a, separator, rest) = digits(text)?;
    let (b, again, rest) = digits(rest)?;
    if separator != again || !matches!(separator, '-' | '/' | '.') || !text.is_ascii() {
        return None;
    }
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (c, time) = rest.split_at(length);
    let year_first = a.len() == 4 && (1..=2).contains(&c.len());
    let year_last = c.len() == 4 && a.len() <= 2 && a.len() * c.len() > 0;
    if !(year_first || year_last) || b.is_empty() || b.len() > 2 {
        return None;
    }
    Some(([a.parse().ok()?, b.parse().ok()?, c.parse().ok()?], year_first, seconds(time)?))
}

fn digits(text: &str) -> Option<(&str, char, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let separator = *text.as_bytes().get(length)?;
    (length > 0 && separator.is_ascii()).then(|| (&text[..length], char::from(separator), &text[length + 1..]))
}

/// `T10:00:00.5+02:00`, ` 8:26`, or nothing; seconds since midnight UTC.
fn seconds(time: &str) -> Option<f64> {
    if time.is_empty() {
        return Some(0.0);
    }
    let time = time.strip_prefix(['T', ' '])?.trim_start();
    let (clock, zone) = time.split_at(time.find(['Z', '+', '-', ' ']).unwrap_or(time.len()));
    let mut fields = clock.split(':');
    let mut next =
        |most: f64| fields.next().map_or(Some(0.0), |f| f.parse::<f64>().ok().filter(|v| (0.0..=most).contains(v)));
    let (hours, minutes, rest) = (next(24.0)?, next(59.0)?, next(61.0)?);
    Some(hours * 3600.0 + minutes * 60.0 + rest - offset(zone.trim())?)
}

fn offset(zone: &str) -> Option<f64> {
    if matches!(zone, "" | "Z" | "UTC") {
        return Some(0.0);
    }
    let sign = if zone.starts_with('-') { -1.0 } else { 1.0 };
    let plain: String = zone.get(1..)?.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = plain.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0.0 } else { minutes.parse::<f64>().ok()? };
    Some(sign * (hours.parse::<f64>().ok()? * 3600.0 + minutes * 60.0))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, from <https://howardhinnant.github.io/date_algorithms.html>.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = month == 2 && (year % 4 == 0 && year % 100 != 0 || year % 400 == 0);
    let longest = LENGTHS.get(usize::try_from(month - 1).ok()?)? + i64::from(leap);
    if !(1..=longest).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(DateOrder, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(order, at)| (*order, seconds_of(at))).collect();
        assert_eq!(moments(text).collect::<Vec<_>>(), expected, "{text:?}");
    }

    /// An oracle that is not ours.
    #[expect(clippy::cast_precision_loss, reason = "a test's years have four digits")]
    fn seconds_of(rfc3339: &str) -> f64 {
        rfc3339.parse::<jiff::Timestamp>().unwrap().as_second() as f64
    }

    #[test]
    fn a_moment_is_read_in_every_order_it_can_have() {
        use DateOrder::{DayFirst, MonthFirst, YearFirst};
        check("2013-01-01", &[(YearFirst, "2013-01-01T00:00:00Z")]);
        check("2013-01-01T10:00:00Z", &[(YearFirst, "2013-01-01T10:00:00Z")]);
        check("2010-12-01 08:26:00", &[(YearFirst, "2010-12-01T08:26:00Z")]);
        check("2021/12/31 07:00:00+00", &[(YearFirst, "2021-12-31T07:00:00Z")]);
        check("2020-02-29T01:30:00+02:00", &[(YearFirst, "2020-02-28T23:30:00Z")]);
        check("03/04/2020", &[(MonthFirst, "2020-03-04T00:00:00Z"), (DayFirst, "2020-04-03T00:00:00Z")]);
        check("25.12.2020 8:05", &[(DayFirst, "2020-12-25T08:05:00Z")]);
    }

    #[test]
    fn what_is_no_day_is_no_moment() {
        for text in [
            "2013-02-29",
            "2013-13-01",
            "12",
            "1-2",
            "2013-01-01x",
            "1.2.3",
            "555-1234",
            "",
            "--",
            "2013-01/01",
            "ä-1-2013",
        ] {
            check(text, &[]);
        }
    }
}
