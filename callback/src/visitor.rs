//! Who stands before us: the sealed link in the path, and the round that it opens.
//!
//! An extractor, so that no handler of a review can be reached without a good link. Whatever is wrong with a link —
//! tampered with, truncated, of another environment, of an unknown key, expired — the answer is one and the same.

use std::{error::Error, sync::Arc};

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
    response::Response,
};
use holdpoint_platform::{ReadError, Stored, now};
use holdpoint_review::{Link, ReviewId, Who};
use tracing::{Span, error, info_span, warn};

use crate::{app::App, page};

/// A reviewer with a good link, and the round as it was when the request came.
pub(crate) struct Visitor {
    pub(crate) sealed: String,
    pub(crate) stored: Stored,
    /// None for who only looks.
    pub(crate) who: Option<Who>,
    /// For all that is done for this visitor.
    pub(crate) span: Span,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        // A path that is no UTF-8 is a bad link as well.
        let path = Path::<String>::from_request_parts(parts, app).await;
        let Path(sealed) = path.map_err(|_| page::not_found())?;
        let link = open_link(app, &sealed).ok_or_else(page::not_found)?;
        let span = review_span(&link.review_id, link.round);
        let read = app.reviews.ledger.read(&link.review_id, link.round).await;
        let stored = read.map_err(|error| span.in_scope(|| unreadable(&error)))?.ok_or_else(page::not_found)?;
        let who = link.holder.who(&stored.round);
        Ok(Self { sealed, stored, who, span })
    }
}

/// The link, where it is good now.
pub(crate) fn open_link(app: &App, sealed: &str) -> Option<Link> {
    app.config.common.link_keys.unseal(sealed).filter(|link| now() < link.expires_at)
}

/// The span of all that is done for a review.
pub(crate) fn review_span(review: &ReviewId, round: u32) -> Span {
    info_span!("review", review.id = %review, review.round = round)
}

/// What is said where the ledger cannot be read.
pub(crate) fn unreadable(error: &ReadError) -> Response {
    match error {
        ReadError::Unavailable(_) => warn!(error = error as &dyn Error, "a review could not be shown"),
        ReadError::Foreign { .. } => error!(error = error as &dyn Error, "a review could not be shown"),
    }
    page::trouble(
        StatusCode::SERVICE_UNAVAILABLE,
        "This review cannot be read now",
        "Nothing is lost. Open the link again in a minute.",
    )
}
