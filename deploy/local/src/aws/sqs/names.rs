//! The many names of a queue and of an error: URL, ARN, and the codes of the older query protocol.

use serde_json::Value;

use crate::aws::{ACCOUNT, REGION};

/// The code of the older query protocol, which SDKs that grew up with it still show.
pub(crate) fn query_code(code: &str) -> String {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
        "QueueNameExists" => "QueueAlreadyExists".to_owned(),
        "TooManyEntriesInBatchRequest"
        | "EmptyBatchRequest"
        | "BatchEntryIdsNotDistinct"
        | "BatchRequestTooLong"
        | "InvalidBatchEntryId"
        | "MessageNotInflight"
        | "UnsupportedOperation" => {
            format!("AWS.SimpleQueueService.{code}")
        }
        _ => code.to_owned(),
    }
}

/// The name of the queue that a request is about; empty when it names none.
pub(crate) fn queue_named_in(body: &[u8]) -> String {
    queue_name(&serde_json::from_slice(body).unwrap_or_default())
}

pub(crate) fn queue_name(input: &Value) -> String {
    let name =
        input["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).or_else(|| input["QueueName"].as_str());
    name.unwrap_or_default().to_owned()
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

pub(crate) fn name_in_arn(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}
