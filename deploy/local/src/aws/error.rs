//! How the stand-in says no: an AWS error code, its HTTP status and a message, rendered by each protocol in its own way.

/// A refusal, in the words of the AWS API reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// HTTP status of the reply.
    pub status: u16,
    /// AWS's code, for example `TaskTimedOut` or `NoSuchKey`.
    pub code: String,
    /// What a person reads.
    pub message: String,
}

impl ServiceError {
    /// A refusal of the caller's request (HTTP 400).
    pub fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A refusal with any status.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// How S3 throttles.
    pub(crate) fn slow_down() -> Self {
        Self::new(503, "SlowDown", "Please reduce your request rate.")
    }

    /// A failure of AWS's own.
    pub(crate) fn internal() -> Self {
        Self::new(500, "InternalError", "We encountered an internal error. Please try again.")
    }
}
