//! Waiting for what must come, with a deadline; and how an execution ended.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

/// Whatever takes longer has failed. Generous: the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_secs(90);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Asks again and again until there is an answer.
///
/// # Panics
/// There is none before the deadline; the message names what was waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let answer = async {
        loop {
            if let Some(answer) = look().await {
                return answer;
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    };
    let late = |_| panic!("waited {DEADLINE:?} in vain: {what}");
    tokio::time::timeout(DEADLINE, answer).await.unwrap_or_else(late)
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Its status.
    pub status: ExecutionStatus,
    /// Its error, if it failed.
    pub error: Option<String>,
    /// The decision: from the output of an approved execution, from the cause of another.
    pub decision: Value,
}

impl Ended {
    /// It went on because a person approved.
    ///
    /// # Panics
    /// It did not.
    pub fn assert_approved(&self) {
        assert_eq!(self.status, ExecutionStatus::Succeeded, "{self:?}");
        assert_eq!(self.decision["is_manually_approved"], true, "{self:?}");
    }

    /// It went on, and no person was asked.
    ///
    /// # Panics
    /// It did not.
    pub fn assert_passed(&self) {
        assert_eq!(self.status, ExecutionStatus::Succeeded, "{self:?}");
        assert_eq!(self.decision["decision"], "pass", "{self:?}");
    }

    /// It failed cleanly because a person rejected.
    ///
    /// # Panics
    /// It did not.
    pub fn assert_rejected(&self) {
        assert_eq!(self.error.as_deref(), Some("ReviewRejected"), "{self:?}");
        assert_eq!(self.decision["is_manually_rejected"], true, "{self:?}");
    }

    /// It failed cleanly because nobody decided.
    ///
    /// # Panics
    /// It did not.
    pub fn assert_expired(&self) {
        assert_eq!(self.error.as_deref(), Some("ReviewExpired"), "{self:?}");
        assert_eq!(self.decision["decision"], "expire", "{self:?}");
    }
}
