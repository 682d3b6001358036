mod changes;
mod refused;

use holdpoint_platform::now;
use holdpoint_review::{Channel, Input, Notice, Purpose, Round};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::{
    doubles::{Aws, ROUTES, Slack, Smtp, after, config, input, not_ok, receipts, rejected, round_of},
    notices::{Sender, Undelivered},
};

struct World {
    aws: Aws,
    slack: Slack,
    sender: Sender,
}

impl World {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(changed: &[(&str, &str)]) -> Self {
        let (aws, slack) = (Aws::start().await, Slack::start().await);
        let url = slack.url();
        let token = [("HOLDPOINT_SLACK_BOT_TOKEN", "xoxb-1"), ("HOLDPOINT_SLACK_API_URL", &url)];
        let changed: Vec<_> = changed.iter().copied().chain(token).collect();
        let sender = Sender::new(&config(&changed), aws.reviews()).unwrap();
        Self { aws, slack, sender }
    }

    fn open_round(&self) -> Round {
        let round = round_of(&input(), ROUTES, "token-1", now());
        self.aws.store(&round);
        round
    }

    fn reject(&self, round: &Round) -> Round {
        let closed = rejected(&self.stored(round), "half of it is missing");
        self.aws.store(&closed);
        closed
    }

    fn stored(&self, round: &Round) -> Round {
        self.aws.stored(round).unwrap()
    }

    async fn tell(&self, round: &Round, purpose: Purpose) -> Result<(), Undelivered> {
        self.tell_at_receipt(1, round, purpose).await
    }

    async fn tell_at_receipt(&self, receives: u32, round: &Round, purpose: Purpose) -> Result<(), Undelivered> {
        let says = if purpose == Purpose::Outcome { round.outcome() } else { None };
        let channel = Channel::Slack("C1".to_owned());
        let notice = Notice { review_id: round.review_id.clone(), round: 1, channel, purpose, says };
        self.sender.deliver(&notice, receives).await
    }
}

fn is_closed(message: &Value) -> bool {
    let blocks = message["blocks"].to_string();
    blocks.contains("Rejected by dana") && !blocks.contains("\"button\"")
}

#[tokio::test]
async fn a_question_is_posted_once_and_its_end_takes_its_place() {
    let world = World::new().await;
    let round = world.open_round();
    world.tell(&round, Purpose::Request).await.unwrap();
    world.tell(&round, Purpose::Request).await.unwrap();
    let posted = world.slack.messages("C1");
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0]["metadata"]["event_type"], "holdpoint_review");
    assert_eq!(posted[0]["metadata"]["event_payload"]["purpose"], "request");
    assert_eq!(receipts(&world.stored(&round)), [Some(posted[0]["ts"].as_str().unwrap().to_owned())]);

    world.tell(&round, Purpose::Reminder(0)).await.unwrap();
    let closed = world.reject(&round);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    let messages = world.slack.messages("C1");
    assert_eq!(messages.len(), 3, "question, reminder and outcome, the latter two in the thread");
    assert!(is_closed(&messages[0]), "{}", messages[0]);
    assert!(messages[1..].iter().all(|reply| reply["thread_ts"] == messages[0]["ts"]));
    assert_eq!(world.stored(&closed).said(&Channel::Slack("C1".into())), closed.outcome());
}

#[tokio::test]
async fn b31_a_rate_limit_is_passed_on_with_its_wait() {
    let world = World::new().await;
    let round = world.open_round();
    world.slack.fail_once("chat.postMessage", ResponseTemplate::new(429).insert_header("retry-after", "7"));
    let limited = world.tell(&round, Purpose::Request).await;
    assert!(matches!(limited, Err(Undelivered::Limited(wait)) if wait.as_secs() == 7), "{limited:?}");
    world.tell(&round, Purpose::Request).await.unwrap();
    assert_eq!(world.slack.live("C1"), 1);
}

#[tokio::test]
async fn b32_while_slack_is_down_mail_goes_out_and_slack_catches_up_once() {
    let smtp = Smtp::start();
    let world = World::with(&[("HOLDPOINT_SMTP_URL", &smtp.url())]).await;
    let round = world.open_round();
    for _ in 0..3 {
        world.slack.fail_once("conversations.history", ResponseTemplate::new(503));
        assert!(matches!(world.tell(&round, Purpose::Request).await, Err(Undelivered::Failed(_))));
    }
    let channel = Channel::Mail("dana@example.com".to_owned());
    let mail = Notice { review_id: round.review_id.clone(), round: 1, channel, purpose: Purpose::Request, says: None };
    world.sender.deliver(&mail, 1).await.unwrap();
    assert_eq!(smtp.taken().len(), 1);
    for _ in 0..2 {
        world.tell(&round, Purpose::Request).await.unwrap();
    }
    assert_eq!(world.slack.messages("C1").len(), 1);
}

#[tokio::test]
async fn b32_what_was_closed_meanwhile_is_asked_no_more() {
    let world = World::new().await;
    let closed = world.reject(&world.open_round());
    world.tell(&closed, Purpose::Request).await.unwrap();
    assert!(world.slack.messages("C1").is_empty());
    assert_eq!(receipts(&world.stored(&closed)), [None]);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    assert!(world.slack.messages("C1").is_empty(), "nobody there knows of it");
}

#[tokio::test]
async fn b34_a_post_whose_reply_was_lost_is_found_and_not_repeated() {
    let world = World::new().await;
    let round = world.open_round();
    world.slack.lose_reply("chat.postMessage");
    assert!(matches!(world.tell(&round, Purpose::Request).await, Err(Undelivered::Failed(_))));
    assert_eq!(world.slack.live("C1"), 1, "it had arrived");
    world.tell(&round, Purpose::Request).await.unwrap();
    assert_eq!(world.slack.live("C1"), 1);
    let ts = world.slack.messages("C1")[0]["ts"].as_str().unwrap().to_owned();
    assert_eq!(receipts(&world.stored(&round)), [Some(ts)]);
}

#[tokio::test]
async fn b34_a_lost_post_is_also_found_when_the_round_was_closed_meanwhile() {
    let world = World::new().await;
    let round = world.open_round();
    world.slack.lose_reply("chat.postMessage");
    world.tell(&round, Purpose::Request).await.unwrap_err();
    let closed = world.reject(&round);
    // The request's notice is gone for good; the outcome alone must find the message.
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    assert_eq!(world.slack.live("C1"), 0);
    assert!(is_closed(&world.slack.messages("C1")[0]));
}

#[tokio::test]
async fn b34_who_finds_another_message_recorded_deletes_its_own() {
    let world = World::new().await;
    let round = world.open_round();
    world.tell(&round, Purpose::Request).await.unwrap();
    let channel = Channel::Slack("C1".to_owned());
    let (purpose, receipt) = (Purpose::Request, Some("1.1".to_owned()));
    let other = after(&round, Input::Notified { channel: channel.clone(), purpose, receipt });
    world.aws.store(&other);
    let stored = world.aws.reviews().ledger.read(&round.review_id, 1).await.unwrap().unwrap();
    let own = world.slack.messages("C1")[0]["ts"].as_str().unwrap().to_owned();
    let notice = Notice { review_id: round.review_id.clone(), round: 1, channel, purpose, says: None };
    world.sender.record(stored, &notice, Some(own)).await.unwrap();
    assert!(world.slack.messages("C1").is_empty());
    assert_eq!(receipts(&world.stored(&round)), [Some("1.1".to_owned())]);
}

#[tokio::test]
async fn b34_where_a_place_is_not_recorded_the_outcome_edits_all_that_asked_and_no_other() {
    let world = World::new().await;
    let round = world.open_round();
    world.slack.lose_reply("chat.postMessage");
    world.tell(&round, Purpose::Request).await.unwrap_err();
    let later = now().as_second() + 1;
    let twin = |place: u32, review: &str| {
        let mut message = world.slack.messages("C1")[0].clone();
        message["ts"] = format!("{later}.{place}").into();
        message["metadata"]["event_payload"]["review_id"] = review.into();
        message
    };
    world.slack.put(twin(1, round.review_id.as_str()));
    world.slack.put(twin(2, "00000000000000000000000000000000"));
    world.slack.put(json!({ "channel": "C1", "ts": format!("{later}.3"), "text": "hello" }));
    let closed = world.reject(&round);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    let messages = world.slack.messages("C1");
    assert!(is_closed(&messages[0]) && is_closed(&messages[1]));
    assert_eq!(world.slack.live("C1"), 1, "another review's message stays as it is");
}

#[tokio::test]
async fn a_question_whose_place_is_recorded_is_edited_without_a_search() {
    let world = World::new().await;
    let round = world.open_round();
    world.tell(&round, Purpose::Request).await.unwrap();
    let closed = world.reject(&round);
    world.slack.fail_once("conversations.history", ResponseTemplate::new(503));
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    assert!(is_closed(&world.slack.messages("C1")[0]));
}

#[tokio::test]
async fn where_an_escalation_was_not_due_yet_nothing_is_searched_for() {
    let world = World::new().await;
    let routes = format!("{ROUTES}\nescalate = {{ after = '2h', slack = ['C2'] }}");
    let round = round_of(&input(), &routes, "token-1", now());
    let closed = rejected(&round, "no");
    world.aws.store(&closed);
    world.slack.refuse("C2", "internal_error");
    let channel = Channel::Slack("C2".to_owned());
    let says = closed.outcome();
    let told =
        Notice { review_id: round.review_id, round: 1, channel: channel.clone(), purpose: Purpose::Outcome, says };
    world.sender.deliver(&told, 1).await.unwrap();
    assert_eq!(world.stored(&closed).said(&channel), closed.outcome());
}

#[tokio::test]
async fn b34_a_lost_post_is_found_behind_any_number_of_other_messages() {
    let world = World::new().await;
    let round = world.open_round();
    world.slack.lose_reply("chat.postMessage");
    world.tell(&round, Purpose::Request).await.unwrap_err();
    for place in 0..4_200 {
        world
            .slack
            .put(json!({ "channel": "C1", "ts": format!("{}.{place}", now().as_second() + 1), "text": "hello" }));
    }
    world.tell(&round, Purpose::Request).await.unwrap();
    assert_eq!(world.slack.live("C1"), 1);
    assert!(receipts(&world.stored(&round))[0].is_some());
}

#[tokio::test]
async fn a_deleted_question_does_not_hold_up_the_end() {
    let world = World::new().await;
    let round = world.open_round();
    world.tell(&round, Purpose::Request).await.unwrap();
    let closed = world.reject(&round);
    world.slack.fail_once("chat.update", not_ok("message_not_found"));
    world.slack.fail_once("conversations.replies", not_ok("thread_not_found"));
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    assert!(world.stored(&closed).said(&Channel::Slack("C1".into())).is_some());
}

#[tokio::test]
async fn a_reminder_that_stands_alone_because_its_question_was_deleted_is_edited_at_the_end() {
    let world = World::new().await;
    let round = world.open_round();
    world.tell(&round, Purpose::Request).await.unwrap();
    world.tell(&round, Purpose::Reminder(0)).await.unwrap();
    world.slack.fail_once("conversations.replies", not_ok("thread_not_found"));
    world.tell(&round, Purpose::Reminder(1)).await.unwrap();
    let [_, reply, alone] = &world.slack.messages("C1")[..] else { panic!("a question and two reminders") };
    assert!(reply["thread_ts"].is_string() && alone.get("thread_ts").is_none());

    let closed = world.reject(&round);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    let messages = world.slack.messages("C1");
    assert!(is_closed(&messages[2]), "{}", messages[2]);
    assert_eq!(&messages[1], reply, "what was said in the thread is history");
    assert_eq!(world.stored(&closed).said(&Channel::Slack("C1".into())), closed.outcome());
}

#[tokio::test]
async fn a_webhook_posts_a_link_and_later_the_outcome() {
    let (aws, slack) = (Aws::start().await, Slack::start().await);
    let webhooks = format!("C1={}", slack.webhook());
    let sender = Sender::new(&config(&[("HOLDPOINT_SLACK_WEBHOOKS", &webhooks)]), aws.reviews()).unwrap();
    let world = World { aws, slack, sender };
    let round = world.open_round();
    world.tell(&round, Purpose::Request).await.unwrap();
    assert_eq!(world.slack.live("webhook"), 0, "what cannot be edited must not decide");
    assert!(world.slack.messages("webhook")[0]["blocks"].to_string().contains("https://review.example.com/r/"));
    let closed = world.reject(&round);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    assert!(is_closed(&world.slack.messages("webhook")[1]));
}

#[tokio::test]
async fn no_error_repeats_the_address_of_a_webhook() {
    let aws = Aws::start().await;
    let webhooks = "C1=http://127.0.0.1:9/services/hunter2";
    let sender = Sender::new(&config(&[("HOLDPOINT_SLACK_WEBHOOKS", webhooks)]), aws.reviews()).unwrap();
    let round = round_of(&input(), ROUTES, "token-1", now());
    aws.store(&round);
    let channel = Channel::Slack("C1".to_owned());
    let notice =
        Notice { review_id: round.review_id.clone(), round: 1, channel, purpose: Purpose::Request, says: None };
    let error = sender.deliver(&notice, 1).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}
