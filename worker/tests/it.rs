//! The worker's binary as a process: how it starts, stops and gives up.

#![expect(clippy::unwrap_used, reason = "helpers of tests end them where they cannot go on")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

const ARN: &str = "arn:aws:states:eu-west-1:1:activity:review";

/// Answers polls by this reply, and everything else with nothing, after a while.
async fn aws(poll: ResponseTemplate) -> (MockServer, Arc<AtomicUsize>) {
    let server = MockServer::start().await;
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    let answer = move |request: &Request| {
        let target = request.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        if target.ends_with("GetActivityTask") {
            counted.fetch_add(1, Ordering::SeqCst);
            return poll.clone();
        }
        ResponseTemplate::new(200).set_body_json(json!({})).set_delay(Duration::from_millis(500))
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    (server, polls)
}

fn empty_after(delay: Duration) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "taskToken": null })).set_delay(delay)
}

fn worker(endpoint: &str, directory: &Path) -> Command {
    let routes = directory.join("routes.toml");
    fs::write(&routes, "[[route]]\nslack = ['C1']\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint-worker"));
    command
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOLDPOINT_LOG_FORMAT", "text")
        .env("HOLDPOINT_ENVIRONMENT", "test")
        .env("HOLDPOINT_BUCKET", "bucket")
        .env("HOLDPOINT_CLOCK_QUEUE_URL", format!("{endpoint}/1/clock"))
        .env("HOLDPOINT_NOTICES_QUEUE_URL", format!("{endpoint}/1/notices.fifo"))
        .env("HOLDPOINT_LINK_KEYS", "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        .env("HOLDPOINT_PUBLIC_URL", "https://review.example.com")
        .env("HOLDPOINT_ACTIVITY_ARN", ARN)
        .env("HOLDPOINT_ROUTES", routes)
        .env("HOLDPOINT_SLACK_BOT_TOKEN", "xoxb-1")
        .env("HOLDPOINT_POLLERS", "2")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn terminate(child: &Child) {
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn end_of(mut child: Child) -> Output {
    wait_for("the worker ends", || child.try_wait().unwrap().is_some());
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn b01_sigterm_while_polling_waits_for_the_polls_in_flight_and_starts_no_other() {
    let (aws, polls) = aws(empty_after(Duration::from_secs(2))).await;
    let directory = tempfile::tempdir().unwrap();
    let child = worker(&aws.uri(), directory.path()).spawn().unwrap();
    wait_for("both polls are out", || polls.load(Ordering::SeqCst) == 2);
    let asked_to_stop = Instant::now();
    terminate(&child);
    let output = end_of(child);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(asked_to_stop.elapsed() > Duration::from_secs(1), "the polls were waited for");
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn b01_a_second_sigterm_ends_at_once() {
    let (aws, polls) = aws(empty_after(Duration::from_mins(1))).await;
    let directory = tempfile::tempdir().unwrap();
    let mut child = worker(&aws.uri(), directory.path()).spawn().unwrap();
    wait_for("both polls are out", || polls.load(Ordering::SeqCst) == 2);
    terminate(&child);
    // Two signals in a row may be seen as one; so it is told until it hears.
    let second = Instant::now();
    wait_for("the worker ends", || {
        terminate(&child);
        std::thread::sleep(Duration::from_millis(20));
        child.try_wait().unwrap().is_some()
    });
    assert!(second.elapsed() < Duration::from_secs(5));
    assert!(!child.wait().unwrap().success());
}

#[tokio::test]
async fn b08_an_unknown_activity_ends_it_with_one_line_that_names_the_arn_and_the_action() {
    let refusal = json!({ "__type": "ActivityDoesNotExist", "message": "Activity Does Not Exist" });
    let (aws, polls) = aws(ResponseTemplate::new(400).set_body_json(refusal)).await;
    let directory = tempfile::tempdir().unwrap();
    let output = end_of(worker(&aws.uri(), directory.path()).spawn().unwrap());
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().filter(|line| line.contains("GetActivityTask")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains(ARN) && lines[0].contains("ActivityDoesNotExist"), "{said}");
    assert!(polls.load(Ordering::SeqCst) <= 2, "each poller asked once");
}

#[test]
fn b49_all_missing_settings_are_named_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_holdpoint-worker")).env_clear().output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    for name in [
        "HOLDPOINT_BUCKET",
        "HOLDPOINT_LINK_KEYS",
        "HOLDPOINT_ACTIVITY_ARN",
        "HOLDPOINT_ROUTES",
        "HOLDPOINT_PUBLIC_URL",
    ] {
        assert!(said.contains(name), "{name} in {said}");
    }
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn b49_a_variable_that_no_service_reads_is_named_with_all_other_problems() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = worker("http://127.0.0.1:9", directory.path());
    let output = worker.env("HOLDPOINT_POLERS", "2").env("HOLDPOINT_TICK", "1h").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("HOLDPOINT_POLERS is no setting") && said.contains("HOLDPOINT_TICK"), "{said}");
}

#[test]
fn b49_the_routes_of_another_environment_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = worker("http://127.0.0.1:9", directory.path());
    let routes = "environment = 'production'\n[[route]]\nslack = ['C1']\n";
    fs::write(directory.path().join("routes.toml"), routes).unwrap();
    let output = worker.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("\"production\"") && said.contains("\"test\""), "{said}");
}

#[test]
fn a_bad_routes_file_is_named_with_what_to_change() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = worker("http://127.0.0.1:9", directory.path());
    fs::write(directory.path().join("routes.toml"), "[[route]]\nslak = ['C1']\n").unwrap();
    let output = worker.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("routes.toml") && said.contains("slak"), "{said}");
}

/// A worker that listens for whoever asks how it is, and where.
fn listening(worker: &mut Command) -> (Child, String) {
    worker.env("HOLDPOINT_LOG_FORMAT", "json").env("HOLDPOINT_METRICS_LISTEN", "127.0.0.1:0");
    let mut child = worker.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let addr = log.find_map(|line| {
        let entry: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        entry["metrics.addr"].as_str().map(str::to_owned)
    });
    std::thread::spawn(move || log.for_each(drop));
    (child, addr.expect("it says where it listens"))
}

#[tokio::test]
async fn a_worker_is_well_once_every_loop_has_had_an_answer() {
    let (aws, polls) = aws(empty_after(Duration::from_millis(50))).await;
    let directory = tempfile::tempdir().unwrap();
    let mut worker = worker(&aws.uri(), directory.path());
    let (child, addr) = listening(&mut worker);
    let health = worker.env("HOLDPOINT_METRICS_LISTEN", &addr).arg("health");
    wait_for("it is well", || health.output().unwrap().status.success());
    assert!(polls.load(Ordering::SeqCst) > 0);
    terminate(&child);
    assert!(end_of(child).status.success());
}

#[tokio::test]
async fn a_worker_whose_polls_all_fail_was_never_well_and_says_why() {
    let (aws, polls) = aws(ResponseTemplate::new(500)).await;
    let directory = tempfile::tempdir().unwrap();
    let mut worker = worker(&aws.uri(), directory.path());
    let (mut child, addr) = listening(&mut worker);
    let health = worker.env("HOLDPOINT_METRICS_LISTEN", &addr).arg("health");
    wait_for("polls fail", || polls.load(Ordering::SeqCst) > 3);
    wait_for("only polling has had no answer", || {
        let health = health.output().unwrap();
        assert_eq!(health.status.code(), Some(1));
        let said = String::from_utf8(health.stderr).unwrap();
        said.ends_with("503 Service Unavailable: polling for reviews did not succeed yet\n")
    });
    child.kill().unwrap();
    child.wait().unwrap();
}
