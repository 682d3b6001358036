//! What the services must never write into a log.

use holdpoint_e2e::{Log, Options, Service, World};
use holdpoint_local::slack;

#[tokio::test]
async fn b47_a_full_debug_log_gives_nothing_away() {
    let log = Log::default();
    let options = Options { log: Some(log.clone()), ..Options::default() };
    let world = World::start(&[Service::Analyzer, Service::Worker, Service::Callback], options).await;
    let first = world.deliver_sample("clean.csv").await;
    let link = world.link().await;
    world.slack_request().await;
    let presigned = world.open(&format!("{link}/flagged")).await;
    assert_eq!(presigned.status, 303, "the way to the flagged rows");
    let token = world.round(&first, 1).await.unwrap().token().clone();
    world.reject(&link, "the-reason-of-a-person").await;
    world.ended(&first.execution).await.assert_rejected();
    world.finished(&first).await;

    let text = log.text();
    assert!(text.contains(first.push.as_str()), "the push can be followed");
    let sealed = link.rsplit('/').next().unwrap();
    let secrets = [
        ("a task token", token.expose()),
        ("a link", sealed),
        ("a mail address", "dana@example.com"),
        ("the bot token", slack::BOT_TOKEN),
        ("the signing secret", slack::SIGNING_SECRET),
        ("a link key", "303030303030"),
        ("a presigned URL", "X-Amz-Signature"),
        ("a reason", "the-reason-of-a-person"),
        ("a record value", "N14228"),
    ];
    for (what, secret) in secrets {
        let leak = text.lines().find(|line| line.contains(secret));
        assert_eq!(leak, None, "{what}");
    }
}
