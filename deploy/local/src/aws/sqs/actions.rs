//! The inputs of the actions, as AWS's JSON protocol writes them, and what is refused about them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::invalid_value;
use super::message::Receipt;
use super::queue::Outgoing;
use super::settings::{Attributes, Settings};
use crate::aws::ServiceError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateQueue {
    pub(crate) queue_name: String,
    #[serde(default)]
    pub(crate) attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListQueues {
    #[serde(default)]
    pub(crate) queue_name_prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetQueueAttributes {
    #[serde(default)]
    pub(crate) attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetQueueAttributes {
    pub(crate) attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SendMessage {
    message_body: String,
    delay_seconds: Option<i64>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    #[serde(default)]
    message_attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReceiveMessage {
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    /// The older name of the next one; SDKs send either.
    #[serde(default)]
    pub(crate) attribute_names: Vec<String>,
    #[serde(default)]
    pub(crate) message_system_attribute_names: Vec<String>,
    #[serde(default)]
    pub(crate) message_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteMessage {
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeMessageVisibility {
    receipt_handle: String,
    visibility_timeout: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StartMessageMoveTask {
    pub(crate) source_arn: String,
}

impl SendMessage {
    /// The message, if this queue takes it.
    pub(crate) fn check(self, settings: &Settings) -> Result<Outgoing, ServiceError> {
        let attributes_bytes: usize = self.message_attributes.iter().map(|(k, v)| k.len() + v.to_string().len()).sum();
        if self.message_body.is_empty() {
            return Err(missing("MessageBody"));
        }
        if self.message_body.len() + attributes_bytes > settings.max_bytes {
            let max = settings.max_bytes;
            let message =
                format!("One or more parameters are invalid. Reason: Message must be shorter than {max} bytes.");
            return Err(ServiceError::bad_request("InvalidParameterValue", message));
        }
        if self.message_body.chars().any(is_refused) {
            let message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | …";
            return Err(ServiceError::bad_request("InvalidMessageContents", message));
        }
        if settings.fifo && self.message_group_id.is_none() {
            return Err(missing("MessageGroupId"));
        }
        if settings.fifo && self.delay_seconds.is_some_and(|delay| delay != 0) {
            let reason = "The request include parameter that is not valid for this queue type.";
            return Err(invalid_value("DelaySeconds", &format!("{:?}", self.delay_seconds), reason));
        }
        Ok(Outgoing {
            body: self.message_body,
            attributes: self.message_attributes,
            delay: seconds("DelaySeconds", self.delay_seconds.filter(|_| !settings.fifo), 900)?,
            group: self.message_group_id,
            deduplication_id: self.message_deduplication_id,
        })
    }
}

impl ReceiveMessage {
    pub(crate) fn max(&self) -> Result<usize, ServiceError> {
        let max = self.max_number_of_messages.unwrap_or(1);
        usize::try_from(max).ok().filter(|max| (1..=10).contains(max)).ok_or_else(|| {
            invalid_value("MaxNumberOfMessages", &max.to_string(), "Must be between 1 and 10, if provided.")
        })
    }

    pub(crate) fn visibility(&self) -> Result<Option<Duration>, ServiceError> {
        visibility(self.visibility_timeout)
    }

    pub(crate) fn wait(&self) -> Result<Option<Duration>, ServiceError> {
        seconds("WaitTimeSeconds", self.wait_time_seconds, 20)
    }
}

impl DeleteMessage {
    pub(crate) fn receipt(&self, queue: &str) -> Result<Receipt, ServiceError> {
        receipt(&self.receipt_handle, queue)
    }
}

impl ChangeMessageVisibility {
    pub(crate) fn receipt(&self, queue: &str) -> Result<Receipt, ServiceError> {
        receipt(&self.receipt_handle, queue)
    }

    pub(crate) fn hide(&self) -> Result<Duration, ServiceError> {
        Ok(visibility(Some(self.visibility_timeout))?.unwrap_or_default())
    }
}

fn receipt(handle: &str, queue: &str) -> Result<Receipt, ServiceError> {
    Receipt::parse(handle).filter(|receipt| receipt.queue == queue).ok_or_else(|| {
        let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
        ServiceError::bad_request("ReceiptHandleIsInvalid", message)
    })
}

fn visibility(given: Option<i64>) -> Result<Option<Duration>, ServiceError> {
    seconds("VisibilityTimeout", given, 43_200)
}

fn seconds(name: &str, given: Option<i64>, most: u64) -> Result<Option<Duration>, ServiceError> {
    let Some(given) = given else { return Ok(None) };
    match u64::try_from(given) {
        Ok(seconds) if seconds <= most => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(invalid_value(name, &given.to_string(), &format!("Must be >= 0 and <= {most}, if provided."))),
    }
}

fn missing(name: &str) -> ServiceError {
    ServiceError::bad_request("MissingParameter", format!("The request must contain the parameter {name}."))
}

/// What XML 1.0 cannot carry, SQS does not carry either.
fn is_refused(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}
