//! People: who presses a button or fills in a modal, and the signed request that Slack sends to the app for it.
//!
//! Shapes and signature: <https://docs.slack.dev/reference/interaction-payloads> and
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>. Slack tries once and waits three seconds.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use url::form_urlencoded::Serializer;

use super::api::TRIGGER_LIFE;
use super::workspace::{Modal, SlackMessage};
use super::{SIGNING_SECRET, SlackCatcher, TEAM};

/// How long Slack waits for the app.
const ACK: Duration = Duration::from_secs(3);

/// What the app answered to an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// As sent; for a modal's submission it may hold `response_action`.
    pub body: String,
    /// By which the modal that this press opens is known.
    pub trigger: String,
}

/// Why a person got nowhere.
#[derive(Debug, thiserror::Error)]
pub enum PressError {
    /// The message as the person sees it has no such button.
    #[error("the message has no button {0:?}")]
    NoButton(String),
    /// Slack would show a warning sign: the app is away, or slower than three seconds.
    #[error("the app did not answer in time")]
    Unanswered(#[source] reqwest::Error),
    /// The app took the press and opened nothing; how it answered.
    #[error("the app opened no modal")]
    NoModal(Answer),
}

pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(ACK).redirect(reqwest::redirect::Policy::none()).build()
}

impl SlackCatcher {
    /// Presses a button of the message as it was when it was read: a screen may lag behind. The confirm dialog is agreed to.
    ///
    /// # Errors
    /// When there is no such button or the app does not answer.
    pub async fn press(&self, message: &SlackMessage, action_id: &str, user: &str) -> Result<Answer, PressError> {
        let missing = || PressError::NoButton(action_id.to_owned());
        let (block_id, button) = message.find_button(action_id).ok_or_else(missing)?;
        let mut trigger = String::new();
        self.workspace.send_modify(|workspace| trigger = workspace.issue_trigger(message, user));
        let action = json!({
            "type": "button", "action_id": action_id, "block_id": block_id,
            "text": button["text"], "value": button["value"], "style": button["style"], "action_ts": message.ts,
        });
        let press = json!({
            "type": "block_actions",
            "api_app_id": "A0HOLDPOINT",
            "token": "deprecated",
            "team": { "id": TEAM, "domain": "holdpoint-local" },
            "enterprise": null,
            "is_enterprise_install": false,
            "user": person(user),
            "channel": { "id": message.channel, "name": message.channel.to_lowercase() },
            "container": {
                "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": false,
            },
            "message": message.to_json(true),
            "state": { "values": {} },
            "trigger_id": trigger,
            "response_url": self.url(&format!("response/{trigger}")),
            "actions": [without_nulls(action)],
        });
        self.tell_app(&press, trigger).await
    }

    /// The modal that the app opened for a press; `None` when it opened none while it could.
    pub async fn modal(&self, trigger: &str) -> Option<Modal> {
        self.seen(|workspace| workspace.modals.iter().find(|modal| modal.trigger == trigger).cloned(), TRIGGER_LIFE)
            .await
    }

    /// Submits a modal with this text in each of its fields.
    ///
    /// # Errors
    /// When the app does not answer.
    pub async fn submit(&self, modal: &Modal, text: &str) -> Result<Answer, PressError> {
        let mut view = modal.view.clone();
        view["id"] = json!(modal.id);
        view["team_id"] = json!(TEAM);
        view["state"] = json!({ "values": filled(&modal.view, text) });
        let submission = json!({
            "type": "view_submission",
            "api_app_id": "A0HOLDPOINT",
            "token": "deprecated",
            "team": { "id": TEAM, "domain": "holdpoint-local" },
            "enterprise": null,
            "is_enterprise_install": false,
            "user": person(&modal.user),
            "trigger_id": modal.trigger,
            "view": view,
            "response_urls": [],
        });
        self.tell_app(&submission, modal.trigger.clone()).await
    }

    /// Presses "reject" and gives the reason in the modal that opens; the answer is the one to the submission.
    ///
    /// # Errors
    /// As [`Self::press`], and when no modal opens.
    pub async fn reject(&self, message: &SlackMessage, reason: &str, user: &str) -> Result<Answer, PressError> {
        let pressed = self.press(message, "reject", user).await?;
        let Some(modal) = self.modal(&pressed.trigger).await else { return Err(PressError::NoModal(pressed)) };
        self.submit(&modal, reason).await
    }

    async fn tell_app(&self, payload: &Value, trigger: String) -> Result<Answer, PressError> {
        let body = Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
        let timestamp = holdpoint_platform::now().as_second().to_string();
        let url = self.workspace.borrow().interactions_url.clone();
        let request = self.client.post(url).header("content-type", "application/x-www-form-urlencoded");
        let request = request
            .header("x-slack-signature", signature(SIGNING_SECRET, &timestamp, &body))
            .header("x-slack-request-timestamp", timestamp)
            .body(body);
        let reply = request.send().await.map_err(PressError::Unanswered)?;
        let status = reply.status().as_u16();
        Ok(Answer { status, body: reply.text().await.map_err(PressError::Unanswered)?, trigger })
    }
}

/// `v0=` and the HMAC of `v0:{timestamp}:{body}` in hex.
pub(super) fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let mut seal = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    seal.update(format!("v0:{timestamp}:{body}").as_bytes());
    seal.finalize().into_bytes().iter().fold("v0=".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn person(user: &str) -> Value {
    json!({ "id": user, "username": user.to_lowercase(), "name": user.to_lowercase(), "team_id": TEAM })
}

/// `{block_id: {action_id: {"type", "value"}}}` for each field; an empty field is null, as Slack has it.
fn filled(view: &Value, text: &str) -> Value {
    let value = if text.is_empty() { Value::Null } else { json!(text) };
    let inputs = view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input");
    let field = |block: &Value| {
        let (block_id, action_id) = (block["block_id"].as_str()?, block["element"]["action_id"].as_str()?);
        Some((block_id.to_owned(), json!({ action_id: { "type": "plain_text_input", "value": value } })))
    };
    inputs.filter_map(field).collect::<Map<_, _>>().into()
}

fn without_nulls(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_slacks_own_example_as_slack_does() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
            channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
            response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
            trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signed = signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body);
        assert_eq!(signed, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
    }
}
