//! The choice without a default, and its confirmation.

use axum::{http::StatusCode, response::Response};
use holdpoint_platform::now;
use holdpoint_review::{NotAllowed, Refusal, Round, Verdict, evidence::line, may_decide, vote, words};
use maud::{Markup, html};

use super::{REASON_LIMIT, View, reply};
use crate::{
    app::App,
    evidence::Seen,
    proof::{Asking, proof},
};

/// The form, or why there is none.
pub(super) fn section(view: &View) -> Markup {
    let round = view.round;
    let Some(who) = view.who else { return only_shows(view) };
    // The same rule as for a vote, asked in vain: whoever sees the form may send it.
    match vote(round, who, Verdict::Approve, None, now()) {
        Err(Refusal::Closed(_)) => html! {},
        Err(Refusal::NotAllowed(NotAllowed::NotAReviewer)) => only_shows(view),
        Err(refusal) => note(&words::refusal(&refusal, round)),
        Ok(_) if view.seen == Seen::Changed => note(super::EVIDENCE_CHANGED),
        Ok(_) => form(view, &may_decide(&round.route, &round.request, who).map(|voter| voter.name).unwrap_or_default()),
    }
}

fn note(text: &str) -> Markup {
    html! { section.card #decision { h2 { "Decision" } p { (text) } } }
}

/// For who is not known to be a reviewer: the way to be.
fn only_shows(view: &View) -> Markup {
    if !view.is_decidable() {
        return html! {};
    }
    let has_mails = view.round.route.reviewers.iter().any(|reviewer| reviewer.mail.is_some());
    html! {
        section.card #decision {
            h2 { "This link only shows" }
            p { "The reviewers named for this decide, each by a personal link or their own Slack account." }
            @if has_mails {
                form method="post" action={ "/r/" (view.sealed) "/mail" } {
                    input type="hidden" name="form" value=(proof(view.app, view.sealed, Asking::Link));
                    label.reason for="address" { "Are you one of them? Your mail address" }
                    input.text #address type="email" name="address" autocomplete="email" maxlength="254" required;
                    button { "Mail me my own link" }
                }
            }
        }
    }
}

fn form(view: &View, name: &str) -> Markup {
    let request = &view.round.request;
    html! {
        form.card #decision method="post" action={ "/r/" (view.sealed) "/confirm" } {
            input type="hidden" name="form" value=(proof(view.app, view.sealed, Asking::Choice));
            fieldset {
                legend { "Your decision" }
                (choices(&request.if_approved, &request.if_rejected))
            }
            (reason_field("Reason, needed to reject", ""))
            button { "Go on to confirm" }
            p.soft { "Nothing is decided yet: you are asked once more. It is recorded as decided by " (words::without_mentions(&line(name))) "." }
        }
    }
}

/// The two choices, none of them made, each with what it does.
pub(crate) fn choices(if_approved: &str, if_rejected: &str) -> Markup {
    html! {
        div.choices {
            label {
                input type="radio" name="decision" value="approve" required;
                span { b { "Approve" } " " span.value { (line(if_approved)) } }
            }
            label {
                input type="radio" name="decision" value="reject" required;
                span { b { "Reject" } " " span.value { (line(if_rejected)) } }
            }
        }
    }
}

fn reason_field(label: &str, error: &str) -> Markup {
    html! {
        label.reason for="reason" { (label) }
        @if !error.is_empty() { p.error #error { (error) } }
        textarea #reason name="reason" rows="3" maxlength=(REASON_LIMIT) autocomplete="off"
            aria-describedby=[(!error.is_empty()).then_some("error")] required[!error.is_empty()] {}
    }
}

/// Asks again for what a rejection lacks.
pub(crate) fn ask_for_reason(app: &App, sealed: &str, round: &Round) -> Response {
    let body = html! {
        form.card method="post" action={ "/r/" (sealed) "/confirm" } {
            h1 { "Why do you reject it?" }
            p.value { (line(&round.request.title)) }
            input type="hidden" name="form" value=(proof(app, sealed, Asking::Choice));
            input type="hidden" name="decision" value="reject";
            (reason_field("Reason", "A rejection needs a reason."))
            div.confirm {
                button { "Go on to confirm" }
                a href={ "/r/" (sealed) } { "Back, decide nothing" }
            }
        }
    };
    reply(StatusCode::BAD_REQUEST, "Why do you reject it?", &body)
}

/// Asks to confirm.
pub(crate) fn confirmation(
    app: &App,
    sealed: &str,
    round: &Round,
    verdict: Verdict,
    reason: Option<&str>,
    cut: bool,
) -> Response {
    let request = &round.request;
    let (word, heading, class, effect) = match verdict {
        Verdict::Approve => ("approve", "Approve it?", "go", &request.if_approved),
        Verdict::Reject => ("reject", "Reject it?", "halt", &request.if_rejected),
    };
    let quorum = (verdict == Verdict::Approve && round.approvals() + 1 < round.route.quorum as usize)
        .then(|| format!("{} approvals are needed; yours is number {}.", round.route.quorum, round.approvals() + 1));
    let body = html! {
        form.card method="post" action={ "/r/" (sealed) "/decide" } {
            h1 { (heading) }
            p.value { (line(&request.title)) }
            @if let Some(measure) = &request.measure { p { (words::measure(measure)) } }
            p.value { strong { (line(effect)) } }
            @if let Some(text) = quorum { p { (text) } }
            @if let Some(reason) = reason { p.value { "Reason: " (words::visible(reason, 2_000)) } }
            @if cut { p.error { "The reason was longer than 8,000 characters and was cut." } }
            input type="hidden" name="form" value=(proof(app, sealed, Asking::Confirmation(verdict)));
            input type="hidden" name="decision" value=(word);
            input type="hidden" name="reason" value=(reason.unwrap_or_default());
            div.confirm {
                button.(class) { (if verdict == Verdict::Approve { "Approve" } else { "Reject" }) }
                a href={ "/r/" (sealed) } { "Back, decide nothing" }
            }
        }
    };
    reply(StatusCode::OK, heading, &body)
}
