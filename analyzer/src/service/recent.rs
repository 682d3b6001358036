//! The newest of a customer's accepted profiles, without listing all of them for each push.
//!
//! They never expire, because age says nothing: who delivers once a year is judged by what came in the years before, and who
//! delivers each minute fills a page of S3's within a day. S3 lists keys from the first on; these begin with the time of
//! delivery, so a listing can begin so long before the push, and where that brings too few, further back. What is found is
//! what listing everything would find.

use holdpoint_review::{baseline_key, baseline_prefix, baseline_since};
use jiff::SignedDuration;

use super::store::{Store, StoreError};
use crate::{Push, history::MEMBERS};

/// How far back to look in turn where one page does not hold everything. Ten times as far costs at most ten times the pages of
/// a listing that brought too few.
const HOURS_BACK: [i64; 4] = [6, 60, 600, 6_000];

/// The keys of the profiles of the last accepted pushes that were delivered before this one, oldest first.
pub(crate) async fn newest_before(store: &Store, push: &Push) -> Result<Vec<String>, StoreError> {
    let Push { dataset, customer, delivered_at, .. } = push;
    let prefix = baseline_prefix(dataset, customer);
    let own = baseline_key(dataset, customer, *delivered_at, &push.source.push_id());
    if let Some(all) = store.list_between(&prefix, &prefix, &own, 1).await? {
        return Ok(last(all));
    }
    let starts =
        HOURS_BACK.iter().filter_map(|hours| delivered_at.checked_sub(SignedDuration::from_hours(*hours)).ok());
    let starts = starts.map(|since| baseline_since(dataset, customer, since)).chain([prefix.clone()]);
    let mut found = Vec::new();
    for start in starts {
        found = store.list_between(&prefix, &start, &own, usize::MAX).await?.unwrap_or_default();
        if found.len() >= MEMBERS {
            break;
        }
    }
    Ok(last(found))
}

fn last(mut keys: Vec<String>) -> Vec<String> {
    keys.split_off(keys.len().saturating_sub(MEMBERS))
}
