//! What the services must never write into a log.

use holdpoint_e2e::{Held, Log, Options, Service, World, on_own_thread};
use holdpoint_local::{
    local::{SLACK_CHANNEL, SLACK_WEBHOOK, SLACK_WEBHOOK_SECRET},
    slack,
};

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];

/// Asked in a channel, through a webhook, and by mail.
fn told_everywhere(log: &Log) -> Options {
    let mut options = Options { log: Some(log.clone()), ..Options::default() };
    let asked = format!("slack = [\"{SLACK_CHANNEL}\", \"{SLACK_WEBHOOK}\"]");
    options.routes = options.routes.replace(&format!("slack = [\"{SLACK_CHANNEL}\"]"), &asked);
    options
}

async fn token(world: &World, push: &Held) -> String {
    world.round(push, 1).await.expect("it was opened").token().expose().to_owned()
}

#[tokio::test]
async fn b47_a_full_debug_log_gives_nothing_away() {
    let log = Log::default();
    let world = World::start(&ALL, told_everywhere(&log)).await;
    let first = world.deliver_sample("clean.csv").await;
    let link = world.link_of(&world.settled_round(&first).await);
    assert!(!world.local.slack.messages(SLACK_WEBHOOK_SECRET).is_empty(), "the webhook was told");
    let presigned = world.open(&format!("{link}/flagged")).await;
    assert_eq!(presigned.status, 303, "the way to the flagged rows");
    let first_token = token(&world, &first).await;
    world.reject(&link, "the-reason-of-a-person").await;
    world.ended(&first.execution).await.assert_rejected();
    world.finished(&first).await;

    let second = world.deliver_sample("spoiled.csv").await;
    let second_link = world.link_of(&world.settled_round(&second).await);
    let message = world.slack_requests().pop().expect("Slack was asked");
    let second_token = token(&world, &second).await;
    world
        .local
        .slack
        .reject(&message, "a-reason-given-in-slack", "U0DANA")
        .await
        .expect("Slack's requests are answered");
    world.ended(&second.execution).await.assert_rejected();
    world.finished(&second).await;

    for push in [&first, &second] {
        assert!(!log.lines_with(push.push.as_str()).is_empty(), "the push can be followed");
    }
    let buttons = message.buttons();
    let in_button = buttons.iter().find(|button| button.action_id == "approve").expect("it could be approved");
    let secrets = [
        ("a task token", first_token.as_str()),
        ("a task token", second_token.as_str()),
        ("a link", link.rsplit('/').next().unwrap()),
        ("a link", second_link.rsplit('/').next().unwrap()),
        ("a button's link", in_button.value.as_str()),
        ("a mail address", "dana@example.com"),
        ("the bot token", slack::BOT_TOKEN),
        ("the signing secret", slack::SIGNING_SECRET),
        ("the webhook's address", SLACK_WEBHOOK_SECRET),
        ("a response URL", "/response/"),
        ("a link key", "303030303030"),
        ("a presigned URL", "X-Amz-Signature"),
        ("a reason", "the-reason-of-a-person"),
        ("a reason", "a-reason-given-in-slack"),
        ("a record value", "N14228"),
    ];
    for (what, secret) in secrets {
        assert_eq!(log.lines_with(secret), Vec::<String>::new(), "{what}");
    }
}

/// Without this, nothing found could mean that nothing was searched.
#[test]
fn b47_a_secret_that_is_logged_on_whichever_thread_is_found() {
    let log = Log::default();
    let plant = |place: &'static str| tracing::debug!(secret = "N14228", place, "planted");
    let service = on_own_thread(Some(&log), move || async move {
        plant("the service's thread");
        tokio::spawn(async move { plant("a task") }).await.expect("it ends");
        tokio::task::spawn_blocking(move || plant("a thread that blocks")).await.expect("it ends");
    });
    service.join().expect("it ends");
    let found = log.lines_with("N14228");
    for place in ["the service's thread", "a task", "a thread that blocks"] {
        assert!(found.iter().any(|line| line.contains(place)), "{place} in {found:?}");
    }
}
