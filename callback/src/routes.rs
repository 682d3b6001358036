//! The addresses that the callback answers. GET and HEAD read; only the second POST decides.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use holdpoint_platform::{nonce, now};
use holdpoint_review::{Channel, Holder, Link, Refusal, Round, Verdict, Who, vote, words};
use tracing::{Instrument, debug, warn};

use crate::{
    app::App,
    decide::{Decided, Wish, decide_in_time, record_refusal},
    evidence,
    form::{Filled, bad_proof, reason},
    guard::{self, Headers},
    list, own_link, page,
    proof::Asking,
    slack,
    visitor::Visitor,
};

/// A balancer asks again within seconds; a slow answer is none.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// Every route, with the headers that every reply carries.
pub(crate) fn router(app: Arc<App>) -> Router {
    let never = || async { page::not_found() };
    Router::new()
        .route("/r/{sealed}", only(get(show)))
        .route("/r/{sealed}/confirm", only(get(back).post(confirm)))
        .route("/r/{sealed}/decide", only(get(back).post(decide)))
        .route("/r/{sealed}/flagged", only(get(flagged)))
        .route("/r/{sealed}/mail", only(get(back).post(own_link::mail)))
        .route("/r/{sealed}/reviews", only(get(list::show)))
        .route("/r/{sealed}/reviews/confirm", only(get(back_to_list).post(list::confirm)))
        .route("/r/{sealed}/reviews/decide", only(get(back_to_list).post(list::decide)))
        .route("/reviews", only(get(list::show)))
        .route("/reviews/confirm", only(get(back_to_list).post(list::confirm)))
        .route("/reviews/decide", only(get(back_to_list).post(list::decide)))
        .route("/slack/interactions", only(post(slack::interactions)))
        .route("/healthz", only(get(|| async { "ok\n" })))
        .route("/readyz", only(get(readyz)))
        .fallback(never)
        .layer(middleware::from_fn_with_state(Headers::new(), guard::add_headers))
        .with_state(app)
}

fn only(methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    methods.fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
}

/// `GET /r/{sealed}`: what came, how it stands, and the choice.
async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Response {
    let span = visitor.span.clone();
    async {
        debug!("a review was looked at");
        app.seen.note(&visitor.stored.round);
        let round = &visitor.stored.round;
        let who = visitor.who.as_ref();
        let (seen, newer, successor) =
            tokio::join!(evidence::look(&app, &round.request), has_newer(&app, round), successor(&app, round, who));
        page::review(&page::View { app: &app, sealed: &visitor.sealed, round, who, seen, newer, successor })
    }
    .instrument(span)
    .await
}

/// Where a browser asks again with GET for what was the answer to a form: the page itself.
async fn back(visitor: Visitor) -> Response {
    see_other(&format!("/r/{}", visitor.sealed))
}

/// The same for the open list.
async fn back_to_list(uri: Uri) -> Response {
    see_other(uri.path().rsplit_once('/').map_or("/", |(list, _)| list))
}

/// `POST /r/{sealed}/confirm`: asks to confirm the choice. Changes nothing, but for the note that who asks has no right to it.
async fn confirm(State(app): State<Arc<App>>, visitor: Visitor, filled: Filled) -> Response {
    let Ok(verdict) = filled.decision.parse::<Verdict>() else { return page::unknown_choice(&visitor.sealed) };
    let Visitor { sealed, stored, who, span } = visitor;
    let Some(who) = who else { return page::only_looks() };
    match vote(&stored.round, &who, verdict, None, now()) {
        Ok(_) => {}
        Err(Refusal::NotAllowed(why)) => {
            let stored = record_refusal(&app, stored, &who, why).instrument(span).await;
            return refused(&sealed, &Refusal::NotAllowed(why), &stored.round);
        }
        Err(refusal) => return refused(&sealed, &refusal, &stored.round),
    }
    if let Err(bad) = filled.check(&app, &sealed, Asking::Choice) {
        return bad_proof(&sealed, bad);
    }
    let round = &stored.round;
    match (verdict, reason(&filled.reason)) {
        (Verdict::Reject, (None, _)) => page::ask_for_reason(&app, &sealed, round),
        (_, (reason, cut)) => page::confirmation(&app, &sealed, round, verdict, reason.as_deref(), cut),
    }
}

/// `POST /r/{sealed}/decide`: decides.
async fn decide(State(app): State<Arc<App>>, visitor: Visitor, filled: Filled) -> Response {
    let Ok(verdict) = filled.decision.parse::<Verdict>() else { return page::unknown_choice(&visitor.sealed) };
    let Visitor { sealed, stored, who, span } = visitor;
    let Some(who) = who else { return page::only_looks() };
    // A closed round needs no proof: whoever sends the form again gets the outcome, however old the form is.
    let proven = filled.check(&app, &sealed, Asking::Confirmation(verdict));
    if let (true, Err(bad)) = (stored.round.is_open(), proven) {
        return bad_proof(&sealed, bad);
    }
    let (reason, _) = reason(&filled.reason);
    if verdict == Verdict::Reject && reason.is_none() {
        return page::ask_for_reason(&app, &sealed, &stored.round);
    }
    match decide_in_time(app, stored, Wish { who, verdict, reason }, span).await {
        Decided::Recorded(round) => page::recorded(&sealed, &round),
        Decided::Refused(refusal, round) => refused(&sealed, &refusal, &round),
        Decided::EvidenceChanged => page::evidence_changed(),
        Decided::NotRecorded => {
            page::trouble(StatusCode::SERVICE_UNAVAILABLE, "Your decision was not recorded", words::NOT_RECORDED)
        }
    }
}

/// `GET /r/{sealed}/flagged`: to a fresh address of the flagged rows.
async fn flagged(State(app): State<Arc<App>>, visitor: Visitor) -> Response {
    let signing = evidence::flagged_url(&app, &visitor.stored.round.request).instrument(visitor.span);
    signing.await.map_or_else(page::not_found, |url| see_other(&url))
}

/// `GET /readyz`: whether the ledger's bucket answers.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    let asked = app.s3.head_bucket().bucket(&app.config.common.bucket).send();
    if let Ok(Ok(_)) = tokio::time::timeout(READY_WITHIN, asked).await {
        return "ready\n".into_response();
    }
    warn!("not ready: the ledger's bucket does not answer");
    (StatusCode::SERVICE_UNAVAILABLE, "the ledger does not answer\n").into_response()
}

async fn has_newer(app: &App, round: &Round) -> bool {
    if round.is_open() {
        return false;
    }
    app.reviews.ledger.has_later(round).await.unwrap_or_else(|error| {
        warn!(error = &error as &dyn Error, "whether a review was asked anew is not known");
        false
    })
}

/// The same reviewer's link to the review of the newer version; none where that version is not held, or asks others.
async fn successor(app: &App, round: &Round, who: Option<&Who>) -> Option<String> {
    let newer = round.replaced_by()?;
    let channel = match who? {
        Who::MailOwner(address) => Channel::Mail(address.clone()),
        Who::ChannelMember(channel) => channel.clone(),
        Who::SlackUser { .. } | Who::Outsider { .. } | Who::InNameOf(_) => return None,
    };
    let latest = app.reviews.ledger.latest(&newer.review).await;
    let latest = latest.map_err(|error| warn!(error = &error as &dyn Error, "a newer version's review is not known"));
    let link = Link::of(&latest.ok()??.round, &channel);
    (link.holder != Holder::Viewer).then(|| app.config.common.link_keys.seal(&link, nonce()))
}

fn refused(sealed: &str, refusal: &Refusal, round: &Round) -> Response {
    let (status, heading) = match refusal {
        Refusal::NotAllowed(_) => (StatusCode::FORBIDDEN, "You may not decide this"),
        Refusal::Voted(_) => (StatusCode::CONFLICT, "You have decided already"),
        Refusal::Closed(_) if page::is_decided(round) => (StatusCode::CONFLICT, "Somebody decided before you"),
        Refusal::Closed(_) => (StatusCode::GONE, "This can be decided no more"),
    };
    page::answer(sealed, status, heading, &[&words::refusal(refusal, round)])
}

fn see_other(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
}
