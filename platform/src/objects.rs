//! What was delivered, as far as an open review has to know it: whether a newer version is there.
//!
//! A customer's part of a push is an object of its own, under a key that no later push uses again. Its metadata names the
//! push that it is a part of: a newer version of that push has parts as well, under keys that differ only in the push's id.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_s3::{Client, error::SdkError, operation::head_object::HeadObjectError};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use holdpoint_review::ObjectVersion;

/// The metadata that says which push a part is a part of; see [`in_metadata`].
pub const PART_OF: &str = "holdpoint-part-of";

/// Names an object version in metadata, which takes ASCII only, and 2 KB of it: a key may have 1,024 bytes.
pub fn in_metadata(version: &ObjectVersion) -> String {
    let ObjectVersion { bucket, key, version_id } = version;
    BASE64_URL_SAFE_NO_PAD.encode(format!("{bucket}/{version_id}/{key}"))
}

fn from_metadata(text: &str) -> Option<ObjectVersion> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (bucket, rest) = text.split_once('/')?;
    let (version_id, key) = rest.split_once('/')?;
    Some(ObjectVersion { bucket: bucket.to_owned(), key: key.to_owned(), version_id: version_id.to_owned() })
}

/// The objects that reviews are about.
#[derive(Debug, Clone)]
pub struct Objects {
    s3: Client,
    /// Where parts are, and nobody but the analyzer writes them.
    bucket: String,
    /// That S3 denies it was said to an operator: each review would say it at each tick.
    is_denial_said: Arc<AtomicBool>,
}

/// Nothing is known.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// S3 does not let us ask: an operator must act.
    #[error("S3 denies looking at what was delivered; s3:GetObject and s3:ListBucket are needed there")]
    Denied,
    /// S3 did not answer.
    #[error("an object cannot be looked at")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Objects {
    /// Objects as this client sees them; parts are in this bucket, our own.
    pub fn new(s3: Client, bucket: &str) -> Self {
        Self { s3, bucket: bucket.to_owned(), is_denial_said: Arc::default() }
    }

    /// The version that lies over this one now; none where this one is the newest, or the object was deleted. For a part
    /// the same customer's part of the push's newest version, once it is there.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn newer_than(&self, version: &ObjectVersion) -> Result<Option<ObjectVersion>, ObjectsError> {
        let Some((newest, whole)) = self.newest(&version.bucket, &version.key).await? else { return Ok(None) };
        let Some(whole) = whole.filter(|_| self.is_part(version)) else {
            return Ok(Some(newest).filter(|newest| newest != version));
        };
        let Some((newer, _)) = self.newest(&whole.bucket, &whole.key).await? else { return Ok(None) };
        if newer == whole {
            return Ok(None);
        }
        let [push, newer] = [whole, newer].map(|whole| format!("/{}/", whole.push_id()));
        let part = self.newest(&version.bucket, &version.key.replace(&push, &newer)).await?.map(|(part, _)| part);
        Ok(part.filter(|part| part != version))
    }

    /// Whether it lies where nobody but the analyzer writes: what customers write of themselves is not believed.
    fn is_part(&self, version: &ObjectVersion) -> bool {
        version.bucket == self.bucket && version.key.starts_with("parts/")
    }

    /// The newest version of a key, and what it is a part of; none where there is none.
    async fn newest(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<Option<(ObjectVersion, Option<ObjectVersion>)>, ObjectsError> {
        let head = match self.s3.head_object().bucket(bucket).key(key).send().await {
            Ok(head) => head,
            Err(error) if is_deleted(&error) => return Ok(None),
            // A reply to HEAD has no body that could say more. S3 denies, too, what is deleted, to those who may not list.
            Err(error) if error.raw_response().is_some_and(|reply| reply.status().as_u16() == 403) => {
                return Err(ObjectsError::Denied);
            }
            Err(error) => return Err(ObjectsError::Unavailable(error.into())),
        };
        let whole = head.metadata().and_then(|metadata| from_metadata(metadata.get(PART_OF)?));
        let newest = |version_id| ObjectVersion { bucket: bucket.to_owned(), key: key.to_owned(), version_id };
        Ok(head.version_id.map(|version_id| (newest(version_id), whole)))
    }

    /// Whether an operator is to hear of this denial: of the first.
    pub(crate) fn is_first_denial(&self) -> bool {
        !self.is_denial_said.swap(true, Ordering::Relaxed)
    }
}

fn is_deleted(error: &SdkError<HeadObjectError>) -> bool {
    error.as_service_error().is_some_and(HeadObjectError::is_not_found)
}

#[cfg(test)]
mod tests {
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{method, path, path_regex},
    };

    use super::*;
    use crate::Clients;

    async fn newer(reply: ResponseTemplate) -> Result<Option<ObjectVersion>, ObjectsError> {
        let double = MockServer::start().await;
        Mock::given(method("HEAD")).respond_with(reply).mount(&double).await;
        let version = ObjectVersion { bucket: "b".into(), key: "k".into(), version_id: "v1".into() };
        Objects::new(Clients::of_stand_in(&double.uri(), "test").s3, "b").newer_than(&version).await
    }

    #[tokio::test]
    async fn b15_what_a_customer_says_it_is_a_part_of_is_not_believed() {
        let whole = ObjectVersion { bucket: "b".into(), key: "incoming/o/all/x.csv".into(), version_id: "w1".into() };
        let reply = |id: &str| ResponseTemplate::new(200).insert_header("x-amz-version-id", id);
        let named = format!("x-amz-meta-{PART_OF}");
        let is_replaced = async |bucket: &str, folder: &str| {
            let key = format!("{folder}/o/acme/{}/x.csv", whole.push_id());
            let double = MockServer::start().await;
            let newer_whole = Mock::given(path(format!("/b/{}", whole.key))).respond_with(reply("w2"));
            newer_whole.mount(&double).await;
            let part = Mock::given(path(format!("/{bucket}/{key}")));
            part.respond_with(reply("v1").insert_header(named.as_str(), in_metadata(&whole))).mount(&double).await;
            let newer_part = Mock::given(path_regex("/x.csv$")).respond_with(reply("v2")).with_priority(9);
            newer_part.mount(&double).await;
            let version = ObjectVersion { bucket: bucket.into(), key, version_id: "v1".into() };
            let objects = Objects::new(Clients::of_stand_in(&double.uri(), "test").s3, "b");
            objects.newer_than(&version).await.unwrap().is_some()
        };
        assert!(is_replaced("b", "parts").await, "the analyzer said so");
        assert!(!is_replaced("b", "incoming").await);
        assert!(!is_replaced("theirs", "parts").await);
    }

    #[tokio::test]
    async fn b15_a_denial_is_told_from_an_object_that_is_gone_and_from_silence() {
        let version = |id: &str| ResponseTemplate::new(200).insert_header("x-amz-version-id", id);
        assert_eq!(newer(version("v1")).await.unwrap(), None);
        assert_eq!(newer(version("v2")).await.unwrap().unwrap().version_id, "v2");
        assert_eq!(newer(ResponseTemplate::new(404)).await.unwrap(), None);
        assert!(matches!(newer(ResponseTemplate::new(403)).await, Err(ObjectsError::Denied)));
        assert!(matches!(newer(ResponseTemplate::new(400)).await, Err(ObjectsError::Unavailable(_))));
    }

    #[test]
    fn any_key_comes_back_from_metadata_which_takes_it() {
        for key in ["a", "incoming/orders/all/a b+é.csv", &"漢".repeat(341)] {
            let version = ObjectVersion { bucket: "b".repeat(63), key: key.into(), version_id: "v".repeat(32) };
            let text = in_metadata(&version);
            assert!(text.is_ascii() && text.len() < 2_000, "{}", text.len());
            assert_eq!(from_metadata(&text), Some(version));
        }
        assert_eq!(from_metadata("é"), None);
    }

    #[test]
    fn b15_an_operator_hears_of_a_denial_once() {
        let objects = Objects::new(Clients::of_stand_in("http://127.0.0.1:1", "test").s3, "b");
        let same = objects.clone();
        assert_eq!([objects.is_first_denial(), same.is_first_denial()], [true, false]);
    }
}
