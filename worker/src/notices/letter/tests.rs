use mail_parser::MessageParser;

use super::*;
use crate::doubles::{at, config, rejected, round};

fn letters() -> Letters {
    let config = config(&[("HOLDPOINT_SMTP_URL", "smtp://127.0.0.1")]);
    Letters::new(&config, Links::new(&config))
}

/// The text part, with the sealed link in it replaced: it differs each time.
fn text_of(letter: &Message) -> String {
    let parsed = MessageParser::default().parse(&letter.formatted()).unwrap().into_owned();
    let text = parsed.body_text(0).unwrap().replace('\r', "");
    text.split_inclusive('\n')
        .map(|line| if line.contains("/r/") { "https://review.example.com/r/…\n" } else { line })
        .collect()
}

fn html_of(letter: &Message) -> String {
    let parsed = MessageParser::default().parse(&letter.formatted()).unwrap().into_owned();
    parsed.body_html(0).unwrap().into_owned()
}

#[test]
fn a_reviewer_is_asked_like_this() {
    let letter = letters().asking(&round(), "dana@example.com", Purpose::Request, at(0)).unwrap();
    insta::assert_snapshot!(text_of(&letter), @r"
    acme delivered orders, and it does not look like theirs
    acme · orders · test

    41.3 % of 12,480 records are anomalous. The limit is 6 %. Accepted pushes had 0.2 % to 1.1 %.

    - 38.9 %: amount is 100 times what it was
    - 38.9 %: currency has a value never seen: “¢”
    - 2.4 %: ship_date lies before order_date
    - One more on the page.

    Approve: It is loaded as it is.
    Reject: Nothing is loaded.
    If nobody decides until 23 Nov 2026, 09:14 UTC, it expires and goes no further.

    Look at the evidence and decide:
    https://review.example.com/r/…

    This link is yours alone: whoever has it can decide in your name.
    ");
    let raw = String::from_utf8(letter.formatted()).unwrap();
    assert!(raw.contains("Subject: Please review: acme delivered orders"), "{raw}");
    assert!(raw.contains("Auto-Submitted: auto-generated"));
}

#[test]
fn a_reviewer_hears_the_outcome_like_this() {
    let closed = rejected(&round(), "half of it is missing");
    let letter = letters().ended(&closed, "dana@example.com", at(0)).unwrap().unwrap();
    insta::assert_snapshot!(text_of(&letter), @r"
    acme delivered orders, and it does not look like theirs
    acme · orders · test

    Rejected by dana, 22 Nov 2026, 09:15 UTC.

    Reason: half of it is missing

    See the review:
    https://review.example.com/r/…
    ");
}

#[test]
fn ids_are_the_same_each_time_and_differ_between_readers() {
    let id = |to: &str| {
        letters()
            .asking(&round(), to, Purpose::Request, at(0))
            .unwrap()
            .headers()
            .get_raw("Message-ID")
            .unwrap()
            .to_owned()
    };
    assert_eq!(id("dana@example.com"), id("dana@example.com"));
    assert_ne!(id("dana@example.com"), id("lee@example.com"));
    assert!(id("dana@example.com").ends_with("@example.com>"));
}

#[test]
fn links_are_personal() {
    let sealed = |to: &str| {
        let raw = html_of(&letters().asking(&round(), to, Purpose::Request, at(0)).unwrap());
        let start = raw.split("/r/").nth(1).unwrap();
        start.split('"').next().unwrap().to_owned()
    };
    let keys = config(&[]).common.link_keys;
    assert_eq!(keys.unseal(&sealed("dana@example.com")).unwrap().holder, Holder::Reviewer(0));
    assert_eq!(keys.unseal(&sealed("lee@example.com")).unwrap().holder, Holder::Reviewer(1));
    assert_eq!(keys.unseal(&sealed("contact@acme.example")).unwrap().holder, Holder::Viewer);
}

#[test]
fn b37_hostile_values_are_text_in_a_mail() {
    let mut hostile = round();
    hostile.request.title = "a\r\nBcc: victim@example.com\u{202e}<b>x</b>".to_owned();
    hostile.request.findings[0].text = "<a href=\"http://evil\">Approve</a> <script>".to_owned();
    let letter = letters().asking(&hostile, "dana@example.com", Purpose::Request, at(0)).unwrap();
    let raw = String::from_utf8(letter.formatted()).unwrap();
    let head = raw.split("\r\n\r\n").next().unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    let html = html_of(&letter);
    assert!(!html.contains("<script>") && !html.contains("<b>x</b>") && !html.contains("\"http://evil\""), "{html}");
    assert!(!text_of(&letter).contains('\u{202e}'));
}

#[test]
fn an_address_that_is_none_makes_no_letter() {
    for to in ["", "dana", "a@b\r\nBcc: c@d", "dana@example.com, lee@example.com"] {
        assert!(letters().asking(&round(), to, Purpose::Request, at(0)).is_err(), "{to:?}");
    }
}
