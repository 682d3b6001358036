//! What a reviewer filled in, taken only from our own pages and only with the proof that the form was shown.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, Request},
    http::{StatusCode, header},
    response::Response,
};
use url::form_urlencoded;

use crate::{
    app::App,
    guard,
    page::{self, REASON_LIMIT},
    proof::{self, Asking, BadProof},
};

/// Bytes that anybody may send us.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

/// What was filled in.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) decision: String,
    pub(crate) reason: String,
    /// Where a reviewer wants their own link.
    pub(crate) address: String,
    /// Reviews that were ticked in the open list.
    pub(crate) reviews: Vec<String>,
    /// Causes of which all reviews were ticked there.
    pub(crate) causes: Vec<String>,
    /// What the list was filtered by.
    pub(crate) customer: String,
    pub(crate) dataset: String,
    proof: String,
}

impl FromRequest<Arc<App>> for Filled {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        if !guard::is_from_here(request.headers(), &app.config.common.public_url) {
            return Err(page::trouble(
                StatusCode::FORBIDDEN,
                "This form was sent by another site",
                "A decision is only taken from the review's own page. Nothing was decided.",
            ));
        }
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(page::trouble(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This is not our form",
                "A decision is only taken from the review's own page. Nothing was decided.",
            ));
        }
        let body = body_within_limit(request.into_body()).await.ok_or_else(|| {
            page::trouble(
                StatusCode::PAYLOAD_TOO_LARGE,
                "That is too much text",
                "Go back and shorten the reason. Nothing was decided.",
            )
        })?;
        Ok(Self::read(&body))
    }
}

/// The whole body; none where it is too large or breaks off.
pub(crate) async fn body_within_limit(body: Body) -> Option<Vec<u8>> {
    Some(to_bytes(body, BODY_LIMIT).await.ok()?.to_vec())
}

impl Filled {
    fn read(body: &[u8]) -> Self {
        let mut filled = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "decision" => filled.decision = value.into_owned(),
                "reason" => filled.reason = value.into_owned(),
                "review" => filled.reviews.push(value.into_owned()),
                "address" => filled.address = value.into_owned(),
                "cause" => filled.causes.push(value.into_owned()),
                "customer" => filled.customer = value.into_owned(),
                "dataset" => filled.dataset = value.into_owned(),
                "form" => filled.proof = value.into_owned(),
                _ => {}
            }
        }
        filled
    }

    /// Checks that this form was shown for this link, not too long ago.
    pub(crate) fn check(&self, app: &App, sealed: &str, asking: Asking) -> Result<(), BadProof> {
        self.check_shown(app, &asking.of(sealed))
    }

    /// Checks that the form was shown for this, not too long ago.
    pub(crate) fn check_shown(&self, app: &App, what: &str) -> Result<(), BadProof> {
        proof::check(app, &self.proof, what)
    }
}

/// A form of a review's page that is not taken.
pub(crate) fn bad_proof(sealed: &str, bad: BadProof) -> Response {
    bad_proof_at(&format!("/r/{sealed}"), bad)
}

/// A form that is not taken, and the way back.
pub(crate) fn bad_proof_at(path: &str, bad: BadProof) -> Response {
    let text = match bad {
        BadProof::Old => {
            "The form was shown more than an hour ago, and things may have changed. Look again, then decide."
        }
        BadProof::Foreign => "The form does not belong to this link, or was changed. Look again, then decide.",
    };
    page::answer_at(path, StatusCode::FORBIDDEN, "Nothing was decided", &[text])
}

/// A reason as it is kept, and whether it had to be cut; none where nothing was written.
pub(crate) fn reason(text: &str) -> (Option<String>, bool) {
    let text = text.trim();
    match text.char_indices().nth(REASON_LIMIT) {
        _ if text.is_empty() => (None, false),
        None => (Some(text.to_owned()), false),
        Some((end, _)) => (Some(format!("{}… (cut)", &text[..end])), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_whatever_else_it_holds() {
        let filled = Filled::read(b"form=p&decision=reject&reason=two%0D%0Alines+%C2%A2&other=1&&=");
        assert_eq!((filled.decision.as_str(), filled.reason.as_str()), ("reject", "two\r\nlines ¢"));
        assert_eq!(filled.proof, "p");
    }

    #[test]
    fn b25_too_long_a_reason_is_cut_and_says_so() {
        assert_eq!(reason(" \r\n "), (None, false));
        assert_eq!(reason(" late "), (Some("late".to_owned()), false));
        let exact = "¢".repeat(REASON_LIMIT);
        assert_eq!(reason(&exact), (Some(exact.clone()), false));
        let (kept, cut) = reason(&format!("{exact}x"));
        assert_eq!((kept, cut), (Some(format!("{exact}… (cut)")), true));
    }
}
