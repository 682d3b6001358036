//! Which rules a history teaches. Roles decide which make sense; replay decides which of them are hard.

mod form;
mod frontier;
mod margin;
mod related;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use frontier::Frontier;
use margin::{margin, unsteadiness};
pub(crate) use related::{Certainty, related};

use super::{Check, Quantity, Rule, Test, spread_of};
use crate::{
    history::{
        History, Role,
        calendar::{Part, part_in},
        is_identifier, kind_of,
    },
    profile::{ColumnProfile, Kept, Pair, Table},
    words,
};

/// Cells below which "never" means little.
const ENOUGH: u64 = 20;
/// From so many pushes on replay knows better what the next one may bring.
const FEW_PUSHES: usize = 8;
/// A column in which more of the values are new each time teaches no values.
const MOST_NEW: f64 = 0.1;

/// Every rule that the history supports, columns in the order of their names.
pub(crate) fn learn(history: &History) -> Vec<Rule> {
    let mut rules = vec![repeated_record(history)];
    let margin = margin(history);
    for (name, merged) in &history.merged.columns {
        let Some(role) = history.roles.get(name).copied() else { continue };
        if merged.filled == 0 {
            continue;
        }
        let column = Column { history, name, merged, role, kind: kind_of(merged), margin };
        rules.extend(column.presence());
        rules.extend(column.form());
        rules.extend(column.size());
        rules.extend(column.values());
        rules.extend(column.order());
    }
    let certainty = Certainty { broken: 0.05, agree: 0.8, of: 1 };
    let within = format!("in {}", words::pushes(history.members.len()));
    let is_known = |pair: &Pair, check: Check| is_known(history, pair, check);
    rules.extend(related(&history.merged, certainty, &within, is_known, |name| history.draws(name)));
    rules
}

/// Whether the relation that a check rests on was found in three of four pushes that could have shown it. What decides a value
/// today decides another tomorrow where values are of their push.
fn is_known(history: &History, pair: &Pair, check: Check) -> bool {
    let is_dependency = !matches!(check, Check::Order | Check::Part);
    if is_dependency && history.roles.get(&pair.1) == Some(&Role::OfItsPush) {
        return false;
    }
    let (mut of, mut found) = (0, 0);
    for Table { columns, relations, .. } in history.members.iter().map(|member| &member.table) {
        of += usize::from(columns.contains_key(&pair.0) && columns.contains_key(&pair.1));
        found += usize::from(match check {
            Check::Order => relations.orders.get(pair).is_some_and(Kept::is_more_than_chance),
            Check::Part => relations.parts.contains_key(pair),
            _ => relations.keys.contains_key(pair),
        });
    }
    found * 4 >= of * 3
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
    /// How far a measure may be outside of what it was so far, in spans of it.
    margin: f64,
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
            let is_ordinary = |text: &String| text.parse::<f64>().is_ok_and(|number| least <= number && number <= most);
            let nines = (3..=18).map(|digits| "9".repeat(digits));
            seen.extend(nines.flat_map(|nines| [format!("-{nines}"), nines]).filter(is_ordinary));
        }
        rules.push(self.rule(Check::Sentinel, Test::Sentinel(Arc::new(seen)), format!("none {}", self.within())));
        rules
    }

    fn size(&self) -> Vec<Rule> {
        let mut rules: Vec<Rule> = self.part_of_a_date().into_iter().collect();
        let Some((quantity, (least, most))) = self.kind.and_then(|q| Some((q, spread_of(self.merged, q)?.range()?)))
        else {
            return rules;
        };
        if matches!(self.role, Role::Measure(_)) && most > least && self.merged.filled >= ENOUGH {
            let margin = (most - least) * self.margin;
            let (below, above) = unsteadiness(self.history, self.name, quantity);
            let (low, high) = (least - margin.max(below), most + margin.max(above));
            let before = format!(
                "{} to {} {}",
                words::quantity(quantity, least),
                words::quantity(quantity, most),
                self.within()
            );
            rules.push(self.rule(Check::Range, Test::Outside(quantity, low, high), before));
        }
        if self.role == Role::OfItsPush && quantity == Quantity::Number && most > least && rules.is_empty() {
            // A counter perhaps: how far it goes on is not known, but it is no other number altogether.
            let [low, high] = [least, most].map(|number| words::quantity(quantity, number));
            let before = format!("{low} to {high} {}, and it may count on", self.within());
            rules.push(self.rule(Check::Range, Test::Outside(quantity, least / 2.0, most * 2.0), before));
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

    fn part_of_a_date(&self) -> Option<Rule> {
        let history: Vec<&ColumnProfile> = self.history.histories(self.name).collect();
        let part = part_in(self.name, self.merged, &history).filter(|_| self.role == Role::OfItsPush)?;
        Some(match part {
            Part::Number { low, high, .. } => {
                let [least, most] = [low, high].map(|number| words::quantity(Quantity::Number, number));
                let before = format!("a part of a date, from {least} to {most}");
                self.rule(Check::Range, Test::Outside(Quantity::Number, low, high), before)
            }
            Part::Name(names) => {
                let before = "a part of a date, by its name".to_owned();
                self.rule(Check::Category, Test::Value(Arc::new(names)), before)
            }
        })
    }

    /// Chance that the next cell has what none had so far, by what is counted of each push: cells with what only one cell has,
    /// of all (Good and Turing); where few pushes are known, cells with what only one push has, for the next may be as different.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn unseen<'c, K: Ord>(&'c self, counts: impl Fn(&'c ColumnProfile) -> BTreeMap<K, u64>) -> f64 {
        let merged = counts(self.merged);
        let is_young = (2..FEW_PUSHES).contains(&self.history.histories(self.name).count());
        let pushes: Vec<_> = self.history.histories(self.name).filter(|_| is_young).map(&counts).collect();
        let is_of_one = |(key, count): &(&K, &u64)| match pushes.as_slice() {
            [] => **count == 1,
            pushes => pushes.iter().filter(|push| push.contains_key(key)).count() == 1,
        };
        merged.iter().filter(is_of_one).map(|(_, count)| *count).sum::<u64>() as f64 / self.merged.filled as f64
    }

    /// One number in each push: the next may have another, but not several. Of nought and one, which are flags and counts as
    /// well, a single push says nothing.
    fn batch(&self) -> Option<Rule> {
        let values = self.merged.values.as_ref()?;
        let is_name = self.merged.numbers.range().is_some_and(|(least, _)| least.abs() > 1.0);
        let (known, before) = match self.history.members.len() {
            1 if is_name => (values.keys().cloned().collect(), "one value so far".to_owned()),
            1 => return None,
            pushes => (BTreeSet::new(), format!("one value in each of {}", words::pushes(pushes))),
        };
        let is_single = self.history.histories(self.name).all(|column| column.sample.distinct() <= 1);
        (is_single && self.kind == Some(Quantity::Number))
            .then(|| self.rule(Check::Category, Test::Batch(Arc::new(known)), before))
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
        if self.role == Role::OfItsPush {
            rules.extend(self.batch());
            return rules;
        }
        if let (Role::Category | Role::Constant, Some(values)) = (self.role, &merged.values) {
            let before = format!("{} {}", words::some(values.len(), "value"), self.within());
            let test = Test::Value(Arc::new(values.keys().cloned().collect()));
            let expected =
                self.unseen(|column| column.values.iter().flatten().map(|(text, count)| (text, *count)).collect());
            rules.push(Rule { expected, ..self.rule(Check::Category, test, before) });
            return rules;
        }
        if matches!(self.role, Role::Code | Role::Text) && merged.sample.is_exact() {
            let expected = self.unseen(|column| column.sample.counts().collect());
            let before = format!("{} different ones {}", merged.sample.distinct(), self.within());
            let test = Test::Hash(Arc::new(merged.sample.clone()));
            let rule = Rule { expected, ..self.rule(Check::Value, test, before) };
            rules.extend((expected <= MOST_NEW).then_some(rule));
        }
        rules
    }

    fn order(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let history: Vec<&ColumnProfile> = self.history.histories(self.name).collect();
        if matches!(self.role, Role::Identifier | Role::Advancing(_)) && is_identifier(self.merged, &history) {
            let expected = repeats_by_chance(self.merged, &history);
            let rule = self.rule(Check::DuplicateKey, Test::RepeatedValue, format!("never twice {}", self.within()));
            rules.push(Rule { expected, ..rule });
        }
        let (Role::Advancing(quantity) | Role::Sliding(quantity)) = self.role else { return rules };
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

/// Share of the next push's cells that chance makes equal to another: codes that hardly came up yet look like keys, but pushes
/// have some of them in common. Where so many pairs were in common that chance would have brought repeats, it is a key.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn repeats_by_chance(merged: &ColumnProfile, history: &[&ColumnProfile]) -> f64 {
    /// Repeats to be expected of which none is no chance: one in a thousand, by Poisson.
    const NO_CHANCE: f64 = 7.0;
    let pairs = |count: u64| count as f64 * count.saturating_sub(1) as f64 / 2.0;
    let within: f64 = history.iter().map(|column| pairs(column.filled)).sum();
    let likely = merged.sample.equal_pairs() / (pairs(merged.filled) - within).max(1.0);
    let latest = history.last().map_or(0, |column| column.filled) as f64;
    if likely * within < NO_CHANCE { likely * latest / 2.0 } else { 0.0 }
}

/// Values long and frequent enough that one that is nearly the same is a slip.
pub(crate) fn common(values: &BTreeMap<String, u64>, filled: u64) -> BTreeSet<String> {
    /// Shorter ones are codes, where one character makes another code.
    const SHORTEST: usize = 4;
    let is_common =
        |(value, count): &(&String, &u64)| value.chars().count() >= SHORTEST && **count >= 5 && **count * 500 >= filled;
    values.iter().filter(is_common).map(|(value, _)| value.clone()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a rate that is learned")]
fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}
