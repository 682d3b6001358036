//! Where an advancing column stands: the border that a push must not fall behind, and the one it must not jump over.

use super::ratio;
use crate::{
    profile::ColumnProfile,
    rules::{HARD, Quantity, spread_of},
};

/// Where an advancing column stands, and the borders of where the next push may lie.
pub(super) struct Frontier {
    pub(super) behind: f64,
    /// Largest share of an accepted push that lay behind the border.
    pub(super) overlap: f64,
    pub(super) reached: f64,
    pub(super) ahead: f64,
}

impl Frontier {
    /// The strictest of four borders that hardly any accepted push was behind: pushes may overlap by hours or by half.
    pub(super) fn of(history: &[&ColumnProfile], quantity: Quantity) -> Option<Self> {
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
