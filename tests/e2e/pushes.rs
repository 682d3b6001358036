//! Pushes from S3 to their end, the analyzer included.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use holdpoint_e2e::{Options, Service, World, eventually};
use holdpoint_local::aws::Verdict;
use holdpoint_review::{ContentHash, Report};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

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
}

#[tokio::test]
async fn b46_the_baseline_learns_from_accepted_pushes_and_from_no_other() {
    let world = with_history().await;
    let spoiled = |name: &'static str| world.deliver_as(name, "spoiled.csv");
    let rejected = spoiled("rejected.csv").await;
    world.reject(&world.link_of(&world.settled_round(&rejected).await), "spoiled").await;
    world.ended(&rejected.execution).await.assert_rejected();
    let expired = spoiled("expired.csv").await;
    world.settled_round(&expired).await;
    world.age(&expired.review_id(), SignedDuration::from_hours(1)).await;
    world.ended(&expired.execution).await.assert_expired();
    assert_eq!(world.baseline_members().await, 30, "what was learned, and neither of the two");

    let passed = world.deliver_sample("clean.csv").await;
    world.ended(&passed.execution).await.assert_passed();
    assert_eq!(world.baseline_members().await, 31, "within the limit");
    world.a_second_later(&passed).await;
    let approved = spoiled("approved.csv").await;
    world.approve(&world.link_of(&world.settled_round(&approved).await)).await;
    world.ended(&approved.execution).await.assert_approved();
    assert_eq!(world.baseline_members().await, 32, "approved by a person");
    let report: Report = serde_json::from_slice(&world.report_bytes(&approved).await).unwrap();
    let members: Vec<_> = report.baseline.members.iter().map(|member| &member.push).collect();
    assert!(members.contains(&&passed.push));
    assert!(!members.contains(&&rejected.push) && !members.contains(&&expired.push));
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
async fn b41_a_push_of_which_nobody_knows_whose_it_is_is_held_and_teaches_nothing() {
    let world = World::start(&ALL, Options::default()).await;
    let nobodys = world.put("incoming/nobody.csv", b"id\n1\n".to_vec()).await;
    let asked = world.settled_round(&nobodys).await;
    let findings: Vec<_> = asked.request.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(findings, [r#"its key "incoming/nobody.csv" does not match HOLDPOINT_KEY_PATTERN: whose is it?"#]);
    world.approve(&world.link_of(&asked)).await;
    world.ended(&nobodys.execution).await.assert_approved();
    assert_eq!(world.tags(&nobodys.source).await["holdpoint"], "accepted");
    assert_eq!(world.baseline_members().await, 0);
}

#[tokio::test]
async fn b43_the_whole_hash_goes_from_the_question_to_the_execution_that_goes_on() {
    let world = World::start(&ALL, Options::default()).await;
    let first = world.deliver_sample("clean.csv").await;
    let asked = world.settled_round(&first).await;
    let link = world.link_of(&asked);
    let stored = world.report_bytes(&first).await;
    let hash = ContentHash::of(&stored);
    assert_eq!(asked.request.evidence.map(|evidence| evidence.report_hash), Some(hash.clone()), "in the request");
    assert!(world.open(&link).await.html.contains(hash.as_str()), "on the page");
    world.approve(&link).await;
    let ended = world.ended(&first.execution).await;
    assert_eq!(ended.decision["report_hash"], hash.as_str(), "in the decision");
    let described = world.clients.sfn.describe_execution().execution_arn(&first.execution).send().await.unwrap();
    let output: Value = serde_json::from_str(described.output().unwrap()).unwrap();
    assert_eq!(output["push"]["report_hash"], hash.as_str(), "in the execution's output");
    let report: Report = serde_json::from_slice(&stored).unwrap();
    assert_eq!(report.source, first.source);
}

#[tokio::test]
async fn b43_the_same_push_judged_twice_gives_the_same_bytes() {
    let world = World::start(&[Service::Analyzer], Options::default()).await;
    let first = world.deliver_sample("clean.csv").await;
    eventually("it is judged", || async { (world.executions().await == 1).then_some(()) }).await;
    let before = world.report_bytes(&first).await;
    world.forget_report(&first).await;
    world.replay_event(&first).await;
    eventually("it is judged again", || async { world.has_report(&first).await.then_some(()) }).await;
    assert_eq!(world.report_bytes(&first).await, before);
    eventually("its execution is found", || async { world.is_drained("pushes").await.then_some(()) }).await;
    assert_eq!(world.executions().await, 1);
}

#[tokio::test]
async fn declared_rules_hold_a_push_and_personal_values_are_in_nothing_that_is_kept() {
    needs!("a bucket whose name is known");
    let environment = [("HOLDPOINT_RULES".into(), "s3://artifacts/config/rules/{dataset}.toml".into())].into();
    let world = World::start(&[Service::Analyzer], Options { environment, ..Options::default() }).await;
    world.learn_samples().await;
    let rules = "[column.tailnum]\npersonal = true\nregex = \"N.*\"\n[column.origin]\nset = [\"JFK\"]\n";
    world.upload("config/rules/departures.toml", rules).await;
    let sample = include_str!("../../deploy/local/samples/clean.csv");
    let push = world.deliver("day.csv", sample.replace(",N663JB,", ",secret-7,").into_bytes()).await;
    eventually("it is judged", || async { world.has_report(&push).await.then_some(()) }).await;
    let report: Report = serde_json::from_slice(&world.report_bytes(&push).await).unwrap();
    let declared = report.findings.iter().filter(|finding| finding.reason.contains("declared"));
    let columns: Vec<_> = declared.flat_map(|finding| &finding.columns).collect();
    assert_eq!(columns, ["origin", "tailnum"]);
    assert!(report.needs_review);
    for (key, text) in world.texts_under("reports/").await {
        assert!(!text.contains("secret-7"), "{key}: {text}");
    }
}

#[tokio::test]
async fn of_a_long_history_the_end_is_listed_and_the_whole_only_where_that_brings_too_few() {
    needs!("faults");
    let world = World::start(&[Service::Analyzer], Options::default()).await;
    world.learn_samples().await;
    let listings = Arc::new(AtomicUsize::new(0));
    let counted = listings.clone();
    world.local.aws().faults().on_request(move |request| {
        let is_listing = request.action == "s3.ListObjectsV2" && request.access_key == "analyzer";
        counted.fetch_add(usize::from(is_listing), Ordering::SeqCst);
        Verdict::Serve
    });
    let judged = async |name| {
        let push = world.deliver_as(name, "clean.csv").await;
        eventually("it is judged", || async { world.has_report(&push).await.then_some(()) }).await;
        let report: Report = serde_json::from_slice(&world.report_bytes(&push).await).unwrap();
        let members: Vec<_> = report.baseline.members.iter().map(|member| member.push.to_string()).collect();
        (push, members, listings.swap(0, Ordering::SeqCst))
    };

    // Of long ago, and without records: they would teach nothing.
    let hours = (0..1_100).map(|hour| Timestamp::from_second(hour * 3_600).unwrap());
    let mut hollow = world.some_profile().await;
    (hollow["records"], hollow["table"]["columns"]) = (json!(0), json!({}));
    for kind in ["orders", "parts", "forms", "keys"] {
        hollow["table"]["relations"][kind] = json!([]);
    }
    world.add_profiles(hollow.clone(), hours).await;
    let (first, members, listings) = judged("sparse.csv").await;
    assert_eq!(members.len(), 30, "all that is known");
    assert_eq!(listings, 1 + 4 + 2, "a page, four looks back, and all of it in two pages");

    world.ended(&first.execution).await.assert_passed();
    let now = holdpoint_platform::now();
    let often = (1..=70).map(|count| now - SignedDuration::from_mins(5 * count));
    world.add_profiles(hollow, often).await;
    let all = world.texts_under("baseline/departures/EWR/2").await;
    let (_, members, listings) = judged("dense.csv").await;
    assert_eq!(listings, 1 + 1, "a page, and one look back");
    let newest = all.iter().rev().take(60).rev().filter(|(_, profile)| !profile.contains("\"records\":0,"));
    let newest: Vec<_> = newest.filter_map(|(key, _)| Some(key.rsplit_once('-')?.1.to_owned())).collect();
    assert!(newest.len() > 30 && newest.len() < 60, "some of the newest were taken for hollow: {newest:?}");
    assert_eq!(members, newest);
}
