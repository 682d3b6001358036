//! Slack's signature over the raw body: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// A signature made longer ago than this could be a replay.
const WINDOW_SECONDS: u64 = 300;

/// Whether Slack signed this body within the last five minutes.
pub(super) fn is_good(secret: &str, headers: &HeaderMap, body: &[u8], now: Timestamp) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = || {
        let at: i64 = text("x-slack-request-timestamp")?.parse().ok()?;
        let signature = from_hex(text("x-slack-signature")?.strip_prefix("v0=")?)?;
        Some((at, signature))
    };
    let Some((at, signature)) = signed() else { return false };
    let fresh = now.as_second().abs_diff(at) <= WINDOW_SECONDS;
    // Compares in constant time.
    fresh && mac(secret, at, body).verify_slice(&signature).is_ok()
}

fn mac(secret: &str, at: i64, body: &[u8]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.chain_update(format!("v0:{at}:")).chain_update(body)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// The example of Slack's own documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: i64 = 1_531_420_618;
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    #[test]
    fn b23_only_what_slack_signed_just_now_is_good() {
        let check = |at: &str, signature: &str, body: &[u8], later: i64, good: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("x-slack-request-timestamp", HeaderValue::from_str(at).unwrap());
            headers.insert("x-slack-signature", HeaderValue::from_str(signature).unwrap());
            let now = Timestamp::from_second(AT + later).unwrap();
            assert_eq!(is_good(SECRET, &headers, body, now), good, "{at} {signature} {later}");
        };
        let at = AT.to_string();
        check(&at, SIGNATURE, BODY, 0, true);
        check(&at, SIGNATURE, BODY, 300, true);
        check(&at, SIGNATURE, BODY, -300, true);
        check(&at, SIGNATURE, BODY, 301, false);
        check(&at, SIGNATURE, BODY, -301, false);
        check(&at, SIGNATURE, &BODY[1..], 0, false);
        check(&(AT + 1).to_string(), SIGNATURE, BODY, 0, false);
        check("soon", SIGNATURE, BODY, 0, false);
        for signature in ["", "v0=", "v0=zz", "v0=a2114", &SIGNATURE[3..], &SIGNATURE.replace("v0", "v1")] {
            check(&at, signature, BODY, 0, false);
        }
        assert!(!is_good(SECRET, &HeaderMap::new(), BODY, Timestamp::from_second(AT).unwrap()));
    }
}
