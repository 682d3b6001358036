//! b45: a file of several customers, each of which is judged, held and decided on its own.

use std::collections::BTreeMap;

use holdpoint_e2e::{Held, Options, Service, World, eventually, several_customers};
use holdpoint_review::Report;

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];

fn by_origin() -> Options {
    Options {
        environment: [("HOLDPOINT_CUSTOMER_COLUMN".into(), "departures=origin".into())].into(),
        ..Options::default()
    }
}

/// Delivers the departures of a known airport, of a new one, and some of which nobody says where; each one's part.
async fn delivered(world: &World) -> (Held, BTreeMap<String, Held>) {
    world.learn_samples().await;
    let whole = world.put("incoming/departures/all/day.csv", several_customers().into_bytes()).await;
    let parts = eventually("there are three parts", || async {
        let parts = world.parts_of(&whole).await;
        (parts.len() == 3).then_some(parts)
    });
    let parts = parts.await;
    (whole, parts)
}

async fn report(world: &World, part: &Held) -> Report {
    eventually("it is judged", || async { world.has_report(part).await.then_some(()) }).await;
    serde_json::from_slice(&world.report_bytes(part).await).expect("a report")
}

#[tokio::test]
async fn b45_each_customers_records_are_judged_held_and_decided_on_their_own() {
    let world = World::start(&ALL, by_origin()).await;
    let (whole, parts) = delivered(&world).await;
    let [known, new, nobodys] = ["EWR", "JFK", "unmatched"].map(|customer| parts[customer].clone());

    world.ended(&known.execution).await.assert_passed();
    assert_eq!(world.tags(&known.source).await["holdpoint"], "accepted", "nobody was asked about what is as usual");

    let asked = world.settled_round(&new).await;
    world.reject(&world.link_of(&asked), "we have no flights there").await;
    world.ended(&new.execution).await.assert_rejected();
    let asked = world.settled_round(&nobodys).await;
    let why: Vec<_> = asked.request.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(why, ["these records do not say which customer they are of"]);
    world.approve(&world.link_of(&asked)).await;
    world.ended(&nobodys.execution).await.assert_approved();

    assert_eq!(world.tags(&new.source).await["holdpoint"], "rejected");
    assert_eq!(world.tags(&nobodys.source).await["holdpoint"], "accepted");
    assert_eq!(world.baseline_members().await, 31, "what was learned, and the known customer's records");
    assert!(world.tags(&whole.source).await.is_empty(), "what was delivered is never tagged");
    assert!(!world.has_report(&whole).await);
    assert_eq!(world.executions().await, 3);
}

#[tokio::test]
async fn b45_a_part_holds_its_customers_records_and_its_report_names_the_customer() {
    let world = World::start(&[Service::Analyzer], by_origin()).await;
    let (_, parts) = delivered(&world).await;
    let mut records = BTreeMap::new();
    for (customer, part) in &parts {
        let report = report(&world, part).await;
        assert_eq!((report.dataset.as_str(), &report.customer, &report.source), ("departures", customer, &part.source));
        records.insert(customer.as_str(), report.records);
    }
    assert_eq!(records, [("EWR", 344), ("JFK", 40), ("unmatched", 0)].into());
    assert_eq!(report(&world, &parts["EWR"]).await.baseline.members.len(), 30);
    assert_eq!(report(&world, &parts["JFK"]).await.baseline.members.len(), 0);
}

#[tokio::test]
async fn b15_a_part_is_replaced_by_the_same_customers_part_of_a_newer_version() {
    let world = World::start(&ALL, by_origin()).await;
    let (whole, parts) = delivered(&world).await;
    let [old, missing] = ["JFK", "unmatched"].map(|customer| parts[customer].clone());
    for part in [&old, &missing] {
        world.settled_round(part).await;
    }
    // The new airport's records come again, but none of which nobody says where.
    let lines = several_customers();
    let again = lines.lines().filter(|line| !line.contains(",,")).map(|line| format!("{line}\n"));
    let again = world.overwrite(&whole, again.collect::<String>().as_bytes()).await;
    let newer = || async { world.parts_of(&again).await.remove("JFK") };
    let newer = eventually("it is taken apart", newer).await;
    let known = || async { world.round(&old, 1).await.filter(|round| round.replaced_by().is_some()) };
    let round = eventually("the newer version is noticed", known).await;
    let replaced = round.replaced_by().map(|it| (&it.push, &it.review));
    assert_eq!((replaced, round.is_open()), (Some((&newer.push, &newer.review_id())), true));
    world.settled_round(&newer).await;
    for part in [&missing, &newer] {
        let round = world.round(part, 1).await.expect("it is open");
        assert!(round.replaced_by().is_none(), "nothing is newer than {}", part.source.key);
    }
}

#[tokio::test]
async fn b45_the_same_event_again_makes_no_other_parts() {
    let world = World::start(&[Service::Analyzer], by_origin()).await;
    let (whole, parts) = delivered(&world).await;
    let drained = || eventually("all is dealt with", || async { world.is_drained("pushes").await.then_some(()) });
    drained().await;
    world.replay_event(&whole).await;
    drained().await;
    let again = world.parts_of(&whole).await;
    assert_eq!(again.keys().collect::<Vec<_>>(), parts.keys().collect::<Vec<_>>());
    assert!(again.values().zip(parts.values()).all(|(again, first)| again.source == first.source), "the same versions");
    assert_eq!(world.executions().await, 3);
}

#[tokio::test]
async fn b45_a_file_that_cannot_be_taken_apart_is_held_as_a_whole() {
    let world = World::start(&ALL, by_origin()).await;
    let whole = world.put("incoming/departures/all/day.csv", b"id,airport\n1,EWR\n".to_vec()).await;
    let asked = world.settled_round(&whole).await;
    let why: Vec<_> = asked.request.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(why, ["the file has no column origin, which says whose each record is"]);
    assert!(world.parts_of(&whole).await.is_empty());
}
