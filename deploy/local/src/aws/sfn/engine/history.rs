//! What `GetExecutionHistory` tells, in the shapes of AWS's `HistoryEvent`.
//!
//! The order and `previousEventId` of events follow histories recorded from AWS; where none is known, the code that
//! records says "assumed".

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Engine, Place};

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) previous: u64,
    pub(crate) at: Timestamp,
    pub(crate) kind: String,
    /// JSON, `null` for an event that has none. Text, because histories are kept by the thousand and seldom read.
    details: String,
}

impl Event {
    pub(crate) fn details(&self) -> Value {
        serde_json::from_str(&self.details).expect("it was JSON when it was recorded")
    }

    /// The member of `HistoryEvent` that holds this kind's details.
    pub(crate) fn details_name(&self) -> String {
        for shared in ["StateEntered", "StateExited"] {
            if self.kind.ends_with(shared) {
                return format!("s{}EventDetails", &shared[1..]);
            }
        }
        let (first, rest) = self.kind.split_at(1);
        format!("{}{rest}EventDetails", first.to_lowercase())
    }
}

impl Engine {
    /// Records what happens on a branch, and makes it the event that the branch's next one follows.
    pub(super) fn record(&mut self, at: Place, kind: impl Into<String>, details: &Value) -> u64 {
        let previous = self.branch(at).previous_event;
        let id = self.note(at.execution, previous, kind, details);
        self.branch(at).previous_event = id;
        id
    }

    /// Records an event that none has to follow.
    pub(super) fn note(&mut self, execution: usize, previous: u64, kind: impl Into<String>, details: &Value) -> u64 {
        let at = self.clock.now();
        let history = &mut self.executions[execution].history;
        let id = history.len() as u64 + 1;
        history.push(Event { id, previous, at, kind: kind.into(), details: details.to_string() });
        id
    }
}

/// `{"input": "…", "inputDetails": …}`, or the same for an output.
pub(super) fn data(name: &str, text: &str) -> Value {
    json!({name: text, format!("{name}Details"): {"truncated": false}})
}

/// `details` with more fields.
pub(super) fn with(mut details: Value, more: Value) -> Value {
    if let (Some(details), Value::Object(more)) = (details.as_object_mut(), more) {
        details.extend(more);
    }
    details
}
