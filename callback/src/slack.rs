//! Buttons and forms pressed in Slack.
//!
//! Slack vouches for user and channel by its signature, the sealed link in the button says which round; whether that
//! user may decide is the one rule for rights, as on the page. Slack wants an answer within three seconds: the work goes
//! on when that is over, and the person is told to try again, which changes nothing where it was stored after all.
//!
//! The message itself is not touched here: the outcome's notice edits it, however the round was closed.

pub(crate) mod api;
mod payload;
mod signature;

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use holdpoint_platform::{Stored, now};
use holdpoint_review::{Link, Refusal, Verdict, Who, vote, words};
use serde_json::json;
use tracing::{Instrument, warn};
use url::form_urlencoded;

use crate::{
    app::App,
    decide::{Decided, Wish, decide, record_refusal},
    form::{self, body_within_limit},
    page,
    visitor::{open_link, review_span},
};
use payload::{Payload, Press, Sender, Submission};

/// Slack waits three seconds; this leaves time for the way.
const PATIENCE: Duration = Duration::from_millis(2_500);
const _: () = assert!(PATIENCE.as_millis() < 3_000, "Slack waits three seconds");

/// `POST /slack/interactions`.
pub(crate) async fn interactions(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    let Some(slack) = &app.slack else { return page::not_found() };
    let Some(body) = body_within_limit(body).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    if !signature::is_good(slack.signing_secret(), &headers, &body, now()) {
        warn!("a request that Slack did not sign, or too long ago, was refused");
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let payload = form_urlencoded::parse(&body).find(|(name, _)| name == "payload");
    let payload = payload.and_then(|(_, json)| serde_json::from_str(&json).ok());
    match payload {
        Some(Payload::BlockActions(actions)) => match actions.press() {
            Ok(Some(press)) => pressed(app, press).await,
            // A link button reports that it was pressed; nothing is asked.
            Ok(None) => StatusCode::OK.into_response(),
            Err(unknown) => (StatusCode::BAD_REQUEST, unknown.to_string()).into_response(),
        },
        Some(Payload::ViewSubmission(submission)) => submitted(app, submission).await,
        Some(Payload::Other) => StatusCode::OK.into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// A button: the reply is empty, and what there is to say goes to the response URL, for that person's eyes.
async fn pressed(app: Arc<App>, press: Press) -> Response {
    let response_url = press.response_url.clone();
    let work = app.begun.spawn(answer_press(app.clone(), press));
    let said = within_patience(work).await.unwrap_or_else(|| Some(words::NOT_RECORDED.to_owned()));
    if let (Some(text), Some(url)) = (said, response_url) {
        let telling = app.clone();
        app.begun.spawn(async move {
            if let Some(slack) = &telling.slack {
                slack.tell_privately(&url, &text).await;
            }
        });
    }
    StatusCode::OK.into_response()
}

/// The form with the reason: refusals are shown at the field, so that what was written stays there.
async fn submitted(app: Arc<App>, submission: Submission) -> Response {
    if submission.view.callback_id != "reject" {
        return StatusCode::OK.into_response();
    }
    let work = app.begun.spawn(answer_submission(app.clone(), submission));
    match within_patience(work).await.unwrap_or_else(|| Err(words::NOT_RECORDED.to_owned())) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(text) => Json(json!({ "response_action": "errors", "errors": { "reason": text } })).into_response(),
    }
}

async fn within_patience<T>(work: tokio::task::JoinHandle<T>) -> Option<T> {
    tokio::time::timeout(PATIENCE, work).await.ok()?.ok()
}

/// What to say to who pressed a button; none where the message itself will show it.
async fn answer_press(app: Arc<App>, press: Press) -> Option<String> {
    let (link, who) = match open(&app, &press.sealed, &press.sender, press.channel.clone()) {
        Ok(opened) => opened,
        Err(text) => return Some(text),
    };
    let span = review_span(&link.review_id, link.round);
    async {
        let Some(stored) = read(&app, &link).await else { return Some(words::NOT_RECORDED.to_owned()) };
        match press.verdict {
            Verdict::Approve => {
                let wish = Wish { who, verdict: Verdict::Approve, reason: None };
                say(&decide(&app, stored, wish).await)
            }
            Verdict::Reject => ask_for_reason(&app, &press, &link, stored, &who).await,
        }
    }
    .instrument(span)
    .await
}

async fn answer_submission(app: Arc<App>, submission: Submission) -> Result<(), String> {
    let (Some(reason), _) = form::reason(submission.reason()) else {
        return Err("A rejection needs a reason.".to_owned());
    };
    let (sealed, channel) = submission.asked_in();
    let (link, who) = open(&app, sealed, &submission.sender, channel.map(str::to_owned))?;
    let span = review_span(&link.review_id, link.round);
    async {
        let stored = read(&app, &link).await.ok_or(words::NOT_RECORDED)?;
        let who = in_channel_of_link(who, channel.is_none(), &link, &stored);
        let decided = decide(&app, stored, Wish { who, verdict: Verdict::Reject, reason: Some(reason) }).await;
        match decided {
            Decided::Recorded(_) => Ok(()),
            refused => Err(say(&refused).unwrap_or_default()),
        }
    }
    .instrument(span)
    .await
}

/// The link in a button, and who pressed it.
fn open(app: &App, sealed: &str, sender: &Sender, channel: Option<String>) -> Result<(Link, Who), String> {
    let slack = app.slack.as_ref().expect("checked before the payload is read");
    let link = open_link(app, sealed).ok_or("This button has expired, or belongs to another place.")?;
    let user = sender.user.id.clone();
    let who = if slack.is_ours(sender.teams()) {
        Who::SlackUser { user, channel: channel.unwrap_or_default() }
    } else {
        Who::Outsider { user }
    };
    Ok((link, who))
}

/// Slack does not say in which channel a form was opened; the link that it carries does.
fn in_channel_of_link(who: Who, unknown: bool, link: &Link, stored: &Stored) -> Who {
    match (who, link.holder.who(&stored.round)) {
        (Who::SlackUser { user, .. }, Some(Who::ChannelMember(holdpoint_review::Channel::Slack(channel))))
            if unknown =>
        {
            Who::SlackUser { user, channel }
        }
        (who, _) => who,
    }
}

async fn read(app: &App, link: &Link) -> Option<Stored> {
    let read = app.reviews.ledger.read(&link.review_id, link.round).await;
    read.unwrap_or_else(|error| {
        warn!(error = &error as &dyn Error, "a button was pressed and its review could not be read");
        None
    })
}

/// Opens the form that asks for a reason, unless it would be in vain.
async fn ask_for_reason(app: &App, press: &Press, link: &Link, stored: Stored, who: &Who) -> Option<String> {
    if let Err(refusal) = vote(&stored.round, who, Verdict::Reject, None, now()) {
        let stored = match refusal {
            Refusal::NotAllowed(why) => Box::pin(record_refusal(app, stored, who, why)).await,
            _ => stored,
        };
        return say(&Decided::Refused(refusal, Box::new(stored.round)));
    }
    let metadata = match link.holder.who(&stored.round) {
        Some(Who::ChannelMember(_)) => press.sealed.clone(),
        // A channel that was only escalated to has a link that names no channel.
        _ => format!("{} {}", press.sealed, press.channel.as_deref().unwrap_or_default()),
    };
    let slack = app.slack.as_ref()?;
    let opened = slack.open_form(press.trigger_id.as_deref()?, &metadata, &stored.round.request).await;
    (!opened).then(|| "The form for the reason could not be opened. Reject on the review's page instead.".to_owned())
}

fn say(decided: &Decided) -> Option<String> {
    let text = match decided {
        Decided::Recorded(round) if round.is_open() => format!("Recorded. {}", words::progress(round)?),
        // The message itself says how it ended.
        Decided::Recorded(round) if round.resolved().is_some() => return None,
        Decided::Recorded(round) => words::delivery(round)?.to_owned(),
        Decided::Refused(Refusal::Closed(outcome), round) => {
            format!("Not taken: this review is closed. {}", words::refusal(&Refusal::Closed(*outcome), round))
        }
        Decided::Refused(refusal, round) => words::refusal(refusal, round),
        Decided::EvidenceChanged => page::EVIDENCE_CHANGED.to_owned(),
        Decided::NotRecorded => words::NOT_RECORDED.to_owned(),
    };
    Some(words::without_mentions(&text))
}
