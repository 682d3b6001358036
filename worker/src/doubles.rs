//! For tests: the outside world as values that speak real protocols on this machine, and a review to play with.

mod aws;
mod slack;
mod smtp;

use holdpoint_review::{
    ActivityInput, Admission, Event, Measure, RequestFinding, ReviewRequest, Round, Routes, Share, TaskToken,
    Threshold, Verdict, Visit, Who, admit, step, vote,
};
use jiff::{SignedDuration, Timestamp};

use crate::Config;

pub(crate) use self::{
    aws::{Aws, json_reply as aws_reply, refusal as aws_refusal},
    slack::{Slack, not_ok},
    smtp::Smtp,
};

/// Reviewers dana and lee by mail, channel C1 on Slack, and somebody who is only told.
pub(crate) const ROUTES: &str = r#"
    [[reviewer]]
    name = "dana"
    mail = "dana@example.com"

    [[reviewer]]
    name = "lee"
    mail = "lee@example.com"

    [[route]]
    slack = ["C1"]
    reviewers = ["dana", "lee"]
    remind_after = ["1h"]
    tell = ["contact@acme.example"]
"#;

/// The settings of a worker in this world, with some of them changed.
pub(crate) fn config(changed: &[(&str, &str)]) -> Config {
    let usual = [
        ("HOLDPOINT_ENVIRONMENT", "test"),
        ("HOLDPOINT_BUCKET", "bucket"),
        ("HOLDPOINT_CLOCK_QUEUE_URL", "http://127.0.0.1/1/clock"),
        ("HOLDPOINT_NOTICES_QUEUE_URL", "http://127.0.0.1/1/notices.fifo"),
        ("HOLDPOINT_LINK_KEYS", "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        ("HOLDPOINT_PUBLIC_URL", "https://review.example.com"),
        ("HOLDPOINT_ACTIVITY_ARN", "arn:aws:states:eu-west-1:1:activity:review"),
        ("HOLDPOINT_ROUTES", "routes.toml"),
        ("HOLDPOINT_MAIL_FROM", "Holdpoint <holdpoint@example.com>"),
    ];
    let find = |name: &str| changed.iter().chain(&usual).find(|(known, _)| *known == name);
    Config::read(&|name| find(name).map(|(_, value)| (*value).to_owned())).unwrap()
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_338_840 + second).unwrap()
}

pub(crate) fn request() -> ReviewRequest {
    let finding = |text: &str, count| RequestFinding { text: text.to_owned(), share: Share::new(count, 1000) };
    ReviewRequest {
        key: "push-1".to_owned(),
        dataset: "orders".to_owned(),
        customer: "acme".to_owned(),
        title: "acme delivered orders, and it does not look like theirs".to_owned(),
        measure: Some(Measure {
            records: 12_480,
            rate: Share::new(5154, 12_480),
            threshold: Threshold::SIX_PERCENT,
            usual: Some((Share::new(2, 1000), Share::new(11, 1000))),
        }),
        findings: vec![
            finding("amount is 100 times what it was", 389),
            finding("currency has a value never seen: “¢”", 389),
            finding("ship_date lies before order_date", 24),
            finding("note is empty more often", 11),
        ],
        if_approved: "It is loaded as it is.".to_owned(),
        if_rejected: "Nothing is loaded.".to_owned(),
        submitter: None,
        source: None,
        evidence: None,
    }
}

pub(crate) fn input() -> ActivityInput {
    let visit = Visit {
        execution: "arn:aws:states:eu-west-1:1:execution:review:push-1".to_owned(),
        state: "AwaitReview".to_owned(),
        entered: "2026-11-22T09:14:00Z".to_owned(),
        redrives: 0,
    };
    ActivityInput { version: 1, visit, request: request() }
}

/// A round as it is written when a task opens it.
pub(crate) fn round_of(input: &ActivityInput, routes: &str, token: &str, now: Timestamp) -> Round {
    let routes = Routes::parse(routes).unwrap();
    let route = || routes.for_request(&input.request).cloned();
    match admit(None, &TaskToken::new(token), input, route, now) {
        Ok(Admission::Open(round)) => round,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn round() -> Round {
    round_of(&input(), ROUTES, "token-1", at(0))
}

/// The round after dana rejected it, a minute after it was opened.
pub(crate) fn rejected(round: &Round, reason: &str) -> Round {
    let dana = Who::MailOwner("dana@example.com".to_owned());
    let voted = vote(round, &dana, Verdict::Reject, Some(reason.to_owned()), a_minute_after(round)).unwrap();
    voted.write.unwrap()
}

/// The round after this happened to it, a minute after it was opened.
pub(crate) fn after(round: &Round, input: holdpoint_review::Input) -> Round {
    step(round, input, a_minute_after(round)).write.unwrap()
}

fn a_minute_after(round: &Round) -> Timestamp {
    round.opened_at() + SignedDuration::from_mins(1)
}

pub(crate) fn receipts(round: &Round) -> Vec<Option<String>> {
    let receipts = round.events.iter().filter_map(|entry| match &entry.event {
        Event::Notified { receipt, .. } => Some(receipt.clone()),
        _ => None,
    });
    receipts.collect()
}

/// Waits for something that another task brings about.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
