//! Calibration: what each rule would have said about accepted pushes, each judged by those before it.
//!
//! A rule that hits pushes which were fine is not wrong, it is soft: it counts only for what it exceeds. Replay works on
//! profiles, so it needs no old file and costs milliseconds.

use std::collections::{BTreeMap, BTreeSet};

use holdpoint_review::Share;

use crate::{
    history::History,
    mass,
    rules::{Check, HARD, Rule, learn},
};

/// As [`HARD`], for relations between columns: there are many of them, and their few wrong hits add up.
const HARD_RELATION: f64 = 0.001;
/// What the hard rules together may hit in a replayed push.
const TOGETHER: f64 = 0.01;

/// What is known about each rule, by check and column.
#[derive(Debug, Default)]
pub(crate) struct Calibration {
    worst: BTreeMap<(Check, String), f64>,
    /// Rates with the number of records that they are of.
    rates: BTreeMap<(Check, String), Vec<(f64, u64)>>,
    demoted: BTreeSet<(Check, String)>,
    /// What would have been anomalous in each replayed push, oldest first.
    pub(crate) replayed: Vec<Share>,
}

/// What the rules hit in one replayed push.
struct Replayed {
    hits: Vec<(Rule, f64)>,
    records: u64,
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
            let hit = |rule: Rule| {
                let rate = rule.rate_in(&held_out.table);
                (rule, rate)
            };
            let hits: Vec<_> = rules.into_iter().map(hit).collect();
            for excess in mass::excesses(&known, &held_out.table, held_out.records, held_out.delivered_at) {
                let worst = calibration.worst.entry((excess.check, excess.column)).or_default();
                *worst = worst.max(excess.share);
            }
            for (rule, rate) in &hits {
                calibration.rates.entry(rule.key()).or_default().push((*rate, held_out.records));
            }
            pushes.push(Replayed { hits, records: held_out.records });
            known.add(held_out.clone());
            known.assign_roles();
        }
        calibration.settle();
        calibration.demote(&pushes);
        calibration.replayed = pushes.iter().map(|push| calibration.rate_of(push)).collect();
        calibration
    }

    /// The highest rate in a push that was fine.
    pub(crate) fn worst(&self, check: Check, column: &str) -> f64 {
        self.worst.get(&(check, column.to_owned())).copied().unwrap_or(0.0)
    }

    /// What the hard rules hit in a replayed push: at most so much, for a record that two of them hit is counted twice. What
    /// belongs to no single record is nothing here, because the worst that replay saw of it is what is allowed.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
    fn rate_of(&self, push: &Replayed) -> Share {
        let rate: f64 = push.hits.iter().filter(|(rule, _)| self.is_hard(rule)).map(|(_, rate)| rate).sum();
        Share::new((rate.min(1.0) * push.records as f64).round() as u64, push.records)
    }

    /// Whether each record that a rule hits is anomalous.
    pub(crate) fn is_hard(&self, rule: &Rule) -> bool {
        let most = if rule.test.other().is_some() { HARD_RELATION } else { HARD };
        // Where new values come up now and then, one more is no error; many are.
        let is_open = matches!(rule.check, Check::Category | Check::Value | Check::Pattern) && self.recurs(&rule.key());
        self.worst_of(rule) <= most && !is_open && (is_adaptive(rule) || !self.demoted.contains(&rule.key()))
    }

    /// The highest rate of a rule that is to be expected of a push that is fine.
    pub(crate) fn worst_of(&self, rule: &Rule) -> f64 {
        let replayed = if is_adaptive(rule) { 0.0 } else { self.worst(rule.check, &rule.column) };
        replayed.max(rule.expected)
    }

    /// Whether a rule hit one accepted push after the other, even if only a few records of each.
    fn recurs(&self, key: &(Check, String)) -> bool {
        let Some(rates) = self.rates.get(key) else { return false };
        let hit = rates.iter().filter(|(rate, _)| *rate > 0.0).count();
        hit >= 2 && hit * 6 >= rates.len()
    }

    /// The worst rate of each rule is that of all pushes together, or that of one push beyond what chance does to so few records.
    #[expect(clippy::cast_precision_loss, reason = "rates that are learned")]
    fn settle(&mut self) {
        for (key, rates) in &self.rates {
            let records = rates.iter().map(|(_, of)| *of).sum::<u64>() as f64;
            let pooled = rates.iter().map(|(rate, of)| rate * *of as f64).sum::<f64>() / records.max(1.0);
            let beyond = |(rate, of): &(f64, u64)| rate - mass::slack(pooled, (*of).max(1) as f64, 2.0);
            self.worst.insert(key.clone(), rates.iter().map(beyond).fold(pooled, f64::max));
        }
    }

    /// Many rules that are right by themselves can be wrong together: the largest is demoted until no push exceeds.
    #[expect(clippy::cast_precision_loss, reason = "as above")]
    fn demote(&mut self, pushes: &[Replayed]) {
        for Replayed { hits, records } in pushes {
            let most = TOGETHER + mass::slack(TOGETHER, (*records).max(1) as f64, 2.0);
            loop {
                let may_count =
                    |rule: &Rule| self.worst(rule.check, &rule.column) <= HARD && !self.demoted.contains(&rule.key());
                let hits: Vec<_> = hits.iter().filter(|(rule, rate)| *rate > 0.0 && may_count(rule)).collect();
                let together: f64 = hits.iter().map(|(_, rate)| rate).sum();
                let Some((rule, _)) = hits.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| together > most)
                else {
                    break;
                };
                self.demoted.insert(rule.key());
            }
        }
    }
}

/// Whether a rule moves with what was accepted: what was far ahead once has moved the border since, and a border that pushes
/// overlap was not chosen.
fn is_adaptive(rule: &Rule) -> bool {
    matches!(rule.check, Check::Ahead | Check::Behind)
}
