use aws_sdk_sfn::config::timeout::TimeoutConfig;
use serde_json::json;
use wiremock::ResponseTemplate;

use super::*;
use crate::{
    config::Webhooks,
    doubles::{Aws, ROUTES, aws_refusal as refusal, aws_reply as reply, config, input, round, until},
    routes::{RouteBook, reach::Reach},
};

const ARN: &str = "arn:aws:states:eu-west-1:1:activity:review";

struct Running {
    stop: Stop,
    poller: tokio::task::JoinHandle<Result<(), Fatal>>,
}

impl Running {
    async fn end(self) -> Result<(), Fatal> {
        self.stop.request();
        self.poller.await.unwrap()
    }
}

async fn opener(aws: &Aws) -> Arc<Opener> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ROUTES).unwrap();
    let reach = Reach { environment: "test".into(), slack_bot: true, webhooks: Webhooks::default(), mail: true };
    let routes =
        RouteBook::open(holdpoint_platform::Document::File(file.path().to_owned()), aws.clients(), reach).await;
    Arc::new(Opener { reviews: aws.reviews(), routes: routes.unwrap_or_else(|error| panic!("{error}")) })
}

async fn poll_with(aws: &Aws, clients: Clients) -> Running {
    let stop = Stop::new();
    let poller = Poller {
        clients,
        activity: ARN.to_owned(),
        opener: opener(aws).await,
        stop: stop.clone(),
        limit_pause: Duration::from_millis(20),
        pulse: Pulse::default(),
    };
    Running { stop, poller: tokio::spawn(poller.run()) }
}

async fn poll(aws: &Aws) -> Running {
    poll_with(aws, aws.clients()).await
}

fn task(token: &str, input: &str) -> ResponseTemplate {
    reply(&json!({ "taskToken": token, "input": input }))
}

fn review_input() -> String {
    serde_json::to_string(&input()).unwrap()
}

#[tokio::test]
async fn b04_an_empty_poll_is_no_error_and_is_asked_again_at_once() {
    let aws = Aws::start().await;
    let empty = [json!({ "taskToken": null }), json!({ "taskToken": "" }), json!({})];
    aws.script("GetActivityTask", empty.iter().cycle().take(30).map(reply));
    let asked_at = Instant::now();
    let running = poll(&aws).await;
    until("all are asked", || aws.count("GetActivityTask") > 30).await;
    assert!(asked_at.elapsed() < Duration::from_secs(5), "no pause between them");
    running.end().await.unwrap();
    assert_eq!(aws.count("SendTaskHeartbeat"), 0, "an empty token is no token");
}

#[tokio::test]
async fn b05_a_poll_that_hangs_times_out_and_the_next_one_starts() {
    let aws = Aws::start().await;
    let mut clients = aws.clients();
    let timeout = clients.polling.config().timeout_config().and_then(TimeoutConfig::operation_attempt_timeout);
    assert_eq!(timeout, Some(Duration::from_secs(70)));

    let shorter = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(300)).build();
    let hurried = clients.polling.config().to_builder().timeout_config(shorter).build();
    clients.polling = aws_sdk_sfn::Client::from_conf(hurried);
    aws.script("GetActivityTask", [reply(&json!({})).set_delay(Duration::from_hours(1))]);
    aws.script("GetActivityTask", [task("token-1", &review_input())]);
    let running = poll_with(&aws, clients).await;
    // How soon after one failure, `holdpoint_platform::Backoff` shows.
    until("the next poll's task is stored", || aws.stored(&round()).is_some()).await;
    running.end().await.unwrap();
}

#[tokio::test]
async fn b06_throttling_and_server_errors_are_waited_out() {
    let aws = Aws::start().await;
    let errors = [refusal(400, "ThrottlingException"), ResponseTemplate::new(500), ResponseTemplate::new(503)];
    aws.script("GetActivityTask", errors);
    aws.script("GetActivityTask", [task("token-1", &review_input())]);
    let running = poll(&aws).await;
    until("the task after the errors is stored", || aws.stored(&round()).is_some()).await;
    running.end().await.unwrap();
}

#[tokio::test]
async fn b07_beyond_the_limit_a_poller_pauses_and_comes_back() {
    let aws = Aws::start().await;
    aws.script("GetActivityTask", [refusal(400, "ActivityWorkerLimitExceeded"), task("token-1", &review_input())]);
    let running = poll(&aws).await;
    until("the task after the pause is stored", || aws.stored(&round()).is_some()).await;
    running.end().await.unwrap();
}

#[tokio::test]
async fn b08_what_no_second_try_mends_ends_with_the_arn_and_the_action() {
    for code in ["ActivityDoesNotExist", "InvalidArn", "AccessDeniedException"] {
        let aws = Aws::start().await;
        aws.script("GetActivityTask", [refusal(400, code)]);
        let error = poll(&aws).await.poller.await.unwrap().unwrap_err().to_string();
        for part in [ARN, "states:GetActivityTask", code] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert_eq!(aws.count("GetActivityTask"), 1, "no hot crash loop");
    }
}

#[tokio::test]
async fn b09_a_bad_input_fails_its_task_by_name_of_the_field_and_the_poller_lives_on() {
    let bad = [
        ("hello".to_owned(), "does not fit the contract"),
        (r#"{"version":2}"#.to_owned(), "version: 2 is unknown"),
        (review_input().replace("\"title\"", "\"titel\""), "`titel`"),
        (review_input().replace("\"push-1\"", "\"\""), "request.key"),
    ];
    let aws = Aws::start().await;
    aws.script("GetActivityTask", bad.iter().map(|(input, _)| task("token-1", input)));
    let running = poll(&aws).await;
    until("all are refused, and asked again", || aws.count("GetActivityTask") > bad.len()).await;
    running.end().await.unwrap();
    let refused = aws.bodies("SendTaskFailure").await;
    assert_eq!(refused.len(), bad.len());
    for (refused, (_, part)) in refused.iter().zip(&bad) {
        assert_eq!(refused["error"], "Review.BadInput");
        assert!(refused["cause"].as_str().unwrap().contains(part), "{part} in {refused}");
    }
}

#[tokio::test]
async fn b09_a_request_that_no_route_matches_is_refused_likewise() {
    let aws = Aws::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[[route]]\ncustomer='other'\nslack=['C1']").unwrap();
    let reach = Reach { environment: "test".into(), slack_bot: true, webhooks: Webhooks::default(), mail: true };
    let routes =
        RouteBook::open(holdpoint_platform::Document::File(file.path().to_owned()), aws.clients(), reach).await;
    let opener = Opener { reviews: aws.reviews(), routes: routes.unwrap_or_else(|error| panic!("{error}")) };
    opener.open(&TaskToken::new("token-1"), &review_input()).await.unwrap();
    let refused = aws.bodies("SendTaskFailure").await;
    assert!(refused[0]["cause"].as_str().unwrap().contains("request.dataset: no route matches"), "{refused:?}");
}

#[tokio::test]
async fn b10_no_poll_goes_out_without_a_poller_free_to_open_what_it_brings() {
    const POLLERS: usize = 2;
    const TASKS: usize = 6;
    let aws = Aws::start().await;
    for number in 0..TASKS {
        let input = review_input().replace("\"push-1\"", &format!("\"push-{number}\""));
        aws.script("GetActivityTask", [task(&format!("token-{number}"), &input)]);
        aws.script("SendTaskHeartbeat", [reply(&json!({})).set_delay(Duration::from_millis(50))]);
    }
    let stop = Stop::new();
    let pollers = config(&[("HOLDPOINT_POLLERS", "2"), ("HOLDPOINT_ACTIVITY_ARN", ARN)]);
    let (clients, opener, until_then) = (aws.clients(), opener(&aws).await, stop.clone());
    let polling = tokio::spawn(async move { run(&pollers, &clients, &opener, &until_then, Pulse::default()).await });
    until("all are stored, and both ask again", || {
        aws.count("PUT reviews") == TASKS && aws.count("GetActivityTask") >= TASKS + POLLERS
    })
    .await;
    stop.request();
    polling.await.unwrap().unwrap();
    let (mut polls, mut stored) = (0, 0);
    let calls = aws.calls();
    for call in &calls {
        polls += usize::from(call == "GetActivityTask");
        stored += usize::from(call == "PUT reviews");
        // Each of these polls brought a task; whichever is not stored yet keeps a poller.
        assert!(polls.min(TASKS + POLLERS) <= stored + POLLERS, "{calls:?}");
    }
}

#[tokio::test]
async fn while_the_ledger_cannot_be_written_no_task_is_asked_for() {
    let aws = Aws::start().await;
    aws.let_writes_fail(true);
    aws.script("GetActivityTask", [task("token-1", &review_input()), task("token-2", &review_input())]);
    let running = poll(&aws).await;
    // Two of them are tries to open, the others only look whether writing works again.
    until("the ledger is tried", || aws.count("PUT open") >= 5).await;
    assert_eq!(aws.count("GetActivityTask"), 1);
    let heartbeats = aws.count("SendTaskHeartbeat");
    until("the ledger is tried again", || aws.count("PUT open") >= 6).await;
    assert_eq!(aws.count("SendTaskHeartbeat"), heartbeats, "a token that is not stored is not kept alive");
    aws.let_writes_fail(false);
    until("the next task is stored", || aws.stored(&round()).is_some()).await;
    running.end().await.unwrap();
}

#[tokio::test]
async fn b01_what_a_poll_in_flight_brings_after_the_stop_is_stored() {
    let aws = Aws::start().await;
    aws.script("GetActivityTask", [task("token-1", &review_input()).set_delay(Duration::from_millis(300))]);
    let running = poll(&aws).await;
    until("the poll is out", || aws.count("GetActivityTask") == 1).await;
    running.end().await.unwrap();
    assert!(aws.stored(&round()).is_some());
    assert_eq!(aws.count("GetActivityTask"), 1, "no further poll");
}
