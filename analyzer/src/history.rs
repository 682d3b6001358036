//! A customer's accepted pushes: what the baseline is learned from.
//!
//! It keeps the members beside their merge: an envelope needs the variance between pushes, which a merge has lost.

pub(crate) mod calendar;
mod clumps;
mod role;

use std::collections::BTreeMap;

use holdpoint_review::{BaselineMember, BaselineSummary};
use jiff::Timestamp;
pub(crate) use role::{Role, is_identifier, is_unique, kind_of};

use crate::profile::{ColumnProfile, Profile, Table};

/// How many accepted pushes make the baseline.
pub(crate) const MEMBERS: usize = 60;

/// The last accepted pushes of a customer, oldest first, and what they have in common.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) members: Vec<Profile>,
    pub(crate) merged: Table,
    pub(crate) roles: BTreeMap<String, Role>,
}

impl History {
    /// From profiles in any order: those delivered before `now`, the last [`MEMBERS`] of them. A push without records has
    /// nothing to teach.
    pub(crate) fn of(mut profiles: Vec<Profile>, now: Option<Timestamp>) -> Self {
        profiles.retain(|profile| profile.records > 0 && now.is_none_or(|now| profile.delivered_at < now));
        profiles.sort_by(|a, b| (a.delivered_at, a.push.as_str()).cmp(&(b.delivered_at, b.push.as_str())));
        profiles.dedup_by(|a, b| a.push == b.push);
        profiles.drain(..profiles.len().saturating_sub(MEMBERS));
        let mut history = Self::default();
        for profile in profiles {
            history.add(profile);
        }
        history.assign_roles();
        history
    }

    /// Takes in the push that was accepted next; roles are not reconsidered until [`Self::assign_roles`].
    pub(crate) fn add(&mut self, profile: Profile) {
        self.complete_forms(&profile.table);
        self.merged.absorb(&profile.table);
        self.members.push(profile);
    }

    /// Adds what was not counted of pairs of forms, neither in this push nor in those before, because it can be told otherwise.
    fn complete_forms(&mut self, next: &Table) {
        let (known, counted) = (&self.merged.relations.forms, &next.relations.forms);
        let old = known.keys().filter(|pair| !counted.contains_key(*pair)).map(|pair| (pair, next));
        let new = counted.keys().filter(|pair| !known.contains_key(*pair));
        let new = new.flat_map(|pair| self.members.iter().map(move |member| (pair, &member.table)));
        let told = old.chain(new).filter_map(|(pair, table)| Some((pair.clone(), table.forms(pair)?)));
        for (pair, forms) in told.collect::<Vec<_>>() {
            self.merged.relations.add_forms(&pair, &forms);
        }
    }

    pub(crate) fn assign_roles(&mut self) {
        let columns = self.merged.columns.iter();
        self.roles = columns.map(|(name, merged)| (name.clone(), role::role_of(name, merged, &self.members))).collect();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The column in each member that has it.
    pub(crate) fn histories<'a>(&'a self, column: &'a str) -> impl Iterator<Item = &'a ColumnProfile> {
        self.members.iter().filter_map(move |member| member.table.columns.get(column))
    }

    pub(crate) fn summary(&self) -> BaselineSummary {
        let member = |profile: &Profile| BaselineMember {
            push: profile.push.clone(),
            delivered_at: profile.delivered_at,
            records: profile.records,
            rate: profile.rate,
            replayed: None,
        };
        BaselineSummary { members: self.members.iter().map(member).collect(), expected: None }
    }
}
