//! Tags of object versions: as XML, in a header, and what S3 refuses about them.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::bucket::Tags;
use super::request::S3Request;
use super::{S3, xml};
use crate::aws::ServiceError;

/// `Tagging`, in XML and in the JSON of Step Functions.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    tag_set: TagSet,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct TagSet {
    #[serde(default, rename = "Tag")]
    tags: Vec<Tag>,
}

/// One tag.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

impl S3 {
    pub(crate) fn put_object_tagging(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let tagging: Tagging = xml::read(&request.body)?;
        let tags = check(tagging.tag_set.tags)?;
        let id = self.set_tags(&request.bucket, &request.key, request.version_id(), tags)?;
        Ok(Answer::new(200).with_version(id))
    }

    pub(crate) fn delete_object_tagging(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let id = self.set_tags(&request.bucket, &request.key, request.version_id(), Tags::new())?;
        Ok(Answer::new(204).with_version(id))
    }

    pub(crate) fn get_object_tagging(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let (tags, id) = self.tags(&request.bucket, &request.key, request.version_id())?;
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Ok(Answer::xml(200, "Tagging", &Tagging { tag_set: TagSet { tags } }).with_version(id))
    }

    /// Replaces the whole tag set of a version; returns its id.
    pub(crate) fn set_tags(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        tags: Tags,
    ) -> Result<Option<String>, ServiceError> {
        self.with(bucket, |bucket| {
            bucket.set_tags(key, version, tags)?;
            let (version, _) = bucket.get(key, version)?;
            Ok(bucket.shown_id(version))
        })
    }

    pub(crate) fn tags(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<(Tags, Option<String>), ServiceError> {
        self.with(bucket, |bucket| {
            let (version, _) = bucket.get(key, version)?;
            Ok((version.tags.clone(), bucket.shown_id(version)))
        })
    }
}

/// `x-amz-tagging: a=1&b=2`
pub(crate) fn in_header(request: &S3Request) -> Result<Tags, ServiceError> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = request.header("x-amz-tagging").unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    check(pairs.map(|(key, value)| Tag { key: decode(key), value: decode(value) }).collect())
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
pub(crate) fn check(tags: Vec<Tag>) -> Result<Tags, ServiceError> {
    let allowed = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "+-=._:/@".contains(c));
    if tags.len() > 10 {
        return Err(ServiceError::bad_request("BadRequest", "Object tags cannot be greater than 10"));
    }
    let mut checked = Tags::new();
    for Tag { key, value } in tags {
        let sound = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        if !sound || !allowed(&key) || !allowed(&value) {
            return Err(ServiceError::bad_request("InvalidTag", "The TagKey or TagValue you have provided is invalid"));
        }
        if checked.iter().any(|(given, _)| *given == key) {
            let message = "Cannot provide multiple Tags with the same key";
            return Err(ServiceError::bad_request("InvalidTag", message));
        }
        checked.push((key, value));
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(key: &str, value: &str, refused: bool) {
        let tag = Tag { key: key.to_owned(), value: value.to_owned() };
        assert_eq!(check(vec![tag]).is_err(), refused, "{key:?}={value:?}");
    }

    #[test]
    fn tags_that_s3_would_not_take_are_refused() {
        check_one("holdpoint", "accepted", false);
        check_one("ключ", "a b+c-d=e.f_g:h/i@j", false);
        check_one("", "x", true);
        check_one("k", "a,b", true);
        check_one("k", &"v".repeat(257), true);
        let tag = |key: usize| Tag { key: key.to_string(), value: String::new() };
        assert!(check((0..10).map(tag).collect()).is_ok());
        assert!(check((0..11).map(tag).collect()).is_err());
        assert!(check(vec![tag(1), tag(1)]).is_err());
    }
}
