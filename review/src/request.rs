//! The public contract: what a state machine sends to the activity to have a person decide.
//!
//! Any state machine may send it, for any step (promote a model, charge a card); the analyzer's report is one kind of
//! evidence. `docs/activity-input.schema.json` is made from these types, and a test keeps it so.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ContentHash, Newer, ObjectVersion, ReviewId, Share, Threshold};

/// The only version of [`ActivityInput`] there is so far.
pub const ACTIVITY_INPUT_VERSION: u32 = 1;

/// Bytes that one request may have. The ledger keeps it in a document that must stay far under 256 KiB.
const REQUEST_LIMIT_BYTES: usize = 64 * 1024;

/// The activity's input: who asks, and what.
///
/// A state builds it in its `Parameters`: the visit from the context object, the request from its own input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityInput {
    /// Must be 1.
    pub version: u32,
    /// Which entry of which state of which execution asks.
    pub visit: Visit,
    /// What is asked.
    pub request: ReviewRequest,
}

/// One entry into the waiting state.
///
/// The same over retries of the task; another one in a loop or after a redrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// `$$.Execution.Id`: the execution's ARN.
    pub execution: String,
    /// `$$.State.Name`.
    pub state: String,
    /// `$$.State.EnteredTime`, as text.
    pub entered: String,
    /// `$$.Execution.RedriveCount`.
    pub redrives: u32,
}

impl Visit {
    /// The review that this visit asks for under a key.
    pub fn review_id(&self, key: &str) -> ReviewId {
        ReviewId::of(&self.execution, &self.state, key)
    }

    /// A newer version of what was delivered, and the review that its own execution asks for: the analyzer names an
    /// execution, and the key of its question, after the push.
    pub fn newer(&self, version: &ObjectVersion) -> Newer {
        let push = version.push_id();
        let machine = self.execution.rsplit_once(':').map_or("", |(machine, _)| machine);
        let review = ReviewId::of(&format!("{machine}:{push}"), &self.state, push.as_str());
        Newer { push, review }
    }

    /// Whether two visits of one review are the same entry into the state, that is, the task was only retried.
    pub fn is_same_entry(&self, other: &Self) -> bool {
        self.entered == other.entered && self.redrives == other.redrives
    }
}

/// The question put to the reviewers, with what they need to answer it on a phone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRequest {
    /// Names the question within its state: the push's id; inside a Map, the item's own key. 1 to 256 characters.
    pub key: String,
    /// Dataset, for the route to the reviewers.
    pub dataset: String,
    /// Customer, for the route to the reviewers.
    pub customer: String,
    /// One line that says what is asked, for example `acme delivered orders, and it does not look like theirs`.
    pub title: String,
    /// The anomaly rate, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// What speaks against approving, the gravest first, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<RequestFinding>,
    /// What approving does, in one sentence.
    pub if_approved: String,
    /// What rejecting does, in one sentence.
    pub if_rejected: String,
    /// Who submitted it: that person may not decide (four eyes). A name, mail address or Slack user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitter: Option<String>,
    /// The object version that it is about, where it is about one: once a newer version of the object is there, the review
    /// says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ObjectVersion>,
    /// Where the evidence lies; none where the request speaks for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// How much is anomalous, against which limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Records in all.
    pub records: u64,
    /// The anomaly rate.
    pub rate: Share,
    /// The limit that it exceeds.
    pub threshold: Threshold,
    /// Lowest and highest rate of the accepted pushes that it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<(Share, Share)>,
}

/// One finding in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestFinding {
    /// What is wrong.
    pub text: String,
    /// Share of the records that it concerns.
    pub share: Share,
}

/// Where a report and what belongs to it lie in S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Bucket of all three.
    pub bucket: String,
    /// Key of `report.json`.
    pub report: String,
    /// SHA-256 of its bytes, 64 hex digits: what was approved is what goes on.
    pub report_hash: ContentHash,
    /// Key of `page.json`.
    pub page: String,
    /// Key of the flagged rows, CSV.
    pub flagged: String,
    /// When the data was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub delivered_at: Option<Timestamp>,
}

/// The input is not what the contract says; it names the field.
///
/// The task is failed with `Review.BadInput` and this text, so that whoever wrote the state machine sees what to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    /// No JSON, a missing, unknown or wrongly typed field.
    #[error("the activity's input does not fit the contract, version 1: {0}")]
    Shape(String),
    /// A version that this code does not know.
    #[error("version: {0} is unknown; this worker knows version 1")]
    Version(u64),
    /// A field whose value cannot be used.
    #[error("{field}: {problem}")]
    Field {
        /// Path of the field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl ActivityInput {
    /// Reads the input of a task.
    ///
    /// # Errors
    /// [`BadInput`] names the field; nothing was changed.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let shape = |error: serde_json::Error| BadInput::Shape(error.to_string());
        // The version comes first: an input of a later version shall be told so, not which of its fields is unknown.
        let value: serde_json::Value = serde_json::from_str(text).map_err(shape)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version != u64::from(ACTIVITY_INPUT_VERSION) => return Err(BadInput::Version(version)),
            _ => {}
        }
        let input: Self = serde_json::from_str(text).map_err(shape)?;
        input.request.validate()?;
        Ok(input)
    }

    /// The review that is asked for.
    pub fn review_id(&self) -> ReviewId {
        self.visit.review_id(&self.request.key)
    }
}

impl ReviewRequest {
    /// The hash that must not change within a round.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(&serde_json::to_vec(self).expect("a request is plain data"))
    }

    fn validate(&self) -> Result<(), BadInput> {
        let refuse = |field, problem: &str| Err(BadInput::Field { field, problem: problem.to_owned() });
        if self.key.is_empty() || self.key.chars().count() > 256 {
            return refuse("request.key", "must have 1 to 256 characters");
        }
        // They name keys in S3, which hold 1,024 bytes, and a key that is refused for ever would look like an outage.
        let names_a_key = |name: &str| (1..=256).contains(&name.len()) && !name.chars().any(char::is_control);
        if !names_a_key(&self.dataset) {
            return refuse("request.dataset", "must have 1 to 256 bytes and no control character");
        }
        if !names_a_key(&self.customer) {
            return refuse("request.customer", "must have 1 to 256 bytes and no control character");
        }
        if self.title.trim().is_empty() {
            return refuse("request.title", "must not be empty");
        }
        if serde_json::to_vec(self).expect("a request is plain data").len() > REQUEST_LIMIT_BYTES {
            return refuse(
                "request",
                "is larger than 64 KiB; put the evidence into S3 and name it in request.evidence",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        ActivityInput::parse(text).unwrap_err().to_string()
    }

    const VISIT: &str =
        r#""visit":{"execution":"arn:x","state":"AwaitReview","entered":"2026-01-01T00:00:00Z","redrives":0}"#;

    fn with_key(key: &str) -> String {
        format!(
            r#"{{"version":1,{VISIT},"request":{{"key":"{key}","dataset":"d","customer":"c","title":"t","if_approved":"a","if_rejected":"r"}}}}"#
        )
    }

    #[test]
    fn a_bad_input_names_its_field() {
        assert!(refusal("hello").contains("does not fit the contract"));
        assert!(refusal(r#"{"version":2}"#).contains("version: 2 is unknown"));
        assert!(refusal(&format!(r#"{{"version":1,{VISIT}}}"#)).contains("`request`"));
        assert!(refusal(&with_key("")).contains("request.key"));
        assert!(refusal(&with_key("k").replace("\"title\"", "\"titel\"")).contains("`titel`"));
        let long = format!("\"dataset\":\"{}\"", "d".repeat(257));
        assert!(refusal(&with_key("k").replace("\"dataset\":\"d\"", &long)).contains("request.dataset"));
        assert!(
            refusal(&with_key("k").replace("\"customer\":\"c\"", "\"customer\":\"\"")).contains("request.customer")
        );
    }

    #[test]
    fn a_good_input_is_read_and_its_hash_is_of_the_request_alone() {
        let input = ActivityInput::parse(&with_key("k")).unwrap();
        let later = ActivityInput::parse(&with_key("k").replace("\"redrives\":0", "\"redrives\":1")).unwrap();
        assert_eq!(input.request.hash(), later.request.hash());
        assert_eq!(input.review_id(), later.review_id());
        assert!(!input.visit.is_same_entry(&later.visit));
    }
}
