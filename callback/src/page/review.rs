//! The review's page: what came and how it stands, what is wrong, how it was before, examples, then the choice.

use axum::{http::StatusCode, response::Response};
use holdpoint_platform::now;
use holdpoint_review::{
    Report, Round, Who,
    evidence::{counted, findings, findings_of_request, how_much, line, records},
    words,
};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{choice, history, is_decided, reply};
use crate::{app::App, evidence::Seen};

/// What a page is made from.
pub(crate) struct View<'a> {
    pub(crate) app: &'a App,
    pub(crate) sealed: &'a str,
    pub(crate) round: &'a Round,
    /// None for who only looks.
    pub(crate) who: Option<&'a Who>,
    pub(crate) seen: Seen,
    /// The same was asked anew since.
    pub(crate) newer: bool,
    /// The reader's own link to the review of a newer version.
    pub(crate) successor: Option<String>,
}

impl View<'_> {
    pub(super) fn report(&self) -> Option<&Report> {
        match &self.seen {
            Seen::Report(report, _) => Some(report),
            _ => None,
        }
    }

    /// Whether it can be decided still.
    pub(super) fn is_decidable(&self) -> bool {
        self.round.is_open() && !self.is_too_late()
    }

    fn is_too_late(&self) -> bool {
        !is_decided(self.round) && (!self.round.is_open() || now() >= self.round.deadline)
    }
}

/// The page, with 410 where nobody can decide any more and nobody did.
pub(crate) fn review(view: &View) -> Response {
    let request = &view.round.request;
    let status = if view.is_too_late() { StatusCode::GONE } else { StatusCode::OK };
    let rate = request.measure.as_ref().map(|measure| format!(" · {} anomalous", measure.rate)).unwrap_or_default();
    let title = format!("{} · {}{rate}", words::visible(&request.customer, 60), words::visible(&request.dataset, 60));
    let body = html! {
        section.card aria-labelledby="what" {
            (what_came(view))
            (standing(view))
            @if let Some(measure) = &request.measure { (how_much(measure, view.report())) }
            @if view.is_decidable() { p { a href="#decision" { "To the decision" } } }
        }
        @match &view.seen {
            Seen::Report(report, page) => {
                (findings(report, page))
                (records(report, page, &download(view, report)))
            },
            Seen::None | Seen::Unreadable | Seen::Changed => (findings_of_request(&request.findings)),
        }
        (choice::section(view))
        (footer(view))
    };
    reply(status, &title, &body)
}

fn what_came(view: &View) -> Markup {
    let round = view.round;
    let state = if is_decided(round) {
        "Decided"
    } else if view.is_too_late() {
        "Closed"
    } else {
        "Held for review"
    };
    let delivered = view.report().map(|report| report.delivered_at);
    let delivered = delivered.or(round.request.evidence.as_ref().and_then(|evidence| evidence.delivered_at));
    html! {
        p.where {
            (state) " · " (words::visible(&view.app.config.common.environment, 60))
            @if view.is_decidable() {
                " · " b { (words::left(round.deadline, now())) } ", until " (time(round.deadline))
            } @else { " · asked " (time(round.opened_at())) }
        }
        h1 #what { (line(&round.request.title)) }
        @if view.report().is_some() || delivered.is_some() {
            p.soft {
                @if let Some(report) = view.report() { span.value { (line(&report.source.key)) } " · " }
                @if let Some(report) = view.report() { (counted(report.records, "record")) }
                @if let Some(at) = delivered { @if view.report().is_some() { " · " } "delivered " (time(at)) }
            }
        }
    }
}

/// How it stands: the outcome with who and when, or what is odd about deciding now.
fn standing(view: &View) -> Markup {
    let round = view.round;
    let outcome = words::outcome(round).map(|text| words::without_mentions(&text));
    let overdue = round.is_open() && view.is_too_late();
    html! {
        @if let Some(outcome) = outcome {
            div.banner.closed role="status" {
                p { strong { (outcome) } }
                @if let Some(reason) = words::reason(round) { p.value { "Reason: " (reason) } }
                @if let Some(delivery) = words::delivery(round) { p { (delivery) } }
                @if round.replaced_by().is_some() { (successor(view)) }
                @if view.newer { p { "It was asked anew since: there is a newer round, with a message of its own." } }
            }
        } @else if overdue {
            div.banner.closed role="status" {
                p { strong { "The deadline passed, " (time(round.deadline)) ": this can be decided no more." } }
            }
        }
        @if let Some(progress) = words::progress(round).filter(|_| round.is_open() && round.approvals() > 0) {
            div.banner role="status" { p { strong { (words::without_mentions(&progress)) } } }
        }
        @if let Some(replaced) = words::replaced(round) {
            div.banner role="status" { p { strong { (replaced) } } (successor(view)) }
        }
        @match view.seen {
            Seen::Changed => div.banner.alarm role="alert" { p { strong { (super::EVIDENCE_CHANGED) } } },
            Seen::Unreadable => div.banner role="status" {
                p { "The evidence cannot be shown now. What is below is what was known when this was asked." }
            },
            Seen::None | Seen::Report(..) => {}
        }
    }
}

fn successor(view: &View) -> Markup {
    html! {
        p {
            @match &view.successor {
                Some(sealed) => a href={ "/r/" (sealed) } { "To the review of the newer version" },
                None => "The newer version is not held for you to review.",
            }
        }
    }
}

fn download(view: &View, report: &Report) -> Markup {
    html! {
        a href={ "/r/" (view.sealed) "/flagged" } { "Download all " (words::grouped(report.anomalous)) " with reasons" }
        " " span.soft { "(CSV; the address it leads to works for 5 minutes)" }
    }
}

fn footer(view: &View) -> Markup {
    let round = view.round;
    let people = round.route.reviewers.iter().map(|reviewer| words::visible(&reviewer.name, 80));
    let channels = round.route.slack.iter().map(|channel| format!("Slack {}", words::visible(channel, 80)));
    let asked: Vec<_> = channels.chain(people).collect();
    html! {
        footer {
            p {
                "Asked: " (asked.join(", ")) ". "
                @if view.is_decidable() {
                    (words::progress(round).map_or("One decision is enough.".to_owned(), |text| words::without_mentions(&text)))
                    " " (words::if_nobody(round))
                }
            }
            (history::section(round))
            @if view.is_decidable() && view.who.is_some() {
                p { a href={ "/r/" (view.sealed) "/reviews" } { "All that is open for you" } }
            }
            details {
                summary { "Numbers, for whoever runs Holdpoint" }
                (ids(view))
            }
        }
    }
}

fn ids(view: &View) -> Markup {
    let (round, request) = (view.round, &view.round.request);
    let execution = round.visit().execution.rsplit(':').next().unwrap_or_default();
    html! {
        dl.ids {
            @match view.report() {
                Some(report) => { dt { "Push" } dd { (report.push) } },
                None => { dt { "Key" } dd { (line(&request.key)) } },
            }
            @if let Some(evidence) = &request.evidence {
                dt { "Report" } dd { (line(evidence.report_hash.as_str())) }
            }
            dt { "Execution" } dd { (line(execution)) }
            dt { "Review" } dd { (round.review_id) ", round " (round.round) }
        }
    }
}

/// A moment, for people and programs.
pub(crate) fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (words::moment(at)) } }
}
