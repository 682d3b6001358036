//! `ObjectCreated` events to SQS, as S3 writes them
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>).
//!
//! Keys are form-encoded: a space is `+`. Other events, topics, functions and `EventBridge` are absent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::bucket::Version;
use super::{timestamp, xml};
use crate::aws::{REGION, ServiceError, uuid};

/// What Java's `URLEncoder` leaves alone, and the slash.
const KEPT_IN_KEYS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'*').remove(b'_').remove(b'/');

/// A queue that wants to hear of new objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    id: String,
    pub(crate) queue_arn: String,
    events: Vec<String>,
    prefix: String,
    suffix: String,
}

/// How an object came to be; the event's name behind `ObjectCreated:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    Put,
    Copy,
    CompleteMultipartUpload,
}

#[derive(Deserialize)]
struct NotificationConfiguration {
    #[serde(default, rename = "QueueConfiguration")]
    queues: Vec<QueueConfiguration>,
    #[serde(default, rename = "TopicConfiguration")]
    topics: Vec<IgnoredAny>,
    #[serde(default, rename = "CloudFunctionConfiguration")]
    functions: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueConfiguration {
    id: Option<String>,
    queue: String,
    #[serde(rename = "Event")]
    events: Vec<String>,
    filter: Option<Filter>,
}

#[derive(Deserialize)]
struct Filter {
    #[serde(rename = "S3Key")]
    key: Option<KeyFilter>,
}

#[derive(Deserialize)]
struct KeyFilter {
    #[serde(default, rename = "FilterRule")]
    rules: Vec<FilterRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterRule {
    name: String,
    #[serde(default)]
    value: String,
}

impl Target {
    /// Reads a `NotificationConfiguration`.
    pub(crate) fn read(document: &[u8]) -> Result<Vec<Self>, ServiceError> {
        let configuration: NotificationConfiguration = xml::read(document)?;
        if !configuration.topics.is_empty() || !configuration.functions.is_empty() {
            let message = "The stand-in notifies queues only.";
            return Err(ServiceError::new(501, "NotImplemented", message));
        }
        Ok(configuration.queues.into_iter().map(Self::new).collect())
    }

    /// Whether it wants to hear of this object.
    pub(crate) fn wants(&self, created: Created, key: &str) -> bool {
        let name = created.event_name();
        let hears = |event: &String| *event == "s3:ObjectCreated:*" || event.strip_prefix("s3:") == Some(&name);
        self.events.iter().any(hears) && key.starts_with(&self.prefix) && key.ends_with(&self.suffix)
    }

    /// The event, as the message's body.
    pub(crate) fn message(
        &self,
        created: Created,
        bucket: &str,
        key: &str,
        version: &Version,
        id: Option<&str>,
    ) -> String {
        let object = version.object.as_ref().expect("an object that was created has a body");
        let mut described = json!({
            "key": encode_key(key),
            "size": object.body.len(),
            "eTag": object.etag.trim_matches('"'),
            "sequencer": format!("{:016X}", version.modified.as_nanosecond()),
        });
        if let Some(id) = id {
            described["versionId"] = json!(id);
        }
        let record = json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": REGION,
            "eventTime": timestamp(version.modified),
            "eventName": created.event_name(),
            "userIdentity": { "principalId": "AWS:STANDIN" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": uuid(), "x-amz-id-2": uuid() },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": self.id,
                "bucket": {
                    "name": bucket,
                    "ownerIdentity": { "principalId": "STANDIN" },
                    "arn": format!("arn:aws:s3:::{bucket}"),
                },
                "object": described,
            },
        });
        json!({ "Records": [record] }).to_string()
    }

    fn new(configuration: QueueConfiguration) -> Self {
        let rules = configuration.filter.and_then(|filter| filter.key).map(|key| key.rules).unwrap_or_default();
        let rule = |name: &str| {
            let rule = rules.iter().find(|rule| rule.name.eq_ignore_ascii_case(name));
            rule.map(|rule| rule.value.clone()).unwrap_or_default()
        };
        Self {
            id: configuration.id.unwrap_or_else(uuid),
            queue_arn: configuration.queue,
            events: configuration.events,
            prefix: rule("prefix"),
            suffix: rule("suffix"),
        }
    }
}

impl Created {
    fn event_name(self) -> String {
        format!("ObjectCreated:{self:?}")
    }
}

/// The message that a queue gets once, when it is configured.
pub(crate) fn test_message(bucket: &str) -> String {
    let event: Value = json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": timestamp(holdpoint_platform::now()),
        "Bucket": bucket,
        "RequestId": uuid(),
        "HostId": uuid(),
    });
    event.to_string()
}

fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, KEPT_IN_KEYS).to_string().replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_form_encoded() {
        assert_eq!(encode_key("pushes/cust 1/day=2026+1.csv"), "pushes/cust+1/day%3D2026%2B1.csv");
        assert_eq!(encode_key("ü%20~*-._"), "%C3%BC%2520%7E*-._");
    }

    #[test]
    fn filters_are_heeded() {
        let document = b"<NotificationConfiguration xmlns='x'><QueueConfiguration><Id>n</Id><Queue>arn:q</Queue>\
            <Event>s3:ObjectCreated:Copy</Event><Event>s3:ObjectCreated:Put</Event><Filter><S3Key>\
            <FilterRule><Name>Prefix</Name><Value>incoming/</Value></FilterRule>\
            <FilterRule><Name>suffix</Name><Value>.csv</Value></FilterRule></S3Key></Filter></QueueConfiguration>\
            <EventBridgeConfiguration/></NotificationConfiguration>";
        let [target] = &Target::read(document).unwrap()[..] else { panic!("one queue was named") };
        let check = |created, key, expected| assert_eq!(target.wants(created, key), expected, "{created:?} {key}");
        check(Created::Put, "incoming/a.csv", true);
        check(Created::Copy, "incoming/a.csv", true);
        check(Created::CompleteMultipartUpload, "incoming/a.csv", false);
        check(Created::Put, "incoming/a.txt", false);
        check(Created::Put, "other/a.csv", false);
    }
}
