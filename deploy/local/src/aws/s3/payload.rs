//! The body of an upload as it was meant: out of its `aws-chunked` wrapping, and checked against every digest that came along.
//!
//! SDKs send a checksum with each upload, by default in a trailer behind the body
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>). Signatures of chunks are not checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};
use sha2::Sha256;

use super::checksum::{Algorithm, Checksum};
use super::request::S3Request;
use crate::aws::{ServiceError, hex};

/// A body and the checksum to keep with it.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) body: Bytes,
    pub(crate) checksum: Checksum,
}

impl Payload {
    /// `default` is the algorithm where the request names none.
    pub(crate) fn read(request: &S3Request, default: Algorithm) -> Result<Self, ServiceError> {
        let content_sha256 = request.header("x-amz-content-sha256").unwrap_or_default();
        let (body, trailers) = if content_sha256.starts_with("STREAMING-") {
            unwrap_chunks(&request.body).ok_or_else(|| incomplete("The chunks of the body could not be read."))?
        } else {
            (request.body.clone(), Vec::new())
        };
        if request.header("x-amz-decoded-content-length").is_some_and(|length| length != body.len().to_string()) {
            return Err(incomplete(
                "You did not provide the number of bytes specified by x-amz-decoded-content-length.",
            ));
        }
        if content_sha256.len() == 64 && !content_sha256.eq_ignore_ascii_case(&hex(&Sha256::digest(&body))) {
            let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            return Err(ServiceError::bad_request("XAmzContentSHA256Mismatch", message));
        }
        if request.header("content-md5").is_some_and(|md5| md5 != BASE64.encode(Md5::digest(&body))) {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(ServiceError::bad_request("BadDigest", message));
        }
        let trailer = |name: &str| trailers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let given = Algorithm::ALL.into_iter().find_map(|algorithm| {
            let name = algorithm.header();
            Some((algorithm, request.header(&name).or_else(|| trailer(&name))?))
        });
        let checksum = given.map_or(default, |(algorithm, _)| algorithm).of(&body);
        if given.is_some_and(|(_, value)| value != checksum.value) {
            let name = checksum.algorithm.name();
            let message = format!("The {name} you specified did not match the calculated checksum.");
            return Err(ServiceError::bad_request("BadDigest", message));
        }
        Ok(Self { body, checksum })
    }
}

/// An `ETag` as S3 makes it of a body in one piece.
pub(crate) fn etag(body: &[u8]) -> String {
    format!("\"{}\"", hex(&Md5::digest(body)))
}

/// `SIZE[;chunk-signature=…]\r\n` and that many bytes and `\r\n`, until a chunk of size 0; then trailers.
fn unwrap_chunks(wrapped: &Bytes) -> Option<(Bytes, Vec<(String, String)>)> {
    let mut rest = wrapped.clone();
    let mut body = BytesMut::new();
    loop {
        let line = take_line(&mut rest)?;
        let size = usize::from_str_radix(line.split(';').next()?, 16).ok()?;
        if size == 0 {
            break;
        }
        if rest.len() < size + 2 {
            return None;
        }
        body.extend_from_slice(&rest.split_to(size));
        (rest.split_to(2).as_ref() == b"\r\n").then_some(())?;
    }
    let mut trailers = Vec::new();
    while let Some(line) = take_line(&mut rest).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        trailers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some((body.freeze(), trailers))
}

fn take_line(rest: &mut Bytes) -> Option<String> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8(rest.split_to(end).to_vec()).ok()?;
    drop(rest.split_to(2));
    Some(line)
}

fn incomplete(message: &str) -> ServiceError {
    ServiceError::bad_request("IncompleteBody", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wrapped: &str, expected: Option<(&str, &[(&str, &str)])>) {
        let unwrapped = unwrap_chunks(&Bytes::copy_from_slice(wrapped.as_bytes()));
        let expected = expected.map(|(body, trailers)| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            (Bytes::copy_from_slice(body.as_bytes()), trailers.iter().map(own).collect::<Vec<_>>())
        });
        assert_eq!(unwrapped, expected, "{wrapped:?}");
    }

    #[test]
    fn chunks_and_trailers_come_apart() {
        check("0\r\n\r\n", Some(("", &[])));
        check("3\r\nabc\r\n2;chunk-signature=0f\r\nde\r\n0;chunk-signature=1\r\n\r\n", Some(("abcde", &[])));
        check(
            "3\r\n\r\nc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
            Some(("\r\nc", &[("x-amz-checksum-crc32", "AAAAAA==")])),
        );
    }

    #[test]
    fn a_torn_body_is_noticed() {
        check("", None);
        check("3\r\nab", None);
        check("3\r\nabcd\r\n0\r\n\r\n", None);
        check("x\r\nabc\r\n0\r\n\r\n", None);
    }
}
