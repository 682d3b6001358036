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
    let columns: Vec<Column> = table.columns.iter().filter_map(|(name, now)| Column::of(history, name, now)).collect();
    let compared = columns.iter().flat_map(|column| column.bins.iter().map(|bins| bins.shares(column.now).len())).sum();
    let certain = student::one_in_forty_of(compared);
    for column in &columns {
        found.push(column.nulls());
        if column.now.filled > 0 {
            found.extend(column.repeats());
            found.extend(column.bins.iter().map(|bins| column.distribution(bins, certain)));
        }
    }
    found.retain(|excess| excess.share > 0.0);
    found
}

/// A column of the push beside those of the pushes before.
struct Column<'a> {
    name: &'a str,
    now: &'a ColumnProfile,
    past: Vec<&'a ColumnProfile>,
    bins: Vec<Bins>,
    /// How many times chance draws for its records.
    draws: f64,
}

impl<'a> Column<'a> {
    fn of(history: &'a History, name: &'a str, now: &'a ColumnProfile) -> Option<Self> {
        let past: Vec<&ColumnProfile> = history.histories(name).filter(|column| column.records() > 0).collect();
        let role = history.roles.get(name).filter(|_| !past.is_empty())?;
        let bins = bins(*role, history.merged.columns.get(name)?, &past, now);
        Some(Self { name, now, past, bins, draws: history.draws(name) * count(now.records()) })
    }

    fn nulls(&self) -> Excess {
        let Self { name, now, .. } = self;
        let share_of = |column: &ColumnProfile| ratio(column.nulls, column.records());
        let before: Vec<_> = self.past.iter().map(|column| (share_of(column), column.records())).collect();
        let (share, envelope) = (share_of(now), Envelope::of(&before));
        self.excess(
            Check::ExcessNulls,
            envelope.excess(share, count(now.records())),
            format!(
                "{name} is null in {} of the records; before, in up to {}",
                words::percent(share),
                words::percent(envelope.most)
            ),
        )
    }

    /// A value written over many others makes a column repeat itself, even where no value is common enough to have a bin; none
    /// where only a sample was looked at, for how often values repeat within one depends on its size.
    fn repeats(&self) -> Option<Excess> {
        let Self { name, now, .. } = self;
        if self.past.iter().chain([now]).any(|column| column.repeated.is_some()) {
            return None;
        }
        // Of more values more repeat another: pushes with few say nothing of this one, and it is held against the others by as many
        // as the fullest of them has.
        let past: Vec<_> = self.past.iter().filter(|column| column.filled * 4 >= now.filled).collect();
        let before: Vec<_> = past.iter().map(|column| (column.sample.repeated(), column.filled)).collect();
        let most = past.iter().map(|column| column.filled).max()?;
        let (share, envelope) = (now.sample.repeated_in(ratio(most, now.filled).min(1.0)), Envelope::of(&before));
        Some(self.excess(
            Check::Repeats,
            envelope.excess(share, count(now.filled)) * ratio(now.filled, now.records()),
            format!(
                "{} of the values of {name} repeat another; before, up to {}",
                words::percent(share),
                words::percent(envelope.most)
            ),
        ))
    }

    fn distribution(&self, bins: &Bins, certain: f64) -> Excess {
        let Self { name, now, .. } = self;
        let shares = bins.shares(now);
        let before: Vec<(Vec<f64>, u64)> =
            self.past.iter().map(|column| (bins.shares(column), column.records())).collect();
        let mut share = 0.0;
        let mut worst = (0.0, 0, 0.0);
        let envelopes = Envelope::of_bins(&before, certain);
        for (at, (now_share, envelope)) in shares.iter().zip(&envelopes).enumerate() {
            let excess = envelope.excess(*now_share, self.draws);
            share += excess;
            if excess > worst.0 {
                worst = (excess, at, envelope.most);
            }
        }
        let (_, at, most) = worst;
        let (label, now_share) = (bins.label(at), words::percent(shares[at]));
        let reason =
            format!("{name} is {label} in {now_share} of the records; before, in up to {}", words::percent(most));
        self.excess(Check::Distribution, share, reason)
    }

    fn excess(&self, check: Check, share: f64, reason: String) -> Excess {
        Excess { check, column: self.name.to_owned(), share, reason }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of records that shares are held against")]
fn count(records: u64) -> f64 {
    records as f64
}

#[expect(clippy::cast_precision_loss, reason = "shares that are learned")]
fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
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
    !matches!(role, Role::Identifier | Role::Advancing(_) | Role::Sliding(_) | Role::OfItsPush)
}
