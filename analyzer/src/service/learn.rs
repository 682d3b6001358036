//! Builds a baseline from data that is trusted already, so that the first day is not five hundred reviews.

use std::collections::BTreeMap;

use holdpoint_platform::Clients;
use holdpoint_review::{ObjectVersion, baseline_key};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::{
    Config,
    rules::RuleBook,
    store::{Store, StoreError},
};
use crate::{Push, profile};

/// Why learning stopped. What was learned before stays; learning again does no harm.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// S3 did not answer, or refused.
    #[error(transparent)]
    Store(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The declared rules cannot be used: they say which columns are personal.
    #[error("the rules")]
    Rules(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file on this machine cannot be written.
    #[error("a file on this machine cannot be written")]
    Disk(#[from] std::io::Error),
}

impl From<StoreError> for LearnError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// Takes every object under a prefix, in the order of keys, as an accepted push of one customer; how many were learned.
///
/// Files that were copied in bulk carry one time, so the order of keys stands for the order of delivery: the last one keeps
/// its time, and each earlier one counts as delivered a minute before its successor, or at its own time if that is earlier.
///
/// # Errors
/// [`LearnError`]. A file that cannot be read is skipped with a warning.
pub async fn learn(
    config: &Config,
    clients: &Clients,
    prefix: &str,
    dataset: &str,
    customer: &str,
) -> Result<usize, LearnError> {
    let store = Store { s3: clients.s3.clone(), bucket: config.bucket.clone() };
    let rules = RuleBook::new(config.rules.clone(), clients.s3.clone());
    let declared = rules.of(dataset).await.map_err(|error| LearnError::Rules(error.into()))?;
    let objects = delivered_in_order(store.list(prefix).await?);
    let mut learned = 0;
    for (key, delivered_at) in objects {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("push");
        let source = ObjectVersion {
            bucket: store.bucket.clone(),
            key: key.clone(),
            version_id: store.newest_version(&key).await?,
        };
        if store.fetch(&source, &file).await?.is_none() {
            continue;
        }
        let push =
            Push { source, dataset: dataset.into(), customer: customer.into(), delivered_at, tags: BTreeMap::new() };
        let id = push.source.push_id();
        let declared = declared.clone();
        let profiled = tokio::task::spawn_blocking(move || profile(&file, &push, &declared))
            .await
            .expect("profiling does not panic");
        match profiled {
            Ok(profile) => {
                let json = serde_json::to_vec(&profile).expect("a profile is plain data");
                store.write(&baseline_key(dataset, customer, delivered_at, &id), json.into()).await?;
                learned += 1;
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "a trusted file cannot be read and was skipped");
            }
        }
    }
    info!(learned, "a baseline was learned");
    Ok(learned)
}

fn delivered_in_order(objects: Vec<(String, Timestamp)>) -> Vec<(String, Timestamp)> {
    let mut before = Timestamp::MAX;
    let mut ordered: Vec<_> = objects
        .into_iter()
        .rev()
        .map(|(key, at)| {
            let at = at.min(before);
            before = at.checked_sub(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MIN);
            (key, at)
        })
        .collect();
    ordered.reverse();
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_copied_in_bulk_keep_the_order_of_their_keys() {
        let second = |s| Timestamp::from_second(s).unwrap();
        let objects = ["a", "b", "c"].map(|key| (key.to_owned(), second(1_000)));
        let times: Vec<_> = delivered_in_order(objects.into()).into_iter().map(|(_, at)| at.as_second()).collect();
        assert_eq!(times, [880, 940, 1_000]);
    }

    #[test]
    fn files_of_different_days_keep_their_times() {
        let second = |s| Timestamp::from_second(s).unwrap();
        let objects = vec![("a".to_owned(), second(1_000)), ("b".to_owned(), second(90_000))];
        assert_eq!(delivered_in_order(objects.clone()), objects);
    }
}
