//! The rules that a push is judged by, and the scan that holds it against them.
//!
//! With a history the rules are known before the push is read. Without one the push itself teaches them: a small push is read
//! twice; of a large one a glimpse suggests the rules, and the whole push is read again only where it says otherwise.

use super::{Judge, Unreadable};
use crate::{
    baseline::{Baseline, Weighed},
    cold,
    read::Opened,
    rules::{self, Rule},
    scan::{Scanned, scan},
};

impl Judge<'_> {
    /// What the push was held against, and what that brought forth, in the same order.
    pub(super) fn measure(&self, opened: &Opened) -> Result<(Vec<Weighed>, Scanned), Unreadable> {
        if self.baseline.is_empty() {
            return self.measure_alone(opened);
        }
        let mut weighed = self.with_declared(opened, self.baseline.rules.clone());
        let scanned = self.scan(opened, &weighed)?;
        if !vote(&mut weighed, &scanned) {
            return Ok((weighed, scanned));
        }
        let scanned = self.scan(opened, &weighed)?;
        Ok((weighed, scanned))
    }

    fn measure_alone(&self, opened: &Opened) -> Result<(Vec<Weighed>, Scanned), Unreadable> {
        let learned = match opened.glimpse().and_then(|glimpse| self.scan(&glimpse, &[]).ok()) {
            None => cold::rules(&self.scan(opened, &[])?.table),
            Some(glimpse) => {
                let mut weighed = self.with_declared(opened, Baseline::of_rules(cold::guess(&glimpse.table)));
                let scanned = self.scan(opened, &weighed)?;
                let learned = cold::rules(&scanned.table);
                let declared = self.with_declared(opened, Vec::new()).len();
                if cold::stands(&mut weighed[declared..], &learned, &scanned.table) {
                    return Ok((weighed, scanned));
                }
                learned
            }
        };
        let weighed = self.with_declared(opened, Baseline::of_rules(learned));
        let scanned = self.scan(opened, &weighed)?;
        Ok((weighed, scanned))
    }

    fn scan(&self, opened: &Opened, weighed: &[Weighed]) -> Result<Scanned, Unreadable> {
        let rules: Vec<Rule> = weighed.iter().map(|weighed| weighed.rule.clone()).collect();
        scan(opened, &rules, &self.settings.declared)
    }

    /// What is declared and what was learned, for the columns that there are.
    fn with_declared(&self, opened: &Opened, learned: Vec<Weighed>) -> Vec<Weighed> {
        let places = rules::places(&opened.columns);
        let is_there = |weighed: &Weighed| weighed.rule.columns().into_iter().all(|name| places.contains_key(name));
        self.settings.declared.rules().into_iter().chain(learned).filter(is_there).collect()
    }
}

/// Adds to the rules what the records of the push say of each other; whether they are against any of them.
fn vote(weighed: &mut [Weighed], scanned: &Scanned) -> bool {
    let mut disputed = false;
    for weighed in weighed {
        if weighed.rule.is_void(&scanned.table) {
            weighed.ignore();
            continue;
        }
        if let Some(decided) = weighed.rule.with_votes(&scanned.table) {
            weighed.rule = decided;
            disputed = true;
        }
    }
    disputed
}
