//! One push: from an object version to evidence in S3 and an execution that waits or goes on.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use holdpoint_review::{ContentHash, Evidence, ExecutionInput, ObjectVersion, Report, baseline_prefix};

use super::{
    key::KeyPattern,
    store::{EvidenceKeys, Store, StoreError},
};
use crate::{Analysis, Baseline, Profile, Push, Settings, analyze, hold_unanalyzed};

/// How many accepted pushes make a baseline.
const BASELINE_PUSHES: usize = 60;
/// Dataset and customer of a push of which nobody knows whose it is; a route can name it.
const UNMATCHED: &str = "unmatched";

/// What it takes to deal with a push.
#[derive(Debug)]
pub(crate) struct Pushes {
    pub(crate) store: Store,
    pub(crate) sfn: aws_sdk_sfn::Client,
    pub(crate) state_machine: String,
    pub(crate) pattern: KeyPattern,
    pub(crate) judge: Settings,
}

/// How dealing with a push ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its execution runs now.
    Started { needs_review: bool },
    /// Its execution was there: an event delivered twice, or replayed.
    AlreadyStarted,
    /// The version is no longer in the bucket.
    Gone,
}

/// Why a push was not dealt with. It comes again; at its last receipt it is held.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a file on this machine cannot be written")]
    Disk(#[from] std::io::Error),
    #[error("the analysis broke off")]
    BrokeOff(#[from] tokio::task::JoinError),
    #[error("{0} is no profile that this version knows")]
    ForeignProfile(String, #[source] serde_json::Error),
    #[error("the stored report is none that this version knows")]
    ForeignReport(#[source] serde_json::Error),
    #[error("the execution cannot be started")]
    Start(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("an execution of this name has another input; the push cannot be started anew")]
    OtherInput,
}

impl Pushes {
    /// Deals with a push. `last` says that it will not come again: what cannot be analyzed now is held.
    pub(crate) async fn deliver(&self, version: &ObjectVersion, last: bool) -> Result<Outcome, PushError> {
        let keys = EvidenceKeys::of(&version.push_id());
        let bytes = match self.store.read(&keys.report).await? {
            Some(bytes) => bytes,
            None => match self.judge(version, &keys, last).await? {
                Some(bytes) => bytes,
                None => return Ok(Outcome::Gone),
            },
        };
        self.start(&keys, &bytes).await
    }

    /// Analyzes the push and writes its evidence; the bytes of the report that stands, which may be another run's.
    async fn judge(
        &self,
        version: &ObjectVersion,
        keys: &EvidenceKeys,
        last: bool,
    ) -> Result<Option<Vec<u8>>, PushError> {
        let owner = self.pattern.read(&version.key);
        let (dataset, customer) = owner.unwrap_or((UNMATCHED, UNMATCHED));
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("push");
        let Some(delivered) = self.store.fetch(version, &file).await? else { return Ok(None) };
        let push = Push {
            source: version.clone(),
            dataset: dataset.to_owned(),
            customer: customer.to_owned(),
            delivered_at: delivered.at,
            tags: delivered.tags,
        };
        let unjudged = match owner {
            None => Some(format!("its key {:?} does not match HOLDPOINT_KEY_PATTERN: whose is it?", version.key)),
            Some(_) if last => {
                Some("it could not be analyzed in several attempts; the analyzer's log says why".to_owned())
            }
            Some(_) => None,
        };
        let history = if unjudged.is_none() { self.history(&push).await? } else { Vec::new() };
        let settings = self.judge.clone();
        // Off the async thread. A panic ends this attempt only; at the last one the push is held.
        let analysis = tokio::task::spawn_blocking(move || match unjudged {
            Some(reason) => hold_unanalyzed(&file, &push, &reason, &settings),
            None => analyze(&file, &push, &Baseline::learn(history, push.delivered_at), &settings),
        });
        self.write_evidence(keys, analysis.await??).await.map(Some)
    }

    /// The profiles of the customer's accepted pushes that were delivered before this one, oldest first.
    async fn history(&self, push: &Push) -> Result<Vec<Profile>, PushError> {
        let own =
            holdpoint_review::baseline_key(&push.dataset, &push.customer, push.delivered_at, &push.source.push_id());
        let mut keys = self.store.list(&baseline_prefix(&push.dataset, &push.customer)).await?;
        keys.retain(|(key, _)| *key < own);
        let mut profiles = Vec::new();
        for (key, _) in keys.split_off(keys.len().saturating_sub(BASELINE_PUSHES)) {
            if let Some(bytes) = self.store.read(&key).await? {
                profiles.push(serde_json::from_slice(&bytes).map_err(|error| PushError::ForeignProfile(key, error))?);
            }
        }
        Ok(profiles)
    }

    /// Everything else first, the report last and once: whoever loses uses what is stored.
    async fn write_evidence(&self, keys: &EvidenceKeys, analysis: Analysis) -> Result<Vec<u8>, PushError> {
        let json = |value: serde_json::Result<Vec<u8>>| value.expect("evidence is plain data");
        let flagged = ByteStream::from_path(&analysis.flagged).await.map_err(std::io::Error::other)?;
        self.store.write(&keys.flagged, flagged).await?;
        self.store.write(&keys.page, json(serde_json::to_vec(&analysis.page)).into()).await?;
        if let Some(profile) = &analysis.profile {
            self.store.write(&keys.profile, json(serde_json::to_vec(profile)).into()).await?;
        }
        let report = json(serde_json::to_vec(&analysis.report));
        if self.store.write_once(&keys.report, report.clone()).await? {
            return Ok(report);
        }
        Ok(self.store.read(&keys.report).await?.unwrap_or(report))
    }

    /// Starts the execution; its input comes from the stored report alone.
    async fn start(&self, keys: &EvidenceKeys, report_bytes: &[u8]) -> Result<Outcome, PushError> {
        let report: Report = serde_json::from_slice(report_bytes).map_err(PushError::ForeignReport)?;
        let evidence = Evidence {
            bucket: self.store.bucket.clone(),
            report: keys.report.clone(),
            report_hash: ContentHash::of(report_bytes),
            page: keys.page.clone(),
            flagged: keys.flagged.clone(),
            delivered_at: None,
        };
        let input = ExecutionInput::of(&report, evidence, &keys.profile);
        let input = serde_json::to_string(&input).expect("an input is plain data");
        let start = self.sfn.start_execution().state_machine_arn(&self.state_machine);
        match start.name(report.push.as_str()).input(&input).send().await {
            Ok(_) => Ok(Outcome::Started { needs_review: report.needs_review }),
            Err(error) if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) => {
                self.compare(report.push.as_str(), &input).await
            }
            Err(error) => Err(PushError::Start(error.into())),
        }
    }

    /// The name is taken: by ourselves, if the input is the same.
    async fn compare(&self, name: &str, input: &str) -> Result<Outcome, PushError> {
        let execution = format!("{}:{name}", self.state_machine.replacen(":stateMachine:", ":execution:", 1));
        let described = self.sfn.describe_execution().execution_arn(execution).send().await;
        let described = described.map_err(|error| PushError::Start(error.into()))?;
        if described.input() == Some(input) { Ok(Outcome::AlreadyStarted) } else { Err(PushError::OtherInput) }
    }
}
