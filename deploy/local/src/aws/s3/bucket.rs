//! A bucket as a plain value: keys, their versions, and what a write may find there. No HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::checksum::Checksum;
use super::events::Target;
use super::multipart::Upload;
use crate::aws::ServiceError;

/// The version id of what was written while versioning was not on.
pub(crate) const NULL_VERSION: &str = "null";

/// Whether writes keep what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Versioning {
    #[default]
    Off,
    Enabled,
    Suspended,
}

/// One bucket.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) created: Timestamp,
    pub(crate) versioning: Versioning,
    pub(crate) targets: Vec<Target>,
    /// The XML of the targets, given back as it came.
    pub(crate) notification: Bytes,
    pub(crate) documents: BTreeMap<&'static str, Bytes>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    /// Oldest first; never empty.
    versions: BTreeMap<String, Vec<Version>>,
}

/// One version of one key.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) modified: Timestamp,
    /// `None` is a delete marker.
    pub(crate) object: Option<Arc<Object>>,
    pub(crate) tags: Tags,
}

/// What was stored, never changed afterwards.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    /// In quotes, as it travels.
    pub(crate) etag: String,
    /// `content-type` and its kin, and `x-amz-meta-…`, as they came.
    pub(crate) headers: Headers,
    pub(crate) checksum: Checksum,
}

pub(crate) type Tags = Vec<(String, String)>;
pub(crate) type Headers = Vec<(String, String)>;

/// What must be there for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Always,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match`
    Is(String),
}

impl Bucket {
    pub(crate) fn new(created: Timestamp) -> Self {
        Self { created, ..Self::default() }
    }

    /// Writes a version, if the condition holds; returns it.
    pub(crate) fn put(
        &mut self,
        key: &str,
        object: Object,
        tags: Tags,
        condition: &Condition,
    ) -> Result<&Version, ServiceError> {
        self.check(key, condition)?;
        Ok(self.push(key, Some(Arc::new(object)), tags))
    }

    /// Fails as a write under this condition would.
    pub(crate) fn check(&self, key: &str, condition: &Condition) -> Result<(), ServiceError> {
        let current = self.current(key);
        let holds = match (condition, current) {
            (Condition::Always, _) | (Condition::Absent, None) => true,
            (Condition::Absent, Some(_)) => false,
            (Condition::Is(_), None) => return Err(no_such_key()),
            (Condition::Is(etag), Some((_, object))) => etag.trim_matches('"') == object.etag.trim_matches('"'),
        };
        if holds { Ok(()) } else { Err(precondition_failed()) }
    }

    /// The current version, unless it is a delete marker; or the named one.
    pub(crate) fn get(&self, key: &str, version: Option<&str>) -> Result<(&Version, &Arc<Object>), ServiceError> {
        let Some(id) = version else { return self.current(key).ok_or_else(no_such_key) };
        let versions = self.versions.get(key).map(Vec::as_slice).unwrap_or_default();
        let version = versions.iter().find(|version| version.id == id).ok_or_else(no_such_version)?;
        version.object.as_ref().map(|object| (version, object)).ok_or_else(is_delete_marker)
    }

    /// Replaces the tags of one version; returns its id.
    pub(crate) fn set_tags(&mut self, key: &str, version: Option<&str>, tags: Tags) -> Result<String, ServiceError> {
        let id = self.get(key, version)?.0.id.clone();
        let mut versions = self.versions.get_mut(key).into_iter().flatten();
        let version = versions.find(|version| version.id == id).expect("it was just found");
        version.tags = tags;
        Ok(id)
    }

    /// Without a version id: a delete marker, where versions are kept. With one: that version, for good. What is not there is
    /// deleted already. Returns the version that came or went.
    pub(crate) fn delete(&mut self, key: &str, version: Option<&str>) -> Option<Version> {
        match (version, self.versioning) {
            (Some(id), _) => self.remove(key, id),
            (None, Versioning::Off) => self.remove(key, NULL_VERSION).and(None),
            (None, _) => Some(self.push(key, None, Tags::new()).clone()),
        }
    }

    /// Keys in order with their versions, newest first.
    pub(crate) fn entries<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a [Version])> {
        let keys = self.versions.range(prefix.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix));
        keys.map(|(key, versions)| (key.as_str(), versions.as_slice()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// The id as replies show it: not at all in a bucket that never had versions.
    pub(crate) fn shown_id(&self, version: &Version) -> Option<String> {
        (self.versioning != Versioning::Off).then(|| version.id.clone())
    }

    fn current(&self, key: &str) -> Option<(&Version, &Arc<Object>)> {
        let version = self.versions.get(key)?.last()?;
        version.object.as_ref().map(|object| (version, object))
    }

    fn push(&mut self, key: &str, object: Option<Arc<Object>>, tags: Tags) -> &Version {
        let id = match self.versioning {
            Versioning::Enabled => format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
            Versioning::Off | Versioning::Suspended => NULL_VERSION.to_owned(),
        };
        let versions = self.versions.entry(key.to_owned()).or_default();
        versions.retain(|version| version.id != id);
        versions.push(Version { id, modified: holdpoint_platform::now(), object, tags });
        versions.last().expect("it was just pushed")
    }

    fn remove(&mut self, key: &str, id: &str) -> Option<Version> {
        let versions = self.versions.get_mut(key)?;
        let removed = versions.iter().position(|version| version.id == id).map(|at| versions.remove(at));
        if versions.is_empty() {
            self.versions.remove(key);
        }
        removed
    }
}

pub(crate) fn no_such_key() -> ServiceError {
    ServiceError::new(404, "NoSuchKey", "The specified key does not exist.")
}

pub(crate) fn precondition_failed() -> ServiceError {
    let message = "At least one of the pre-conditions you specified did not hold";
    ServiceError::new(412, "PreconditionFailed", message)
}

fn no_such_version() -> ServiceError {
    ServiceError::new(404, "NoSuchVersion", "The specified version does not exist.")
}

fn is_delete_marker() -> ServiceError {
    ServiceError::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::s3::checksum::Algorithm;
    use crate::aws::s3::payload::etag;

    fn object(body: &'static str) -> Object {
        let body = Bytes::from_static(body.as_bytes());
        let (etag, checksum) = (etag(&body), Algorithm::Crc32.of(&body));
        Object { body, etag, headers: Headers::new(), checksum }
    }

    fn put(bucket: &mut Bucket, body: &'static str) -> String {
        bucket.put("k", object(body), Tags::new(), &Condition::Always).unwrap().id.clone()
    }

    fn body(bucket: &Bucket, version: Option<&str>) -> Result<String, String> {
        let found = bucket.get("k", version);
        found.map(|(_, object)| String::from_utf8(object.body.to_vec()).unwrap()).map_err(|error| error.code)
    }

    fn kept(bucket: &Bucket) -> usize {
        bucket.entries("").map(|(_, versions)| versions.len()).sum()
    }

    #[test]
    fn every_version_stays_readable_until_it_is_deleted_itself() {
        let mut bucket = Bucket { versioning: Versioning::Enabled, ..Bucket::default() };
        let (one, two) = (put(&mut bucket, "1"), put(&mut bucket, "2"));
        let marker = bucket.delete("k", None).unwrap().id;
        assert_eq!(body(&bucket, None), Err("NoSuchKey".to_owned()));
        assert_eq!(body(&bucket, Some(&marker)), Err("MethodNotAllowed".to_owned()));
        assert_eq!(body(&bucket, Some(&one)), Ok("1".to_owned()));
        bucket.delete("k", Some(&marker));
        assert_eq!(body(&bucket, None), Ok("2".to_owned()));
        bucket.delete("k", Some(&two));
        assert_eq!(body(&bucket, None), Ok("1".to_owned()));
        assert_eq!(body(&bucket, Some(&two)), Err("NoSuchVersion".to_owned()));
        bucket.delete("k", Some(&one));
        assert!(bucket.is_empty());
    }

    #[test]
    fn without_versioning_there_is_one_version_and_with_suspended_versioning_one_more() {
        let mut bucket = Bucket::default();
        assert_eq!([put(&mut bucket, "1"), put(&mut bucket, "2")], [NULL_VERSION, NULL_VERSION]);
        assert_eq!(kept(&bucket), 1);
        bucket.versioning = Versioning::Enabled;
        put(&mut bucket, "3");
        bucket.versioning = Versioning::Suspended;
        put(&mut bucket, "4");
        assert_eq!(kept(&bucket), 2);
        assert_eq!(body(&bucket, Some(NULL_VERSION)), Ok("4".to_owned()));
        bucket.versioning = Versioning::Off;
        bucket.delete("k", None);
        assert_eq!(body(&bucket, None), Ok("3".to_owned()));
    }

    #[test]
    fn a_conditional_write_wants_what_it_names() {
        let mut bucket = Bucket { versioning: Versioning::Enabled, ..Bucket::default() };
        let check = |bucket: &Bucket, condition: &Condition, refused: Option<&str>| {
            let code = bucket.check("k", condition).err().map(|error| error.code);
            assert_eq!(code.as_deref(), refused, "{condition:?}");
        };
        let (one, two) = (Condition::Is(etag(b"1")), Condition::Is(etag(b"2")));
        check(&bucket, &Condition::Absent, None);
        check(&bucket, &one, Some("NoSuchKey"));
        put(&mut bucket, "1");
        check(&bucket, &Condition::Absent, Some("PreconditionFailed"));
        check(&bucket, &one, None);
        check(&bucket, &two, Some("PreconditionFailed"));
        bucket.delete("k", None);
        check(&bucket, &Condition::Absent, None);
        check(&bucket, &one, Some("NoSuchKey"));
    }
}
