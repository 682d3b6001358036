//! The baseline: what is normal for one customer, ready to judge pushes with.

use holdpoint_review::{BaselineSummary, Share};
use jiff::Timestamp;

use crate::{
    history::History,
    mass,
    profile::Profile,
    replay::Calibration,
    rules::{Check, Rule, learn},
};

/// What a soft rule may hit beyond half as much again as ever.
const MARGIN: f64 = 0.01;

/// What is normal for one customer: learned once, good for any number of pushes.
#[derive(Debug, Default)]
pub struct Baseline {
    pub(crate) history: History,
    pub(crate) rules: Vec<Weighed>,
    pub(crate) calibration: Calibration,
}

/// A rule and how far it is trusted.
#[derive(Debug, Clone)]
pub(crate) struct Weighed {
    pub(crate) rule: Rule,
    /// Whether a hit makes a record anomalous.
    pub(crate) is_hard: bool,
    /// For a soft rule: the share of records that it may hit in a push that is fine.
    pub(crate) allowance: f64,
}

impl Weighed {
    /// Lets it count no more, whatever it hit.
    pub(crate) fn ignore(&mut self) {
        (self.is_hard, self.allowance) = (false, 1.0);
    }

    /// What a soft rule hits beyond its allowance and beyond chance.
    pub(crate) fn beyond(&self, hits: u64, records: u64) -> f64 {
        /// Of that many soft rules and pushes one may be wrong: a push is held against some twenty rules.
        const ONE_IN: f64 = 2000.0;
        #[expect(clippy::cast_precision_loss, reason = "compared with what was learned, not with the threshold")]
        let (hits, of) = (hits as f64, records.max(1) as f64);
        let excess = hits / of - self.allowance;
        let expected = of * (self.allowance - MARGIN).max(0.0) / 1.5;
        // Where not even one hit is to be expected a deviation tells too little: three are no chance.
        if expected >= 0.5 {
            (excess - mass::slack(self.allowance, of, mass::deviations(of))).max(0.0)
        } else if mass::at_least(hits, expected) * ONE_IN <= 1.0 {
            excess.max(0.0)
        } else {
            0.0
        }
    }
}

impl Baseline {
    /// Learns from the profiles of accepted pushes, in any order: the last 60 of those delivered before `now`.
    pub fn learn(profiles: Vec<Profile>, now: Timestamp) -> Self {
        let history = History::of(profiles, Some(now));
        if history.is_empty() {
            return Self::default();
        }
        let calibration = Calibration::of(&history);
        let rules = learn(&history).into_iter().map(|rule| weigh(rule, &calibration)).collect();
        Self { history, rules, calibration }
    }

    /// Which pushes it was learned from.
    pub fn summary(&self) -> BaselineSummary {
        let mut summary = self.history.summary();
        // The later members were replayed.
        for (member, rate) in summary.members.iter_mut().rev().zip(self.calibration.replayed.iter().rev()) {
            member.replayed = Some(*rate);
        }
        summary.expected = self.calibration.replayed.iter().copied().reduce(Share::max);
        summary
    }

    /// Whether nothing was accepted yet.
    pub fn is_empty(&self) -> bool {
        self.history.is_empty()
    }

    /// Rules for a push without history, where there is nothing to weigh them by.
    pub(crate) fn of_rules(rules: Vec<Rule>) -> Vec<Weighed> {
        rules.into_iter().map(|rule| Weighed { rule, is_hard: true, allowance: 0.0 }).collect()
    }

    /// What of an excess lies beyond the worst that replay saw.
    pub(crate) fn beyond_worst(&self, check: Check, column: &str, share: f64) -> f64 {
        (share - self.calibration.worst(check, column)).max(0.0)
    }
}

fn weigh(rule: Rule, calibration: &Calibration) -> Weighed {
    let is_hard = calibration.is_hard(&rule);
    let allowance = if is_hard { 0.0 } else { 1.5 * calibration.worst_of(&rule) + MARGIN };
    Weighed { rule, is_hard, allowance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Test;

    #[test]
    fn of_few_records_one_hit_is_chance_and_three_are_not() {
        let rule = Rule {
            check: Check::Shape,
            column: "title".to_owned(),
            test: Test::NonAscii,
            before: String::new(),
            expected: 0.005,
        };
        let weighed = weigh(rule, &Calibration::default());
        assert!(!weighed.is_hard && (weighed.allowance - 0.0175).abs() < 1e-9);
        assert!((weighed.beyond(1, 20)).abs() < f64::EPSILON);
        assert!((weighed.beyond(3, 20) - 0.1325).abs() < 1e-9);
        assert!(weighed.beyond(20, 1000) < 0.0025, "less than a deviation above what is usual");
    }
}
