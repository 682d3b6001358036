//! Metrics: what operators see of a day.

use std::{collections::BTreeSet, path::Path};

use holdpoint_e2e::{Log, Options, Service, World, eventually};

/// All services serve metrics, each on a port of its own, which its log names.
fn measured(log: &Log) -> Options {
    let mut options = Options { log: Some(log.clone()), ..Options::default() };
    options.environment.insert("HOLDPOINT_METRICS_LISTEN".to_owned(), "127.0.0.1:0".to_owned());
    options.routes.push_str("named_only = true\n");
    options
}

async fn metrics(log: &Log) -> String {
    let mut all = String::new();
    for line in log.lines_with("metrics.addr") {
        let entry: serde_json::Value = serde_json::from_str(&line).expect("a line is an object");
        let addr = entry["fields"]["metrics.addr"].as_str().expect("it names the address");
        // A worker that was killed answers no more.
        let Ok(reply) = reqwest::get(format!("http://{addr}/metrics")).await else { continue };
        assert_eq!(reply.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
        all.push_str(&reply.text().await.expect("it is text"));
    }
    all
}

/// Once each of these is counted at least once.
async fn counted(log: &Log, names: &[&str]) {
    eventually("all of it is counted", || async {
        let text = metrics(log).await;
        let is_counted = |name: &&str| text.lines().any(|line| line.starts_with(*name) && !line.ends_with(" 0"));
        names.iter().all(is_counted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn b50_what_happened_to_reviews_is_counted() {
    needs!("time that passes at once");
    let log = Log::default();
    let mut world = World::of_reviews(measured(&log)).await;
    let held = world.held_push().await;
    world.settled_round(&held).await;
    let open = "holdpoint_open_reviews{age=\"1h\"} 1";
    eventually("it is open", || async { metrics(&log).await.contains(open).then_some(()) }).await;
    world.kill(Service::Worker);
    world.local.aws().let_heartbeats_pass();
    world.run(Service::Worker);
    eventually("the token is rotated", || async { world.round(&held, 1).await.filter(|round| round.generation() > 1) })
        .await;
    let message = world.slack_request().await;
    world.local.slack.press(&message, "approve", "U0STRANGER").await.expect("answered");
    world.approve(&world.link().await).await;
    world.ended(&held.execution).await.assert_approved();
    world.finished(&held).await;

    let seen = [
        "holdpoint_task_tokens_lost_total",
        "holdpoint_task_tokens_total{became=\"opened\"}",
        "holdpoint_task_tokens_total{became=\"rotated\"}",
        "holdpoint_reviews_closed_total{outcome=\"approved\"}",
        "holdpoint_votes_total{way=\"personal link or login\",verdict=\"approve\"}",
        "holdpoint_refusals_total{why=\"not a reviewer\"}",
        "holdpoint_first_view_seconds_count",
        "holdpoint_decision_seconds_count",
        "holdpoint_notice_lag_seconds_count{channel=\"slack\"}",
        "holdpoint_notice_lag_seconds_count{channel=\"mail\"}",
        "holdpoint_tick_interval_seconds_count",
        "holdpoint_message_seconds_count{queue=\"clock\"}",
    ];
    counted(&log, &seen).await;
}

#[tokio::test]
async fn b50_what_became_of_pushes_is_counted() {
    let log = Log::default();
    let world = World::start(&[Service::Analyzer], measured(&log)).await;
    let held = world.deliver_sample("clean.csv").await;
    eventually("it is judged", || async { world.has_report(&held).await.then_some(()) }).await;
    let seen = [
        "holdpoint_pushes_total{became=\"held\"}",
        "holdpoint_push_lag_seconds_count",
        "holdpoint_judging_seconds_count",
        "holdpoint_records_total",
        "holdpoint_message_seconds_count{queue=\"pushes\"}",
    ];
    counted(&log, &seen).await;
}

/// A panel that asks for what nobody counts would show nothing, and nobody would wonder.
#[test]
fn b50_the_dashboard_asks_only_for_what_is_counted() {
    let dashboard = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/grafana/holdpoint.json");
    let dashboard = std::fs::read_to_string(dashboard).expect("it is in the repository");
    serde_json::from_str::<serde_json::Value>(&dashboard).expect("it is JSON");
    let names = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let ends = ["_bucket", "_sum", "_count", "_total"];
        let ours = words.filter_map(|word| word.strip_prefix("holdpoint_"));
        ours.map(|word| ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()).collect()
    };
    let counted = holdpoint_platform::metrics::NAMES.iter().copied().chain(["open_reviews"]);
    assert_eq!(names(&dashboard), counted.map(str::to_owned).collect());
}
