//! Which rules a history teaches. Roles decide which make sense; replay decides which of them are hard.

mod form;
mod frontier;
mod related;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use frontier::Frontier;
pub(crate) use related::{Certainty, related};

use super::{Check, Quantity, Rule, Test, spread_of};
use crate::{
    history::{History, Role, is_identifier, kind_of},
    profile::{ColumnProfile, Pair},
    words,
};

/// Cells below which "never" means little.
const ENOUGH: u64 = 20;
/// A column in which more of the values are new each time teaches no values.
const MOST_NEW: f64 = 0.1;

/// Every rule that the history supports, columns in the order of their names.
pub(crate) fn learn(history: &History) -> Vec<Rule> {
    let mut rules = vec![repeated_record(history)];
    for (name, merged) in &history.merged.columns {
        let Some(role) = history.roles.get(name).copied() else { continue };
        if merged.filled == 0 {
            continue;
        }
        let column = Column { history, name, merged, role, kind: kind_of(merged) };
        rules.extend(column.presence());
        rules.extend(column.form());
        rules.extend(column.size());
        rules.extend(column.values());
        rules.extend(column.order());
    }
    let certainty = Certainty { broken: 0.05, agree: 0.8, of: 1 };
    let within = format!("in {}", words::pushes(history.members.len()));
    let is_known = |pair: &Pair, what: &str| is_known(history, pair, what);
    rules.extend(related(&history.merged, certainty, &within, is_known, |name| history.draws(name)));
    rules
}

/// Whether a relation was found in most of the pushes that could have shown it.
fn is_known(history: &History, pair: &Pair, what: &str) -> bool {
    let (mut of, mut found) = (0, 0);
    for member in &history.members {
        let relations = &member.table.relations;
        of += 1;
        found += usize::from(match what {
            "part" => relations.parts.contains_key(pair),
            _ => relations.keys.contains_key(pair),
        });
    }
    found * 2 >= of
}

fn repeated_record(history: &History) -> Rule {
    let rates = history.members.iter().map(|member| member.table.records.repeated());
    let expected = rates.fold(0.0, f64::max);
    let before = format!("before: at most {} in {}", words::percent(expected), words::pushes(history.members.len()));
    Rule { check: Check::DuplicateRecord, column: String::new(), test: Test::RepeatedRecord, before, expected }
}

struct Column<'a> {
    history: &'a History,
    name: &'a str,
    merged: &'a ColumnProfile,
    role: Role,
    kind: Option<Quantity>,
}

impl Column<'_> {
    fn rule(&self, check: Check, test: Test, mut before: String) -> Rule {
        before.insert_str(0, "before: ");
        Rule { check, column: self.name.to_owned(), test, before, expected: 0.0 }
    }

    fn within(&self) -> String {
        format!("in {}", words::pushes(self.history.members.len()))
    }

    fn presence(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        if self.merged.nulls == 0 && self.merged.filled >= ENOUGH {
            rules.push(self.rule(Check::Null, Test::Null, format!("none {}", self.within())));
        }
        let mut seen: BTreeSet<String> = self.merged.sentinels.keys().cloned().collect();
        if let Some((least, most)) = self.merged.numbers.range() {
            // 9999 in a column that goes from 0 to 20,000 is a number like any other.
            let ordinary = |text: &&str| text.parse::<f64>().is_ok_and(|number| least <= number && number <= most);
            seen.extend(
                ["-999", "-9999", "-99999", "9999", "99999", "999999"]
                    .iter()
                    .filter(|t| ordinary(t))
                    .map(ToString::to_string),
            );
        }
        rules.push(self.rule(Check::Sentinel, Test::Sentinel(Arc::new(seen)), format!("none {}", self.within())));
        rules
    }

    fn size(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let Some((quantity, (least, most))) = self.kind.and_then(|q| Some((q, spread_of(self.merged, q)?.range()?)))
        else {
            return rules;
        };
        if matches!(self.role, Role::Measure(_)) && most > least && self.merged.filled >= ENOUGH {
            // A quarter of the span; half of it while one or two pushes are all that is known.
            let margin = (most - least) / if self.history.members.len() <= 2 { 2.0 } else { 4.0 };
            let before = format!(
                "{} to {} {}",
                words::quantity(quantity, least),
                words::quantity(quantity, most),
                self.within()
            );
            rules.push(self.rule(Check::Range, Test::Outside(quantity, least - margin, most + margin), before));
        }
        if quantity == Quantity::Number && self.merged.filled >= ENOUGH {
            let sign = if least >= 0.0 { Some((0.0, f64::INFINITY, "none below 0")) } else { None };
            let sign = sign.or((most <= 0.0).then_some((f64::NEG_INFINITY, 0.0, "none above 0")));
            if let Some((low, high, words)) = sign {
                rules.push(self.rule(
                    Check::Sign,
                    Test::Outside(quantity, low, high),
                    format!("{words} {}", self.within()),
                ));
            }
        }
        rules
    }

    fn values(&self) -> Vec<Rule> {
        let merged = self.merged;
        if merged.filled < ENOUGH {
            return Vec::new();
        }
        let mut rules = Vec::new();
        if let (None, Some(values)) = (self.kind, &merged.values) {
            let common = common(values, merged.filled);
            let before = format!("{} in common use {}", words::some(common.len(), "value"), self.within());
            let test = Test::Misspelt(Arc::new(values.keys().cloned().collect()), Arc::new(common));
            rules.push(self.rule(Check::Misspelt, test, before));
        }
        if let (Role::Category | Role::Constant, Some(values)) = (self.role, &merged.values) {
            let before = format!("{} {}", words::some(values.len(), "value"), self.within());
            let test = Test::Value(Arc::new(values.keys().cloned().collect()));
            let expected = unseen(values.values().copied(), merged);
            rules.push(Rule { expected, ..self.rule(Check::Category, test, before) });
            return rules;
        }
        let expected = unseen(merged.sample.counts().map(|(_, count)| count), merged);
        if matches!(self.role, Role::Code | Role::Text) && merged.sample.is_exact() && expected <= MOST_NEW {
            let before = format!("{} different ones {}", merged.sample.distinct(), self.within());
            let test = Test::Hash(Arc::new(merged.sample.clone()));
            rules.push(Rule { expected, ..self.rule(Check::Value, test, before) });
        }
        rules
    }

    fn order(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let history: Vec<&ColumnProfile> = self.history.histories(self.name).collect();
        if matches!(self.role, Role::Identifier | Role::Advancing(_)) && is_identifier(self.merged, &history) {
            rules.push(self.rule(Check::DuplicateKey, Test::RepeatedValue, format!("never twice {}", self.within())));
        }
        let Role::Advancing(quantity) = self.role else { return rules };
        if let Some(frontier) = Frontier::of(&history, quantity) {
            let at = |moment| words::quantity(quantity, moment);
            let before = format!("already at {}", at(frontier.behind));
            let test = Test::Outside(quantity, frontier.behind, f64::INFINITY);
            rules.push(Rule { expected: frontier.overlap, ..self.rule(Check::Behind, test, before) });
            let before = format!("up to {}", at(frontier.reached));
            rules.push(self.rule(Check::Ahead, Test::Outside(quantity, f64::NEG_INFINITY, frontier.ahead), before));
        }
        rules
    }
}

/// Values long and frequent enough that one that is nearly the same is a slip.
pub(crate) fn common(values: &BTreeMap<String, u64>, filled: u64) -> BTreeSet<String> {
    /// Shorter ones are codes, where one character makes another code.
    const SHORTEST: usize = 4;
    let is_common =
        |(value, count): &(&String, &u64)| value.len() >= SHORTEST && **count >= 5 && **count * 500 >= filled;
    values.iter().filter(is_common).map(|(value, _)| value.clone()).collect()
}

/// Chance that the next cell is a form never seen: forms seen once, of all cells (Good and Turing).
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn unseen(counts: impl Iterator<Item = u64>, column: &ColumnProfile) -> f64 {
    counts.filter(|count| *count == 1).count() as f64 / column.filled as f64
}

#[expect(clippy::cast_precision_loss, reason = "a rate that is learned")]
fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}
