//! What S3 puts into the pushes queue: events, at least once, in no order, with form-encoded keys.

use holdpoint_review::ObjectVersion;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

/// One message, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// S3 says that it may write to the queue: the first message there ever is.
    Test,
    /// These object versions were delivered. Folder markers, which some tools create, are none.
    Delivered(Vec<ObjectVersion>),
}

/// The message is no event of S3, or one that lacks what a push needs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAnEvent {
    #[error("the message is no S3 event: {0}")]
    Foreign(String),
    #[error("the event for {0:?} names no version: the bucket must keep versions")]
    Unversioned(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Test {
        #[serde(rename = "Event")]
        event: String,
    },
    Records {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
}

#[derive(Deserialize)]
struct Record {
    s3: S3,
}

#[derive(Deserialize)]
struct S3 {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: String,
    version_id: Option<String>,
}

impl Event {
    pub(crate) fn read(body: &str) -> Result<Self, NotAnEvent> {
        match serde_json::from_str(body) {
            Ok(Body::Test { event }) if event == "s3:TestEvent" => Ok(Self::Test),
            Ok(Body::Test { event }) => Err(NotAnEvent::Foreign(event)),
            Ok(Body::Records { records }) => {
                let versions = records.into_iter().map(Record::into_version).collect::<Result<Vec<_>, _>>()?;
                Ok(Self::Delivered(versions.into_iter().filter(|version| !version.key.ends_with('/')).collect()))
            }
            Err(error) => Err(NotAnEvent::Foreign(error.to_string())),
        }
    }
}

impl Record {
    fn into_version(self) -> Result<ObjectVersion, NotAnEvent> {
        let S3 { bucket, object } = self.s3;
        let key = decode_key(&object.key);
        match object.version_id {
            Some(version_id) => Ok(ObjectVersion { bucket: bucket.name, key, version_id }),
            None => Err(NotAnEvent::Unversioned(key)),
        }
    }
}

/// What S3 would say of a version that it sends no event about.
pub(crate) fn about(version: &ObjectVersion) -> Value {
    let key = utf8_percent_encode(&version.key, NON_ALPHANUMERIC).to_string();
    let object = json!({ "key": key, "versionId": version.version_id });
    json!({ "Records": [{ "s3": { "bucket": { "name": version.bucket }, "object": object } }] })
}

/// Keys come form-encoded: a plus is a space, and a real plus is `%2B`.
fn decode_key(encoded: &str) -> String {
    percent_decode_str(&encoded.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(key: &str) -> String {
        format!(
            r#"{{"Records":[{{"s3":{{"bucket":{{"name":"b"}},"object":{{"key":"{key}","versionId":"v1","size":5}}}}}}]}}"#
        )
    }

    fn keys(body: &str) -> Vec<String> {
        match Event::read(body).unwrap() {
            Event::Delivered(versions) => versions.into_iter().map(|version| version.key).collect(),
            Event::Test => panic!("a test event"),
        }
    }

    #[test]
    fn b41_a_plus_is_a_space_and_an_encoded_plus_is_a_plus() {
        assert_eq!(keys(&delivered("incoming/orders/acme+ltd/a%2Bb.csv")), ["incoming/orders/acme ltd/a+b.csv"]);
        assert_eq!(keys(&delivered("incoming/o/%C3%BC/x%3D1.csv")), ["incoming/o/ü/x=1.csv"]);
    }

    #[test]
    fn b41_a_test_event_is_no_push_and_rubbish_is_named() {
        assert_eq!(Event::read(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#), Ok(Event::Test));
        assert!(matches!(Event::read("hello"), Err(NotAnEvent::Foreign(_))));
        assert!(matches!(Event::read(r#"{"Event":"other"}"#), Err(NotAnEvent::Foreign(_))));
        let unversioned = delivered("k").replace(r#","versionId":"v1""#, "");
        assert_eq!(Event::read(&unversioned), Err(NotAnEvent::Unversioned("k".into())));
    }

    #[test]
    fn our_own_events_are_read_as_those_of_s3_are() {
        let key = "parts/orders/Müller & Söhne +1%2F2/p/a b.csv".to_owned();
        let version = ObjectVersion { bucket: "b".to_owned(), key, version_id: "v 1".to_owned() };
        assert_eq!(Event::read(&about(&version).to_string()), Ok(Event::Delivered(vec![version])));
    }

    #[test]
    fn a_folder_marker_is_no_push() {
        assert!(keys(&delivered("incoming/orders/acme/")).is_empty());
    }
}
