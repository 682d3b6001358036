//! Builds baselines from data that is trusted already, so that the first day is not five hundred reviews.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use holdpoint_platform::Clients;
use holdpoint_review::{ObjectVersion, baseline_key};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::{
    Config,
    owner::{in_key, part_key},
    rules::RuleBook,
    store::{Store, StoreError},
};
use crate::{
    Declared, Profile, Push, profile,
    read::{self, NotSplit, Unreadable, split},
};

/// What is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trusted {
    /// Every object under a prefix of the bucket.
    Prefix(String),
    /// Every file in a folder of this machine.
    Folder(PathBuf),
}

/// Why learning or forgetting stopped. What was done before stays; doing it again does no harm.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// S3 did not answer, or refused.
    #[error(transparent)]
    Store(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The declared rules cannot be used: they say which columns are personal.
    #[error("the rules")]
    Rules(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No customer was named, and no column names any.
    #[error("whose are they? name a customer, or a column of the dataset in HOLDPOINT_CUSTOMER_COLUMN")]
    Nobodys,
    /// A file on this machine cannot be read or written.
    #[error("a file on this machine cannot be read or written")]
    Disk(#[from] io::Error),
}

impl From<StoreError> for LearnError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// Takes everything that is trusted, in the order of keys or file names, as accepted pushes of a dataset's customer, or of the
/// customers that its column names; how many were learned.
///
/// Files that were copied in bulk carry one time, so their order stands for the order of delivery: the last one keeps its
/// time, and each earlier one counts as delivered a minute before its successor, or at its own time if that is earlier.
///
/// # Errors
/// [`LearnError`]. A file that cannot be read is skipped with a warning.
pub async fn learn(
    config: &Config,
    clients: &Clients,
    trusted: &Trusted,
    dataset: &str,
    customer: Option<&str>,
) -> Result<usize, LearnError> {
    let whose = match (customer, config.customer_columns.of(dataset)) {
        (Some(customer), _) => Whose::Customer(customer.to_owned()),
        (None, Some(column)) => Whose::Column(column.to_owned()),
        (None, None) => return Err(LearnError::Nobodys),
    };
    let store = Store { s3: clients.s3.clone(), bucket: config.bucket.clone() };
    let rules = RuleBook::new(config.rules.clone(), clients.s3.clone());
    let declared = rules.of(dataset).await.map_err(|error| LearnError::Rules(error.into()))?;
    let mut learned = 0;
    for (source, delivered_at) in sources(trusted, &store).await? {
        let folder = tempfile::tempdir()?;
        let file = match trusted {
            Trusted::Folder(folder) => folder.join(&source.key),
            Trusted::Prefix(_) => folder.path().join("push"),
        };
        if matches!(trusted, Trusted::Prefix(_)) && store.fetch(&source, &file).await?.is_none() {
            continue;
        }
        let push =
            Push { source, dataset: dataset.to_owned(), customer: String::new(), delivered_at, tags: BTreeMap::new() };
        let (whose, declared) = (whose.clone(), declared.clone());
        let profiled = tokio::task::spawn_blocking(move || profiles(&file, &push, &whose, &declared, folder.path()));
        for (customer, profile) in unless_unreadable(profiled.await.expect("profiling does not panic"))? {
            let json = serde_json::to_vec(&profile).expect("a profile is plain data");
            store.write(&baseline_key(dataset, &customer, delivered_at, &profile.push), json.into()).await?;
            learned += 1;
        }
    }
    info!(learned, "a baseline was learned");
    Ok(learned)
}

fn unless_unreadable(profiled: Result<Vec<(String, Profile)>, NotSplit>) -> io::Result<Vec<(String, Profile)>> {
    profiled.or_else(|error| match error {
        NotSplit::Unreadable(Unreadable::Io(error)) => Err(error),
        error => {
            warn!(error = &error as &dyn std::error::Error, "a trusted file cannot be read and was skipped");
            Ok(Vec::new())
        }
    })
}

/// Whose the records of a file are.
#[derive(Debug, Clone)]
enum Whose {
    Customer(String),
    Column(String),
}

/// What is trusted, with the times that stand for deliveries.
async fn sources(trusted: &Trusted, store: &Store) -> Result<Vec<(ObjectVersion, Timestamp)>, LearnError> {
    let mut sources = Vec::new();
    match trusted {
        Trusted::Folder(folder) => {
            for (key, at) in delivered_in_order(files(folder)?) {
                // The content stands for the version: the same file learned again is the same push.
                let version_id = read::push_hash(&folder.join(&key))?.to_string();
                sources.push((ObjectVersion { bucket: "folder".to_owned(), key, version_id }, at));
            }
        }
        Trusted::Prefix(prefix) => {
            for (key, at) in delivered_in_order(store.list(prefix).await?) {
                let version_id = store.newest_version(&key).await?;
                sources.push((ObjectVersion { bucket: store.bucket.clone(), key, version_id }, at));
            }
        }
    }
    Ok(sources)
}

/// The files of a folder in the order of their names, with the times of their last change.
fn files(folder: &Path) -> io::Result<Vec<(String, Timestamp)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let (entry, metadata) = entry.and_then(|entry| entry.metadata().map(|metadata| (entry, metadata)))?;
        if metadata.is_file() {
            let at = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or_default();
            let seconds = Timestamp::from_second(at.as_second()).unwrap_or_default();
            files.push((entry.file_name().to_string_lossy().into_owned(), seconds));
        }
    }
    files.sort();
    Ok(files)
}

/// The profile of a file, or of each customer's part of it, by customer.
fn profiles(
    file: &Path,
    push: &Push,
    whose: &Whose,
    declared: &Declared,
    scratch: &Path,
) -> Result<Vec<(String, Profile)>, NotSplit> {
    let column = match whose {
        Whose::Customer(customer) => return Ok(vec![(customer.clone(), profile(file, push, declared)?)]),
        Whose::Column(column) => column,
    };
    let parts = split(file, Path::new(&push.source.key), column, scratch)?;
    // Records that do not say whose they are teach nothing.
    let named = parts.into_iter().filter_map(|part| Some((part.customer?, part.file)));
    let of_part = |(customer, file): (String, PathBuf)| {
        let key = part_key(&push.dataset, Some(&customer), &push.source.push_id(), &push.source.key);
        let part = Push { source: ObjectVersion { key, ..push.source.clone() }, ..push.clone() };
        Ok((in_key(&customer), profile(&file, &part, declared)?))
    };
    named.map(of_part).collect()
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
