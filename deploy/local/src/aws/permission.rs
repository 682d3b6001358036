//! What a request must be allowed to do, in IAM's words, and who says whether it is.
//!
//! Nothing is guarded until somebody sets a guard: tests hold the roles of a stack against what services really ask. An
//! operation and its permission often have different names; those of S3 are in "Required permissions for Amazon S3 API
//! operations". Absent: what encryption needs (KMS), resource policies, and all conditions but the prefix of a listing.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::ServiceError;
use super::s3::{Operation, S3Request, Source};
use super::sqs::{self, Sqs};

/// One thing that a request needs to be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// IAM's name: `s3:GetObjectVersion`.
    pub action: String,
    /// An ARN; `*` where IAM knows no resource for the action.
    pub resource: String,
}

type Judge = dyn Fn(&str, &Permission) -> bool + Send + Sync;

/// Says whether an access key may do something. A clone is another hold on the same one.
#[derive(Clone, Default)]
pub(crate) struct Guard(Arc<OnceLock<Box<Judge>>>);

impl Guard {
    /// From now on each request is judged; the first judge stays.
    pub(crate) fn set(&self, judge: impl Fn(&str, &Permission) -> bool + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(judge));
    }

    /// The first of these that is not allowed.
    pub(crate) fn denied<'a>(&self, access_key: &str, needed: &'a [Permission]) -> Option<&'a Permission> {
        let judge = self.0.get()?;
        needed.iter().find(|permission| !judge(access_key, permission))
    }

    /// Whether S3 does not say that an object is not there: it does to whoever may list the bucket. For a version this is
    /// assumed. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
    pub(crate) fn hides_absence(&self, access_key: &str, bucket: &str) -> bool {
        self.denied(access_key, &[of_bucket("s3:ListBucket", bucket)]).is_some()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

/// How S3 and SQS refuse what is not allowed.
pub(crate) fn access_denied() -> ServiceError {
    ServiceError::new(403, "AccessDenied", "Access Denied")
}

/// What a request to S3 needs.
pub(crate) fn of_s3(request: &S3Request) -> Vec<Permission> {
    let (bucket, key) = (request.bucket.as_str(), request.key.as_str());
    let object = |action: &str| of_object(action, bucket, key);
    let versioned =
        |plain: &str, of_version: &str| vec![object(if request.version_id().is_some() { of_version } else { plain })];
    match request.operation {
        Operation::GetObject | Operation::HeadObject => versioned("s3:GetObject", "s3:GetObjectVersion"),
        Operation::DeleteObject => versioned("s3:DeleteObject", "s3:DeleteObjectVersion"),
        Operation::GetObjectTagging => versioned("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
        Operation::PutObjectTagging => versioned("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
        Operation::DeleteObjectTagging => versioned("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
        Operation::PutObject => {
            let tags = request.header("x-amz-tagging").map(|_| object("s3:PutObjectTagging"));
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
            let compared = request.header("if-match").map(|_| object("s3:GetObject"));
            [object("s3:PutObject")].into_iter().chain(tags).chain(compared).collect()
        }
        Operation::CreateMultipartUpload | Operation::UploadPart | Operation::CompleteMultipartUpload => {
            vec![object("s3:PutObject")]
        }
        Operation::AbortMultipartUpload => vec![object("s3:AbortMultipartUpload")],
        Operation::CopyObject => of_copy(request.header("x-amz-copy-source").unwrap_or_default(), bucket, key),
        Operation::ListObjectsV2 | Operation::HeadBucket => vec![of_bucket("s3:ListBucket", bucket)],
        Operation::ListObjectVersions => vec![of_bucket("s3:ListBucketVersions", bucket)],
        Operation::DeleteObjects => vec![of_object("s3:DeleteObject", bucket, "*")],
        other => vec![of_bucket(&format!("s3:{other:?}"), bucket)],
    }
}

/// What a state needs that calls S3; see [`of_s3`].
pub(crate) fn of_state(action: &str, parameters: &Value) -> Vec<Permission> {
    let part = |name: &str| parameters[name].as_str().unwrap_or_default();
    let (bucket, key) = (part("Bucket"), part("Key"));
    let versioned = |plain: &str, of_version: &str| {
        vec![of_object(if parameters["VersionId"].is_string() { of_version } else { plain }, bucket, key)]
    };
    match action {
        "putObjectTagging" => versioned("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
        "getObjectTagging" => versioned("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
        "headObject" => versioned("s3:GetObject", "s3:GetObjectVersion"),
        "copyObject" => of_copy(part("CopySource"), bucket, key),
        _ => Vec::new(), // refused: the stand-in has no such integration
    }
}

/// What a state needs that publishes to a topic.
pub(crate) fn of_publishing(topic: &str) -> [Permission; 1] {
    [Permission { action: "sns:Publish".to_owned(), resource: topic.to_owned() }]
}

/// What a request to SQS needs. To move messages is to receive and delete them there and to send them here.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>
pub(crate) fn of_sqs(queues: &Sqs, action: &str, body: &[u8]) -> Vec<Permission> {
    let single = action.strip_suffix("Batch").unwrap_or(action);
    let of = |action: &str, arn: &str| Permission { action: format!("sqs:{action}"), resource: arn.to_owned() };
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    match input["SourceArn"].as_str() {
        Some(source) if single == "StartMessageMoveTask" => {
            let there = ["StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
            let from = there.iter().map(|action| of(action, source));
            from.chain(queues.arns_before(source).iter().map(|arn| of("SendMessage", arn))).collect()
        }
        _ => vec![of(single, &sqs::arn(&sqs::queue_named_in(body)))],
    }
}

/// What a request to Step Functions needs. A task token names no resource that IAM knows.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html>
pub(crate) fn of_step_functions(action: &str, arn: &str) -> Vec<Permission> {
    let resource = if arn.is_empty() { "*" } else { arn };
    vec![Permission { action: format!("states:{action}"), resource: resource.to_owned() }]
}

fn of_copy(source: &str, bucket: &str, key: &str) -> Vec<Permission> {
    let read = Source::parse(source).ok().map(|source| {
        let action = if source.version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        of_object(action, &source.bucket, &source.key)
    });
    read.into_iter().chain([of_object("s3:PutObject", bucket, key)]).collect()
}

fn of_object(action: &str, bucket: &str, key: &str) -> Permission {
    Permission { action: action.to_owned(), resource: format!("arn:aws:s3:::{bucket}/{key}") }
}

fn of_bucket(action: &str, bucket: &str) -> Permission {
    Permission { action: action.to_owned(), resource: format!("arn:aws:s3:::{bucket}") }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(needed: &[Permission], expected: &[(&str, &str)]) {
        let needed: Vec<_> = needed.iter().map(|it| (it.action.as_str(), it.resource.as_str())).collect();
        assert_eq!(needed, expected);
    }

    #[track_caller]
    fn check_s3(line: &str, header: Option<(&str, &str)>, expected: &[(&str, &str)]) {
        let (method, uri) = line.split_once(' ').expect("a request line");
        let request = http::Request::builder().method(method).uri(uri);
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let (parts, ()) = request.body(()).expect("it is a request").into_parts();
        check(&of_s3(&S3Request::new(parts, Bytes::new())), expected);
    }

    #[test]
    fn an_s3_request_needs_what_the_user_guide_says() {
        const OBJECT: &str = "arn:aws:s3:::b/a/k";
        check_s3("HEAD /b/a/k", None, &[("s3:GetObject", OBJECT)]);
        check_s3("GET /b/a/k?versionId=1", None, &[("s3:GetObjectVersion", OBJECT)]);
        check_s3("PUT /b/a/k?tagging&versionId=1", None, &[("s3:PutObjectVersionTagging", OBJECT)]);
        check_s3("DELETE /b/a/k", None, &[("s3:DeleteObject", OBJECT)]);
        check_s3("PUT /b/a/k", Some(("if-none-match", "*")), &[("s3:PutObject", OBJECT)]);
        let compared = [("s3:PutObject", OBJECT), ("s3:GetObject", OBJECT)];
        check_s3("PUT /b/a/k", Some(("if-match", "etag")), &compared);
        let copied = [("s3:GetObject", "arn:aws:s3:::c/from"), ("s3:PutObject", OBJECT)];
        check_s3("PUT /b/a/k", Some(("x-amz-copy-source", "c/from")), &copied);
        check_s3("GET /b?list-type=2&prefix=a/", None, &[("s3:ListBucket", "arn:aws:s3:::b")]);
        check_s3("HEAD /b", None, &[("s3:ListBucket", "arn:aws:s3:::b")]);
        check_s3("GET /b?versions", None, &[("s3:ListBucketVersions", "arn:aws:s3:::b")]);
        check_s3("GET /b?versioning", None, &[("s3:GetBucketVersioning", "arn:aws:s3:::b")]);
    }

    #[test]
    fn a_state_needs_the_same_as_a_request() {
        let tag = json!({ "Bucket": "b", "Key": "k", "VersionId": "1" });
        check(&of_state("putObjectTagging", &tag), &[("s3:PutObjectVersionTagging", "arn:aws:s3:::b/k")]);
        let copy = json!({ "Bucket": "b", "Key": "k", "CopySource": "b/from" });
        let copied = [("s3:GetObject", "arn:aws:s3:::b/from"), ("s3:PutObject", "arn:aws:s3:::b/k")];
        check(&of_state("copyObject", &copy), &copied);
    }

    #[test]
    fn a_task_token_names_no_resource() {
        check(&of_step_functions("SendTaskSuccess", ""), &[("states:SendTaskSuccess", "*")]);
    }
}
