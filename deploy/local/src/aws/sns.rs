//! SNS, as far as a state machine publishes: topics are there when they are named, nobody subscribes, and what was published is
//! kept for whoever looks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::uuid;

/// All that was published, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Sns(
    /// Guards the list while one message is added, or while it is read.
    Mutex<Vec<Value>>,
);

impl Sns {
    /// Takes a message with the parameters that Step Functions' integration has, and answers as that does.
    pub(crate) fn publish(&self, parameters: Value) -> Value {
        self.lock().push(parameters);
        json!({ "MessageId": uuid() })
    }

    pub(crate) fn published(&self) -> Vec<Value> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
