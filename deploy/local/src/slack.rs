//! A Slack catcher: the Web API methods that Holdpoint calls, incoming webhooks, and people who press buttons.
//!
//! Messages are kept, not shown to anybody but the outbox page and tests. What Slack refuses is refused in Slack's own form
//! (HTTP 200 with `ok: false`), so that a message that is too long or a forgotten id is found here and not in production.
//! A channel exists when its id looks like one. Deliberately absent: names of channels, members and scopes (every bot is in
//! every channel), tiers of rate limits, attachments, and block types that Holdpoint does not use.

mod api;
mod check;
pub(crate) mod html;
mod person;
mod server;
#[cfg(test)]
mod tests;
mod workspace;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::gate::Gate;
use crate::loopback::Loopback;

pub use self::person::{Answer, PressError};
use self::workspace::Workspace;
pub use self::workspace::{Button, Ephemeral, Modal, SlackMessage};

/// The one bot token that is known.
pub const BOT_TOKEN: &str = "xoxb-holdpoint-local";

/// What interactions are signed with, and what the app verifies them with.
pub const SIGNING_SECRET: &str = "holdpoint-local-signing-secret";

/// The id of the workspace, as interactions name it.
pub const TEAM: &str = "T0LOCAL";

/// What happens to the next requests for a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackFault {
    /// `chat.postMessage` and so on, or `webhook`; an exact match.
    pub method: &'static str,
    /// Channel id, or the webhook's name.
    pub channel: String,
    /// For how many requests; then it is spent.
    pub times: usize,
    /// What happens to them.
    pub kind: SlackFaultKind,
}

/// How Slack fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlackFaultKind {
    /// HTTP 429 with this `Retry-After`, in seconds; no effect.
    RateLimited(u64),
    /// `ok: false` with this error; no effect. A webhook answers HTTP 400 with it.
    Error(&'static str),
    /// The request takes effect and the connection is cut instead of a reply.
    ReplyLost,
}

/// A running catcher. A clone is another hold on it; when the last one is dropped, it stops.
#[derive(Debug, Clone)]
pub struct SlackCatcher {
    workspace: watch::Sender<Workspace>,
    gate: Gate,
    port: Arc<Loopback>,
    client: reqwest::Client,
}

impl SlackCatcher {
    /// Listens; when this returns, requests are served. Port 0 takes any that is free.
    ///
    /// # Errors
    /// When the address is not on loopback or cannot be listened on.
    pub async fn start(addr: SocketAddr) -> io::Result<Self> {
        let workspace = watch::Sender::new(Workspace::default());
        let gate = Gate::default();
        let (served, guarded) = (workspace.clone(), gate.clone());
        let serve = move |stream| server::serve(stream, served.clone(), guarded.clone());
        let port = Loopback::listen(addr, serve).await?;
        let client = person::client().map_err(io::Error::other)?;
        Ok(Self { workspace, gate, port: Arc::new(port), client })
    }

    /// What the services take as `HOLDPOINT_SLACK_API_URL`.
    pub fn api_url(&self) -> String {
        self.url("api/")
    }

    /// An incoming webhook; its messages are in the channel of that name. Any name is known.
    pub fn webhook_url(&self, name: &str) -> String {
        self.url(&format!("webhook/{name}"))
    }

    /// Where interactions are sent: the callback's `/slack/interactions`.
    pub fn interactions_url(&self, url: &str) {
        self.workspace.send_modify(|workspace| url.clone_into(&mut workspace.interactions_url));
    }

    /// The messages of a channel (id, or a webhook's name) in the order of posting, deleted ones included.
    pub fn messages(&self, channel: &str) -> Vec<SlackMessage> {
        self.workspace.borrow().messages.iter().filter(|message| message.channel == channel).cloned().collect()
    }

    /// The buttons in a channel that somebody could press now and that are no links.
    pub fn live_buttons(&self, channel: &str) -> Vec<Button> {
        let live = self.messages(channel).into_iter().filter(|message| !message.deleted);
        live.flat_map(|message| message.buttons()).filter(|button| button.url.is_none()).collect()
    }

    /// What was shown to one person only, in the order of arrival.
    pub fn ephemerals(&self) -> Vec<Ephemeral> {
        self.workspace.borrow().ephemerals.clone()
    }

    /// The dialogs that the app opened, in that order.
    pub fn modals(&self) -> Vec<Modal> {
        self.workspace.borrow().modals.clone()
    }

    /// The first message of a channel that fits, which may be there already; `None` when there was none in time.
    pub async fn wait_for(
        &self,
        channel: &str,
        fits: impl Fn(&SlackMessage) -> bool,
        deadline: Duration,
    ) -> Option<SlackMessage> {
        let fits = |message: &&SlackMessage| message.channel == channel && fits(message);
        self.seen(|workspace| workspace.messages.iter().find(fits).cloned(), deadline).await
    }

    /// Adds a fault behind those that wait already: of two that match, the first is spent first.
    pub fn inject(&self, fault: SlackFault) {
        self.workspace.send_modify(|workspace| workspace.faults.push(fault));
    }

    /// Takes all faults away that wait.
    pub fn mend(&self) {
        self.workspace.send_modify(|workspace| workspace.faults.clear());
    }

    /// Sees each request, under its method's name, `webhook` or `response`.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Cuts every connection until [`Self::up`].
    pub fn down(&self) {
        self.port.down();
    }

    /// Answers again.
    pub fn up(&self) {
        self.port.up();
    }

    /// Every message of every channel, in the order of posting.
    pub(crate) fn all_messages(&self) -> Vec<SlackMessage> {
        self.workspace.borrow().messages.clone()
    }

    /// What `look` finds, as soon as it finds something.
    pub(crate) async fn seen<T>(&self, look: impl Fn(&Workspace) -> Option<T>, deadline: Duration) -> Option<T> {
        let mut changes = self.workspace.subscribe();
        let seen = changes.wait_for(|workspace| look(workspace).is_some());
        let workspace = tokio::time::timeout(deadline, seen).await.ok()?.ok()?;
        look(&workspace)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.port.addr())
    }
}

/// A Slack field that may be there or not: text or nothing.
fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
