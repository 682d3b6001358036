//! What a reviewer may say, how a round may end, and what Step Functions hears of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ContentHash, ReviewId, Way};

/// Step Functions' error for a rejected review; `review.asl.json` catches it by this name.
pub const REVIEW_REJECTED: &str = "ReviewRejected";
/// Step Functions' error for a review that nobody decided, in time or before a newer version came.
pub const REVIEW_EXPIRED: &str = "ReviewExpired";
/// Step Functions' error for an input that is not what the contract says.
pub const REVIEW_BAD_INPUT: &str = "Review.BadInput";

/// Characters of a reason that travel to Step Functions (its cause holds 32,768); the ledger has the whole.
const REASON_LIMIT: usize = 4_000;

/// What a reviewer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It goes on.
    Approve,
    /// It does not.
    Reject,
}

impl std::str::FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(text: &str) -> Result<Self, UnknownVerdict> {
        match text {
            "approve" => Ok(Self::Approve),
            "reject" => Ok(Self::Reject),
            _ => Err(UnknownVerdict),
        }
    }
}

/// The text is neither of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a decision is either approve or reject")]
pub struct UnknownVerdict;

/// How a round was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// Reviewers approved.
    Approved,
    /// A reviewer rejected.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Nobody decided in time, and the route asks by name to go on all the same.
    ApprovedUnseen,
    /// The workflow stopped asking.
    Withdrawn,
    /// A newer version came, and the route asks not to decide on the older one.
    Replaced,
}

/// How a round ended, as every surface shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// The one closing event.
    pub closing: Closing,
    /// The workflow had already ended when it was told.
    #[serde(default)]
    pub not_applied: bool,
}

impl Outcome {
    /// The short name used in metrics, logs and deduplication ids.
    pub fn as_str(self) -> &'static str {
        match (self.closing, self.not_applied) {
            (Closing::Approved, false) => "approved",
            (Closing::Approved, true) => "approved_not_applied",
            (Closing::Rejected, false) => "rejected",
            (Closing::Rejected, true) => "rejected_not_applied",
            (Closing::Expired, false) => "expired",
            (Closing::Expired, true) => "expired_not_applied",
            (Closing::ApprovedUnseen, false) => "approved_unseen",
            (Closing::ApprovedUnseen, true) => "approved_unseen_not_applied",
            (Closing::Withdrawn, _) => "withdrawn",
            (Closing::Replaced, false) => "replaced",
            (Closing::Replaced, true) => "replaced_not_applied",
        }
    }
}

/// The decision as Step Functions gets it: the output of an approved task, the cause of a failed one.
///
/// It always carries the review and the round, because history events carry no token: that is how a service that lost
/// the reply to its answer recognises it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// `approve`, `reject`, `expire` or `replace`.
    pub decision: String,
    /// A person approved it.
    pub is_manually_approved: bool,
    /// A person rejected it.
    pub is_manually_rejected: bool,
    /// Who decided; none where nobody did.
    pub reviewer: Option<String>,
    /// How they came to decide; none where nobody did.
    pub way: Option<Way>,
    /// Why, cut to 4,000 characters.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The review.
    pub review_id: ReviewId,
    /// The round.
    pub round: u32,
    /// The hash of the report that was decided on.
    pub report_hash: Option<ContentHash>,
}

/// Which review and round an answer in an execution's history belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AnswerMark {
    /// The review.
    pub review_id: ReviewId,
    /// The round.
    pub round: u32,
}

impl AnswerMark {
    /// Reads the mark from an output or a cause; none where it is not one of ours.
    pub fn read(output_or_cause: &str) -> Option<Self> {
        serde_json::from_str(output_or_cause).ok()
    }
}

/// What is sent for a task's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `SendTaskSuccess` with this output.
    Success {
        /// JSON.
        output: String,
    },
    /// `SendTaskFailure`.
    Failure {
        /// At most 256 characters.
        error: &'static str,
        /// At most 32,768 characters.
        cause: String,
    },
}

impl Decision {
    /// What Step Functions is told.
    pub fn answer(&self) -> Answer {
        let json = serde_json::to_string(self).expect("a decision is plain data");
        match self.decision.as_str() {
            "approve" => Answer::Success { output: json },
            "reject" => Answer::Failure { error: REVIEW_REJECTED, cause: json },
            _ => Answer::Failure { error: REVIEW_EXPIRED, cause: json },
        }
    }
}

/// A reason short enough for Step Functions; says so where it was cut.
pub(crate) fn cut_reason(reason: &str) -> String {
    if reason.chars().count() <= REASON_LIMIT {
        return reason.to_owned();
    }
    let kept: String = reason.chars().take(REASON_LIMIT).collect();
    format!("{kept}… (cut; the ledger has the whole)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_verdicts_are_read() {
        assert_eq!("approve".parse(), Ok(Verdict::Approve));
        assert_eq!("reject".parse(), Ok(Verdict::Reject));
        for text in ["", "Approve", "yes", "approve "] {
            assert_eq!(text.parse::<Verdict>(), Err(UnknownVerdict), "{text:?}");
        }
    }

    #[test]
    fn a_mark_is_found_in_our_answers_only() {
        let id = ReviewId::of("e", "s", "k");
        let ours = format!(r#"{{"decision":"approve","review_id":"{id}","round":2}}"#);
        assert_eq!(AnswerMark::read(&ours), Some(AnswerMark { review_id: id, round: 2 }));
        for text in ["", "42", "{}", r#"{"round":2}"#] {
            assert_eq!(AnswerMark::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_longest_reason_fits_into_a_cause() {
        let decision = Decision {
            decision: "reject".to_owned(),
            is_manually_approved: false,
            is_manually_rejected: true,
            reviewer: Some("dana".to_owned()),
            way: Some(Way::Slack),
            reason: Some(cut_reason(&"\u{7}".repeat(100_000))),
            at: Timestamp::UNIX_EPOCH,
            review_id: ReviewId::of("e", "s", "k"),
            round: 1,
            report_hash: None,
        };
        let Answer::Failure { cause, .. } = decision.answer() else { panic!("a rejection fails the task") };
        assert!(cause.chars().count() <= 32_768);
    }
}
