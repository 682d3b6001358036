//! One push: from an object version to evidence in S3 and an execution that waits or goes on.

use std::{path::PathBuf, time::Instant};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use futures_util::{StreamExt, TryStreamExt, stream};
use holdpoint_platform::{Queue, QueueError, metrics};
use holdpoint_review::{ContentHash, Evidence, ExecutionInput, ObjectVersion, Report};
use tracing::warn;

use super::{
    owner::Owners,
    recent::newest_before,
    rules::{RuleBook, RulesError},
    store::{EvidenceKeys, Store, StoreError},
};
use crate::{Analysis, Baseline, Declared, Profile, Push, Settings, analyze, hold_unanalyzed};

/// Profiles read at once: one after the other they would be most of a small push's time.
const PROFILES_AT_ONCE: usize = 16;

/// What it takes to deal with a push.
#[derive(Debug)]
pub(crate) struct Pushes {
    pub(crate) store: Store,
    pub(crate) sfn: aws_sdk_sfn::Client,
    pub(crate) state_machine: String,
    pub(crate) queue: Queue,
    pub(crate) owners: Owners,
    pub(crate) judge: Settings,
    pub(crate) rules: RuleBook,
}

/// How dealing with a push ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its execution runs now.
    Started { needs_review: bool },
    /// It was of several customers: each one's records are a push of their own now.
    TakenApart { parts: usize },
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
    #[error("{0} is no profile: delete it, and the customer's pushes are judged by the others")]
    ForeignProfile(String, #[source] serde_json::Error),
    #[error("the stored report is none that this version knows")]
    ForeignReport(#[source] serde_json::Error),
    #[error("the declared rules cannot be used")]
    Rules(#[from] RulesError),
    #[error("a part of the push cannot be announced")]
    Announce(#[from] QueueError),
    #[error("the execution cannot be started")]
    Start(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("an execution of this name has another input; the push cannot be started anew")]
    OtherInput,
}

impl Pushes {
    /// Deals with a push. `last` says that it will not come again: what cannot be analyzed now is held.
    pub(crate) async fn deliver(&self, version: &ObjectVersion, last: bool) -> Result<Outcome, PushError> {
        let keys = EvidenceKeys::of(&version.push_id());
        if let Some(bytes) = self.store.read(&keys.report).await? {
            return self.start(&keys, &bytes).await;
        }
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("push");
        let Some(delivered) = self.store.fetch(version, &file).await? else { return Ok(Outcome::Gone) };
        let mut owner = self.owners.of(version);
        if last && owner.unknown.is_none() {
            let why = "it could not be analyzed in several attempts; the analyzer's log says why";
            owner.unknown = Some(why.to_owned());
        }
        if let (Some(column), None) = (&owner.column, &owner.unknown) {
            match self.take_apart(version, &owner.dataset, column, folder.path()).await? {
                Ok(parts) => return Ok(Outcome::TakenApart { parts }),
                Err(why) => owner.unknown = Some(why),
            }
        }
        let push = Push {
            source: version.clone(),
            dataset: owner.dataset,
            customer: owner.customer,
            delivered_at: delivered.at,
            tags: delivered.tags,
        };
        let bytes = self.judge(file, push, owner.unknown, &keys).await?;
        self.start(&keys, &bytes).await
    }

    /// Analyzes the push, or holds it unjudged, and writes its evidence; the bytes of the report that stands, which may be
    /// another run's.
    async fn judge(
        &self,
        file: PathBuf,
        push: Push,
        unjudged: Option<String>,
        keys: &EvidenceKeys,
    ) -> Result<Vec<u8>, PushError> {
        let history = if unjudged.is_none() { self.history(&push).await? } else { Vec::new() };
        let declared = if unjudged.is_none() { self.rules.of(&push.dataset).await? } else { Declared::default() };
        let settings = Settings { declared, ..self.judge.clone() };
        let began = Instant::now();
        // Off the async thread. A panic ends this attempt only; at the last one the push is held.
        let analysis = tokio::task::spawn_blocking(move || match unjudged {
            Some(reason) => hold_unanalyzed(&file, &push, &reason, &settings),
            None => analyze(&file, &push, &Baseline::learn(history, push.delivered_at), &settings),
        });
        let analysis = analysis.await??;
        metrics::JUDGING.observe(began.elapsed().as_secs_f64());
        metrics::RECORDS.inc_by(analysis.report.records);
        self.write_evidence(keys, analysis).await
    }

    /// The profiles of the customer's accepted pushes that were delivered before this one, oldest first.
    async fn history(&self, push: &Push) -> Result<Vec<Profile>, PushError> {
        let newest = newest_before(&self.store, push).await?;
        let read = async |key: String| {
            let Some(bytes) = self.store.read(&key).await? else { return Ok(None) };
            match Profile::from_json(&bytes) {
                Ok(None) => {
                    warn!(profile = key, "another version wrote it, so it teaches nothing: `learn` makes a new one");
                    Ok(None)
                }
                read => read.map_err(|error| PushError::ForeignProfile(key, error)),
            }
        };
        let profiles: Vec<Option<Profile>> =
            stream::iter(newest).map(read).buffered(PROFILES_AT_ONCE).try_collect().await?;
        Ok(profiles.into_iter().flatten().collect())
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
