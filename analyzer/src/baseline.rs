//! The baseline: what is normal for one customer, ready to judge pushes with.

use holdpoint_review::{BaselineSummary, Share};
use jiff::Timestamp;

use crate::{
    history::History,
    profile::Profile,
    replay::{Calibration, HARD, HARD_RELATION},
    rules::{Check, Rule, learn},
};

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
    // What was far ahead once has moved the border since, and a border that pushes overlap was not chosen.
    let is_adaptive = matches!(rule.check, Check::Ahead | Check::Behind);
    let replayed = if is_adaptive { 0.0 } else { calibration.worst(rule.check, &rule.column) };
    let worst = replayed.max(rule.expected);
    let hard = if rule.test.other().is_some() { HARD_RELATION } else { HARD };
    let is_hard = worst <= hard && (is_adaptive || !calibration.is_demoted(&rule.key()));
    Weighed { rule, is_hard, allowance: if is_hard { 0.0 } else { 1.5 * worst + 0.01 } }
}
