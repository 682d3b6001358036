//! What a column is for. Roles come first: a wrong role is where most false reviews of a prototype came from.

use super::calendar::{self, Part};
use crate::{
    profile::{ColumnProfile, Profile, Spread},
    rules::{Quantity, spread_of},
};

/// What a column is for, and so which rules make sense on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// One value, ever.
    Constant,
    /// Parts of a date; also dates, or one number, of which one push is known: what the next one brings cannot be told.
    OfItsPush,
    /// A date or counter that rises push by push.
    Advancing(Quantity),
    /// A date that moves on with the pushes, where one push reaches further than they are apart: when an order was shipped.
    Sliding(Quantity),
    /// Unique within each push.
    Identifier,
    /// Few values.
    Category,
    /// A quantity.
    Measure(Quantity),
    /// Text of few patterns.
    Code,
    /// Anything.
    Text,
}

/// Share of the cells that must be a quantity for the column to be one.
const MOSTLY: f64 = 0.95;
/// Records below which being unique says nothing.
const ENOUGH_TO_BE_UNIQUE: u64 = 20;

/// The quantity that a column is, or none for text.
pub(crate) fn kind_of(column: &ColumnProfile) -> Option<Quantity> {
    #[expect(clippy::cast_precision_loss, reason = "a share of cells")]
    let mostly = |count: u64| column.filled > 0 && count as f64 >= MOSTLY * column.filled as f64;
    if mostly(column.numbers.count()) {
        return Some(Quantity::Number);
    }
    let (order, spread) = column.moments.iter().rev().max_by_key(|(_, spread)| spread.count())?;
    mostly(spread.count()).then_some(Quantity::Moment(*order))
}

pub(super) fn role_of(name: &str, merged: &ColumnProfile, members: &[Profile]) -> Role {
    let history: Vec<&ColumnProfile> = members.iter().filter_map(|member| member.table.columns.get(name)).collect();
    let kind = kind_of(merged);
    let part = calendar::part_in(name, merged, &history);
    let falls_back = matches!(part, Some(Part::Number { begins_again: true, .. }));
    if let Some(quantity) = kind.filter(|quantity| !falls_back && advances(&history, *quantity)) {
        return Role::Advancing(quantity);
    }
    if part.is_some() {
        return Role::OfItsPush;
    }
    let is_single = merged.sample.distinct() <= 1;
    if history.len() < 2 && (matches!(kind, Some(Quantity::Moment(_))) || kind.is_some() && is_single) {
        return Role::OfItsPush;
    }
    if is_single {
        return Role::Constant;
    }
    if is_identifier(merged, &history) {
        return Role::Identifier;
    }
    if kind == Some(Quantity::Number) && may_count(merged, &history) {
        return Role::OfItsPush;
    }
    if let Some(moment @ Quantity::Moment(_)) = kind
        && slides(&history, moment)
    {
        return Role::Sliding(moment);
    }
    let few = merged.values.as_ref().is_some_and(|values| values.len() as u64 * 5 <= merged.filled);
    match kind {
        Some(quantity) if !few || merged.sample.distinct() > most_codes(merged) => Role::Measure(quantity),
        _ if few => Role::Category,
        Some(quantity) => Role::Measure(quantity),
        None if merged.patterns.is_some() => Role::Code,
        None => Role::Text,
    }
}

/// Different numbers up to which they may be codes: hours of a day, or rates. Of more a new one is between the others.
fn most_codes(merged: &ColumnProfile) -> u64 {
    if is_fractional(merged) { 8 } else { 24 }
}

/// Whether no push ever had a value twice, and the values are names rather than measurements.
pub(crate) fn is_identifier(merged: &ColumnProfile, history: &[&ColumnProfile]) -> bool {
    can_identify(merged) && history.iter().all(|column| column.nulls == 0 && column.repeated() == 0.0)
}

/// Whether this push has no value twice, so far as it has values.
pub(crate) fn is_unique(column: &ColumnProfile) -> bool {
    can_identify(column) && column.repeated() == 0.0
}

fn can_identify(column: &ColumnProfile) -> bool {
    !is_fractional(column) && column.filled >= ENOUGH_TO_BE_UNIQUE
}

fn is_fractional(column: &ColumnProfile) -> bool {
    column.decimals.keys().any(|decimals| *decimals > 0)
}

/// Whether each push starts about where the one before ended: measures that happen to rise overlap.
fn advances(history: &[&ColumnProfile], quantity: Quantity) -> bool {
    let spreads: Vec<&Spread> = history.iter().filter_map(|column| spread_of(column, quantity)).collect();
    let steps = spreads.windows(2).filter_map(|pair| {
        let (before, after) = (pair[0].quantile(0.9)?, pair[1].quantile(0.5)?);
        Some((after >= before, pair[1].quantile(0.5)? > pair[0].quantile(0.5)?))
    });
    let (mut all, mut forward, mut rising) = (0, 0, 0);
    for (is_forward, is_rising) in steps {
        all += 1;
        forward += usize::from(is_forward);
        rising += usize::from(is_rising);
    }
    // A measure may well rise twice in a row; a counter has no fractions.
    let is_counter = quantity != Quantity::Number || history.iter().all(|column| !is_fractional(column));
    let least_steps = match quantity {
        Quantity::Number if is_counter => 2,
        Quantity::Number => 6,
        Quantity::Moment(_) => 1,
    };
    // A year or a batch of several pushes rises now and then and never falls. One that rose once may be a flag.
    let is_slow = quantity == Quantity::Number && is_counter && forward == all && rising >= 2 && rising * 5 >= all;
    all >= least_steps && forward * 10 >= all * 9 && (rising * 10 >= all * 8 || is_slow)
}

/// Whether numbers may be a counter of which more pushes have to tell, as of orders with several lines: whole, many, close
/// together and far from nought, and each push so far is beyond nine tenths of the one before.
fn may_count(merged: &ColumnProfile, history: &[&ColumnProfile]) -> bool {
    const PUSHES_THAT_TELL: usize = 3;
    let is_close = merged.numbers.range().is_some_and(|(least, most)| least > 0.0 && most <= least * 1.25);
    is_close
        && !is_fractional(merged)
        && merged.sample.distinct() > most_codes(merged)
        && history.len() < PUSHES_THAT_TELL
        && places(history, Quantity::Number).windows(2).all(|pair| pair[1][1] > pair[0][2])
}

/// Whether pushes moved on from the first to the last by more than one of them reaches; or no step fell back, in any part of
/// it. The dates of a birth do neither.
fn slides(history: &[&ColumnProfile], quantity: Quantity) -> bool {
    let pushes = places(history, quantity);
    let [[_, _, high], .., [_, middle, _]] = pushes[..] else { return false };
    let is_forward = |pair: &[[f64; 3]]| {
        let steps = || pair[0].iter().zip(pair[1]).map(|(before, after)| after - before);
        steps().all(|step| step >= 0.0) && steps().any(|step| step > 0.0)
    };
    middle > high || pushes.windows(2).all(is_forward)
}

/// The lowest tenth, the middle and the highest tenth of each push.
fn places(history: &[&ColumnProfile], quantity: Quantity) -> Vec<[f64; 3]> {
    let of = |spread: &Spread| Some([spread.quantile(0.1)?, spread.quantile(0.5)?, spread.quantile(0.9)?]);
    history.iter().filter_map(|column| spread_of(column, quantity)).filter_map(of).collect()
}
