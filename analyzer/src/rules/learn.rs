//! Which rules a history teaches. Roles decide which make sense; replay decides which of them are hard.

use std::{collections::BTreeSet, sync::Arc};

use super::{Check, Quantity, Rule, Test, spread_of};
use crate::{
    history::{History, Role, is_identifier, kind_of},
    profile::ColumnProfile,
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
            seen.extend(["-999", "-9999", "-99999", "9999", "99999", "999999"].iter().filter(|t| ordinary(t)).map(ToString::to_string));
        }
        rules.push(self.rule(Check::Sentinel, Test::Sentinel(Arc::new(seen)), format!("none {}", self.within())));
        rules
    }

    fn form(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let merged = self.merged;
        if let Some(quantity) = self.kind {
            if spread_of(merged, quantity).is_some_and(|spread| spread.count() == merged.filled) {
                let what = if quantity == Quantity::Number { "numbers" } else { "dates" };
                rules.push(self.rule(Check::Type, Test::NotA(quantity), format!("only {what} {}", self.within())));
            }
            let decimals = merged.decimals.keys().last().copied().unwrap_or(0);
            if quantity == Quantity::Number && decimals <= MOST_DECIMALS {
                let before = format!("at most {decimals} digits after the point {}", self.within());
                rules.push(self.rule(Check::Decimals, Test::Decimals(decimals), before));
            }
        } else {
            let before = format!("at most {} characters {}", merged.longest, self.within());
            rules.push(self.rule(Check::Length, Test::Longer(merged.longest.saturating_mul(2)), before));
            if merged.non_ascii == 0 {
                rules.push(self.rule(Check::NonAscii, Test::NonAscii, format!("none {}", self.within())));
            } else if merged.mojibake == 0 {
                rules.push(self.rule(Check::Mojibake, Test::Mojibake, format!("none {}", self.within())));
            }
        }
        if let Some(patterns) = &merged.patterns {
            let before = format!("{} {}", words::some(patterns.len(), "pattern"), self.within());
            let test = Test::Pattern(Arc::new(patterns.keys().cloned().collect()));
            rules.push(Rule { expected: unseen(patterns.values().copied(), merged), ..self.rule(Check::Pattern, test, before) });
        }
        rules
    }

    fn size(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let Some((quantity, (least, most))) = self.kind.and_then(|q| Some((q, spread_of(self.merged, q)?.range()?))) else {
            return rules;
        };
        if matches!(self.role, Role::Measure(_)) && most > least && self.merged.filled >= ENOUGH {
            // A quarter of the span; half of it while one or two pushes are all that is known.
            let margin = (most - least) / if self.history.members.len() <= 2 { 2.0 } else { 4.0 };
            let before = format!("{} to {} {}", words::quantity(quantity, least), words::quantity(quantity, most), self.within());
            rules.push(self.rule(Check::Range, Test::Outside(quantity, least - margin, most + margin), before));
        }
        if quantity == Quantity::Number && self.merged.filled >= ENOUGH {
            let sign = if least >= 0.0 { Some((0.0, f64::INFINITY, "none below 0")) } else { None };
            let sign = sign.or((most <= 0.0).then_some((f64::NEG_INFINITY, 0.0, "none above 0")));
            if let Some((low, high, words)) = sign {
                rules.push(self.rule(Check::Sign, Test::Outside(quantity, low, high), format!("{words} {}", self.within())));
            }
        }
        rules
    }

    fn values(&self) -> Vec<Rule> {
        let merged = self.merged;
        if merged.filled < ENOUGH {
            return Vec::new();
        }
        if let (Role::Category | Role::Constant, Some(values)) = (self.role, &merged.values) {
            let before = format!("{} {}", words::some(values.len(), "value"), self.within());
            let test = Test::Value(Arc::new(values.keys().cloned().collect()));
            let expected = unseen(values.values().copied(), merged);
            return vec![Rule { expected, ..self.rule(Check::Category, test, before) }];
        }
        let expected = unseen(merged.sample.counts().map(|(_, count)| count), merged);
        if matches!(self.role, Role::Code | Role::Text) && merged.sample.is_exact() && expected <= MOST_NEW {
            let before = format!("{} different ones {}", merged.sample.distinct(), self.within());
            let test = Test::Hash(Arc::new(merged.sample.clone()));
            return vec![Rule { expected, ..self.rule(Check::Value, test, before) }];
        }
        Vec::new()
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
            rules.push(self.rule(Check::Behind, Test::Outside(quantity, frontier.behind, f64::INFINITY), before));
            let before = format!("up to {}", at(frontier.reached));
            rules.push(self.rule(Check::Ahead, Test::Outside(quantity, f64::NEG_INFINITY, frontier.ahead), before));
        }
        rules
    }
}

/// Chance that the next cell is a form never seen: forms seen once, of all cells (Good and Turing).
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn unseen(counts: impl Iterator<Item = u64>, column: &ColumnProfile) -> f64 {
    counts.filter(|count| *count == 1).count() as f64 / column.filled as f64
}

/// Where an advancing column stands, and the borders of where the next push may lie.
struct Frontier {
    behind: f64,
    reached: f64,
    ahead: f64,
}

impl Frontier {
    /// The strictest of four borders that hardly any accepted push was behind: pushes may overlap by hours or by half.
    fn of(history: &[&ColumnProfile], quantity: Quantity) -> Option<Self> {
        const TOLERATED: f64 = 0.004;
        let spreads: Vec<_> = history.iter().filter_map(|column| spread_of(column, quantity)).collect();
        let mut steps = Vec::new();
        for pair in spreads.windows(2) {
            steps.push(pair[1].range()?.1 - pair[0].range()?.1);
        }
        let reached = spreads.iter().filter_map(|s| Some(s.range()?.1)).reduce(f64::max)?;
        let border = |share: f64, upto: usize| {
            spreads[..upto].iter().filter_map(|s| s.quantile(share)).reduce(f64::max)
        };
        let is_tolerable = |share: &f64| {
            (1..spreads.len()).all(|next| {
                let Some(border) = border(*share, next) else { return true };
                #[expect(clippy::cast_precision_loss, reason = "a rate that is learned")]
                let behind = spreads[next].outside(border, f64::INFINITY) as f64 / spreads[next].count().max(1) as f64;
                behind <= TOLERATED
            })
        };
        let strictest = [1.0, 0.5, 0.1].into_iter().find(is_tolerable).unwrap_or(0.0);
        // A customer who skips as many days as are known has not sent the future.
        let known = reached - spreads.first()?.range()?.0;
        let largest = steps.iter().copied().fold(0.0, f64::max);
        // Few steps are known to be larger ones' little sisters.
        let reach = if steps.len() < 7 { 8.0 } else { 3.0 };
        Some(Self { behind: border(strictest, spreads.len())?, reached, ahead: reached + known.max(reach * largest) })
    }
}
