//! Who looks at the open list, and by which door.

use std::{error::Error, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::Response,
};
use holdpoint_platform::now;
use holdpoint_review::{Channel, Round, Verdict, Who};
use tracing::warn;

use crate::{
    app::App,
    page,
    visitor::{open_link, unreadable},
};

/// Somebody who may look at the list.
pub(crate) struct Door {
    pub(super) who: Who,
    /// Where the list is: its forms go below it.
    pub(super) path: String,
}

impl Door {
    /// The channel on which a round asked this person; none where it did not.
    pub(super) fn asked_in(&self, round: &Round) -> Option<Channel> {
        match &self.who {
            Who::MailOwner(address) => {
                let mut mails = round.route.reviewers.iter().filter_map(|reviewer| reviewer.mail.as_ref());
                mails.find(|mail| mail.eq_ignore_ascii_case(address)).cloned().map(Channel::Mail)
            }
            Who::ChannelMember(channel) => round.asked().find(|asked| asked == channel),
            Who::SlackUser { .. } | Who::Outsider { .. } | Who::InNameOf(_) => None,
        }
    }

    /// What the form with the choice is shown for.
    pub(super) fn choosing(&self) -> String {
        format!("list {} {:?}", self.path, self.who)
    }

    /// What the form that confirms it is shown for.
    pub(super) fn confirming(&self, verdict: Verdict, selection: &str) -> String {
        format!("{} {verdict:?} {selection}", self.choosing())
    }
}

impl FromRequestParts<Arc<App>> for Door {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let sealed = parts.uri.path().strip_prefix("/r/").and_then(|rest| rest.split('/').next());
        match sealed {
            Some(sealed) => by_link(app, sealed).await,
            None => by_login(app, parts).await,
        }
    }
}

/// A link is made for one round. It opens the list while that round could be decided, and no longer: an old mail must not be
/// a key to all that comes later.
async fn by_link(app: &App, sealed: &str) -> Result<Door, Response> {
    let link = open_link(app, sealed).ok_or_else(page::not_found)?;
    let read = app.reviews.ledger.read(&link.review_id, link.round).await;
    let stored = read.map_err(|error| unreadable(&error))?.ok_or_else(page::not_found)?;
    let who = link.holder.who(&stored.round).ok_or_else(page::only_looks)?;
    if now() >= stored.round.deadline {
        return Err(page::trouble(
            StatusCode::GONE,
            "This link opens no list any more",
            "It was made for a review whose deadline has passed. Open the list from a newer message.",
        ));
    }
    Ok(Door { who, path: format!("/r/{sealed}/reviews") })
}

async fn by_login(app: &App, parts: &Parts) -> Result<Door, Response> {
    let oidc = app.oidc.as_ref().ok_or_else(page::not_found)?;
    match oidc.address(&parts.headers, now()).await {
        Ok(address) => Ok(Door { who: Who::MailOwner(address), path: "/reviews".to_owned() }),
        Err(error) => {
            warn!(error = &error as &dyn Error, "a login was not believed");
            Err(page::trouble(
                StatusCode::UNAUTHORIZED,
                "Nobody is logged in",
                "Open this page through the login of your organisation, and try again.",
            ))
        }
    }
}
