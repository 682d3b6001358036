//! A text that an operator keeps on disk or in S3 (routes, rules), read again when it changed.
//!
//! There is no watcher: whoever needs the text asks whether it is still the one that is known. What becomes of a text that is
//! bad is up to them.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::SystemTime,
};

use aws_sdk_s3::operation::get_object::GetObjectError;

/// Where the text is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// A file of this machine.
    File(PathBuf),
    /// An object.
    S3 {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
}

/// What tells one state of a document from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition(State);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    File { modified: Option<SystemTime>, size_bytes: u64 },
    Object { etag: String },
}

/// A document that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// There is none.
    #[error("is not there")]
    Missing,
    /// It may not be read, S3 did not answer, or it is no text.
    #[error("cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl FromStr for Document {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(place) = text.strip_prefix("s3://") else { return Ok(Self::File(text.into())) };
        match place.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err("write a path, or s3://bucket/key"),
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

impl Document {
    /// A document in the same folder, or under the same prefix.
    #[must_use]
    pub fn beside(&self, name: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(path.parent().unwrap_or(Path::new("")).join(name)),
            Self::S3 { bucket, key } => {
                let folder = key.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
                Self::S3 { bucket: bucket.clone(), key: format!("{folder}{}", name.display()) }
            }
        }
    }

    /// The text and its edition; none where it is still the known one.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub async fn read(
        &self,
        s3: &aws_sdk_s3::Client,
        known: Option<&Edition>,
    ) -> Result<Option<(Edition, String)>, DocumentError> {
        match self {
            Self::File(path) => read_file(path, known).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => DocumentError::Missing,
                _ => unreadable(error),
            }),
            Self::S3 { bucket, key } => read_object(bucket, key, s3, known).await,
        }
    }
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DocumentError {
    DocumentError::Unreadable(error.into())
}

fn read_file(path: &Path, known: Option<&Edition>) -> io::Result<Option<(Edition, String)>> {
    let metadata = std::fs::metadata(path)?;
    let edition = Edition(State::File { modified: metadata.modified().ok(), size_bytes: metadata.len() });
    if known == Some(&edition) {
        return Ok(None);
    }
    Ok(Some((edition, std::fs::read_to_string(path)?)))
}

async fn read_object(
    bucket: &str,
    key: &str,
    s3: &aws_sdk_s3::Client,
    known: Option<&Edition>,
) -> Result<Option<(Edition, String)>, DocumentError> {
    let mut get = s3.get_object().bucket(bucket).key(key);
    if let Some(Edition(State::Object { etag })) = known {
        get = get.if_none_match(etag);
    }
    let object = match get.send().await {
        Ok(object) => object,
        Err(error) if error.raw_response().is_some_and(|reply| reply.status().as_u16() == 304) => return Ok(None),
        Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
            return Err(DocumentError::Missing);
        }
        Err(error) => return Err(unreadable(error)),
    };
    let edition = Edition(State::Object { etag: object.e_tag().unwrap_or_default().to_owned() });
    let bytes = object.body.collect().await.map_err(unreadable)?;
    Ok(Some((edition, String::from_utf8(bytes.into_bytes().into()).map_err(unreadable)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_a_path_or_an_object() {
        assert_eq!("conf/routes.toml".parse(), Ok(Document::File("conf/routes.toml".into())));
        let object = Document::S3 { bucket: "b".into(), key: "c/r.toml".into() };
        assert_eq!("s3://b/c/r.toml".parse(), Ok(object.clone()));
        assert_eq!(object.to_string(), "s3://b/c/r.toml");
        for bad in ["s3://b", "s3:///r.toml", "s3://b/"] {
            assert!(bad.parse::<Document>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_neighbour_is_in_the_same_folder() {
        let check = |text: &str, expected: &str| {
            let neighbour = text.parse::<Document>().unwrap().beside(Path::new("lists/a.txt"));
            assert_eq!(neighbour.to_string(), expected);
        };
        check("conf/rules.toml", "conf/lists/a.txt");
        check("rules.toml", "lists/a.txt");
        check("s3://b/conf/rules.toml", "s3://b/conf/lists/a.txt");
        check("s3://b/rules.toml", "s3://b/lists/a.txt");
    }
}
