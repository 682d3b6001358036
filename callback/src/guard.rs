//! What every reply says to the browser, and which forms are taken at all.
//!
//! No script, no asset of another host, no frame, no cache, no trace of the link in a `Referer`. The one stylesheet is
//! allowed by its hash, so that no injected style could hide what a reviewer must see.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use holdpoint_platform::WebUrl;
use holdpoint_review::evidence::STYLE;
use sha2::{Digest, Sha256};
use url::{Origin, Url};

/// The headers of every reply.
#[derive(Clone)]
pub(crate) struct Headers(Arc<[(HeaderName, HeaderValue)]>);

impl Headers {
    pub(crate) fn new() -> Self {
        let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        let policy = HeaderValue::from_str(&policy).expect("base64 is visible ASCII");
        let fixed = [
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ];
        let fixed = fixed.map(|(name, value)| (name, HeaderValue::from_static(value)));
        Self([(header::CONTENT_SECURITY_POLICY, policy)].into_iter().chain(fixed).collect())
    }
}

/// Puts the headers onto every reply.
pub(crate) async fn add_headers(State(headers): State<Headers>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(headers.0.iter().cloned());
    response
}

/// Whether a form was sent by one of our own pages, as far as the browser says.
///
/// `no-referrer` makes browsers send `Origin: null` even from our own page, which therefore says nothing; then
/// `Sec-Fetch-Site` decides, and where an old browser sends neither, the token in the form does.
pub(crate) fn is_from_here(headers: &HeaderMap, public_url: &WebUrl) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site_is_ours = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin_is_ours = text("origin").is_none_or(|origin| origin == "null" || is_origin_of(origin, public_url));
    site_is_ours && origin_is_ours
}

fn is_origin_of(origin: &str, public_url: &WebUrl) -> bool {
    let [theirs, ours] = [origin, public_url.as_str()].map(|text| Url::parse(text).map(|url| url.origin()));
    matches!(theirs, Ok(Origin::Tuple(..))) && theirs == ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b28_only_forms_of_our_own_pages_are_taken() {
        let check = |pairs: &[(&'static str, &'static str)], taken: bool| {
            let headers =
                pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let url: WebUrl = "https://review.example.com".parse().unwrap();
            assert_eq!(is_from_here(&headers.collect(), &url), taken, "{pairs:?}");
        };
        check(&[], true);
        check(&[("origin", "https://review.example.com")], true);
        check(&[("origin", "https://review.example.com:443"), ("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "null"), ("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "null")], true);
        check(&[("origin", "null"), ("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("origin", "http://review.example.com")], false);
        check(&[("origin", "https://review.example.com.evil.example")], false);
        check(&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], false);
        check(&[("origin", "data:text/html,x")], false);
    }
}
