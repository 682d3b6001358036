//! What an operator wants to know before the first push: do the settings fit what is really there.
//!
//! Each check does what the service will do, as harmlessly as it can be done, and says what it found. The services share
//! these; each adds its own.

mod skew;

use std::{fmt, io, io::Write};

use aws_sdk_s3::{
    error::{DisplayErrorContext, ProvideErrorMetadata},
    primitives::ByteStream,
};
use aws_sdk_sqs::types::QueueAttributeName::{self, FifoQueue, MessageRetentionPeriod, RedrivePolicy};
use holdpoint_review::TaskToken;

use crate::{Clients, Common, Ledger, TaskReply, Tasks, require_versioning};

/// The clock queue must keep a message as long as SQS can.
const RETENTION_SECONDS: &str = "1209600";
/// A key under the index, where every service may write; no entry of the index has such a name.
const PROBE: &str = "open/doctor";

/// What was found.
#[derive(Debug, Default)]
pub struct Checkup {
    findings: Vec<(String, Option<String>)>,
}

impl Checkup {
    /// Notes what was looked at, and what is wrong with it, if anything.
    pub fn note<E: fmt::Display>(&mut self, what: impl Into<String>, found: Result<(), E>) {
        self.findings.push((what.into(), found.err().map(|error| error.to_string())));
    }

    /// Writes a line for each; whether all is well.
    ///
    /// # Errors
    /// Nobody reads it.
    pub fn write(&self, out: &mut impl Write) -> io::Result<bool> {
        for (what, problem) in &self.findings {
            match problem {
                None => writeln!(out, "ok    {what}")?,
                Some(problem) => writeln!(out, "WRONG {what}: {problem}")?,
            }
        }
        Ok(self.findings.iter().all(|(_, problem)| problem.is_none()))
    }

    /// Looks at what worker and callback share: bucket, queues, Step Functions, the time.
    pub async fn look_at_common(&mut self, common: &Common, clients: &Clients) {
        self.look_at_bucket(clients, &common.bucket, PROBE).await;
        let listed = Ledger::new(clients.s3.clone(), &common.bucket).list_open(1).await;
        self.note("the open reviews can be listed", listed.map(drop).map_err(DisplayErrorContext));
        self.note("the clock queue", clock_queue(clients, &common.clock_queue_url).await);
        self.note("the notices queue", notices_queue(clients, &common.notices_queue_url).await);
        self.note("Step Functions takes answers", answers(clients).await);
    }

    /// Looks at the bucket and the time; `probe` is a key that is written and deleted.
    pub async fn look_at_bucket(&mut self, clients: &Clients, bucket: &str, probe: &str) {
        self.note(format!("bucket {bucket} keeps versions"), require_versioning(&clients.s3, bucket).await);
        self.note("the clock of this machine", skew::check(&clients.s3, bucket).await);
        self.note("the bucket can be written", write_and_delete(clients, bucket, probe).await);
    }
}

async fn write_and_delete(clients: &Clients, bucket: &str, key: &str) -> Result<(), String> {
    let said = |error: &dyn std::error::Error| DisplayErrorContext(error).to_string();
    let put = clients.s3.put_object().bucket(bucket).key(key).body(ByteStream::default());
    put.send().await.map_err(|error| said(&error))?;
    let delete = clients.s3.delete_object().bucket(bucket).key(key);
    delete.send().await.map(drop).map_err(|error| said(&error))
}

/// What a queue is set to.
///
/// # Errors
/// What AWS says.
pub async fn queue_attribute(clients: &Clients, url: &str, name: QueueAttributeName) -> Result<Option<String>, String> {
    let get = clients.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone());
    let reply = get.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
    Ok(reply.attributes.and_then(|attributes| attributes.get(&name).cloned()))
}

async fn clock_queue(clients: &Clients, url: &str) -> Result<(), String> {
    if queue_attribute(clients, url, RedrivePolicy).await?.is_some() {
        return Err("it has a redrive policy: a review that waits for long would lose its clock".to_owned());
    }
    match queue_attribute(clients, url, MessageRetentionPeriod).await? {
        Some(seconds) if seconds == RETENTION_SECONDS => Ok(()),
        seconds => Err(format!("it keeps messages for {seconds:?} s instead of {RETENTION_SECONDS}, 14 days")),
    }
}

async fn notices_queue(clients: &Clients, url: &str) -> Result<(), String> {
    if queue_attribute(clients, url, FifoQueue).await?.as_deref() != Some("true") {
        return Err("it is no FIFO queue: messages to one channel would overtake each other".to_owned());
    }
    let policy = queue_attribute(clients, url, RedrivePolicy).await?;
    policy.map(drop).ok_or_else(|| "it has no dead-letter queue".to_owned())
}

/// A token that nobody issued: that it is refused as unknown shows that we may ask.
async fn answers(clients: &Clients) -> Result<(), String> {
    match Tasks::new(clients.sfn.clone()).heartbeat(&TaskToken::new("holdpoint-doctor")).await {
        Ok(TaskReply::Lost) => Ok(()),
        Ok(TaskReply::Taken) => Err("it took a token that nobody issued".to_owned()),
        Err(error) => Err(DisplayErrorContext(error).to_string()),
    }
}

/// Whether a state machine is there.
///
/// # Errors
/// What AWS says.
pub async fn find_state_machine(clients: &Clients, arn: &str) -> Result<(), String> {
    let described = clients.sfn.describe_state_machine().state_machine_arn(arn).send().await;
    described.map(drop).map_err(|error| error.code().unwrap_or("no answer").to_owned())
}

/// Whether an activity is there.
///
/// # Errors
/// What AWS says.
pub async fn find_activity(clients: &Clients, arn: &str) -> Result<(), String> {
    let described = clients.sfn.describe_activity().activity_arn(arn).send().await;
    described.map(drop).map_err(|error| error.code().unwrap_or("no answer").to_owned())
}
