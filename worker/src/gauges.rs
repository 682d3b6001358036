//! What is looked up when somebody fetches the metrics: the open reviews by age, as the index has them.

use holdpoint_platform::{
    Ledger,
    metrics::{Amounts, Registry},
    now,
};
use jiff::Timestamp;
use tracing::warn;

/// Hours up to which a review counts as of this age.
const AGES: [(&str, i64); 4] = [("1h", 1), ("4h", 4), ("24h", 24), ("older", i64::MAX)];

pub(crate) async fn open_by_age(ledger: &Ledger, mut registry: Registry) -> Registry {
    match ledger.open_since().await {
        Ok(since) => {
            registry.register("open_reviews", "Reviews in the index of open ones, by age", by_age(&since, now()));
        }
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "the open reviews could not be counted");
        }
    }
    registry
}

fn by_age(since: &[Timestamp], now: Timestamp) -> Amounts {
    let amounts = Amounts::default();
    let mut from = 0;
    for (age, until) in AGES {
        let hours = |at: &Timestamp| now.duration_since(*at).as_hours();
        let count = since.iter().filter(|at| (from..until).contains(&hours(at))).count();
        amounts.get_or_create(&[("age", age)]).set(i64::try_from(count).unwrap_or(i64::MAX));
        from = until;
    }
    amounts
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn b50_open_reviews_are_counted_by_age() {
        let now: Timestamp = "2026-11-22T09:14:00Z".parse().unwrap();
        let since = [0, 59, 60, 300, 301, 60 * 100].map(|minutes| now - SignedDuration::from_mins(minutes));
        let amounts = by_age(&since, now);
        let counted = AGES.map(|(age, _)| amounts.get_or_create(&[("age", age)]).get());
        assert_eq!(counted, [2, 1, 2, 1]);
    }
}
