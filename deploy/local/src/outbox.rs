//! The outbox: one page with the mails and Slack messages that reviewers would have got, newest first.
//!
//! A button pressed here is pressed by one Slack user through the catcher, so the app gets the same signed request as from
//! Slack; its confirm dialog and its modal are pages. Plain HTML without script: what mails and messages hold is escaped, a
//! mail's HTML is shut in a sandbox, and the policy of the page lets nothing be loaded. For one machine; no login.

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::mail::{Mail, MailCatcher};
use crate::slack::{self, Answer, Modal, PressError, SlackCatcher, SlackMessage};

/// How many mails and threads one page shows.
const SHOWN: usize = 100;

/// How long a press may take to show: Slack gives the app as long to open a modal.
const PATIENCE: Duration = Duration::from_secs(3);

/// Styles of our own and those within mails; nothing is loaded, and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

/// No script and no forms; a mail's links open beside the outbox, out of the sandbox.
const SANDBOX: &str = "allow-popups allow-popups-to-escape-sandbox";
const MAIL_BASE: &str = r#"<meta charset="utf-8"><base target="_blank">"#;

/// Who presses the buttons on the page, as Slack knows them.
pub const USER: &str = "U0DANA";

/// The page, served on a loopback port. Dropped, it is gone.
#[derive(Debug)]
pub struct Outbox {
    url: String,
    _serving: AbortOnDropHandle<io::Result<()>>,
}

impl Outbox {
    /// Serves the page on any port that is free.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(mails: MailCatcher, slack: SlackCatcher) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move { axum::serve(listener, router(mails, slack)).await });
        Ok(Self { url, _serving: AbortOnDropHandle::new(serving) })
    }

    /// What a person opens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

struct Caught {
    mails: MailCatcher,
    slack: SlackCatcher,
}

/// A button of a message.
#[derive(Deserialize)]
struct Press {
    channel: String,
    ts: String,
    action: String,
}

#[derive(Deserialize)]
struct Filled {
    text: String,
}

#[derive(Deserialize)]
struct View {
    paused: Option<String>,
}

fn router(mails: MailCatcher, slack: SlackCatcher) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/slack/press", get(confirm).post(press))
        .route("/slack/modal/{id}", get(show_modal).post(submit))
        .with_state(Arc::new(Caught { mails, slack }))
}

async fn index(State(caught): State<Arc<Caught>>, Query(view): Query<View>) -> Response {
    let messages = caught.slack.all_messages();
    let mails = caught.mails.mails().into_iter().map(|mail| (mail.at, mail_card(&mail)));
    let threads = messages.iter().filter(|message| !message.deleted && message.thread_ts.is_none());
    let mut cards: Vec<_> = mails.chain(threads.map(|message| thread(&caught, message, &messages))).collect();
    cards.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let is_paused = view.paused.is_some();
    let content = html! {
        h1 { "Outbox" }
        p .soft {
            "What reviewers would have got by mail and in Slack. Nothing leaves this machine. "
            @if is_paused { a href="/" { "Refresh again" } "." }
            @else { "Refreshed every 5 seconds; " a href="/?paused" { "pause" } "." }
        }
        @if cards.is_empty() { p { "Nothing yet." } }
        @for (_, card) in cards.iter().take(SHOWN) { (card) }
    };
    page(StatusCode::OK, !is_paused, &content)
}

/// The confirm dialog of a button.
async fn confirm(State(caught): State<Arc<Caught>>, Query(press): Query<Press>) -> Response {
    let Some(message) = find(&caught, &press) else { return gone() };
    let Some((_, button)) = message.find_button(&press.action) else { return gone() };
    let dialog = &button["confirm"];
    let agree = press_form(&message, &press.action, "post", "primary", &slack::html::text(&dialog["confirm"]));
    let content = html! {
        article .dialog {
            h3 { (slack::html::text(&dialog["title"])) }
            p { (slack::html::text(&dialog["text"])) }
            div .actions { (agree) a .button href="/" { (slack::html::text(&dialog["deny"])) } }
        }
    };
    page(StatusCode::OK, false, &content)
}

/// Presses, then waits for what the person would see next: a modal, the message changed, a word for them alone.
async fn press(State(caught): State<Arc<Caught>>, Form(press): Form<Press>) -> Response {
    let Some(message) = find(&caught, &press) else { return gone() };
    let told_before = caught.slack.ephemerals().len();
    let answer = match caught.slack.press(&message, &press.action, USER).await {
        Ok(Answer { status: 200, trigger, .. }) => trigger,
        answer => return failed(answer),
    };
    let next = caught.slack.seen(
        |workspace| {
            let modal = workspace.modals.iter().find(|modal| modal.trigger == answer);
            let is_seen = workspace.ephemerals.len() > told_before || !workspace.messages.contains(&message);
            modal.map(|modal| Some(modal.id.clone())).or(is_seen.then_some(None))
        },
        PATIENCE,
    );
    match next.await.flatten() {
        Some(modal) => Redirect::to(&format!("/slack/modal/{modal}")).into_response(),
        None => Redirect::to("/").into_response(),
    }
}

async fn show_modal(State(caught): State<Arc<Caught>>, Path(id): Path<String>) -> Response {
    match caught.slack.modals().into_iter().find(|modal| modal.id == id) {
        Some(modal) => modal_page(&modal, &Value::Null),
        None => gone(),
    }
}

async fn submit(State(caught): State<Arc<Caught>>, Path(id): Path<String>, Form(filled): Form<Filled>) -> Response {
    let Some(modal) = caught.slack.modals().into_iter().find(|modal| modal.id == id) else { return gone() };
    match caught.slack.submit(&modal, filled.text.trim()).await {
        Ok(Answer { status: 200, body, .. }) => match serde_json::from_str::<Value>(&body).unwrap_or_default() {
            reply if reply["response_action"] == "errors" => modal_page(&modal, &reply["errors"]),
            _ => Redirect::to("/").into_response(),
        },
        answer => failed(answer),
    }
}

/// A modal with at most one field, as [`SlackCatcher::submit`] fills all with the same text.
fn modal_page(modal: &Modal, errors: &Value) -> Response {
    let view = &modal.view;
    let content = html! {
        form .dialog method="post" action={ "/slack/modal/" (modal.id) } {
            article {
                h3 { (slack::html::text(&view["title"])) }
                @for block in view["blocks"].as_array().into_iter().flatten() {
                    @if block["type"] == "input" {
                        label { (slack::html::text(&block["label"])) textarea name="text" {} }
                        @let error = block["block_id"].as_str().and_then(|id| errors[id].as_str());
                        @if let Some(error) = error { p .problem { (error) } }
                    } @else {
                        (slack::html::blocks(std::slice::from_ref(block), &|_| html! {}))
                    }
                }
                div .actions {
                    button .primary { (slack::html::text(&view["submit"])) }
                    a .button href="/" { "Cancel" }
                }
            }
        }
    };
    page(StatusCode::OK, false, &content)
}

fn mail_card(mail: &Mail) -> Markup {
    html! {
        article {
            header { "Mail to " b { (mail.recipient) } " · " b { (mail.subject) } " · " (moment(mail.at)) }
            div .mail .plain[mail.html.is_empty()] {
                @if !mail.html.is_empty() {
                    iframe title="The mail's HTML" sandbox=(SANDBOX) srcdoc={ (MAIL_BASE) (mail.html) } {}
                }
                pre { (mail.text) }
            }
        }
    }
}

/// A message, its replies, and what the person was told alone; with the time of the newest of them.
fn thread(caught: &Caught, message: &SlackMessage, all: &[SlackMessage]) -> (Timestamp, Markup) {
    let is_reply = |reply: &&SlackMessage| {
        !reply.deleted && reply.channel == message.channel && reply.thread_ts.as_ref() == Some(&message.ts)
    };
    let replies: Vec<_> = all.iter().filter(is_reply).collect();
    let told = caught.slack.ephemerals();
    let told = told.iter().filter(|told| told.channel == message.channel && told.ts == message.ts);
    let newest = replies.last().map_or(message.at(), |reply| reply.at());
    let markup = html! {
        article {
            header { "Slack, " b { (message.channel) } " · " (moment(message.at())) (edited(message)) }
            (content(message))
            @for reply in replies {
                div .reply { header { "Reply · " (moment(reply.at())) (edited(reply)) } (content(reply)) }
            }
            @for told in told {
                div .reply {
                    header { "Only visible to " (told.user) }
                    @if told.blocks.is_empty() { p { (slack::html::mrkdwn(&told.text)) } }
                    (slack::html::blocks(&told.blocks, &|_| html! {}))
                }
            }
        }
    };
    (newest, markup)
}

fn content(message: &SlackMessage) -> Markup {
    html! {
        @if message.blocks.is_empty() { p { (slack::html::mrkdwn(&message.text)) } }
        (slack::html::blocks(&message.blocks, &|button| button_of(message, button)))
    }
}

fn edited(message: &SlackMessage) -> &'static str {
    if message.edited { " (edited)" } else { "" }
}

fn button_of(message: &SlackMessage, button: &Value) -> Markup {
    let label = slack::html::text(&button["text"]);
    let style = button["style"].as_str().unwrap_or_default();
    match (button["url"].as_str(), button["action_id"].as_str()) {
        (Some(url), _) if slack::html::is_web(url) => {
            html! { a .button.(style) href=(url) target="_blank" rel="noopener noreferrer" { (label) } }
        }
        (None, Some(action)) => {
            let method = if button["confirm"].is_null() { "post" } else { "get" };
            press_form(message, action, method, style, &label)
        }
        _ => html! { span .soft { (label) } },
    }
}

fn press_form(message: &SlackMessage, action: &str, method: &str, style: &str, label: &Markup) -> Markup {
    html! {
        form method=(method) action="/slack/press" {
            input type="hidden" name="channel" value=(message.channel);
            input type="hidden" name="ts" value=(message.ts);
            input type="hidden" name="action" value=(action);
            button .(style) { (label) }
        }
    }
}

fn find(caught: &Caught, press: &Press) -> Option<SlackMessage> {
    caught.slack.messages(&press.channel).into_iter().find(|message| message.ts == press.ts && !message.deleted)
}

fn gone() -> Response {
    problem(StatusCode::NOT_FOUND, &"This message, button or dialog is gone.")
}

/// What Slack shows as a warning sign beside the button.
fn failed(answer: Result<Answer, PressError>) -> Response {
    match answer {
        Ok(answer) => problem(StatusCode::BAD_GATEWAY, &format!("The app answered with HTTP {}.", answer.status)),
        Err(error) => problem(StatusCode::BAD_GATEWAY, &format!("This did not work: {error}.")),
    }
}

fn problem(status: StatusCode, sentence: &dyn Display) -> Response {
    page(status, false, &html! { article .dialog { p { (sentence.to_string()) } a .button href="/" { "Back" } } })
}

fn page(status: StatusCode, is_refreshed: bool, content: &Markup) -> Response {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if is_refreshed { meta http-equiv="refresh" content="5"; }
                title { "Outbox" }
                style { (PreEscaped(include_str!("outbox.css"))) }
            }
            body { (content) }
        }
    };
    (status, [(header::CONTENT_SECURITY_POLICY, POLICY)], Html(document.into_string())).into_response()
}

fn moment(at: Timestamp) -> String {
    at.strftime("%-d %b %H:%M:%S UTC").to_string()
}
