//! S3 as a state machine calls it: parameters and outputs in the JSON of Step Functions' SDK integrations.
//!
//! Only what the product's states call. Errors carry the names of AWS's Java SDK, which Step Functions shows: an error that
//! the API models has its own (`S3.NoSuchKeyException`), every other is `S3.S3Exception` and says more in its cause.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::bucket::Condition;
use super::object::{Copy, Source};
use super::tagging::{Tag, check};
use super::{S3, timestamp};
use crate::aws::ServiceError;
use crate::aws::reply::request_id;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Location {
    bucket: String,
    key: String,
    version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutObjectTagging {
    #[serde(flatten)]
    at: Location,
    tagging: Tagging,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    tag_set: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CopyObject {
    bucket: String,
    key: String,
    copy_source: String,
}

impl S3 {
    /// Does what `action` (`copyObject`) says.
    pub(crate) fn integrate(&self, action: &str, parameters: Value) -> Result<Value, ServiceError> {
        match action {
            "putObjectTagging" => self.integrate_put_tagging(read(parameters)?),
            "getObjectTagging" => self.integrate_get_tagging(&read(parameters)?),
            "headObject" => self.integrate_head(&read(parameters)?),
            "copyObject" => self.integrate_copy(&read(parameters)?),
            _ => {
                let message = format!("the stand-in has no integration s3:{action}");
                Err(ServiceError::bad_request("States.Runtime", message))
            }
        }
    }

    fn integrate_put_tagging(&self, input: PutObjectTagging) -> Result<Value, ServiceError> {
        let PutObjectTagging { at, tagging } = input;
        let id = self.set_tags(&at.bucket, &at.key, at.version_id.as_deref(), check(tagging.tag_set)?)?;
        Ok(without_nulls(json!({ "VersionId": id })))
    }

    fn integrate_get_tagging(&self, at: &Location) -> Result<Value, ServiceError> {
        let (tags, id) = self.tags(&at.bucket, &at.key, at.version_id.as_deref())?;
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(without_nulls(json!({ "VersionId": id, "TagSet": tags })))
    }

    fn integrate_head(&self, at: &Location) -> Result<Value, ServiceError> {
        self.with(&at.bucket, |bucket| {
            let (version, object) = bucket.get(&at.key, at.version_id.as_deref())?;
            let header = |wanted| object.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
            let metadata = object
                .headers
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix("x-amz-meta-")?.to_owned(), json!(value))));
            Ok(without_nulls(json!({
                "AcceptRanges": "bytes",
                "ContentLength": object.body.len(),
                "ContentType": header("content-type"),
                "ETag": object.etag,
                "LastModified": timestamp(version.modified),
                "Metadata": metadata.collect::<Map<_, _>>(),
                "VersionId": bucket.shown_id(version),
            })))
        })
    }

    fn integrate_copy(&self, input: &CopyObject) -> Result<Value, ServiceError> {
        let copied = self.copy(Copy {
            source: Source::parse(&input.copy_source)?,
            bucket: &input.bucket,
            key: &input.key,
            headers: None,
            tags: None,
            condition: Condition::Always,
        })?;
        Ok(without_nulls(json!({
            "CopyObjectResult": { "ETag": copied.etag, "LastModified": copied.modified },
            "CopySourceVersionId": copied.source_version,
            "VersionId": copied.version,
        })))
    }
}

/// The error name and the cause that Step Functions makes of an S3 error.
pub(crate) fn as_states_name_it(error: &ServiceError) -> ServiceError {
    let name = match error.code.as_str() {
        "NoSuchKey" | "NoSuchBucket" => format!("S3.{}Exception", error.code),
        "States.Runtime" => return error.clone(),
        _ => "S3.S3Exception".to_owned(),
    };
    let ServiceError { status, message, .. } = error;
    let cause = format!("{message} (Service: S3, Status Code: {status}, Request ID: {})", request_id());
    ServiceError::new(*status, &name, cause)
}

fn read<T: DeserializeOwned>(parameters: Value) -> Result<T, ServiceError> {
    serde_json::from_value(parameters)
        .map_err(|error| ServiceError::bad_request("States.Runtime", format!("parameters: {error}")))
}

fn without_nulls(mut output: Value) -> Value {
    if let Value::Object(fields) = &mut output {
        fields.retain(|_, value| !value.is_null());
    }
    output
}
