//! What events from S3 come to, whatever comes in whatever order.

use holdpoint_e2e::{Held, Log, Options, Service, World, eventually};
use holdpoint_review::{Finding, Report};

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];

async fn report(world: &World, push: &Held) -> Report {
    serde_json::from_slice(&world.report_bytes(push).await).expect("a report")
}

fn dead_letters(world: &World) -> usize {
    world.local.aws().queue_depth("pushes-dead").expect("there is such a queue").visible
}

#[tokio::test]
async fn b41_a_key_is_read_as_it_was_delivered() {
    let world = World::start(&[Service::Analyzer], Options::default()).await;
    for name in ["a b.csv", "a+b.csv", "a%2Bb.csv", "a%20b+c d.csv", "day=1/ü&~.csv"] {
        let push = world.deliver(name, b"id,amount\n1,10\n".to_vec()).await;
        eventually(name, || async { world.has_report(&push).await.then_some(()) }).await;
        assert_eq!(report(&world, &push).await.source, push.source);
        assert!(push.source.key.ends_with(name));
    }
    assert_eq!(world.executions().await, 5);
}

#[tokio::test]
async fn b41_an_older_version_that_comes_after_a_newer_one_is_judged_by_itself() {
    let mut world = World::start(&[Service::Worker, Service::Callback], Options::default()).await;
    let older = world.deliver_sample("clean.csv").await;
    world.a_second_later(&older).await;
    let newer = world.overwrite(&older, b"other,bytes\n1,2\n").await;
    world.forget_events().await;
    world.run(Service::Analyzer);
    world.replay_event(&newer).await;
    world.approve(&world.link_of(&world.settled_round(&newer).await)).await;
    world.ended(&newer.execution).await.assert_approved();
    world.replay_event(&older).await;
    world.reject(&world.link_of(&world.settled_round(&older).await), "no").await;
    world.ended(&older.execution).await.assert_rejected();
    let judged = report(&world, &older).await;
    assert_eq!(judged.source, older.source);
    assert_eq!(judged.baseline.members.len(), 0, "what came later is not what was normal before");
    assert_eq!(world.tags(&older.source).await["holdpoint"], "rejected");
    assert_eq!(world.tags(&newer.source).await["holdpoint"], "accepted");
    assert_eq!(world.executions().await, 2);
}

fn event(key: &str, version: Option<&str>) -> String {
    let object = match version {
        Some(version) => serde_json::json!({ "key": key, "versionId": version }),
        None => serde_json::json!({ "key": key }),
    };
    serde_json::json!({ "Records": [{ "s3": { "bucket": { "name": "holdpoint" }, "object": object } }] }).to_string()
}

/// What is deleted was dealt with; what cannot be dealt with is received five times, and then waits for an operator.
#[tokio::test]
async fn b41_what_is_no_push_has_an_end_with_a_name() {
    needs!("time that passes at once", "exact queue depths");
    let log = Log::default();
    let world = World::start(&[Service::Analyzer], Options { log: Some(log.clone()), ..Options::default() }).await;
    let key = "incoming/departures/EWR/gone.csv";
    let cases = [
        (r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"holdpoint"}"#.to_owned(), None),
        (event("incoming/departures/EWR/", Some("v1")), None),
        (event(key, Some("00000000000000000000000000000000")), Some(("the push is gone from the bucket", false))),
        ("hello".to_owned(), Some(("a message in the pushes queue is of no use", true))),
        (r#"{"Event":"s3:OtherEvent"}"#.to_owned(), Some(("a message in the pushes queue is of no use", true))),
        (event(key, None), Some(("a message in the pushes queue is of no use", true))),
    ];
    let mut dead = 0;
    for (body, named) in cases {
        let said_before = named.map_or(0, |(said, _)| log.lines_with(said).len());
        world.send_event(&body).await;
        let dealt_with = || async {
            world.let_time_pass();
            world.is_drained("pushes").await.then_some(())
        };
        eventually("the event is dealt with", dealt_with).await;
        dead += usize::from(named.is_some_and(|(_, is_dead)| is_dead));
        assert_eq!(dead_letters(&world), dead, "{body}");
        if let Some((said, _)) = named {
            let said = log.lines_with(said).len() - said_before;
            assert!((1..=5).contains(&said), "{body}: said {said} times");
        }
    }
    assert_eq!(world.executions().await, 0);
}

#[tokio::test]
async fn b41_an_event_replayed_after_acceptance_changes_nothing() {
    let world = World::start(&ALL, Options::default()).await;
    let first = world.deliver_sample("clean.csv").await;
    world.approve(&world.link().await).await;
    world.ended(&first.execution).await.assert_approved();
    let before = world.report_versions(&first).await;
    world.replay_event(&first).await;
    eventually("the replayed event is dealt with", || async { world.is_drained("pushes").await.then_some(()) }).await;
    assert_eq!(world.report_versions(&first).await, before);
    assert_eq!(world.executions().await, 1);
    assert_eq!(world.request_mails(), 1);
}

#[tokio::test]
async fn b41_a_duplicate_event_starts_one_execution() {
    needs!("second deliveries");
    let mut world = World::start(&[Service::Worker, Service::Callback], Options::default()).await;
    assert!(world.local.aws().deliver_next_twice("pushes"));
    let first = world.deliver_sample("clean.csv").await;
    world.run(Service::Analyzer);
    world.approve(&world.link().await).await;
    world.ended(&first.execution).await.assert_approved();
    assert_eq!(world.executions().await, 1);
    assert_eq!(world.request_mails(), 1);
}

#[tokio::test]
async fn b41_only_the_version_that_was_reviewed_is_tagged() {
    let world = World::start(&ALL, Options::default()).await;
    let first = world.deliver_sample("clean.csv").await;
    let link = world.link().await;
    let second = world.overwrite(&first, b"other,bytes\n1,2\n").await;
    world.approve(&link).await;
    world.ended(&first.execution).await.assert_approved();
    assert_eq!(world.tags(&first.source).await["holdpoint"], "accepted");
    assert!(!world.tags(&second.source).await.contains_key("holdpoint"));
}

#[tokio::test]
async fn b41_a_push_that_is_gone_before_it_is_read_is_no_error() {
    needs!("exact queue depths");
    let mut world = World::start(&[], Options::default()).await;
    let gone = world.deliver_sample("clean.csv").await;
    world.delete_version(&gone).await;
    world.run(Service::Analyzer);
    eventually("the event is dealt with", || async { world.is_drained("pushes").await.then_some(()) }).await;
    assert_eq!((world.executions().await, dead_letters(&world)), (0, 0));
}

#[tokio::test]
async fn b41_a_push_that_cannot_be_read_is_held_with_that_as_its_finding() {
    needs!("exact queue depths");
    let world = World::start(&ALL, Options::default()).await;
    let broken = world.deliver("broken.parquet", b"PAR1 and no more".to_vec()).await;
    let mail = world.request_mail().await;
    world.reject(&holdpoint_e2e::link_in(&mail), "broken").await;
    world.ended(&broken.execution).await.assert_rejected();
    let report = report(&world, &broken).await;
    assert!(report.needs_review);
    assert_eq!(report.records, 0);
    assert!(world.is_drained("pushes").await);
    assert_eq!(dead_letters(&world), 0);
}

#[tokio::test]
async fn b41_an_analyzer_that_fails_again_and_again_still_holds_the_push() {
    needs!("time that passes at once", "exact queue depths");
    let mut world = World::start(&[Service::Worker, Service::Callback], Options::default()).await;
    let held: Held = world.deliver_sample("clean.csv").await;
    world.receive_pushes_in_vain(3).await;
    world.run(Service::Analyzer);
    world.request_mail().await;
    let report = report(&world, &held).await;
    let held_for = |finding: &Finding| finding.reason.contains("several attempts");
    assert!(report.findings.iter().any(held_for), "{:?}", report.findings);
    eventually("the event is dealt with", || async { world.is_drained("pushes").await.then_some(()) }).await;
    assert_eq!(dead_letters(&world), 0);
}
