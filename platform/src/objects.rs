//! What was delivered, as far as an open review has to know it: whether a newer version is there.

use aws_sdk_s3::{Client, error::SdkError, operation::head_object::HeadObjectError};
use holdpoint_review::ObjectVersion;

/// The objects that reviews are about.
#[derive(Debug, Clone)]
pub struct Objects {
    s3: Client,
}

/// S3 did not answer, or may not be asked: nothing is known.
#[derive(Debug, thiserror::Error)]
#[error("an object cannot be looked at")]
pub struct ObjectsError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Objects {
    /// Objects as this client sees them.
    pub fn new(s3: Client) -> Self {
        Self { s3 }
    }

    /// The version that lies over this one now; none where this one is the newest, or the object was deleted.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn newer_than(&self, version: &ObjectVersion) -> Result<Option<ObjectVersion>, ObjectsError> {
        let head = match self.s3.head_object().bucket(&version.bucket).key(&version.key).send().await {
            Ok(head) => head,
            Err(error) if is_deleted(&error) => return Ok(None),
            Err(error) => return Err(ObjectsError(error.into())),
        };
        let newest = head.version_id.filter(|newest| *newest != version.version_id);
        Ok(newest.map(|version_id| ObjectVersion { version_id, ..version.clone() }))
    }
}

fn is_deleted(error: &SdkError<HeadObjectError>) -> bool {
    error.as_service_error().is_some_and(HeadObjectError::is_not_found)
}
