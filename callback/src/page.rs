//! The pages: plain HTML, readable on a phone, with a screen reader and without a script.
//!
//! How evidence looks is [`evidence`]'s; here is what surrounds it.

mod choice;
mod history;
mod review;

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use holdpoint_review::{Closing, Round, evidence, words};
use maud::{Markup, html};

pub(crate) use choice::{ask_for_reason, choices, confirmation};
pub(crate) use review::{View, review, time};

/// Characters of a reason that the ledger keeps: a document there must stay small.
pub(crate) const REASON_LIMIT: usize = 8_000;

/// Said where the report's hash is not the one that the request names.
pub(crate) const EVIDENCE_CHANGED: &str = "The evidence was changed after this was asked: do not decide. Tell whoever runs Holdpoint here; nothing was recorded.";

/// The one answer to every link that is not good.
pub(crate) fn not_found() -> Response {
    trouble(
        StatusCode::NOT_FOUND,
        "There is nothing here",
        "The link is not complete, has expired, or was made for another place. Open the newest message about the review and use its link.",
    )
}

/// A page that says what went wrong, without a way on.
pub(crate) fn trouble(status: StatusCode, heading: &str, text: &str) -> Response {
    let body = html! { section.card { h1 { (heading) } p { (text) } } };
    reply(status, heading, &body)
}

/// A page that says what came of a form, and leads back to the review.
pub(crate) fn answer(sealed: &str, status: StatusCode, heading: &str, lines: &[&str]) -> Response {
    answer_at(&format!("/r/{sealed}"), status, heading, lines)
}

/// The same, that leads back to the review or the list at this path.
pub(crate) fn answer_at(path: &str, status: StatusCode, heading: &str, lines: &[&str]) -> Response {
    let back = if path.ends_with("/reviews") { "Back to the open list" } else { "Back to the review" };
    let body = html! {
        section.card {
            h1 { (heading) }
            @for line in lines { p { (words::without_mentions(line)) } }
            p { a href=(path) { (back) } }
        }
    };
    reply(status, heading, &body)
}

/// A vote that is in the ledger.
pub(crate) fn recorded(sealed: &str, round: &Round) -> Response {
    let outcome = words::outcome(round).or_else(|| words::progress(round)).unwrap_or_default();
    let title = evidence::line(&round.request.title);
    let lines = [Some(title.as_str()), Some(outcome.as_str()), words::delivery(round)];
    let lines: Vec<_> = lines.into_iter().flatten().collect();
    answer(sealed, StatusCode::OK, "Your decision is recorded", &lines)
}

/// Neither of the two.
pub(crate) fn unknown_choice(sealed: &str) -> Response {
    unknown_choice_at(&format!("/r/{sealed}"))
}

/// The same, with the way back.
pub(crate) fn unknown_choice_at(path: &str) -> Response {
    answer_at(
        path,
        StatusCode::BAD_REQUEST,
        "Choose one of the two",
        &["A decision is either approve or reject. Nothing was decided."],
    )
}

/// The link of an escalation or of the submitter.
pub(crate) fn only_looks() -> Response {
    trouble(StatusCode::FORBIDDEN, "This link only shows", "It was not made for a reviewer. Nothing was decided.")
}

/// The report is not what it was.
pub(crate) fn evidence_changed() -> Response {
    trouble(StatusCode::CONFLICT, "The evidence was changed", EVIDENCE_CHANGED)
}

/// Whether people closed it, and not time or the workflow.
pub(crate) fn is_decided(round: &Round) -> bool {
    matches!(round.closing(), Some((Closing::Approved | Closing::Rejected, _)))
}

/// A whole page.
pub(crate) fn reply(status: StatusCode, title: &str, body: &Markup) -> Response {
    (status, Html(evidence::page(title, body))).into_response()
}
