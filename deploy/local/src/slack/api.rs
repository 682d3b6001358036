//! What each method does to the workspace, and what it refuses, with the errors of <https://docs.slack.dev/reference/methods>.
//!
//! Where Slack is lenient and that is no use to us, this is strict: a channel is named by its id only.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::check;
use super::workspace::{Ephemeral, Modal, SlackMessage, Trigger, Workspace};
use super::{TEAM, text_of};

/// How long a trigger opens a modal.
pub(super) const TRIGGER_LIFE: Duration = Duration::from_secs(3);

/// A `response_url` takes five answers within half an hour.
const RESPONSES: usize = 5;
const RESPONSE_LIFE: Duration = Duration::from_mins(30);

/// `ok: false`, or the body of HTTP 4xx where there is no JSON.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: &'static str,
    pub(super) messages: Vec<String>,
}

impl From<&'static str> for Refusal {
    fn from(error: &'static str) -> Self {
        Self { error, messages: Vec::new() }
    }
}

type Outcome = Result<Value, Refusal>;

/// A method of the Web API. The token has been checked.
pub(super) fn call(workspace: &mut Workspace, method: &str, arguments: &Value) -> Outcome {
    match method {
        "auth.test" => Ok(json!({
            "ok": true, "url": "https://holdpoint-local.slack.com/", "team": "Holdpoint local", "team_id": TEAM,
            "user": "holdpoint", "user_id": "U0HOLDPOINT", "bot_id": "B0HOLDPOINT", "is_enterprise_install": false,
        })),
        "chat.postMessage" => {
            let message = post(workspace, channel(arguments)?, arguments)?;
            Ok(json!({ "ok": true, "channel": message.channel, "ts": message.ts, "message": message.to_json(true) }))
        }
        "chat.update" => update(workspace, arguments),
        "chat.delete" => {
            let (channel, ts) = (channel(arguments)?, text_of(&arguments["ts"]));
            workspace.message(channel, &ts).ok_or("message_not_found")?.deleted = true;
            Ok(json!({ "ok": true, "channel": channel, "ts": ts }))
        }
        "conversations.history" => history(workspace, arguments),
        "conversations.replies" => replies(workspace, arguments),
        "views.open" => open_view(workspace, arguments),
        _ => Err("unknown_method".into()),
    }
}

/// A message from the bot, or from a webhook into the channel of its name.
pub(super) fn post(workspace: &mut Workspace, channel: &str, arguments: &Value) -> Result<SlackMessage, Refusal> {
    let blocks = blocks(arguments)?.unwrap_or_default();
    let text = text_of(&arguments["text"]);
    if text.is_empty() && blocks.is_empty() {
        return Err("no_text".into());
    }
    Ok(workspace.keep(SlackMessage {
        channel: channel.to_owned(),
        ts: String::new(), // given when it is kept
        thread_ts: arguments["thread_ts"].as_str().map(ToOwned::to_owned),
        text,
        blocks,
        metadata: metadata(arguments)?.filter(|metadata| *metadata != json!({})),
        edited: false,
        deleted: false,
    }))
}

/// A POST to a `response_url`: changes the message, or tells the one person.
pub(super) fn respond(workspace: &mut Workspace, trigger: &str, arguments: &Value) -> Result<(), Refusal> {
    let trigger = workspace.triggers.get_mut(trigger).ok_or("no_such_url")?;
    if trigger.at.elapsed() > RESPONSE_LIFE {
        return Err("expired_url".into());
    }
    if trigger.responses == RESPONSES {
        return Err("used_url".into());
    }
    trigger.responses += 1;
    let (user, channel, ts) = (trigger.user.clone(), trigger.channel.clone(), trigger.ts.clone());
    if arguments["replace_original"] == true {
        change(workspace, &channel, &ts, arguments)?;
    } else {
        let (text, blocks) = (text_of(&arguments["text"]), blocks(arguments)?.unwrap_or_default());
        workspace.ephemerals.push(Ephemeral { user, channel, ts, text, blocks });
    }
    Ok(())
}

fn update(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    let channel = channel(arguments)?;
    let message = change(workspace, channel, &text_of(&arguments["ts"]), arguments)?;
    Ok(
        json!({ "ok": true, "channel": channel, "ts": message.ts, "text": message.text, "message": message.to_json(true) }),
    )
}

/// New text without blocks takes the blocks away; text or metadata that is not given stays.
fn change(workspace: &mut Workspace, channel: &str, ts: &str, arguments: &Value) -> Result<SlackMessage, Refusal> {
    let (text, blocks) = (arguments["text"].as_str(), blocks(arguments)?);
    if text.is_none() && blocks.is_none() {
        return Err("no_text".into());
    }
    let metadata = metadata(arguments)?;
    let message = workspace.message(channel, ts).ok_or("message_not_found")?;
    message.edited = true;
    message.blocks = blocks.unwrap_or_default();
    if let Some(text) = text {
        text.clone_into(&mut message.text);
    }
    if let Some(metadata) = metadata {
        message.metadata = Some(metadata).filter(|metadata| *metadata != json!({}));
    }
    Ok(message.clone())
}

/// Newest first, without what only answers in a thread.
fn history(workspace: &Workspace, arguments: &Value) -> Outcome {
    let channel = channel(arguments)?;
    let limit = number(&arguments["limit"], 100).filter(|limit| (1..=999).contains(limit)).ok_or("invalid_limit")?;
    let oldest = moment(&arguments["oldest"]).map_err(|()| "invalid_ts_oldest")?;
    let latest = moment(&arguments["latest"]).map_err(|()| "invalid_ts_latest")?;
    let before = moment(&arguments["cursor"]).map_err(|()| "invalid_cursor")?;
    let inclusive = is_set(&arguments["inclusive"]);
    let in_range = |message: &&SlackMessage| {
        let at = message.at().as_microsecond();
        oldest.is_none_or(|oldest| at > oldest || inclusive && at == oldest)
            && latest.is_none_or(|latest| at < latest || inclusive && at == latest)
            && before.is_none_or(|before| at < before)
    };
    let is_top = |message: &&SlackMessage| message.thread_ts.as_ref().is_none_or(|thread| *thread == message.ts);
    let here = workspace.messages.iter().rev().filter(|message| message.channel == channel && !message.deleted);
    let mut found: Vec<_> = here.filter(is_top).filter(in_range).take(limit + 1).collect();
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|last| json!({ "next_cursor": last.ts }));
    let with_metadata = is_set(&arguments["include_all_metadata"]);
    let messages: Vec<_> = found.into_iter().map(|message| message.to_json(with_metadata)).collect();
    Ok(json!({ "ok": true, "messages": messages, "has_more": has_more, "response_metadata": next }))
}

/// A message and what answers it, oldest first, all at once.
fn replies(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    let (channel, ts) = (channel(arguments)?, text_of(&arguments["ts"]));
    workspace.message(channel, &ts).ok_or("thread_not_found")?;
    let with_metadata = is_set(&arguments["include_all_metadata"]);
    let in_thread = |message: &&SlackMessage| {
        message.channel == channel && !message.deleted && (message.ts == ts || message.thread_ts.as_ref() == Some(&ts))
    };
    let messages: Vec<_> =
        workspace.messages.iter().filter(in_thread).map(|reply| reply.to_json(with_metadata)).collect();
    Ok(json!({ "ok": true, "messages": messages, "has_more": false }))
}

fn open_view(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    let id = text_of(&arguments["trigger_id"]);
    let trigger = workspace.triggers.get_mut(&id).ok_or("invalid_trigger_id")?;
    if trigger.at.elapsed() > TRIGGER_LIFE {
        return Err("expired_trigger_id".into());
    }
    let mut view = arguments["view"].clone();
    check::view(&view).map_err(|problem| Refusal { error: "invalid_arguments", messages: vec![problem] })?;
    if std::mem::replace(&mut trigger.is_exchanged, true) {
        return Err("exchanged_trigger_id".into());
    }
    let modal = Modal {
        id: format!("V{:010X}", fastrand::u32(..)),
        trigger: id,
        user: trigger.user.clone(),
        view: view.clone(),
    };
    view["id"] = json!(modal.id);
    view["team_id"] = json!(TEAM);
    workspace.modals.push(modal);
    Ok(json!({ "ok": true, "view": view }))
}

impl Workspace {
    /// A press by somebody on a message: gives the id that the app exchanges for a modal.
    pub(super) fn issue_trigger(&mut self, message: &SlackMessage, user: &str) -> String {
        let id = format!("{}.{}.{:016x}", fastrand::u32(..), fastrand::u32(..), fastrand::u64(..));
        let trigger = Trigger {
            user: user.to_owned(),
            channel: message.channel.clone(),
            ts: message.ts.clone(),
            at: Instant::now(),
            is_exchanged: false,
            responses: 0,
        };
        self.triggers.insert(id.clone(), trigger);
        id
    }
}

/// `C`, `D` or `G`, then capitals and digits.
fn channel(arguments: &Value) -> Result<&str, Refusal> {
    let channel = arguments["channel"].as_str().unwrap_or_default();
    let is_id =
        channel.starts_with(['C', 'D', 'G']) && channel.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if is_id { Ok(channel) } else { Err("channel_not_found".into()) }
}

fn blocks(arguments: &Value) -> Result<Option<Vec<Value>>, Refusal> {
    if arguments["text"].as_str().is_some_and(|text| text.chars().count() > 40_000) {
        return Err("msg_too_long".into());
    }
    if arguments["blocks"].is_null() {
        return Ok(None);
    }
    let blocks = arguments["blocks"].as_array().ok_or("invalid_blocks_format")?;
    check::blocks(blocks, 50).map_err(|problem| Refusal { error: "invalid_blocks", messages: vec![problem] })?;
    if arguments["blocks"].to_string().len() > check::BLOCKS_BYTES {
        return Err("msg_blocks_too_long".into());
    }
    Ok(Some(blocks.clone()))
}

fn metadata(arguments: &Value) -> Result<Option<Value>, Refusal> {
    match &arguments["metadata"] {
        Value::Null => Ok(None),
        metadata if check::is_metadata(metadata) => Ok(Some(metadata.clone())),
        _ => Err("invalid_metadata_format".into()),
    }
}

/// A form has only strings.
fn is_set(value: &Value) -> bool {
    *value == true || value == "true" || value == "1"
}

fn number(value: &Value, default: usize) -> Option<usize> {
    match value {
        Value::Null => Some(default),
        Value::String(digits) => digits.parse().ok(),
        value => value.as_u64().and_then(|number| number.try_into().ok()),
    }
}

/// `1405894322.002768`, with fewer decimals, or none, in microseconds; an empty string is none.
fn moment(value: &Value) -> Result<Option<i64>, ()> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => text.clone(),
        number => number.to_string(),
    };
    let (seconds, decimals) = text.split_once('.').unwrap_or((&text, ""));
    format!("{seconds}{decimals:0<6}").parse().map(Some).map_err(|_| ())
}
