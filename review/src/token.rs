//! The task token: Step Functions' secret for one waiting task. It never leaves the services.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ContentHash;

/// A task token. It shows itself to nobody: no `Display`, a redacted `Debug`, no `Serialize` of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct TaskToken(String);

impl TaskToken {
    /// A token as `GetActivityTask` handed it out.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The secret, for a call to Step Functions.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A name for it in the ledger's audit trail and in logs: 12 hex digits of its hash.
    pub fn fingerprint(&self) -> String {
        ContentHash::of(self.0.as_bytes()).as_str()[..12].to_owned()
    }
}

impl fmt::Debug for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskToken({}…)", self.fingerprint())
    }
}

/// The one place where a token is written down: the newest one of a round, in the ledger. For `#[serde(with)]`.
pub(crate) mod in_ledger {
    use super::{Deserialize, Deserializer, Serialize, Serializer, TaskToken};

    pub(crate) fn serialize<S: Serializer>(token: &TaskToken, serializer: S) -> Result<S::Ok, S::Error> {
        token.0.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TaskToken, D::Error> {
        String::deserialize(deserializer).map(TaskToken)
    }
}
