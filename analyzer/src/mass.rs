//! Excess mass: shares of a push that no single record is guilty of.
//!
//! Over the bins of a column, `Σ max(0, p − U − k·sqrt(U/n) − k²/6n)`: `p` is the bin's share now, `U` the upper envelope of its
//! share over past pushes, the rest the slack that `n` records need. It is the least share of records that must change for the push
//! to look normal, so it speaks the unit of the threshold. Nulls, repeats, records delivered before and missing records are
//! one bin each.

mod bins;
mod envelope;
mod level;
mod student;
mod volume;

pub(crate) use bins::{Bins, bins};
use envelope::Envelope;
pub(crate) use envelope::{at_least, deviations, reach, slack};
use jiff::Timestamp;

use crate::{
    history::{History, Role},
    profile::{ColumnProfile, Table},
    rules::Check,
    words,
};

/// One share that is above its envelope.
#[derive(Debug, Clone)]
pub(crate) struct Excess {
    pub(crate) check: Check,
    /// Empty for the push as a whole.
    pub(crate) column: String,
    pub(crate) share: f64,
    pub(crate) reason: String,
}

/// Every excess of a push over a history, in the order of its columns' names.
pub(crate) fn excesses(history: &History, table: &Table, records: u64, delivered_at: Timestamp) -> Vec<Excess> {
    let missing = volume::missing_records(history, table, records, delivered_at);
    let mut found = vec![missing, delivered_before(history, table)];
    found.extend(volume::broken_off(history, table));
    for (name, now) in &table.columns {
        let past: Vec<&ColumnProfile> = history.histories(name).filter(|column| column.records() > 0).collect();
        let Some(role) = history.roles.get(name).filter(|_| !past.is_empty()) else { continue };
        found.push(nulls(name, now, &past));
        if now.filled > 0 {
            // How often values repeat within a sample depends on its size.
            if past.iter().all(|column| column.repeated.is_none()) && now.repeated.is_none() {
                found.push(repeats(name, now, &past));
            }
            let Some(merged) = history.merged.columns.get(name) else { continue };
            let draws = history.draws(name) * count(now.records());
            found
                .extend(bins(*role, merged, &past, now).iter().map(|bins| distribution(name, bins, now, &past, draws)));
        }
    }
    found.retain(|excess| excess.share > 0.0);
    found
}

#[expect(clippy::cast_precision_loss, reason = "a number of records that shares are held against")]
fn count(records: u64) -> f64 {
    records as f64
}

#[expect(clippy::cast_precision_loss, reason = "shares that are learned")]
fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

fn nulls(name: &str, now: &ColumnProfile, past: &[&ColumnProfile]) -> Excess {
    let share_of = |column: &ColumnProfile| ratio(column.nulls, column.records());
    let before: Vec<_> = past.iter().map(|column| (share_of(column), column.records())).collect();
    let (share, envelope) = (share_of(now), Envelope::of(&before));
    Excess {
        check: Check::ExcessNulls,
        column: name.to_owned(),
        share: envelope.excess(share, count(now.records())),
        reason: format!(
            "{name} is null in {} of the records; before, in up to {}",
            words::percent(share),
            words::percent(envelope.most)
        ),
    }
}

/// A value written over many others makes a column repeat itself, even where no value is common enough to have a bin.
fn repeats(name: &str, now: &ColumnProfile, past: &[&ColumnProfile]) -> Excess {
    let before: Vec<_> = past.iter().map(|column| (column.sample.repeated(), column.filled)).collect();
    let (share, envelope) = (now.sample.repeated(), Envelope::of(&before));
    Excess {
        check: Check::Repeats,
        column: name.to_owned(),
        share: envelope.excess(share, count(now.filled)) * ratio(now.filled, now.records()),
        reason: format!(
            "{} of the values of {name} repeat another; before, up to {}",
            words::percent(share),
            words::percent(envelope.most)
        ),
    }
}

fn distribution(name: &str, bins: &Bins, now: &ColumnProfile, past: &[&ColumnProfile], draws: f64) -> Excess {
    let shares = bins.shares(now);
    let before: Vec<(Vec<f64>, u64)> = past.iter().map(|column| (bins.shares(column), column.records())).collect();
    let mut share = 0.0;
    let mut worst = (0.0, 0, 0.0);
    let envelopes = Envelope::of_bins(&before);
    for (at, (now_share, envelope)) in shares.iter().zip(&envelopes).enumerate() {
        let excess = envelope.excess(*now_share, draws);
        share += excess;
        if excess > worst.0 {
            worst = (excess, at, envelope.most);
        }
    }
    let (_, at, most) = worst;
    let (label, now_share) = (bins.label(at), words::percent(shares[at]));
    Excess {
        check: Check::Distribution,
        column: name.to_owned(),
        share,
        reason: format!("{name} is {label} in {now_share} of the records; before, in up to {}", words::percent(most)),
    }
}

/// The largest part of the push that one earlier push had already brought.
fn delivered_before(history: &History, table: &Table) -> Excess {
    let overlap = |past: &Table| table.records.share_not_in(&past.records).map_or(0.0, |new| 1.0 - new);
    let share = history.members.iter().map(|member| overlap(&member.table)).fold(0.0, f64::max);
    Excess {
        check: Check::AlreadyDelivered,
        column: String::new(),
        share,
        reason: format!("{} of the records were in one earlier push already", words::percent(share)),
    }
}

/// Whether a distribution over its values means anything for a column of this role.
fn has_distribution(role: Role) -> bool {
    !matches!(role, Role::Identifier | Role::Advancing(_) | Role::OfItsPush)
}
