//! How far beyond all before it a measure may reach, while few pushes are known.
//!
//! Each column has a least and a most that the next push may surpass by chance, and of many columns many do. How far they do
//! shows in each push beside the others; and a column of which each push has another least or most is that unsteady itself.

use crate::{
    history::{History, Role},
    mass,
    rules::{Quantity, spread_of},
};

use super::FEW_PUSHES;

/// In spans of a measure, the same for all: so far that, of each push beside the others, hardly any column was beyond it.
pub(super) fn margin(history: &History) -> f64 {
    /// Share of the records that may be beyond by chance, of all columns together.
    const BY_CHANCE: f64 = 0.01;
    let pushes = history.members.len();
    let least = if pushes <= 2 { 0.5 } else { 0.25 };
    if pushes >= FEW_PUSHES {
        return least;
    }
    let records: u64 = history.members.iter().map(|member| member.records).sum();
    let mut beyond: Vec<f64> =
        history.roles.iter().flat_map(|(name, role)| beyond_others(history, name, *role)).collect();
    beyond.sort_by(|a, b| b.total_cmp(a));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some records"
    )]
    let by_chance = (BY_CHANCE * records as f64) as usize;
    beyond.get(by_chance).map_or(least, |beyond| beyond.max(least))
}

/// How far each push is beyond the others, in spans of these.
fn beyond_others(history: &History, name: &str, role: Role) -> Vec<f64> {
    let Role::Measure(quantity) = role else { return Vec::new() };
    let ranges = ranges(history, name, quantity);
    let beyond = |(at, (low, high)): (usize, &(f64, f64))| {
        let others = ranges.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, range)| *range);
        let (least, most) = others.reduce(|(least, most), (low, high)| (least.min(low), most.max(high)))?;
        (least < most).then(|| (least - low).max(high - most).max(0.0) / (most - least))
    };
    ranges.iter().enumerate().filter_map(beyond).collect()
}

/// How far the least and the most of a column may be off in one more push.
pub(super) fn unsteadiness(history: &History, name: &str, quantity: Quantity) -> (f64, f64) {
    let ranges = ranges(history, name, quantity);
    if !(3..FEW_PUSHES).contains(&ranges.len()) {
        return (0.0, 0.0);
    }
    let (least, most): (Vec<f64>, Vec<f64>) = ranges.into_iter().unzip();
    (mass::reach(&least), mass::reach(&most))
}

fn ranges(history: &History, name: &str, quantity: Quantity) -> Vec<(f64, f64)> {
    history.histories(name).filter_map(|column| spread_of(column, quantity)?.range()).collect()
}
