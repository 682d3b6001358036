//! How cells are written: type, decimals, pattern, letter case, characters.

use std::sync::Arc;

use super::{Check, Column, Rule, Test, ratio};
use crate::{
    history::Role,
    profile::Spread,
    rules::{Quantity, spread_of},
    words,
};

/// More digits after the point than this are a measurement's noise, not a format.
const MOST_DECIMALS: i32 = 4;

impl Column<'_> {
    pub(super) fn form(&self) -> Vec<Rule> {
        let mut rules = match self.kind {
            Some(quantity) => self.type_of(quantity),
            None => self.characters(),
        };
        if let Some(patterns) = &self.merged.patterns {
            let before = format!("{} {}", words::some(patterns.len(), "pattern"), self.within());
            let test = Test::Pattern(Arc::new(patterns.keys().cloned().chain(self.whole_numbers()).collect()));
            let expected =
                self.unseen(|column| column.patterns.iter().flatten().map(|(text, count)| (text, *count)).collect());
            rules.push(Rule { expected, ..self.rule(Check::Pattern, test, before) });
        }
        rules
    }

    fn type_of(&self, quantity: Quantity) -> Vec<Rule> {
        let merged = self.merged;
        let expected = ratio(merged.filled - spread_of(merged, quantity).map_or(0, Spread::count), merged.filled);
        let what = if quantity == Quantity::Number { "numbers" } else { "dates" };
        let before = format!("{} other than {what} {}", words::percent(expected), self.within());
        let mut rules = vec![Rule { expected, ..self.rule(Check::Type, Test::NotA(quantity), before) }];
        let decimals = merged.decimals.keys().last().copied().unwrap_or(0).max(0);
        if quantity == Quantity::Number && decimals <= MOST_DECIMALS {
            let before = format!("at most {decimals} digits after the point {}", self.within());
            rules.push(self.rule(Check::Decimals, Test::Decimals(decimals), before));
        }
        rules
    }

    /// Patterns of numbers without their fraction, where fractions are as long as they need be: after 2013.5 and 2013.75 comes
    /// 2014, and not 2014.0.
    fn whole_numbers(&self) -> impl Iterator<Item = String> {
        let merged = self.merged;
        let is_needed = |text: &String| !text.contains('.') || !text.ends_with('0');
        let are_needed = merged.decimals.range(1..).count() > 1
            && merged.values.as_ref().is_some_and(|values| values.keys().all(is_needed));
        let patterns = merged.patterns.iter().flatten().filter(move |_| are_needed);
        patterns.filter_map(|(pattern, _)| pattern.strip_suffix(".9").map(str::to_owned))
    }

    fn characters(&self) -> Vec<Rule> {
        let merged = self.merged;
        let shapes = Test::Shape(Arc::new(merged.shapes.keys().copied().collect()));
        let forms = format!("{} {}", words::some(merged.shapes.len(), "form"), self.within());
        let longest = format!("at most {} characters {}", merged.longest, self.within());
        let share = |count| format!("{} {}", words::percent(ratio(count, merged.filled)), self.within());
        let of_forms = self.unseen(|column| column.shapes.iter().map(|(shape, count)| (*shape, *count)).collect());
        // Text of other people is broken now and then; where all of it is ASCII, it is not of that kind.
        let broken = if merged.non_ascii == 0 { 0 } else { 2 };
        let rules = [
            (Check::Length, Test::Longer(merged.longest.saturating_mul(2)), longest, 0.0, 2),
            (Check::Shape, shapes, forms, of_forms, self.later_shapes() + 1),
            (Check::NonAscii, Test::NonAscii, share(merged.non_ascii), ratio(merged.non_ascii, merged.filled), 2),
            (Check::Mojibake, Test::Mojibake, share(merged.mojibake), ratio(merged.mojibake, merged.filled), broken),
        ];
        let rule = |(check, test, before, expected, surprises): (Check, Test, String, f64, u64)| Rule {
            expected: expected.max(self.surprise(surprises)),
            ..self.rule(check, test, before)
        };
        rules.into_iter().map(rule).collect()
    }

    /// Chance that free text does what it never did: what was not seen in n cells may well be in two of the next n. Of forms
    /// it is known better, by how many came after the first push.
    fn surprise(&self, cells: u64) -> f64 {
        if matches!(self.role, Role::Text | Role::Code) { ratio(cells, self.merged.filled) } else { 0.0 }
    }

    fn later_shapes(&self) -> u64 {
        let first = self.history.histories(self.name).next().map(|first| &first.shapes);
        let is_later = |shape: &&_| !first.is_some_and(|first| first.contains_key(shape));
        self.merged.shapes.keys().filter(is_later).count() as u64
    }
}
