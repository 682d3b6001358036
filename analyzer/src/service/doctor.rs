//! `doctor`: what the analyzer needs, tried before the first push.

use std::io::{self, Write};

use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy;
use holdpoint_platform::{
    Clients,
    doctor::{Checkup, find_state_machine, queue_attribute},
};
use serde_json::Value;

use super::{Config, LAST_RECEIVE, require_scratch, rules::RuleBook, store::Store};

/// A key where the analyzer may write; no report has such a name.
const PROBE: &str = "reports/doctor";

/// Looks at everything that the analyzer's settings name; whether all is well.
///
/// # Errors
/// Nobody reads it.
pub async fn doctor(config: &Config, clients: &Clients, out: &mut impl Write) -> io::Result<bool> {
    let mut checkup = Checkup::default();
    checkup.note("there is room to work", require_scratch().map_err(DisplayErrorContext));
    checkup.look_at_bucket(clients, &config.bucket, PROBE).await;
    let store = Store { s3: clients.s3.clone(), bucket: config.bucket.clone() };
    let listed = store.list("baseline/doctor/").await;
    checkup.note("the baselines can be listed", listed.map(drop).map_err(DisplayErrorContext));
    checkup.note("the pushes queue", pushes_queue(clients, &config.queue_url).await);
    checkup.note("the state machine", find_state_machine(clients, &config.state_machine).await);
    let rules = RuleBook::new(config.rules.clone(), clients.s3.clone()).try_out().await;
    checkup.note("the rules", rules.map_err(DisplayErrorContext));
    checkup.write(out)
}

/// Its dead letters must not get a push that was not held yet.
async fn pushes_queue(clients: &Clients, url: &str) -> Result<(), String> {
    let policy = queue_attribute(clients, url, RedrivePolicy).await?;
    let policy: Value = policy.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let limit = &policy["maxReceiveCount"];
    match limit.as_u64().or_else(|| limit.as_str()?.parse().ok()) {
        None => Err("it has no dead-letter queue: a message of no use would come for ever".to_owned()),
        Some(receives) if receives <= LAST_RECEIVE.into() => {
            Err(format!("it gives a message up after {receives} receipts; a push is held at the {LAST_RECEIVE}th"))
        }
        Some(_) => Ok(()),
    }
}
