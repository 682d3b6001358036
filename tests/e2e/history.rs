//! What an operator does to a customer's history: learn it from trusted data, forget it.

use std::path::Path;

use holdpoint_analyzer::{Config, Trusted, forget, learn};
use holdpoint_e2e::{Options, Service, World, eventually, several_customers};
use holdpoint_review::Report;
use jiff::Timestamp;
use serde_json::json;

fn config(world: &World, column: Option<&str>) -> Config {
    let environment = world.local.environment();
    Config::read(&|name: &str| match name {
        "HOLDPOINT_CUSTOMER_COLUMN" => column.map(str::to_owned),
        name => environment.get(name).cloned(),
    })
    .expect("the world's settings fit")
}

#[tokio::test]
async fn a_folder_of_trusted_files_is_learned_and_learned_again_it_is_the_same() {
    let world = World::start(&[], Options::default()).await;
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/local/samples/history");
    for _ in 0..2 {
        let (config, trusted) = (config(&world, None), Trusted::Folder(samples.clone()));
        let learned = learn(&config, &world.local.clients("history"), &trusted, "departures", Some("EWR")).await;
        assert_eq!((learned.ok(), world.baseline_members().await), (Some(30), 30));
    }
}

#[tokio::test]
async fn what_another_version_learned_teaches_nothing_and_holds_nothing_up() {
    let world = World::start(&[Service::Analyzer], Options::default()).await;
    world.learn_samples().await;
    let mut another = world.some_profile().await;
    (another["version"], another["table"]) = (json!(2_000), json!("counted in another way"));
    world.add_profiles(another, [Timestamp::UNIX_EPOCH].into_iter()).await;
    let push = world.deliver_sample("clean.csv").await;
    world.ended(&push.execution).await.assert_passed();
    let report: Report = serde_json::from_slice(&world.report_bytes(&push).await).unwrap();
    assert_eq!(
        (report.baseline.members.len(), world.baseline_members().await),
        (30, 32),
        "the push is the newest of them"
    );
}

#[tokio::test]
async fn trusted_files_of_several_customers_teach_what_is_normal_for_each() {
    let world = World::start(&[], Options::default()).await;
    world.put("trusted/day.csv", several_customers().into_bytes()).await;
    let trusted = Trusted::Prefix("trusted/".to_owned());
    let nobodys = learn(&config(&world, None), &world.local.clients("history"), &trusted, "departures", None).await;
    assert!(nobodys.is_err(), "no customer and no column");
    let learned =
        learn(&config(&world, Some("origin")), &world.local.clients("history"), &trusted, "departures", None).await;
    assert_eq!(learned.ok(), Some(2), "records that name nobody teach nothing");
    let keys: Vec<_> = world.texts_under("baseline/").await.into_keys().collect();
    assert!(
        keys[0].starts_with("baseline/departures/EWR/") && keys[1].starts_with("baseline/departures/JFK/"),
        "{keys:?}"
    );
}

#[tokio::test]
async fn a_customer_who_is_forgotten_leaves_nothing_and_others_are_left_alone() {
    let environment = [("HOLDPOINT_CUSTOMER_COLUMN".into(), "origin".into())].into();
    let world = World::start(&[Service::Analyzer], Options { environment, ..Options::default() }).await;
    world.learn_samples().await;
    let whole = world.put("incoming/departures/all/day.csv", several_customers().into_bytes()).await;
    eventually("it is judged", || async { (world.executions().await == 3).then_some(()) }).await;
    let parts = world.parts_of(&whole).await;
    world.ended(&parts["EWR"].execution).await.assert_passed();

    let config = config(&world, None);
    let erased = forget(&config, &world.local.clients("history"), "departures", "EWR").await.ok();
    assert_eq!(erased, Some(31 + 1 + 4), "baselines, the part, its evidence");
    assert_eq!(world.baseline_members().await, 0);
    let left = world.parts_of(&whole).await;
    assert_eq!(left.keys().collect::<Vec<_>>(), ["JFK", "unmatched"]);
    assert!(!world.has_report(&parts["EWR"]).await && world.has_report(&parts["JFK"]).await);
    let under = format!("reports/{}/", parts["EWR"].push);
    assert!(world.versions_under(&under).await.is_empty(), "not even an old version");
    assert_eq!(forget(&config, &world.local.clients("history"), "departures", "EWR").await.ok(), Some(0));
}
