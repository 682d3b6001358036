//! Calibration: what each rule would have said about accepted pushes, each judged by those before it.
//!
//! A rule that hits pushes which were fine is not wrong, it is soft: it counts only for what it exceeds. Replay works on
//! profiles, so it needs no old file and costs milliseconds.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    history::History,
    mass,
    rules::{Check, learn},
};

/// A rule with a higher rate in any replayed push is soft.
pub(crate) const HARD: f64 = 0.004;
/// What the hard rules together may hit in a replayed push.
const TOGETHER: f64 = 0.02;

/// What is known about each rule, by check and column.
#[derive(Debug, Default)]
pub(crate) struct Calibration {
    worst: BTreeMap<(Check, String), f64>,
    demoted: BTreeSet<(Check, String)>,
}

impl Calibration {
    /// Replays the later half of the history.
    pub(crate) fn of(history: &History) -> Self {
        let mut calibration = Self::default();
        let first = (history.members.len() / 2).max(2);
        if history.members.len() <= first {
            return calibration;
        }
        let mut known = History::of(history.members[..first].to_vec(), None);
        let mut pushes = Vec::new();
        for held_out in &history.members[first..] {
            let rules = learn(&known);
            let hits: Vec<_> =
                rules.iter().map(|rule| (rule.key(), rule.rate_in(&held_out.table, held_out.records))).collect();
            for excess in mass::excesses(&known, &held_out.table, held_out.records) {
                calibration.note((excess.check, excess.column), excess.share);
            }
            for (key, rate) in &hits {
                calibration.note(key.clone(), *rate);
            }
            pushes.push(hits);
            known.add(held_out.clone());
            known.assign_roles();
        }
        calibration.demote(&pushes);
        calibration
    }

    /// The highest rate in a push that was fine.
    pub(crate) fn worst(&self, check: Check, column: &str) -> f64 {
        self.worst.get(&(check, column.to_owned())).copied().unwrap_or(0.0)
    }

    pub(crate) fn is_demoted(&self, key: &(Check, String)) -> bool {
        self.demoted.contains(key)
    }

    fn note(&mut self, key: (Check, String), rate: f64) {
        let worst = self.worst.entry(key).or_default();
        *worst = worst.max(rate);
    }

    /// Many rules that are right by themselves can be wrong together: the largest is demoted until no push exceeds.
    fn demote(&mut self, pushes: &[Vec<((Check, String), f64)>]) {
        for hits in pushes {
            loop {
                let hard = |key: &(Check, String)| self.worst(key.0, &key.1) <= HARD && !self.demoted.contains(key);
                let hits: Vec<_> = hits.iter().filter(|(key, rate)| *rate > 0.0 && hard(key)).collect();
                let together: f64 = hits.iter().map(|(_, rate)| rate).sum();
                let Some((key, _)) =
                    hits.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| together > TOGETHER)
                else {
                    break;
                };
                self.demoted.insert(key.clone());
            }
        }
    }
}
