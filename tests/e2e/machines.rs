//! Other state machines than ours put a review in front of their own steps: in a Map, in a loop, after a redrive.

use holdpoint_e2e::{Options, World, eventually};
use holdpoint_review::ReviewId;
use serde_json::{Value, json};

/// A task on the activity that asks `$.key`.
pub(crate) fn ask(activity: &str, next: &Value) -> Value {
    let mut state = json!({
        "Type": "Task",
        "Resource": activity,
        "TimeoutSeconds": 3600,
        "HeartbeatSeconds": 30,
        "Parameters": {
            "version": 1,
            "visit": {
                "execution.$": "$$.Execution.Id",
                "state.$": "$$.State.Name",
                "entered.$": "$$.State.EnteredTime",
                "redrives.$": "$$.Execution.RedriveCount",
            },
            "request": {
                "key.$": "$.key",
                "dataset": "models",
                "customer": "us",
                "title.$": "States.Format('promote model {}?', $.key)",
                "if_approved": "It is promoted.",
                "if_rejected": "It is not.",
            },
        },
        "ResultPath": "$.decision",
        "Retry": [{ "ErrorEquals": ["States.HeartbeatTimeout", "States.Timeout"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 99 }],
    });
    state.as_object_mut().expect("an object").extend(next.as_object().cloned().expect("an object"));
    state
}

pub(crate) async fn run(world: &World, definition: Value, input: Value) -> String {
    let names = &world.local.deployment.names;
    let machine = world.clients.sfn.create_state_machine().name(names.of("other")).definition(names.fit(&definition));
    let machine = machine.role_arn(&names.machine_role).send().await.expect("it is a state machine");
    let start = world.clients.sfn.start_execution().state_machine_arn(machine.state_machine_arn);
    start.input(input.to_string()).send().await.expect("it starts").execution_arn
}

#[tokio::test]
async fn b13_a_map_of_three_asks_three_times() {
    let world = World::of_reviews(Options::default()).await;
    let item = json!({ "StartAt": "Ask", "States": { "Ask": ask(&world.local.deployment.activity, &json!({ "End": true })) } });
    let map = json!({
        "StartAt": "Each",
        "States": { "Each": { "Type": "Map", "ItemsPath": "$.models", "ItemProcessor": item, "End": true } },
    });
    let execution = run(&world, map, json!({ "models": [{ "key": "a" }, { "key": "b" }, { "key": "c" }] })).await;
    for key in ["a", "b", "c"] {
        world.approve(&world.link_in_mail_about(&format!("promote model {key}?")).await).await;
    }
    let ended = world.ended(&execution).await;
    assert_eq!(ended.status.as_str(), "SUCCEEDED", "{ended:?}");
    assert_eq!(world.request_mails(), 3);
}

#[tokio::test]
async fn b13_a_loop_asks_anew_and_the_old_decision_answers_nothing() {
    let world = World::of_reviews(Options::default()).await;
    let again = json!({
        "Type": "Choice",
        "Choices": [{ "Variable": "$.again", "BooleanEquals": true, "Next": "Once" }],
        "Default": "Done",
    });
    let once = json!({ "Type": "Pass", "Result": false, "ResultPath": "$.again", "Next": "Ask" });
    let looping = json!({
        "StartAt": "Ask",
        "States": {
            "Ask": ask(&world.local.deployment.activity, &json!({ "Next": "Again" })),
            "Again": again, "Once": once, "Done": { "Type": "Succeed" },
        },
    });
    let execution = run(&world, looping, json!({ "key": "m", "again": true })).await;
    let first = world.link().await;
    world.approve(&first).await;
    let review = ReviewId::of(&execution, "Ask", "m");
    let second = eventually("the second round is open", || world.round_of(&review, 2)).await;
    assert!(second.is_open());
    assert!(world.open(&first).await.html.contains("Approved by dana"), "the old link shows the old outcome");
    let links = world.links_once(2).await;
    world.reject(&links[1], "not twice").await;
    assert_eq!(world.ended(&execution).await.error.as_deref(), Some("ReviewRejected"));
}

#[tokio::test]
async fn b13_a_redrive_asks_anew() {
    needs!("redrives");
    let world = World::of_reviews(Options::default()).await;
    let asking = json!({
        "StartAt": "Ask",
        "States": { "Ask": ask(&world.local.deployment.activity, &json!({ "End": true })) },
    });
    let execution = run(&world, asking, json!({ "key": "m" })).await;
    world.reject(&world.link().await, "not yet").await;
    assert_eq!(world.ended(&execution).await.error.as_deref(), Some("ReviewRejected"));
    world
        .clients
        .sfn
        .redrive_execution()
        .execution_arn(&execution)
        .send()
        .await
        .expect("a failed execution is redriven");
    let links = world.links_once(2).await;
    world.approve(&links[1]).await;
    assert_eq!(world.ended(&execution).await.status.as_str(), "SUCCEEDED");
}

#[tokio::test]
async fn b09_a_bad_input_fails_its_task_and_names_the_field() {
    let world = World::of_reviews(Options::default()).await;
    let task = json!({ "Type": "Task", "Resource": world.local.deployment.activity, "End": true });
    let bad = json!({ "StartAt": "Ask", "States": { "Ask": task } });
    let execution = run(&world, bad, json!({ "version": 1, "visit": {} })).await;
    let described = eventually("it fails", || async {
        let described = world.clients.sfn.describe_execution().execution_arn(&execution).send().await.ok()?;
        described.error().is_some().then_some(described)
    })
    .await;
    assert_eq!(described.error(), Some("Review.BadInput"));
    assert!(described.cause().is_some_and(|cause| cause.contains("execution")), "{described:?}");
    let held = world.held_push().await;
    world.approve(&world.link().await).await;
    world.ended(&held.execution).await.assert_approved();
}
