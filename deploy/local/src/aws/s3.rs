//! S3: versioned buckets in memory, spoken to in AWS's REST and XML.
//!
//! What the product rests on is exact: versions, conditional writes, checksums, tags, presigned URLs, `ObjectCreated` events.
//! Every operation is one step under one lock, so a conditional write has one winner. An object never changes and is shared
//! with the replies that carry it. A setting that has no effect here (lifecycle, encryption, policy, …) is kept as it came.
//!
//! Deliberately absent: access control, storage classes, object lock, the listing of version 1, uploads by form.

mod answer;
mod bucket;
mod checksum;
mod events;
mod integration;
mod list;
mod multipart;
mod object;
mod payload;
mod request;
mod settings;
mod signature;
mod tagging;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::Serialize;

use self::answer::Answer;
use self::bucket::{Bucket, Condition, Object, Tags};
use self::events::Created;
pub(crate) use self::integration::as_states_name_it;
pub(crate) use self::object::Source;
pub(crate) use self::request::{Operation, S3Request};
use super::reply::{Reply, request_id};
use super::sqs::Sqs;
use super::{SECRET_KEY, ServiceError};

/// All buckets of one stand-in.
pub(crate) struct S3 {
    /// Guards every bucket and what is in it; never held over an await. Taken before the lock of the queues, never after it.
    buckets: Mutex<BTreeMap<String, Bucket>>,
    /// Where events go.
    sqs: Arc<Sqs>,
}

/// What a write became.
#[derive(Debug)]
struct Written {
    version: Option<String>,
    modified: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorDocument<'a> {
    code: &'a str,
    message: &'a str,
    resource: &'a str,
    request_id: String,
}

impl S3 {
    pub(crate) fn new(sqs: Arc<Sqs>) -> Self {
        Self { buckets: Mutex::default(), sqs }
    }

    pub(crate) fn handle(&self, request: &S3Request) -> Reply {
        self.serve(request).map_or_else(|error| error_reply(request, &error), Answer::into_reply)
    }

    fn serve(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        signature::check(request, SECRET_KEY, holdpoint_platform::now())?;
        match request.operation {
            Operation::AbortMultipartUpload => self.abort_multipart_upload(request),
            Operation::CompleteMultipartUpload => self.complete_multipart_upload(request),
            Operation::CopyObject => self.copy_object(request),
            Operation::CreateBucket => self.create_bucket(request),
            Operation::CreateMultipartUpload => self.create_multipart_upload(request),
            Operation::DeleteBucket => self.delete_bucket(request),
            Operation::DeleteBucketDocument => self.delete_document(request),
            Operation::DeleteObject => self.delete_object(request),
            Operation::DeleteObjectTagging => self.delete_object_tagging(request),
            Operation::DeleteObjects => self.delete_objects(request),
            Operation::GetBucketDocument => self.document(request),
            Operation::GetBucketLocation => self.bucket_location(request),
            Operation::GetBucketNotificationConfiguration => self.notification(request),
            Operation::GetBucketVersioning => self.versioning(request),
            Operation::GetObject | Operation::HeadObject => self.get_object(request),
            Operation::GetObjectTagging => self.get_object_tagging(request),
            Operation::HeadBucket => self.head_bucket(request),
            Operation::ListBuckets => Ok(self.list_buckets()),
            Operation::ListObjectVersions => self.list_object_versions(request),
            Operation::ListObjectsV2 => self.list_objects_v2(request),
            Operation::PutBucketDocument => self.put_document(request),
            Operation::PutBucketNotificationConfiguration => self.put_notification(request),
            Operation::PutBucketVersioning => self.put_versioning(request),
            Operation::PutObject => self.put_object(request),
            Operation::PutObjectTagging => self.put_object_tagging(request),
            Operation::UploadPart => self.upload_part(request),
            Operation::NotImplemented => {
                let message = "A header you provided implies functionality that is not implemented";
                Err(ServiceError::new(501, "NotImplemented", message))
            }
        }
    }

    /// Stores a version and tells the queues that want to hear of it.
    fn write(
        &self,
        bucket_name: &str,
        key: &str,
        object: Object,
        tags: Tags,
        condition: &Condition,
        created: Created,
    ) -> Result<Written, ServiceError> {
        let (written, messages) = self.with(bucket_name, |bucket| {
            let version = bucket.put(key, object, tags, condition)?.clone();
            let id = bucket.shown_id(&version);
            let listening = bucket.targets.iter().filter(|target| target.wants(created, key));
            let messages: Vec<(String, String)> = listening
                .map(|target| {
                    let message = target.message(created, bucket_name, key, &version, id.as_deref());
                    (target.queue_arn.clone(), message)
                })
                .collect();
            Ok((Written { version: id, modified: version.modified }, messages))
        })?;
        for (queue_arn, message) in messages {
            self.sqs.deliver(&queue_arn, message); // a queue that is gone hears nothing, as on AWS
        }
        Ok(written)
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Bucket) -> Result<T, ServiceError>) -> Result<T, ServiceError> {
        act(self.lock().get_mut(name).ok_or_else(no_such_bucket)?)
    }

    /// No code under this lock leaves a bucket half changed where it could panic.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal, as S3 writes it.
pub(crate) fn error_reply(request: &S3Request, error: &ServiceError) -> Reply {
    let ServiceError { status, code, message } = error;
    let document = ErrorDocument { code, message, resource: request.parts.uri.path(), request_id: request_id() };
    Answer::xml(*status, "Error", &document).into_reply()
}

fn no_such_bucket() -> ServiceError {
    ServiceError::new(404, "NoSuchBucket", "The specified bucket does not exist")
}

/// As in XML and JSON.
fn timestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// As in headers.
fn http_date(at: Timestamp) -> String {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .expect("the present is within the years that HTTP can write")
}
