//! A reply of S3 in the making.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http_body_util::Full;
use serde::Serialize;

use super::bucket::Headers;
use super::checksum::Checksum;
use super::xml;
use crate::aws::reply::{Reply, request_id};

/// Status, headers, body.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Headers,
    body: Bytes,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Headers::new(), body: Bytes::new() }
    }

    pub(crate) fn xml<T: Serialize>(status: u16, root: &str, value: &T) -> Self {
        Self::new(status).with("content-type", "application/xml").body(xml::write(root, value).into())
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn with_all(mut self, headers: &Headers) -> Self {
        self.headers.extend(headers.iter().cloned());
        self
    }

    pub(crate) fn with_version(self, id: Option<String>) -> Self {
        match id {
            Some(id) => self.with("x-amz-version-id", id),
            None => self,
        }
    }

    pub(crate) fn with_checksum(self, checksum: &Checksum) -> Self {
        let answer = self.with("x-amz-checksum-type", checksum.kind());
        answer.with(&checksum.algorithm.header(), &checksum.value)
    }

    /// A header whose value HTTP cannot carry is left out.
    pub(crate) fn into_reply(self) -> Reply {
        let mut reply = Reply::new(Full::new(self.body));
        *reply.status_mut() = self.status.try_into().expect("statuses are ours, and valid");
        let headers = self.headers.into_iter().chain([("x-amz-request-id".to_owned(), request_id())]);
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) {
                reply.headers_mut().insert(name, value);
            }
        }
        reply
    }
}
