//! Slack's Web API and incoming webhooks: the five calls that we make, and what their errors ask of us.
//!
//! Slack says most errors with HTTP 200 and `ok: false` (<https://docs.slack.dev/apis/web-api>), so that the status alone
//! tells nothing. Addresses and the token never reach an error's text.

use std::time::Duration;

use holdpoint_platform::{Secret, WebUrl};
use holdpoint_review::{Channel, ReviewId, Round};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, RequestBuilder, StatusCode, header::RETRY_AFTER};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::error;

use crate::notices::blocks::SlackMessage;

/// Names our messages among those of other apps.
const EVENT_TYPE: &str = "holdpoint_review";
/// What the bot must be allowed; `deploy/slack/manifest.json` asks for it.
const SCOPES: [&str; 3] = ["channels:history", "chat:write", "groups:history"];
/// Where Slack does not say how long to wait.
const USUAL_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// Clocks differ: look back a little further than our own says.
pub(super) const CLOCKS_DIFFER_BY: SignedDuration = SignedDuration::from_mins(5);

/// Slack through a bot's token.
pub(super) struct Api {
    http: Client,
    url: WebUrl,
    token: Secret,
}

/// What a call's failure asks for.
#[derive(Debug, thiserror::Error)]
pub(super) enum SlackError {
    /// Too many calls: wait so long.
    #[error("Slack's rate limit is reached")]
    Limited(Duration),
    /// This channel, or all of Slack, is closed to us until an operator acts.
    #[error("Slack refused: {0}")]
    Refused(String),
    /// Not this message, however often; the channel may take others.
    #[error("Slack rejected a message: {0}")]
    Rejected(String),
    /// The message is not there: nothing left to do with it.
    #[error("the message is not there")]
    Gone,
    /// Try again; a post may have arrived.
    #[error("Slack failed: {0}")]
    Failed(String),
}

/// A message's metadata: by it a message is found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) review_id: ReviewId,
    pub(super) round: u32,
    pub(super) purpose: String,
    /// Whom it was meant for: in the fallback channel several channels' messages meet.
    #[serde(default)]
    pub(super) channel: String,
}

/// A message of ours that looking back found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) ts: String,
    pub(super) mark: Mark,
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    error: Option<String>,
    ts: Option<String>,
    #[serde(default)]
    messages: Vec<Listed>,
    response_metadata: Option<Next>,
}

#[derive(Deserialize)]
struct Listed {
    ts: String,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    event_type: String,
    event_payload: Value,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next_cursor: String,
}

impl Mark {
    pub(super) fn of(round: &Round, channel: &Channel, purpose: String) -> Self {
        Self { review_id: round.review_id.clone(), round: round.round, purpose, channel: channel.id() }
    }

    pub(super) fn is_of(&self, round: &Round, channel: &Channel) -> bool {
        self.review_id == round.review_id && self.round == round.round && self.channel == channel.id()
    }

    fn metadata(&self) -> Value {
        json!({ "event_type": EVENT_TYPE, "event_payload": self })
    }
}

impl Api {
    pub(super) fn new(http: Client, url: WebUrl, token: Secret) -> Self {
        Self { http, url, token }
    }

    /// Whether the token is good and may do what we do: Slack names its scopes with every reply.
    pub(super) async fn check(&self) -> Result<(), SlackError> {
        let request = self.http.post(self.url.with("auth.test")).bearer_auth(self.token.expose());
        let reply = send(request).await?;
        let granted = reply.headers().get("x-oauth-scopes").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let reply: Reply = reply.json().await.map_err(failed)?;
        if !reply.ok {
            return Err(classify(reply.error.as_deref().unwrap_or("no error named")));
        }
        let granted = granted.unwrap_or_default();
        let granted: Vec<_> = granted.split(',').map(str::trim).collect();
        let missing: Vec<_> = SCOPES.into_iter().filter(|scope| !granted.contains(scope)).collect();
        match missing.as_slice() {
            [] => Ok(()),
            missing => Err(SlackError::Refused(format!("the token lacks {}", missing.join(", ")))),
        }
    }

    /// Posts, and says under which `ts`.
    pub(super) async fn post(
        &self,
        channel: &str,
        thread: Option<&str>,
        message: &SlackMessage,
        mark: &Mark,
    ) -> Result<String, SlackError> {
        let mut body = json!({
            "channel": channel,
            "text": message.text,
            "blocks": message.blocks,
            "metadata": mark.metadata(),
            "unfurl_links": false,
            "unfurl_media": false,
        });
        if let Some(thread) = thread {
            body["thread_ts"] = thread.into();
        }
        let reply = self.call("chat.postMessage", &body).await?;
        reply.ts.ok_or_else(|| SlackError::Failed("a post without ts".to_owned()))
    }

    /// Puts another message in the place of one. Harmless when repeated.
    pub(super) async fn update(
        &self,
        channel: &str,
        ts: &str,
        message: &SlackMessage,
        mark: &Mark,
    ) -> Result<(), SlackError> {
        let body = json!({
            "channel": channel,
            "ts": ts,
            "text": message.text,
            "blocks": message.blocks,
            "metadata": mark.metadata(),
        });
        self.call("chat.update", &body).await.map(drop)
    }

    /// Deletes a message; one that is gone is as good, and one that cannot be deleted stays.
    pub(super) async fn delete(&self, channel: &str, ts: &str) -> Result<(), SlackError> {
        match self.call("chat.delete", &json!({ "channel": channel, "ts": ts })).await {
            Ok(_) | Err(SlackError::Gone) => Ok(()),
            Err(SlackError::Rejected(code)) => {
                error!(slack.error = code, "a second message cannot be deleted; somebody must, or its buttons stay");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The earliest message with exactly this mark.
    pub(super) async fn find(
        &self,
        channel: &str,
        since: Timestamp,
        thread: Option<&str>,
        mark: &Mark,
    ) -> Result<Option<String>, SlackError> {
        let found = self.look_back(channel, since, thread).await?;
        Ok(found.into_iter().filter(|found| found.mark == *mark).map(|found| found.ts).min())
    }

    /// Our messages in a channel, or in a thread of it, since then: all of them, however many others there are. Whoever
    /// asks takes care that this is no longer ago than need be, and for how long we look.
    pub(super) async fn look_back(
        &self,
        channel: &str,
        since: Timestamp,
        thread: Option<&str>,
    ) -> Result<Vec<Found>, SlackError> {
        let oldest = (since - CLOCKS_DIFFER_BY).as_second().to_string();
        let method = if thread.is_some() { "conversations.replies" } else { "conversations.history" };
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut form =
                vec![("channel", channel), ("oldest", &oldest), ("limit", "200"), ("include_all_metadata", "true")];
            form.extend(thread.map(|ts| ("ts", ts)));
            form.extend((!cursor.is_empty()).then_some(("cursor", &*cursor)));
            let reply = self.send(self.http.post(self.url.with(method)).form(&form)).await?;
            found.extend(reply.messages.into_iter().filter_map(Listed::ours));
            cursor = reply.response_metadata.map(|next| next.next_cursor).unwrap_or_default();
            if cursor.is_empty() {
                return Ok(found);
            }
        }
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Reply, SlackError> {
        self.send(self.http.post(self.url.with(method)).json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Reply, SlackError> {
        let reply = send(request.bearer_auth(self.token.expose())).await?;
        let reply: Reply = reply.json().await.map_err(failed)?;
        if reply.ok { Ok(reply) } else { Err(classify(reply.error.as_deref().unwrap_or("no error named"))) }
    }
}

/// Posts through a webhook, which answers with words instead of JSON.
pub(super) async fn post_by_webhook(http: &Client, address: &Secret, message: &SlackMessage) -> Result<(), SlackError> {
    let body = json!({
        "text": message.text,
        "blocks": message.blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    });
    send(http.post(address.expose()).json(&body)).await.map(drop)
}

async fn send(request: RequestBuilder) -> Result<reqwest::Response, SlackError> {
    let reply = request.send().await.map_err(failed)?;
    match reply.status() {
        status if status.is_success() => Ok(reply),
        StatusCode::TOO_MANY_REQUESTS => {
            let wait = reply.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Err(SlackError::Limited(
                wait.map_or(USUAL_WAIT, Duration::from_secs).clamp(Duration::from_secs(1), LONGEST_WAIT),
            ))
        }
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            Err(SlackError::Failed(status.to_string()))
        }
        StatusCode::BAD_REQUEST => Err(SlackError::Rejected(StatusCode::BAD_REQUEST.to_string())),
        status => Err(SlackError::Refused(status.to_string())),
    }
}

fn failed(error: reqwest::Error) -> SlackError {
    let error = error.without_url();
    let kind = if error.is_timeout() { "timeout" } else { "no answer" };
    SlackError::Failed(format!("{kind}: {error}"))
}

/// <https://docs.slack.dev/reference/methods/chat.postMessage#errors>. A word that we do not know is taken to be about
/// this one message: to try it for hours would hold up all that comes after it in the channel.
fn classify(code: &str) -> SlackError {
    match code {
        "ratelimited" | "rate_limited" => SlackError::Limited(USUAL_WAIT),
        "message_not_found" | "thread_not_found" => SlackError::Gone,
        "external_channel_migrating"
        | "fatal_error"
        | "internal_error"
        | "request_timeout"
        | "rollup_error"
        | "service_unavailable"
        | "team_added_to_org"
        | "update_failed" => SlackError::Failed(code.to_owned()),
        // The channel is closed to us.
        "channel_not_found" | "is_archived" | "not_in_channel" | "posting_to_channel_denied" => refused(code),
        code if code.starts_with("restricted_action") => refused(code),
        // All of Slack is.
        "access_denied"
        | "account_inactive"
        | "accesslimited"
        | "ekm_access_denied"
        | "enterprise_is_restricted"
        | "invalid_auth"
        | "missing_scope"
        | "no_permission"
        | "not_allowed_token_type"
        | "not_authed"
        | "org_login_required"
        | "team_access_not_granted"
        | "token_expired"
        | "token_revoked"
        | "two_factor_setup_required" => refused(code),
        code => SlackError::Rejected(code.to_owned()),
    }
}

fn refused(code: &str) -> SlackError {
    SlackError::Refused(code.to_owned())
}

impl Listed {
    fn ours(self) -> Option<Found> {
        let metadata = self.metadata.filter(|metadata| metadata.event_type == EVENT_TYPE)?;
        Some(Found { ts: self.ts, mark: serde_json::from_value(metadata.event_payload).ok()? })
    }
}
