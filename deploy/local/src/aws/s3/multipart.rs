//! Multipart uploads: parts wait here until they become one object, all at once.
//!
//! Deliberately absent: listing of uploads and parts, parts copied from other objects, and the answer that AWS gives again when
//! a completed upload is completed once more: who lost that reply finds `NoSuchUpload` and must look at the object.

use std::collections::BTreeMap;

use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::bucket::{Bucket, Headers, Object, Tags};
use super::checksum::{Algorithm, Checksum};
use super::events::Created;
use super::object::{condition, object_headers};
use super::payload::{Payload, etag};
use super::request::S3Request;
use super::{S3, tagging, xml};
use crate::aws::{ServiceError, hex, uuid};

/// Every part but the last has at least 5 MiB.
const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// An upload that is not completed yet.
#[derive(Debug)]
pub(crate) struct Upload {
    key: String,
    headers: Headers,
    tags: Tags,
    algorithm: Algorithm,
    /// The checksum of the whole is one of the parts' checksums.
    composite: bool,
    parts: BTreeMap<u32, Part>,
}

#[derive(Debug)]
struct Part {
    body: Bytes,
    etag: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InitiateMultipartUploadResult<'a> {
    bucket: &'a str,
    key: &'a str,
    upload_id: &'a str,
}

#[derive(Deserialize)]
struct CompleteMultipartUpload {
    #[serde(default, rename = "Part")]
    parts: Vec<CompletedPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CompletedPart {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CompleteMultipartUploadResult<'a> {
    location: String,
    bucket: &'a str,
    key: &'a str,
    #[serde(rename = "ETag")]
    etag: &'a str,
}

impl S3 {
    pub(crate) fn create_multipart_upload(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let algorithm = request.header("x-amz-checksum-algorithm").and_then(Algorithm::named);
        let kind = request.header("x-amz-checksum-type");
        let upload = Upload {
            key: request.key.clone(),
            headers: object_headers(request),
            tags: tagging::in_header(request)?,
            algorithm: algorithm.unwrap_or(Algorithm::Crc64Nvme),
            composite: !matches!(algorithm, None | Some(Algorithm::Crc64Nvme)) && kind != Some("FULL_OBJECT"),
            parts: BTreeMap::new(),
        };
        let upload_id = uuid();
        self.with(&request.bucket, |bucket| Ok(bucket.uploads.insert(upload_id.clone(), upload)))?;
        let result =
            InitiateMultipartUploadResult { bucket: &request.bucket, key: &request.key, upload_id: &upload_id };
        Ok(Answer::xml(200, "InitiateMultipartUploadResult", &result))
    }

    pub(crate) fn upload_part(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let number = request.required("partNumber")?.parse().ok().filter(|number| (1..=10_000).contains(number));
        let number = number.ok_or_else(|| {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            ServiceError::bad_request("InvalidArgument", message)
        })?;
        let algorithm = self.with(&request.bucket, |bucket| Ok(find(bucket, request)?.algorithm))?;
        let Payload { body, checksum } = Payload::read(request, algorithm)?;
        let etag = etag(&body);
        let part = Part { body, etag: etag.clone() };
        self.with(&request.bucket, |bucket| Ok(find(bucket, request)?.parts.insert(number, part)))?;
        Ok(Answer::new(200).with("etag", etag).with_checksum(&checksum))
    }

    pub(crate) fn complete_multipart_upload(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let wanted: CompleteMultipartUpload = xml::read(&request.body)?;
        let condition = condition(request);
        let (object, tags) = self.with(&request.bucket, |bucket| {
            bucket.check(&request.key, &condition)?;
            find(bucket, request)?.join(&wanted.parts)
        })?;
        let (etag, checksum) = (object.etag.clone(), object.checksum.clone());
        let created = Created::CompleteMultipartUpload;
        let written = self.write(&request.bucket, &request.key, object, tags, &condition, created)?;
        self.with(&request.bucket, |bucket| Ok(bucket.uploads.remove(request.required("uploadId")?)))?;
        let result = CompleteMultipartUploadResult {
            location: format!("http://{}/{}", request.header("host").unwrap_or_default(), request.path()),
            bucket: &request.bucket,
            key: &request.key,
            etag: &etag,
        };
        let answer = Answer::xml(200, "CompleteMultipartUploadResult", &result);
        Ok(answer.with_version(written.version).with_checksum(&checksum))
    }

    pub(crate) fn abort_multipart_upload(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        self.with(&request.bucket, |bucket| {
            find(bucket, request)?;
            bucket.uploads.remove(request.required("uploadId")?);
            Ok(Answer::new(204))
        })
    }
}

impl Upload {
    /// The object that these parts make.
    fn join(&self, wanted: &[CompletedPart]) -> Result<(Object, Tags), ServiceError> {
        if wanted.is_empty() {
            return Err(ServiceError::bad_request("MalformedXML", "You must specify at least one part"));
        }
        if !wanted.is_sorted_by(|one, next| one.part_number < next.part_number) {
            let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(ServiceError::bad_request("InvalidPartOrder", message));
        }
        let parts: Option<Vec<&Part>> = wanted.iter().map(|wanted| self.part(wanted)).collect();
        let parts = parts.ok_or_else(|| {
            let message = "One or more of the specified parts could not be found.";
            ServiceError::bad_request("InvalidPart", message)
        })?;
        if parts[..parts.len() - 1].iter().any(|part| part.body.len() < MIN_PART_BYTES) {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(ServiceError::bad_request("EntityTooSmall", message));
        }
        let bodies: Vec<&[u8]> = parts.iter().map(|part| part.body.as_ref()).collect();
        let digests: Vec<u8> = bodies.iter().flat_map(Md5::digest).collect();
        let etag = format!("\"{}-{}\"", hex(&Md5::digest(digests)), parts.len());
        let checksum: Checksum = self.algorithm.of_parts(&bodies, self.composite);
        let object = Object { body: bodies.concat().into(), etag, headers: self.headers.clone(), checksum };
        Ok((object, self.tags.clone()))
    }

    fn part(&self, wanted: &CompletedPart) -> Option<&Part> {
        let part = self.parts.get(&wanted.part_number)?;
        (part.etag.trim_matches('"') == wanted.etag.trim_matches('"')).then_some(part)
    }
}

fn find<'a>(bucket: &'a mut Bucket, request: &S3Request) -> Result<&'a mut Upload, ServiceError> {
    let upload = bucket.uploads.get_mut(request.required("uploadId")?).filter(|upload| upload.key == request.key);
    upload.ok_or_else(|| ServiceError::new(404, "NoSuchUpload", "The specified upload does not exist."))
}
