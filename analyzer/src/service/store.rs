//! What the analyzer reads from S3 and leaves there: pushes, baselines, evidence.

use std::{collections::BTreeMap, path::Path};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::GetObjectOutput,
    primitives::ByteStream,
};
use holdpoint_platform::{PART_OF, in_metadata};
use holdpoint_review::{ObjectVersion, PushId};
use jiff::Timestamp;
use tokio::io::AsyncWriteExt;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// S3 did not answer, or refused: try again.
#[derive(Debug, thiserror::Error)]
#[error("{what} failed")]
pub(crate) struct StoreError {
    what: String,
    #[source]
    source: Cause,
}

fn failed(what: impl Into<String>) -> impl FnOnce(Cause) -> StoreError {
    let what = what.into();
    move |source| StoreError { what, source }
}

/// The bucket where evidence, profiles and baselines lie, and a way to read pushes from any.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) s3: Client,
    pub(crate) bucket: String,
}

/// Where one push's evidence lies.
#[derive(Debug, Clone)]
pub(crate) struct EvidenceKeys {
    pub(crate) report: String,
    pub(crate) page: String,
    pub(crate) flagged: String,
    pub(crate) profile: String,
}

impl EvidenceKeys {
    pub(crate) fn of(push: &PushId) -> Self {
        let key = |name: &str| format!("reports/{push}/{name}");
        Self {
            report: key("report.json"),
            page: key("page.json"),
            flagged: key("flagged.csv"),
            profile: key("profile.json"),
        }
    }
}

/// What S3 says of a version besides its bytes.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) at: Timestamp,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Store {
    /// Downloads an object version into a file, piece by piece; none where that version is gone.
    pub(crate) async fn fetch(&self, version: &ObjectVersion, to: &Path) -> Result<Option<Delivered>, StoreError> {
        let what = || format!("reading version {} of {}", version.version_id, version.key);
        let get = self.s3.get_object().bucket(&version.bucket).key(&version.key).version_id(&version.version_id);
        let object = match get.send().await {
            Ok(object) => object,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(failed(what())(error.into())),
        };
        let at = object.last_modified().and_then(|at| Timestamp::new(at.secs(), 0).ok()).unwrap_or_default();
        save(object, to).await.map_err(failed(what()))?;
        let tags = self.tags(version).await?;
        Ok(Some(Delivered { at, tags }))
    }

    /// The id of a key's newest version.
    pub(crate) async fn newest_version(&self, key: &str) -> Result<String, StoreError> {
        let head = self.s3.head_object().bucket(&self.bucket).key(key).send().await;
        let head = head.map_err(|error| failed(format!("looking at {key}"))(error.into()))?;
        Ok(head.version_id.unwrap_or_default())
    }

    async fn tags(&self, version: &ObjectVersion) -> Result<BTreeMap<String, String>, StoreError> {
        let get =
            self.s3.get_object_tagging().bucket(&version.bucket).key(&version.key).version_id(&version.version_id);
        let reply =
            get.send().await.map_err(|error| failed(format!("reading the tags of {}", version.key))(error.into()))?;
        Ok(reply.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    /// An object's bytes; none where there is none.
    pub(crate) async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let what = || format!("reading {key}");
        let object = match self.s3.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(failed(what())(error.into())),
        };
        let bytes = object.body.collect().await.map_err(|error| failed(what())(error.into()))?;
        Ok(Some(bytes.to_vec()))
    }

    /// Keys under a prefix, in order, with the time of their last change.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let mut pages = self.s3.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(format!("listing {prefix}"))(error.into()))?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                let at = object.last_modified.and_then(|at| Timestamp::new(at.secs(), 0).ok()).unwrap_or_default();
                Some((object.key?, at))
            }));
        }
        Ok(keys)
    }

    /// Keys under a prefix after `after` and before `until`, in order; none where that takes more requests than `most`.
    pub(crate) async fn list_between(
        &self,
        prefix: &str,
        after: &str,
        until: &str,
        most: usize,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let list = self.s3.list_objects_v2().bucket(&self.bucket).prefix(prefix).start_after(after);
        let mut pages = list.into_paginator().send();
        let mut keys = Vec::new();
        for _ in 0..most {
            let Some(page) = pages.next().await else { return Ok(Some(keys)) };
            let page = page.map_err(|error| failed(format!("listing {prefix}"))(error.into()))?;
            let listed = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
            keys.extend(listed);
            let is_last = page.is_truncated != Some(true) || keys.last().is_some_and(|key| key.as_str() >= until);
            if is_last {
                keys.retain(|key| key.as_str() < until);
                return Ok(Some(keys));
            }
        }
        Ok(None)
    }

    /// Deletes every version of everything under a prefix; how many there were.
    pub(crate) async fn erase(&self, prefix: &str) -> Result<usize, StoreError> {
        let what = || format!("deleting {prefix}");
        let mut erased = 0;
        loop {
            // Always the first page: what was on it is gone when it is asked for again.
            let list = self.s3.list_object_versions().bucket(&self.bucket).prefix(prefix).send().await;
            let page = list.map_err(|error| failed(what())(error.into()))?;
            let versions =
                page.versions.unwrap_or_default().into_iter().map(|version| (version.key, version.version_id));
            let markers =
                page.delete_markers.unwrap_or_default().into_iter().map(|marker| (marker.key, marker.version_id));
            let listed: Vec<_> = versions.chain(markers).collect();
            if listed.is_empty() {
                return Ok(erased);
            }
            for (key, version_id) in listed {
                let delete = self.s3.delete_object().bucket(&self.bucket).set_key(key).set_version_id(version_id);
                delete.send().await.map_err(|error| failed(what())(error.into()))?;
                erased += 1;
            }
        }
    }

    /// Writes an object, over whatever was there.
    pub(crate) async fn write(&self, key: &str, body: ByteStream) -> Result<(), StoreError> {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).body(body);
        put.send().await.map(drop).map_err(|error| failed(format!("writing {key}"))(error.into()))
    }

    /// Writes a part of a push, which must not be there yet, and never again; the version that stands.
    pub(crate) async fn write_part_once(
        &self,
        key: &str,
        file: &Path,
        of: &ObjectVersion,
    ) -> Result<ObjectVersion, StoreError> {
        let body = ByteStream::from_path(file).await.map_err(|error| failed(format!("writing {key}"))(error.into()))?;
        let put = self.s3.put_object().bucket(&self.bucket).key(key).if_none_match("*").body(body);
        let put = put.metadata(PART_OF, in_metadata(of));
        let version_id = match put.send().await {
            Ok(put) => put.version_id.unwrap_or_default(),
            Err(error) if code(&error) == Some("PreconditionFailed") => self.newest_version(key).await?,
            Err(error) => return Err(failed(format!("writing {key}"))(error.into())),
        };
        Ok(ObjectVersion { bucket: self.bucket.clone(), key: key.to_owned(), version_id })
    }

    /// Writes an object that must not be there yet; false where it was.
    pub(crate) async fn write_once(&self, key: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).if_none_match("*");
        match put.content_type("application/json").body(ByteStream::from(bytes)).send().await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("PreconditionFailed") => Ok(false),
            // A conflict (409) with another conditional write under way is left to the next try, like an outage.
            Err(error) => Err(failed(format!("writing {key}"))(error.into())),
        }
    }
}

async fn save(mut object: GetObjectOutput, to: &Path) -> Result<(), Cause> {
    let mut file = tokio::fs::File::create(to).await?;
    while let Some(bytes) = object.body.try_next().await? {
        file.write_all(&bytes).await?;
    }
    file.flush().await?;
    Ok(())
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// No such key or version; `MethodNotAllowed` says that the version is a delete marker.
fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    matches!(code(error), Some("NoSuchKey" | "NoSuchVersion" | "MethodNotAllowed"))
}
