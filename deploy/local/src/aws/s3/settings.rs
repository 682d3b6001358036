//! Buckets themselves: made, found, versioned, and told whom to notify.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::bucket::{Bucket, Versioning};
use super::events::{Target, test_message};
use super::request::S3Request;
use super::{S3, no_such_bucket, timestamp, xml};
use crate::aws::{REGION, ServiceError};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersioningConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListAllMyBucketsResult {
    buckets: Buckets,
}

#[derive(Serialize)]
struct Buckets {
    #[serde(rename = "Bucket")]
    buckets: Vec<Listed>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
    creation_date: String,
}

impl S3 {
    /// A second time is no error, as in `us-east-1`.
    pub(crate) fn create_bucket(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let name = &request.bucket;
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-.".contains(&c);
        if !(3..=63).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(ServiceError::bad_request("InvalidBucketName", "The specified bucket is not valid."));
        }
        self.lock().entry(name.clone()).or_insert_with(|| Bucket::new(holdpoint_platform::now()));
        Ok(Answer::new(200).with("location", format!("/{name}")))
    }

    pub(crate) fn head_bucket(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        self.with(&request.bucket, |_| Ok(Answer::new(200).with("x-amz-bucket-region", REGION)))
    }

    pub(crate) fn delete_bucket(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let mut buckets = self.lock();
        if !buckets.get(&request.bucket).ok_or_else(no_such_bucket)?.is_empty() {
            return Err(ServiceError::new(409, "BucketNotEmpty", "The bucket you tried to delete is not empty"));
        }
        buckets.remove(&request.bucket);
        Ok(Answer::new(204))
    }

    pub(crate) fn list_buckets(&self) -> Answer {
        let buckets = self.lock();
        let listed = |(name, bucket): (&String, &Bucket)| Listed {
            name: name.clone(),
            creation_date: timestamp(bucket.created),
        };
        let buckets = Buckets { buckets: buckets.iter().map(listed).collect() };
        Answer::xml(200, "ListAllMyBucketsResult", &ListAllMyBucketsResult { buckets })
    }

    pub(crate) fn bucket_location(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        self.with(&request.bucket, |_| Ok(Answer::xml(200, "LocationConstraint", &())))
    }

    pub(crate) fn put_versioning(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let configuration: VersioningConfiguration = xml::read(&request.body)?;
        let versioning = match configuration.status.as_deref() {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            _ => return Err(ServiceError::bad_request("IllegalVersioningConfigurationException", "No such status.")),
        };
        self.with(&request.bucket, |bucket| {
            bucket.versioning = versioning;
            Ok(Answer::new(200))
        })
    }

    pub(crate) fn versioning(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        self.with(&request.bucket, |bucket| {
            let status = match bucket.versioning {
                Versioning::Off => None,
                set => Some(format!("{set:?}")),
            };
            Ok(Answer::xml(200, "VersioningConfiguration", &VersioningConfiguration { status }))
        })
    }

    pub(crate) fn put_notification(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let targets = Target::read(&request.body)?;
        if !targets.iter().all(|target| self.sqs.exists(&target.queue_arn)) {
            let message = "Unable to validate the following destination configurations";
            return Err(ServiceError::bad_request("InvalidArgument", message));
        }
        self.with(&request.bucket, |bucket| {
            bucket.targets.clone_from(&targets);
            bucket.notification = request.body.clone();
            Ok(())
        })?;
        for target in targets {
            self.sqs.deliver(&target.queue_arn, test_message(&request.bucket));
        }
        Ok(Answer::new(200))
    }

    pub(crate) fn notification(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        self.with(&request.bucket, |bucket| {
            if bucket.notification.is_empty() {
                return Ok(Answer::xml(200, "NotificationConfiguration", &()));
            }
            Ok(Answer::new(200).with("content-type", "application/xml").body(bucket.notification.clone()))
        })
    }

    pub(crate) fn put_document(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let document = request.document().ok_or_else(not_set)?;
        self.with(&request.bucket, |bucket| {
            bucket.documents.insert(document, request.body.clone());
            Ok(Answer::new(200))
        })
    }

    pub(crate) fn document(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        self.with(&request.bucket, |bucket| {
            let document = request.document().and_then(|name| bucket.documents.get(name)).ok_or_else(not_set)?;
            Ok(Answer::new(200).body(document.clone()))
        })
    }

    pub(crate) fn delete_document(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        self.with(&request.bucket, |bucket| {
            bucket.documents.retain(|name, _| Some(*name) != request.document());
            Ok(Answer::new(204))
        })
    }
}

/// AWS has a code for each kind of document; nothing here asks which.
fn not_set() -> ServiceError {
    ServiceError::new(404, "NoSuchConfiguration", "The specified configuration does not exist.")
}
