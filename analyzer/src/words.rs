//! Figures as a reviewer reads them.

use jiff::Timestamp;

use crate::rules::Quantity;

/// `1 push`, `20 pushes`.
pub(crate) fn pushes(count: usize) -> String {
    if count == 1 { "1 push".to_owned() } else { format!("{count} pushes") }
}

/// A column's name, so that one sees where it begins and ends.
pub(crate) fn column(name: &str) -> String {
    match name.trim() {
        "" => "a column without a name".to_owned(),
        all if all == name => name.to_owned(),
        _ => format!("\"{name}\""),
    }
}

/// `1 value`, `15 values`.
pub(crate) fn some(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `2.1 %`.
pub(crate) fn percent(share: f64) -> String {
    match share {
        ..=0.0 => "0 %".to_owned(),
        1.0.. => "100 %".to_owned(),
        _ => format!("{:.1} %", (share * 100.0).clamp(0.1, 99.9)),
    }
}

/// A number with at most four significant decimals, a moment as its date or date and time.
pub(crate) fn quantity(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Number => number(value),
        Quantity::Moment(_) => moment(value).unwrap_or_else(|| number(value)),
    }
}

fn number(value: f64) -> String {
    if value.fract().abs() < f64::MIN_POSITIVE && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn moment(seconds: f64) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "checked by Timestamp, which refuses far years")]
    let text = Timestamp::from_second(seconds as i64).ok()?.to_string();
    Some(text.strip_suffix("T00:00:00Z").unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::DateOrder;

    #[test]
    fn figures_are_short() {
        let day = Quantity::Moment(DateOrder::YearFirst);
        assert_eq!(quantity(day, 1_356_998_400.0), "2013-01-01");
        assert_eq!(quantity(day, 1_356_998_460.0), "2013-01-01T00:01:00Z");
        assert_eq!(quantity(Quantity::Number, 2.500_000_1), "2.5");
        assert_eq!(quantity(Quantity::Number, -40.0), "-40");
        assert_eq!((percent(0.0), percent(0.00001), percent(0.389)), ("0 %".into(), "0.1 %".into(), "38.9 %".into()));
    }
}
