//! Pushes from S3 to their end, the analyzer included.

use holdpoint_e2e::{Held, Options, Service, World, eventually};
use holdpoint_review::{ContentHash, Finding, Report};

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];

async fn with_history() -> World {
    let world = World::start(&ALL, Options::default()).await;
    world.learn_samples().await;
    world
}

#[tokio::test]
async fn a_clean_push_passes_and_a_spoiled_one_is_held() {
    let world = with_history().await;
    let clean = world.deliver_sample("clean.csv").await;
    world.ended(&clean.execution).await.assert_passed();
    assert_eq!(world.request_mails(), 0, "nobody was asked");
    assert_eq!(world.tags(&clean.source).await["holdpoint"], "accepted");

    let spoiled = world.deliver_sample("spoiled.csv").await;
    world.reject(&world.link().await, "spoiled").await;
    world.ended(&spoiled.execution).await.assert_rejected();
    assert_eq!(world.tags(&spoiled.source).await["holdpoint"], "rejected");
    assert_eq!(world.baseline_members().await, 31, "b46: thirty learned, the clean one added, the rejected one not");
}

#[tokio::test]
async fn b46_the_first_push_is_held_and_becomes_the_first_of_the_baseline_when_approved() {
    let world = World::start(&ALL, Options::default()).await;
    let first = world.deliver_sample("clean.csv").await;
    world.approve(&world.link().await).await;
    world.ended(&first.execution).await.assert_approved();
    assert_eq!(world.baseline_members().await, 1);
}

#[tokio::test]
async fn b43_what_was_approved_is_what_goes_on() {
    let world = World::start(&ALL, Options::default()).await;
    let first = world.deliver_sample("clean.csv").await;
    let link = world.link().await;
    let stored = world.report_bytes(&first).await;
    let hash = ContentHash::of(&stored).to_string();
    assert!(world.open(&link).await.html.contains(&hash[..8]), "on the page");
    world.approve(&link).await;
    assert_eq!(world.ended(&first.execution).await.decision["report_hash"], hash.as_str(), "in the decision");
    let report: Report = serde_json::from_slice(&stored).unwrap();
    assert_eq!(report.source, first.source);
}

#[tokio::test]
async fn b41_an_event_replayed_after_acceptance_changes_nothing() {
    let world = World::start(&ALL, Options::default()).await;
    let first = world.deliver_sample("clean.csv").await;
    world.approve(&world.link().await).await;
    world.ended(&first.execution).await.assert_approved();
    let before = world.report_version(&first).await;
    world.replay_event(&first).await;
    eventually("the replayed event is dealt with", || async { world.pushes_queue_is_empty().then_some(()) }).await;
    assert_eq!(world.report_version(&first).await, before);
    assert_eq!(world.executions().await, 1);
    assert_eq!(world.request_mails(), 1);
}

#[tokio::test]
async fn b41_a_duplicate_event_starts_one_execution() {
    let world = World::start(&[Service::Worker, Service::Callback], Options::default()).await;
    let mut world = world;
    assert!(world.local.aws.deliver_next_twice("pushes"));
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
    assert!(!world.tags(&second).await.contains_key("holdpoint"));
}

#[tokio::test]
async fn b41_a_push_that_is_gone_before_it_is_read_is_no_error() {
    let world = World::start(&[], Options::default()).await;
    let mut world = world;
    let gone = world.deliver_sample("clean.csv").await;
    world.delete_version(&gone).await;
    world.run(Service::Analyzer);
    eventually("the event is dealt with", || async { world.pushes_queue_is_empty().then_some(()) }).await;
    assert_eq!(world.executions().await, 0);
}

#[tokio::test]
async fn b41_a_push_that_cannot_be_read_is_held_with_that_as_its_finding() {
    let world = World::start(&ALL, Options::default()).await;
    let broken = world.deliver("broken.parquet", b"PAR1 and no more".to_vec()).await;
    let mail = world.request_mail().await;
    world.reject(&holdpoint_e2e::link_in(&mail), "broken").await;
    world.ended(&broken.execution).await.assert_rejected();
    let report: Report = serde_json::from_slice(&world.report_bytes(&broken).await).unwrap();
    assert!(report.needs_review);
    assert_eq!(report.records, 0);
}

#[tokio::test]
async fn b41_an_analyzer_that_fails_again_and_again_still_holds_the_push() {
    let world = World::start(&[Service::Worker, Service::Callback], Options::default()).await;
    let mut world = world;
    let held: Held = world.deliver_sample("clean.csv").await;
    world.receive_pushes_in_vain(3).await;
    world.run(Service::Analyzer);
    world.request_mail().await;
    let report: Report = serde_json::from_slice(&world.report_bytes(&held).await).unwrap();
    let held_for = |finding: &Finding| finding.reason.contains("several attempts");
    assert!(report.findings.iter().any(held_for), "{:?}", report.findings);
}
