//! Which rules a history teaches. Roles decide which make sense; replay decides which of them are hard.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Check, Quantity, Rule, Test, spread_of};
use crate::{
    history::{History, Role, is_identifier, kind_of},
    profile::{ColumnProfile, Spread},
    replay::HARD,
    words,
};

/// Cells below which "never" means little.
const ENOUGH: u64 = 20;
/// More digits after the point than this are a measurement's noise, not a format.
const MOST_DECIMALS: u32 = 4;
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
    rules
}

fn repeated_record(history: &History) -> Rule {
    let rates = history.members.iter().map(|member| member.table.records.repeated());
    let expected = rates.fold(0.0, f64::max);
    let before = format!("at most {} in {}", words::percent(expected), words::pushes(history.members.len()));
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
    fn rule(&self, check: Check, test: Test, before: String) -> Rule {
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

    fn form(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let merged = self.merged;
        if let Some(quantity) = self.kind {
            let others = merged.filled - spread_of(merged, quantity).map_or(0, Spread::count);
            let what = if quantity == Quantity::Number { "numbers" } else { "dates" };
            let before =
                format!("{} other than {what} {}", words::percent(ratio(others, merged.filled)), self.within());
            rules.push(Rule {
                expected: ratio(others, merged.filled),
                ..self.rule(Check::Type, Test::NotA(quantity), before)
            });
            let decimals = merged.decimals.keys().last().copied().unwrap_or(0);
            if quantity == Quantity::Number && decimals <= MOST_DECIMALS {
                let before = format!("at most {decimals} digits after the point {}", self.within());
                rules.push(self.rule(Check::Decimals, Test::Decimals(decimals), before));
            }
        } else {
            let before = format!("at most {} characters {}", merged.longest, self.within());
            rules.push(self.rule(Check::Length, Test::Longer(merged.longest.saturating_mul(2)), before));
            rules.extend(self.characters());
        }
        if let Some(patterns) = &merged.patterns {
            let before = format!("{} {}", words::some(patterns.len(), "pattern"), self.within());
            let test = Test::Pattern(Arc::new(patterns.keys().cloned().collect()));
            rules.push(Rule {
                expected: unseen(patterns.values().copied(), merged),
                ..self.rule(Check::Pattern, test, before)
            });
        }
        rules
    }

    fn characters(&self) -> Vec<Rule> {
        let merged = self.merged;
        let rare = |check, test, count: u64| Rule {
            expected: ratio(count, merged.filled),
            ..self.rule(check, test, self.at_most(count))
        };
        let shapes = Test::Shape(Arc::new(merged.shapes.keys().copied().collect()));
        let before = format!("{} {}", words::some(merged.shapes.len(), "form"), self.within());
        let expected = unseen(merged.shapes.values().copied(), merged);
        vec![
            Rule { expected, ..self.rule(Check::Shape, shapes, before) },
            rare(Check::NonAscii, Test::NonAscii, merged.non_ascii),
            rare(Check::Mojibake, Test::Mojibake, merged.mojibake),
        ]
    }

    fn at_most(&self, count: u64) -> String {
        format!("{} {}", words::percent(ratio(count, self.merged.filled)), self.within())
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

/// Where an advancing column stands, and the borders of where the next push may lie.
struct Frontier {
    behind: f64,
    /// Largest share of an accepted push that lay behind the border.
    overlap: f64,
    reached: f64,
    ahead: f64,
}

impl Frontier {
    /// The strictest of four borders that hardly any accepted push was behind: pushes may overlap by hours or by half.
    fn of(history: &[&ColumnProfile], quantity: Quantity) -> Option<Self> {
        let spreads: Vec<_> = history.iter().filter_map(|column| spread_of(column, quantity)).collect();
        let mut steps = Vec::new();
        for pair in spreads.windows(2) {
            steps.push(pair[1].range()?.1 - pair[0].range()?.1);
        }
        let reached = spreads.iter().filter_map(|s| Some(s.range()?.1)).reduce(f64::max)?;
        let border =
            |share: f64, upto: usize| spreads[..upto].iter().filter_map(|s| s.quantile(share)).reduce(f64::max);
        let overlap = |share: f64| {
            let behind = |next: usize| {
                Some(ratio(spreads[next].outside(border(share, next)?, f64::INFINITY), spreads[next].count()))
            };
            (1..spreads.len()).filter_map(behind).fold(0.0, f64::max)
        };
        let strictest = [1.0, 0.5, 0.1].into_iter().find(|share| overlap(*share) <= HARD).unwrap_or(0.0);
        // A customer who skips as many days as are known has not sent the future.
        let known = reached - spreads.first()?.range()?.0;
        let largest = steps.iter().copied().fold(0.0, f64::max);
        // Few steps are known to be larger ones' little sisters.
        let reach = if steps.len() < 7 { 8.0 } else { 3.0 };
        Some(Self {
            behind: border(strictest, spreads.len())?,
            overlap: overlap(strictest),
            reached,
            ahead: reached + known.max(reach * largest),
        })
    }
}
