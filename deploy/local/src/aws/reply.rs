//! What goes back on the wire, whichever service says it.

use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};

use super::ServiceError;

pub(crate) type Reply = http::Response<Full<Bytes>>;

/// AWS's JSON protocol. A service that once spoke another names that one's code in a header, by which some SDKs know errors.
pub(crate) fn json_reply(outcome: Result<Value, ServiceError>, query_code: Option<fn(&str) -> String>) -> Reply {
    let reply = http::Response::builder()
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amzn-requestid", request_id());
    let (reply, body) = match outcome {
        Ok(output) => (reply, output),
        Err(ServiceError { status, code, message }) => {
            let reply = match query_code {
                Some(query_code) => reply.header("x-amzn-query-error", format!("{};Sender", query_code(&code))),
                None => reply,
            };
            (reply.status(status), json!({ "__type": code, "message": message }))
        }
    };
    reply.body(Full::from(body.to_string())).expect("codes and statuses are ours, and are valid in a header")
}

pub(crate) fn request_id() -> String {
    format!("{:016X}", fastrand::u64(..))
}
