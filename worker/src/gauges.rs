//! What is looked up when somebody fetches the metrics: the open reviews by age, as the index has them.

use std::fmt::Write;

use holdpoint_platform::{Ledger, now};
use jiff::Timestamp;
use tracing::warn;

/// Hours up to which a review counts as of this age.
const AGES: [(&str, i64); 4] = [("1h", 1), ("4h", 4), ("24h", 24), ("older", i64::MAX)];

pub(crate) async fn open_by_age(ledger: &Ledger) -> String {
    match ledger.open_since().await {
        Ok(since) => render(&since, now()),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "the open reviews could not be counted");
            String::new()
        }
    }
}

fn render(since: &[Timestamp], now: Timestamp) -> String {
    let mut out = String::from(
        "# HELP holdpoint_open_reviews Reviews in the index of open ones, by age\n# TYPE holdpoint_open_reviews gauge\n",
    );
    let mut from = 0;
    for (age, until) in AGES {
        let hours = |at: &Timestamp| now.duration_since(*at).as_hours();
        let count = since.iter().filter(|at| (from..until).contains(&hours(at))).count();
        let _ = writeln!(out, "holdpoint_open_reviews{{age=\"{age}\"}} {count}");
        from = until;
    }
    out
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn b50_open_reviews_are_counted_by_age() {
        let now: Timestamp = "2026-11-22T09:14:00Z".parse().unwrap();
        let since = [0, 59, 60, 300, 301, 60 * 100].map(|minutes| now - SignedDuration::from_mins(minutes));
        let text = render(&since, now);
        for line in ["{age=\"1h\"} 2", "{age=\"4h\"} 1", "{age=\"24h\"} 2", "{age=\"older\"} 1"] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
