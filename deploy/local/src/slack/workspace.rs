//! What the catcher remembers: messages, what only one person sees, triggers, modals, and the faults that wait.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{SlackFault, SlackFaultKind, text_of};

/// A message in a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct SlackMessage {
    /// Channel id, or the webhook's name.
    pub channel: String,
    /// Its id within the channel.
    pub ts: String,
    /// The message that it answers.
    pub thread_ts: Option<String>,
    /// What notifications show; shown in the message only where it has no blocks.
    pub text: String,
    /// Its blocks as posted.
    pub blocks: Vec<Value>,
    /// `{"event_type", "event_payload"}` as posted.
    pub metadata: Option<Value>,
    /// Was changed after it was posted.
    pub edited: bool,
    /// Was taken back.
    pub deleted: bool,
}

/// A button of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// The message that it is in.
    pub ts: String,
    /// By which the app knows it.
    pub action_id: String,
    /// What is written on it.
    pub text: String,
    /// What the app gets with the press.
    pub value: String,
    /// Set on a button that is a link.
    pub url: Option<String>,
}

/// What one person saw in a channel and nobody else.
#[derive(Debug, Clone, PartialEq)]
pub struct Ephemeral {
    /// Who.
    pub user: String,
    /// Channel id.
    pub channel: String,
    /// The message whose button was pressed.
    pub ts: String,
    /// Its text.
    pub text: String,
    /// Its blocks.
    pub blocks: Vec<Value>,
}

/// A dialog that the app opened for one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Modal {
    /// Its id.
    pub id: String,
    /// The press that it answers: [`Answer::trigger`](super::Answer::trigger).
    pub trigger: String,
    /// For whom it was opened.
    pub user: String,
    /// The view as the app gave it.
    pub view: Value,
}

/// What a press lets the app do: open one modal within seconds, and answer at its `response_url`.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub(super) user: String,
    pub(super) channel: String,
    pub(super) ts: String,
    pub(super) at: Instant,
    pub(super) is_exchanged: bool,
    pub(super) responses: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) messages: Vec<SlackMessage>,
    pub(crate) ephemerals: Vec<Ephemeral>,
    pub(crate) modals: Vec<Modal>,
    pub(super) triggers: HashMap<String, Trigger>,
    pub(super) faults: Vec<SlackFault>,
    pub(super) interactions_url: String,
    last_ts: i64,
}

impl SlackMessage {
    /// Its buttons from left to right, links included.
    pub fn buttons(&self) -> Vec<Button> {
        let elements = self.blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
        let buttons = elements.filter(|element| element["type"] == "button").map(|element| Button {
            ts: self.ts.clone(),
            action_id: text_of(&element["action_id"]),
            text: text_of(&element["text"]["text"]),
            value: text_of(&element["value"]),
            url: element["url"].as_str().map(ToOwned::to_owned),
        });
        buttons.collect()
    }

    /// A button as posted, and before it the id of its block.
    pub(crate) fn find_button(&self, action_id: &str) -> Option<(&Value, &Value)> {
        let in_block =
            |block: &'_ Value| block["elements"].as_array()?.iter().position(|it| it["action_id"] == action_id);
        let (block, place) = self.blocks.iter().find_map(|block| Some((block, in_block(block)?)))?;
        Some((&block["block_id"], &block["elements"][place]))
    }

    /// When it was posted: what a `ts` says.
    pub fn at(&self) -> Timestamp {
        let micros = self.ts.replace('.', "").parse().unwrap_or_default();
        Timestamp::from_microsecond(micros).unwrap_or_default()
    }

    /// As the Web API shows it.
    pub(super) fn to_json(&self, with_metadata: bool) -> Value {
        let mut message = json!({
            "type": "message", "user": "U0HOLDPOINT", "bot_id": "B0HOLDPOINT", "app_id": "A0HOLDPOINT", "team": super::TEAM,
            "ts": self.ts, "text": self.text, "blocks": self.blocks,
        });
        if let Some(thread_ts) = &self.thread_ts {
            message["thread_ts"] = json!(thread_ts);
        }
        if self.edited {
            message["edited"] = json!({ "user": "U0HOLDPOINT", "ts": self.ts });
        }
        if let Some(metadata) = self.metadata.as_ref().filter(|_| with_metadata) {
            message["metadata"] = metadata.clone();
        }
        message
    }
}

impl Workspace {
    /// Keeps a message under the next free `ts`: microseconds of the clock, never twice the same.
    pub(super) fn keep(&mut self, mut message: SlackMessage) -> SlackMessage {
        self.last_ts = holdpoint_platform::now().as_microsecond().max(self.last_ts + 1);
        message.ts = format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000);
        self.messages.push(message.clone());
        message
    }

    /// The message, unless it was deleted.
    pub(super) fn message(&mut self, channel: &str, ts: &str) -> Option<&mut SlackMessage> {
        self.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts && !message.deleted)
    }

    /// The first fault that waits for this request; once less.
    pub(super) fn next_fault(&mut self, method: &str, channel: &str) -> Option<SlackFaultKind> {
        let matches = |fault: &SlackFault| fault.times > 0 && fault.method == method && fault.channel == channel;
        let fault = self.faults.iter_mut().find(|fault| matches(fault))?;
        fault.times -= 1;
        Some(fault.kind)
    }
}
