//! The service: a push arrives in the queue, its report goes to S3, its execution starts.
//!
//! Runs at least once per event, and may run twice at the same time: a report is written once, and an execution's name is
//! the push's id, so that the second run finds both there.

mod doctor;
mod event;
mod forget;
mod key;
mod learn;
mod owner;
mod parts;
mod push;
mod recent;
mod rules;
mod store;

use std::{io::Write, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use holdpoint_platform::{
    After, Clients, Consumer, Health, LogFormat, Message, Queue, Settings, SettingsError, Stop,
    metrics::{self, MetricsServer},
    now, require_versioning,
};
use holdpoint_review::{ObjectVersion, Threshold};
use tracing::{Instrument, error, info, info_span, warn};

use self::{
    event::Event,
    key::KeyPattern,
    owner::{CustomerColumns, Owners},
    push::{Outcome, PushError, Pushes},
    rules::{RuleBook, RulesPlace},
    store::Store,
};
use crate::Settings as JudgeSettings;

pub use self::{
    doctor::doctor,
    forget::forget,
    learn::{LearnError, Trusted, learn},
};

/// How soon another analyzer takes over from one that died.
const VISIBILITY: Duration = Duration::from_mins(2);
/// One push keeps two cores busy, and the scratch disk is sized for one.
const AT_ONCE: usize = 1;
const WAIT: Duration = Duration::from_secs(5);
/// From one receipt of a push that failed to the next: until it is held, most outages of AWS have passed.
const AGAIN: Duration = Duration::from_mins(15);
/// The push that still cannot be analyzed at this receipt is held for a person; the queue's own limit lies above it.
const LAST_RECEIVE: u32 = 4;

/// What the service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    bucket: String,
    queue_url: String,
    state_machine: String,
    pattern: KeyPattern,
    customer_columns: CustomerColumns,
    rules: Option<RulesPlace>,
    judge: JudgeSettings,
    /// Where metrics and health are asked for; not at all without.
    pub metrics_listen: Option<SocketAddr>,
    /// Which log lines are written.
    pub log: String,
    /// How they are written.
    pub log_format: LogFormat,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Everything that is wrong, by name.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(lookup);
        let bucket = settings.required("HOLDPOINT_BUCKET");
        let queue_url = settings.required("HOLDPOINT_PUSHES_QUEUE_URL");
        let state_machine = settings.required("HOLDPOINT_STATE_MACHINE_ARN");
        let usual = "incoming/{dataset}/{customer}/{file}".parse().expect("the usual pattern is one");
        let pattern = settings.or("HOLDPOINT_KEY_PATTERN", usual);
        let customer_columns = settings.or("HOLDPOINT_CUSTOMER_COLUMN", CustomerColumns::default());
        let rules = settings.optional("HOLDPOINT_RULES");
        let judge = JudgeSettings {
            threshold: settings.or("ANOMALY_THRESHOLD", Threshold::SIX_PERCENT),
            min_anomalous: settings.or("HOLDPOINT_MIN_ANOMALOUS", 1),
            row_rate_alone: settings.or("HOLDPOINT_ROW_RATE_ALONE", false),
            hold_first: settings.or("HOLDPOINT_HOLD_FIRST", true),
            ..JudgeSettings::default()
        };
        let metrics_listen = settings.optional("HOLDPOINT_METRICS_LISTEN");
        let log = settings.or("HOLDPOINT_LOG", "info".to_owned());
        let log_format = settings.or("HOLDPOINT_LOG_FORMAT", LogFormat::Json);
        settings.finish(|| {
            let (bucket, queue_url, state_machine) = (bucket?, queue_url?, state_machine?);
            Some(Self {
                bucket,
                queue_url,
                state_machine,
                pattern,
                customer_columns,
                rules,
                judge,
                metrics_listen,
                log,
                log_format,
            })
        })
    }
}

/// Why the service cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// A push and what comes of it could not be kept on this machine while it is judged.
    #[error("the folder {} cannot be written, and a push is kept there while it is judged; TMPDIR names another", folder.display())]
    Scratch {
        /// Where they would be.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The bucket is not what the service needs.
    #[error("{0}")]
    Bucket(String),
    /// The declared rules cannot be used.
    #[error("the rules")]
    Rules(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The place for metrics cannot be listened on.
    #[error("cannot listen on the value of HOLDPOINT_METRICS_LISTEN")]
    Metrics(#[source] std::io::Error),
}

/// Runs until asked to stop; a push in hand is finished first.
///
/// # Errors
/// [`Fatal`]: an operator must act.
pub async fn run(config: Config, clients: Clients, stop: Stop) -> Result<(), Fatal> {
    require_scratch()?;
    require_versioning(&clients.s3, &config.bucket).await.map_err(Fatal::Bucket)?;
    let queue = Queue::new(clients.sqs, config.queue_url);
    let rules = RuleBook::new(config.rules, clients.s3.clone());
    rules.try_out().await.map_err(|error| Fatal::Rules(error.into()))?;
    let pushes = Arc::new(Pushes {
        store: Store { s3: clients.s3, bucket: config.bucket.clone() },
        sfn: clients.sfn,
        state_machine: config.state_machine,
        queue: queue.clone(),
        owners: Owners { bucket: config.bucket, pattern: config.pattern, columns: config.customer_columns },
        judge: config.judge,
        rules,
    });
    let metrics = MetricsServer::bind(config.metrics_listen).await.map_err(Fatal::Metrics)?;
    info!("waiting for pushes");
    let mut health = Health::default();
    let pulse = health.expect("the pushes queue");
    let consumer = Consumer { queue, at_once: AT_ONCE, visibility: VISIBILITY, wait: WAIT, pulse };
    let working = consumer.run(stop.clone(), move |message| receive(pushes.clone(), message));
    tokio::join!(working, metrics.run(&stop, &health, std::future::ready));
    Ok(())
}

/// Refuses a machine that cannot keep a push: each would fail, and only after four receipts be held for a person.
fn require_scratch() -> Result<(), Fatal> {
    let written = tempfile::tempfile().and_then(|mut file| file.write_all(b"holdpoint"));
    written.map_err(|source| Fatal::Scratch { folder: std::env::temp_dir(), source })
}

/// One message: usually one push.
async fn receive(pushes: Arc<Pushes>, message: Message) -> After {
    match Event::read(&message.body) {
        Ok(Event::Test) => After::Delete,
        Ok(Event::Delivered(versions)) => {
            let mut after = After::Delete;
            for version in versions {
                if !deliver(&pushes, &version, &message).await {
                    after = After::Again(AGAIN);
                }
            }
            after
        }
        // Comes again until the queue moves it to its dead letters, where somebody sees it.
        Err(error) => {
            error!(error = &error as &dyn std::error::Error, "a message in the pushes queue is of no use");
            After::Leave
        }
    }
}

/// Whether the push is done with.
async fn deliver(pushes: &Pushes, version: &ObjectVersion, message: &Message) -> bool {
    let span = info_span!("push", push.id = %version.push_id());
    async {
        let delivered = pushes.deliver(version, message.receives >= LAST_RECEIVE).await;
        metrics::PUSHES.get_or_create(&[("became", became(&delivered))]).inc();
        match delivered {
            Ok(Outcome::Started { needs_review }) => {
                metrics::PUSH_LAG.observe(metrics::seconds_between(message.sent_at, now()));
                info!(push.needs_review = needs_review, "the push's execution was started");
            }
            Ok(Outcome::TakenApart { parts }) => {
                info!(push.parts = parts, "the push was of several customers and was taken apart");
            }
            Ok(Outcome::AlreadyStarted) => info!("the push was delivered before: nothing to do"),
            Ok(Outcome::Gone) => warn!("the push is gone from the bucket: nothing to do"),
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    push.receives = message.receives,
                    "the push was not analyzed; it comes again"
                );
                return false;
            }
        }
        true
    }
    .instrument(span)
    .await
}

fn became(delivered: &Result<Outcome, PushError>) -> &'static str {
    match delivered {
        Ok(Outcome::Started { needs_review: true }) => "held",
        Ok(Outcome::Started { needs_review: false }) => "let through",
        Ok(Outcome::TakenApart { .. }) => "taken apart",
        Ok(Outcome::AlreadyStarted) => "known",
        Ok(Outcome::Gone) => "gone",
        Err(_) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_together() {
        let lookup = |name: &str| match name {
            "ANOMALY_THRESHOLD" => Some("six".to_owned()),
            "HOLDPOINT_KEY_PATTERN" => Some("in/{file}".to_owned()),
            _ => None,
        };
        let error = Config::read(&lookup).unwrap_err().to_string();
        for name in ["HOLDPOINT_BUCKET", "HOLDPOINT_PUSHES_QUEUE_URL", "ANOMALY_THRESHOLD", "HOLDPOINT_KEY_PATTERN"] {
            assert!(error.contains(name), "{name} in {error}");
        }
    }
}
