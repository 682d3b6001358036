//! Which S3 operation a request is, and where its parts are. S3 has no action header: method, path and query say it.

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::aws::ServiceError;

/// The operations of the stand-in, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CopyObject,
    CreateBucket,
    CreateMultipartUpload,
    DeleteBucket,
    DeleteBucketDocument,
    DeleteObject,
    DeleteObjectTagging,
    DeleteObjects,
    GetBucketDocument,
    GetBucketLocation,
    GetBucketNotificationConfiguration,
    GetBucketVersioning,
    GetObject,
    GetObjectTagging,
    HeadBucket,
    HeadObject,
    ListBuckets,
    ListObjectVersions,
    ListObjectsV2,
    PutBucketDocument,
    PutBucketNotificationConfiguration,
    PutBucketVersioning,
    PutObject,
    PutObjectTagging,
    UploadPart,
    /// Everything else that S3 can do.
    NotImplemented,
}

/// Settings of a bucket that are kept as the XML or JSON that came, and have no effect here.
const DOCUMENTS: [&str; 7] =
    ["cors", "encryption", "lifecycle", "ownershipControls", "policy", "publicAccessBlock", "tagging"];

/// A request to S3, taken apart.
pub(crate) struct S3Request {
    pub(crate) operation: Operation,
    /// Empty when the request names none.
    pub(crate) bucket: String,
    /// Empty when the request is about the bucket.
    pub(crate) key: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
}

impl S3Request {
    pub(crate) fn new(parts: Parts, body: Bytes) -> Self {
        let path = decode(parts.uri.path());
        let path = path.trim_start_matches('/');
        let (bucket, key) = match bucket_in_host(&parts) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').map_or((path.to_owned(), ""), |(bucket, key)| (bucket.to_owned(), key)),
        };
        let query = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query = query.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = query.map(|(name, value)| (decode(name), decode(&value.replace('+', " ")))).collect();
        let key = key.to_owned();
        let mut request = Self { operation: Operation::NotImplemented, bucket, key, query, parts, body };
        request.operation = request.name_operation();
        request
    }

    /// `bucket/key`, as faults know it.
    pub(crate) fn path(&self) -> String {
        if self.key.is_empty() { self.bucket.clone() } else { format!("{}/{}", self.bucket, self.key) }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ServiceError> {
        self.query(name).ok_or_else(|| ServiceError::bad_request("InvalidArgument", format!("{name} is missing.")))
    }

    /// Which version the request is about; `None` for the current one.
    pub(crate) fn version_id(&self) -> Option<&str> {
        self.query("versionId")
    }

    /// The name under which [`Operation::PutBucketDocument`] and its kin keep what they are about.
    pub(crate) fn document(&self) -> Option<&'static str> {
        DOCUMENTS.into_iter().find(|name| self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        self.query(name).is_some()
    }

    fn name_operation(&self) -> Operation {
        if self.bucket.is_empty() {
            return if self.parts.method == Method::GET { Operation::ListBuckets } else { Operation::NotImplemented };
        }
        if self.key.is_empty() { self.name_bucket_operation() } else { self.name_object_operation() }
    }

    fn name_bucket_operation(&self) -> Operation {
        let method = self.parts.method.as_str();
        match method {
            "GET" if self.has("versioning") => Operation::GetBucketVersioning,
            "PUT" if self.has("versioning") => Operation::PutBucketVersioning,
            "GET" if self.has("notification") => Operation::GetBucketNotificationConfiguration,
            "PUT" if self.has("notification") => Operation::PutBucketNotificationConfiguration,
            "GET" if self.document().is_some() => Operation::GetBucketDocument,
            "PUT" if self.document().is_some() => Operation::PutBucketDocument,
            "DELETE" if self.document().is_some() => Operation::DeleteBucketDocument,
            "GET" if self.has("location") => Operation::GetBucketLocation,
            "GET" if self.has("versions") => Operation::ListObjectVersions,
            "GET" if self.query("list-type") == Some("2") => Operation::ListObjectsV2,
            "POST" if self.has("delete") => Operation::DeleteObjects,
            "PUT" if self.query.is_empty() => Operation::CreateBucket,
            "HEAD" => Operation::HeadBucket,
            "DELETE" if self.query.is_empty() => Operation::DeleteBucket,
            _ => Operation::NotImplemented,
        }
    }

    fn name_object_operation(&self) -> Operation {
        let copies = self.parts.headers.contains_key("x-amz-copy-source");
        match self.parts.method.as_str() {
            "GET" if self.has("tagging") => Operation::GetObjectTagging,
            "PUT" if self.has("tagging") => Operation::PutObjectTagging,
            "DELETE" if self.has("tagging") => Operation::DeleteObjectTagging,
            "POST" if self.has("uploads") => Operation::CreateMultipartUpload,
            "PUT" if self.has("uploadId") && !copies => Operation::UploadPart,
            "POST" if self.has("uploadId") => Operation::CompleteMultipartUpload,
            "DELETE" if self.has("uploadId") => Operation::AbortMultipartUpload,
            _ if ["acl", "attributes", "retention", "legal-hold", "uploadId"].iter().any(|name| self.has(name)) => {
                Operation::NotImplemented
            }
            "PUT" if copies => Operation::CopyObject,
            "PUT" => Operation::PutObject,
            "GET" => Operation::GetObject,
            "HEAD" => Operation::HeadObject,
            "DELETE" => Operation::DeleteObject,
            _ => Operation::NotImplemented,
        }
    }
}

/// Virtual-host style: `bucket.localhost:4566` or `bucket.s3.localhost:4566`.
fn bucket_in_host(parts: &Parts) -> Option<String> {
    let host = parts.headers.get("host")?.to_str().ok()?;
    let name = host.split(':').next()?.strip_suffix(".localhost")?;
    let bucket = name.strip_suffix(".s3").unwrap_or(name);
    (bucket != "s3").then(|| bucket.to_owned())
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
