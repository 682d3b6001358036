//! How a state fails: an error name and a cause, and which names in `Retry` and `Catch` match it.

use serde_json::{Value, json};

const TIMEOUT: &str = "States.Timeout";
const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
const RUNTIME: &str = "States.Runtime";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    missed_heartbeat: bool,
}

/// Why a state did not come to its end.
#[derive(Debug)]
pub(crate) enum Problem {
    /// A sentence about data that the definition cannot work on.
    Runtime(String),
    Failed(Failure),
}

impl From<String> for Problem {
    fn from(sentence: String) -> Self {
        Self::Runtime(sentence)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Failure {
    pub(crate) fn new(error: impl Into<Option<String>>, cause: impl Into<Option<String>>) -> Self {
        Self { error: error.into(), cause: cause.into(), missed_heartbeat: false }
    }

    /// The definition met data it cannot work on. AWS lets nothing retry or catch this.
    pub(crate) fn runtime(cause: String) -> Self {
        Self::new(RUNTIME.to_owned(), cause)
    }

    pub(crate) fn timeout() -> Self {
        Self::new(TIMEOUT.to_owned(), None)
    }

    /// Surfaces as `States.Timeout` in history and execution (recorded from AWS); `Retry` and `Catch` know it by both
    /// names.
    pub(crate) fn heartbeat_timeout() -> Self {
        Self { missed_heartbeat: true, ..Self::timeout() }
    }

    pub(crate) fn is_matched_by(&self, names: &[String]) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        error != RUNTIME
            && names.iter().any(|name| match name.as_str() {
                "States.ALL" => true,
                "States.TaskFailed" => error != TIMEOUT,
                HEARTBEAT_TIMEOUT if self.missed_heartbeat => true,
                name => name == error,
            })
    }

    /// The details of a history event.
    pub(crate) fn details(&self) -> Value {
        let mut details = json!({});
        for (name, text) in [("error", &self.error), ("cause", &self.cause)] {
            if let Some(text) = text {
                details[name] = json!(text);
            }
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_the_developer_guide_says() {
        let rejected = Failure::new("Rejected".to_owned(), None);
        let nameless = Failure::new(None, None);
        for (failure, name, expected) in [
            (&rejected, "Rejected", true),
            (&rejected, "Reject", false),
            (&rejected, "States.TaskFailed", true),
            (&rejected, "States.Timeout", false),
            (&rejected, "States.ALL", true),
            (&nameless, "States.TaskFailed", true),
            (&nameless, "Rejected", false),
            (&Failure::timeout(), "States.Timeout", true),
            (&Failure::timeout(), "States.HeartbeatTimeout", false),
            (&Failure::timeout(), "States.TaskFailed", false),
            (&Failure::heartbeat_timeout(), "States.HeartbeatTimeout", true),
            (&Failure::heartbeat_timeout(), "States.Timeout", true),
            (&Failure::runtime(String::new()), "States.ALL", false),
        ] {
            assert_eq!(failure.is_matched_by(&[name.to_owned()]), expected, "{failure:?} {name}");
        }
    }
}
