//! A personal link for who came by one that only shows.
//!
//! A channel's link says that somebody is a member, not who. Where that is not enough to decide, a reviewer has their own link
//! mailed: only to an address of the round's own list, and the answer is the same whether or not one is on it. The work behind
//! it goes on alone, so that not even the time that it takes says more. The queue takes one such notice for each address and
//! review in five minutes.

use std::{error::Error, sync::Arc};

use axum::{extract::State, http::StatusCode, response::Response};
use holdpoint_platform::now;
use holdpoint_review::{Channel, Notice, Purpose, Round};
use tracing::{Instrument, warn};

use crate::{
    app::App,
    form::{Filled, bad_proof},
    page,
    proof::Asking,
    visitor::Visitor,
};

/// So long SQS knows a deduplication id.
const STRETCH_SECONDS: i64 = 300;

/// `POST /r/{sealed}/mail`: has a reviewer's link mailed. Decides nothing.
pub(crate) async fn mail(State(app): State<Arc<App>>, visitor: Visitor, filled: Filled) -> Response {
    let Visitor { sealed, stored, span, .. } = visitor;
    if let Err(bad) = filled.check(&app, &sealed, Asking::Link) {
        return bad_proof(&sealed, bad);
    }
    let notice = notice(&stored.round, &filled.address);
    let reviews = app.reviews.clone();
    let queueing = async move {
        let Some(notice) = notice else { return };
        if let Err(error) = reviews.notify(&notice).await {
            warn!(error = &error as &dyn Error, "a link that was asked for was not queued");
        }
    };
    app.begun.spawn(queueing.instrument(span));
    page::answer(
        &sealed,
        StatusCode::OK,
        "Look into your mail",
        &[
            "If that is the address of a reviewer of this, your own link is on its way there.",
            "Nothing came? Ask again in five minutes.",
        ],
    )
}

/// What brings the link; none where the address is nobody's who is asked. It goes to the address as the list has it.
fn notice(round: &Round, address: &str) -> Option<Notice> {
    let mut mails = round.route.reviewers.iter().filter_map(|reviewer| reviewer.mail.as_ref());
    let mail = mails.find(|mail| mail.eq_ignore_ascii_case(address.trim()))?;
    let stretch = u32::try_from(now().as_second() / STRETCH_SECONDS).unwrap_or_default();
    Some(Notice {
        review_id: round.review_id.clone(),
        round: round.round,
        channel: Channel::Mail(mail.clone()),
        purpose: Purpose::Link(stretch),
        says: None,
    })
}
