//! Presigned URLs: refused when they are expired or changed by a byte.
//!
//! Every access key has the same secret. A request signed in its headers is believed unseen, since its clients are our own
//! services; one that carries no signature at all is refused, as by a private bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::request::S3Request;
use crate::aws::{ServiceError, hex};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// AWS takes no presigned URL that is meant to live longer: seven days.
const MAX_EXPIRY_SECONDS: u32 = 604_800;

/// Refuses what is not signed, and what is signed in its URL and wrong.
pub(crate) fn check(request: &S3Request, secret: &str, now: Timestamp) -> Result<(), ServiceError> {
    if request.query("X-Amz-Signature").is_some() {
        return check_presigned(request, secret, now);
    }
    if request.header("authorization").is_some() { Ok(()) } else { Err(denied("Access Denied")) }
}

fn check_presigned(request: &S3Request, secret: &str, now: Timestamp) -> Result<(), ServiceError> {
    let given = |name| request.query(name).ok_or_else(malformed);
    let credential: Vec<&str> = given("X-Amz-Credential")?.split('/').collect();
    let [_, day, region, service, "aws4_request"] = credential[..] else { return Err(malformed()) };
    let stamp = given("X-Amz-Date")?;
    let signed_at = DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok().and_then(|at| at.to_zoned(TimeZone::UTC).ok());
    let signed_at = signed_at.ok_or_else(malformed)?.timestamp();
    let expiry = given("X-Amz-Expires")?.parse::<u32>().ok().filter(|seconds| *seconds <= MAX_EXPIRY_SECONDS);
    let expiry = Duration::from_secs(expiry.ok_or_else(malformed)?.into());
    if now > signed_at + expiry {
        return Err(denied("Request has expired"));
    }
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let canonical = canonical_request(request, given("X-Amz-SignedHeaders")?);
    let digest = hex(&Sha256::digest(canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}");
    let keys = [day, region, service, "aws4_request", &to_sign];
    let secret = format!("AWS4{secret}").into_bytes();
    let signature = hex(&keys.iter().fold(secret, |key, message| hmac_sha256(&key, message)));
    if signature == given("X-Amz-Signature")? {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided.";
    Err(ServiceError::new(403, "SignatureDoesNotMatch", message))
}

fn canonical_request(request: &S3Request, signed_headers: &str) -> String {
    let path = percent_decode_str(request.parts.uri.path()).decode_utf8_lossy();
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let mut query: Vec<(String, String)> = request
        .query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let header = |name: &str| format!("{name}:{}\n", request.header(name).unwrap_or_default().trim());
    format!(
        "{method}\n{path}\n{query}\n{headers}\n{signed_headers}\n{payload}",
        method = request.parts.method,
        path = utf8_percent_encode(&path, PATH),
        query = query.join("&"),
        headers = signed_headers.split(';').map(header).collect::<String>(),
        payload = request.header("x-amz-content-sha256").unwrap_or("UNSIGNED-PAYLOAD"),
    )
}

fn hmac_sha256(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn malformed() -> ServiceError {
    let message = "Query-string authentication version 4 requires well-formed X-Amz- parameters.";
    ServiceError::bad_request("AuthorizationQueryParametersError", message)
}

fn denied(message: &str) -> ServiceError {
    ServiceError::new(403, "AccessDenied", message)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// The example of AWS's page on query-string authentication, made with AWS's example secret.
    const EXAMPLE: &str = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

    fn check_example(uri: &str, method: &str, at: &str) -> Option<String> {
        let request = http::Request::builder().method(method).uri(uri).header("host", "examplebucket.s3.amazonaws.com");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let request = S3Request::new(parts, Bytes::new());
        let checked = check(&request, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", at.parse().unwrap());
        checked.err().map(|error| error.code)
    }

    #[test]
    fn the_published_example_is_taken_until_it_expires() {
        assert_eq!(check_example(EXAMPLE, "GET", "2013-05-24T12:00:00Z"), None);
        assert_eq!(check_example(EXAMPLE, "GET", "2013-05-25T00:00:01Z").as_deref(), Some("AccessDenied"));
    }

    #[test]
    fn a_url_that_was_changed_is_refused() {
        let refused = |uri: &str, method| check_example(uri, method, "2013-05-24T12:00:00Z");
        let signature = Some("SignatureDoesNotMatch".to_owned());
        assert_eq!(refused(EXAMPLE, "PUT"), signature);
        assert_eq!(refused(&EXAMPLE.replace("/test.txt", "/test2.txt"), "GET"), signature);
        assert_eq!(refused(&EXAMPLE.replace("Expires=86400", "Expires=86401"), "GET"), signature);
        assert_eq!(refused(&EXAMPLE.replace("aeeed9", "aeeed8"), "GET"), signature);
        assert_eq!(refused(&format!("{EXAMPLE}&versionId=1"), "GET"), signature);
        let malformed = Some("AuthorizationQueryParametersError".to_owned());
        assert_eq!(refused(&EXAMPLE.replace("Expires=86400", "Expires=604801"), "GET"), malformed);
        assert_eq!(refused("/test.txt", "GET").as_deref(), Some("AccessDenied"));
    }
}
