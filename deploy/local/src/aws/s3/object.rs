//! Objects over HTTP: put, get, head, delete, copy.

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::bucket::{Bucket, Condition, Headers, Object, Tags, Version, precondition_failed};
use super::checksum::Algorithm;
use super::events::Created;
use super::payload::{Payload, etag};
use super::request::S3Request;
use super::{S3, http_date, tagging, timestamp, xml};
use crate::aws::ServiceError;

/// Headers of an upload that come back with the object.
const KEPT_HEADERS: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

/// A copy to make.
#[derive(Debug)]
pub(crate) struct Copy<'a> {
    pub(crate) source: Source,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    /// Instead of the source's own.
    pub(crate) headers: Option<Headers>,
    /// Instead of the source's own.
    pub(crate) tags: Option<Tags>,
    pub(crate) condition: Condition,
}

/// A `CopySource`: `bucket/key?versionId=…`, percent-encoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: Option<String>,
}

/// What a copy became.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) source_version: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) etag: String,
    pub(crate) modified: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CopyObjectResult<'a> {
    #[serde(rename = "ETag")]
    etag: &'a str,
    last_modified: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    #[serde(default, rename = "Object")]
    objects: Vec<Doomed>,
    #[serde(default)]
    quiet: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Doomed {
    key: String,
    version_id: Option<String>,
}

#[derive(Serialize)]
struct DeleteResult {
    #[serde(rename = "Deleted")]
    deleted: Vec<Deleted>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Deleted {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_marker: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_marker_version_id: Option<String>,
}

impl S3 {
    pub(crate) fn put_object(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let Payload { body, checksum } = Payload::read(request, Algorithm::Crc64Nvme)?;
        let etag = etag(&body);
        let object = Object { body, etag: etag.clone(), headers: object_headers(request), checksum: checksum.clone() };
        let (tags, condition) = (tagging::in_header(request)?, condition(request));
        let written = self.write(&request.bucket, &request.key, object, tags, &condition, Created::Put)?;
        Ok(Answer::new(200).with("etag", etag).with_checksum(&checksum).with_version(written.version))
    }

    /// GET and HEAD; the server leaves the body of a HEAD out.
    pub(crate) fn get_object(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        self.with(&request.bucket, |bucket| {
            let (version, object) = bucket.get(&request.key, request.version_id())?;
            let answer = describe(bucket, version, object);
            let matches = |etags: &str| etags == "*" || etags.split(',').any(|etag| etag.trim() == object.etag);
            if request.header("if-match").is_some_and(|etags| !matches(etags)) {
                return Err(precondition_failed());
            }
            if request.header("if-none-match").is_some_and(matches) {
                return Ok(Answer::new(304).with("etag", &object.etag).with_version(bucket.shown_id(version)));
            }
            send(answer, object, request)
        })
    }

    pub(crate) fn delete_object(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let gone = self.with(&request.bucket, |bucket| {
            bucket.check(&request.key, &condition(request))?;
            Ok(bucket.delete(&request.key, request.version_id()))
        })?;
        let Some(version) = gone else { return Ok(Answer::new(204)) };
        let answer = Answer::new(204).with_version(Some(version.id));
        Ok(if version.object.is_none() { answer.with("x-amz-delete-marker", "true") } else { answer })
    }

    pub(crate) fn delete_objects(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let Delete { objects, quiet } = xml::read(&request.body)?;
        if objects.is_empty() || objects.len() > 1_000 {
            return Err(ServiceError::bad_request("MalformedXML", "Between 1 and 1000 keys can be deleted at once."));
        }
        let mut deleted = self.with(&request.bucket, |bucket| {
            Ok(objects.into_iter().map(|doomed| doomed.delete(bucket)).collect::<Vec<_>>())
        })?;
        if quiet {
            deleted.clear();
        }
        Ok(Answer::xml(200, "DeleteResult", &DeleteResult { deleted }))
    }

    pub(crate) fn copy_object(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        if request.parts.headers.keys().any(|name| name.as_str().starts_with("x-amz-copy-source-if")) {
            return Err(ServiceError::new(
                501,
                "NotImplemented",
                "The stand-in has no conditions on the source of a copy.",
            ));
        }
        let replaces = |directive: &str| request.header(directive) == Some("REPLACE");
        let tags = if replaces("x-amz-tagging-directive") { Some(tagging::in_header(request)?) } else { None };
        let copied = self.copy(Copy {
            source: Source::parse(request.header("x-amz-copy-source").unwrap_or_default())?,
            bucket: &request.bucket,
            key: &request.key,
            headers: replaces("x-amz-metadata-directive").then(|| object_headers(request)),
            tags,
            condition: condition(request),
        })?;
        let result = CopyObjectResult { etag: &copied.etag, last_modified: &copied.modified };
        let answer = Answer::xml(200, "CopyObjectResult", &result).with_version(copied.version);
        Ok(match copied.source_version {
            Some(id) => answer.with("x-amz-copy-source-version-id", id),
            None => answer,
        })
    }

    pub(crate) fn copy(&self, copy: Copy<'_>) -> Result<Copied, ServiceError> {
        let Source { bucket, key, version } = copy.source;
        let (object, tags, source_version) = self.with(&bucket, |bucket| {
            let (version, object) = bucket.get(&key, version.as_deref())?;
            Ok((object.clone(), version.tags.clone(), bucket.shown_id(version)))
        })?;
        let new = Object {
            body: object.body.clone(),
            etag: etag(&object.body),
            headers: copy.headers.unwrap_or_else(|| object.headers.clone()),
            checksum: object.checksum.algorithm.of(&object.body),
        };
        let etag = new.etag.clone();
        let tags = copy.tags.unwrap_or(tags);
        let written = self.write(copy.bucket, copy.key, new, tags, &copy.condition, Created::Copy)?;
        Ok(Copied { source_version, version: written.version, etag, modified: timestamp(written.modified) })
    }
}

impl Source {
    pub(crate) fn parse(text: &str) -> Result<Self, ServiceError> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = percent_decode_str(path).decode_utf8_lossy();
        let (bucket, key) =
            path.trim_start_matches('/').split_once('/').filter(|(_, key)| !key.is_empty()).ok_or_else(|| {
                let message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
                ServiceError::bad_request("InvalidArgument", message)
            })?;
        let version = query.strip_prefix("versionId=").map(ToOwned::to_owned);
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), version })
    }
}

impl Doomed {
    fn delete(self, bucket: &mut Bucket) -> Deleted {
        let gone = bucket.delete(&self.key, self.version_id.as_deref());
        let marker = gone.filter(|version| version.object.is_none());
        Deleted {
            key: self.key,
            version_id: self.version_id,
            delete_marker: marker.as_ref().map(|_| true),
            delete_marker_version_id: marker.map(|version| version.id),
        }
    }
}

/// What of an upload's headers stays with the object.
pub(crate) fn object_headers(request: &S3Request) -> Headers {
    let kept = |name: &str| KEPT_HEADERS.contains(&name) || name.starts_with("x-amz-meta-");
    let headers = request.parts.headers.iter().filter(|(name, _)| kept(name.as_str()));
    let mut headers: Headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .map(|(name, value)| if name == "content-encoding" { (name, without_chunking(&value)) } else { (name, value) })
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), "binary/octet-stream".to_owned()));
    }
    headers
}

/// The condition of a write.
pub(crate) fn condition(request: &S3Request) -> Condition {
    match (request.header("if-none-match"), request.header("if-match")) {
        (Some("*"), _) => Condition::Absent,
        (_, Some(etag)) => Condition::Is(etag.to_owned()),
        _ => Condition::Always,
    }
}

fn without_chunking(encoding: &str) -> String {
    encoding.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect::<Vec<_>>().join(",")
}

fn describe(bucket: &Bucket, version: &Version, object: &Object) -> Answer {
    let answer = Answer::new(200)
        .with("etag", &object.etag)
        .with("last-modified", http_date(version.modified))
        .with("accept-ranges", "bytes")
        .with_all(&object.headers)
        .with_version(bucket.shown_id(version));
    if version.tags.is_empty() { answer } else { answer.with("x-amz-tagging-count", version.tags.len().to_string()) }
}

/// The whole body with its checksum, or the range that was asked for without one: it would be of something else.
fn send(answer: Answer, object: &Arc<Object>, request: &S3Request) -> Result<Answer, ServiceError> {
    let overrides = request.query.iter().filter_map(|(name, value)| Some((name.strip_prefix("response-")?, value)));
    let answer = overrides.fold(answer, |answer, (name, value)| answer.with(name, value));
    let size = object.body.len();
    match request.header("range").and_then(|range| range.strip_prefix("bytes=")).filter(|range| !range.contains(',')) {
        Some(range) => {
            let (first, last) = resolve_range(range, size)?;
            let content_range = format!("bytes {first}-{last}/{size}");
            let part: Bytes = object.body.slice(first..=last);
            Ok(answer.status(206).with("content-range", content_range).body(part))
        }
        None if request.header("x-amz-checksum-mode").is_some() => {
            Ok(answer.with_checksum(&object.checksum).body(object.body.clone()))
        }
        None => Ok(answer.body(object.body.clone())),
    }
}

/// The first and the last byte of `a-b`, `a-` or `-n`.
fn resolve_range(range: &str, size: usize) -> Result<(usize, usize), ServiceError> {
    let not_satisfiable = || ServiceError::new(416, "InvalidRange", "The requested range is not satisfiable");
    let (first, last) = range.split_once('-').ok_or_else(not_satisfiable)?;
    let number = |text: &str| text.parse::<usize>().ok();
    let (first, last) = match (number(first), number(last)) {
        (Some(first), last) => (first, last.unwrap_or(usize::MAX).min(size.saturating_sub(1))),
        (None, Some(length)) if length > 0 => (size.saturating_sub(length), size.saturating_sub(1)),
        _ => return Err(not_satisfiable()),
    };
    if first < size && first <= last { Ok((first, last)) } else { Err(not_satisfiable()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_range(range: &str, size: usize, expected: Option<(usize, usize)>) {
        assert_eq!(resolve_range(range, size).ok(), expected, "{range} of {size}");
    }

    #[test]
    fn ranges_are_inclusive_and_cut_at_the_end() {
        check_range("0-0", 10, Some((0, 0)));
        check_range("4-", 10, Some((4, 9)));
        check_range("4-99", 10, Some((4, 9)));
        check_range("-3", 10, Some((7, 9)));
        check_range("-99", 10, Some((0, 9)));
        check_range("10-", 10, None);
        check_range("-0", 10, None);
        check_range("5-4", 10, None);
        check_range("0-", 0, None);
    }

    #[test]
    fn a_copy_source_names_bucket_key_and_version() {
        let source = |key: &str, version: Option<&str>| Source {
            bucket: "b".to_owned(),
            key: key.to_owned(),
            version: version.map(ToOwned::to_owned),
        };
        assert_eq!(Source::parse("b/k"), Ok(source("k", None)));
        assert_eq!(Source::parse("/b/a%20b%2Bc%3F/k?versionId=v1"), Ok(source("a b+c?/k", Some("v1"))));
        assert!(Source::parse("b/").is_err());
        assert!(Source::parse("b").is_err());
    }
}
