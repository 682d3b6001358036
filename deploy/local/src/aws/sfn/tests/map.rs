//! The inline Map.

use super::*;

/// A Map over `$.items` with these states for each item, the first of which is `I`, and these fields besides.
fn map(states: Value, fields: Value) -> Value {
    let each = json!({"StartAt": "I", "States": states});
    let mut state = json!({"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": each, "End": true});
    state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({"A": state})
}

#[tokio::test(start_paused = true)]
async fn the_history_of_a_map_is_as_recorded_from_aws() {
    let client = Client::new().await;
    let states = map(json!({"I": {"Type": "Pass", "End": true}}), json!({"MaxConcurrency": 1}));
    let execution = client.start(states, json!({"items": [1, 2]})).await;
    assert_eq!(client.output(&execution).await, json!([1, 2]));
    let expected = [
        "2<0 MapStateEntered",
        "3<2 MapStateStarted",
        "4<3 MapIterationStarted",
        "5<4 PassStateEntered",
        "6<5 PassStateExited",
        "7<6 MapIterationSucceeded",
        "8<6 MapIterationStarted",
        "9<8 PassStateEntered",
        "10<9 PassStateExited",
        "11<10 MapIterationSucceeded",
        "12<11 MapStateSucceeded",
        "13<11 MapStateExited",
        "14<13 ExecutionSucceeded",
    ];
    assert_eq!(client.history(&execution).await[1..], expected);
}

#[tokio::test(start_paused = true)]
async fn a_map_of_three_asks_three_times_and_keeps_the_order() {
    let client = Client::new().await;
    let selector = json!({"index.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value", "common.$": "$.common"});
    let ask = client.task(json!({"Parameters": {"item.$": "$", "index.$": "$$.Map.Item.Index"}}));
    let states =
        map(json!({"I": ask}), json!({"ItemSelector": selector, "MaxConcurrency": 2, "ResultPath": "$.answers"}));
    let execution = client.start(states, json!({"items": ["a", "b", "c"], "common": 7})).await;
    let (first, _) = client.poll().await;
    let (second, asked) = client.poll().await;
    assert_eq!(asked, json!({"item": {"index": 1, "value": "b", "common": 7}, "index": 1}));
    let third = client.call("GetActivityTask", json!({"activityArn": client.activity})).await;
    assert_eq!(third, Ok(json!({"taskToken": null})), "only two run at once");
    client.succeed(&second, json!("B")).await.unwrap();
    let (third, _) = client.poll().await;
    client.succeed(&third, json!("C")).await.unwrap();
    client.succeed(&first, json!("A")).await.unwrap();
    assert_eq!(client.output(&execution).await["answers"], json!(["A", "B", "C"]));
}

#[tokio::test(start_paused = true)]
async fn a_failed_item_fails_the_map_and_aborts_the_others() {
    let client = Client::new().await;
    let catch = json!([{"ErrorEquals": ["E"], "ResultPath": "$.error", "Next": "B"}]);
    let mut states = map(json!({"I": client.task(json!({}))}), json!({"Catch": catch}));
    states["B"] = json!({"Type": "Succeed"});
    let execution = client.start(states, json!({"items": [1, 2]})).await;
    let ((failing, _), (other, _)) = (client.poll().await, client.poll().await);
    client.fail(&failing, "E", "c").await.unwrap();
    assert_eq!(client.output(&execution).await["error"], json!({"Error": "E", "Cause": "c"}));
    assert_eq!(client.succeed(&other, json!({})).await, Err("TaskTimedOut".to_owned()));
    let kinds: Vec<_> = client.events(&execution).await.iter().map(|event| text(&event["type"])).collect();
    let failed = kinds.iter().position(|kind| kind == "ActivityFailed").unwrap();
    let expected =
        ["MapIterationFailed", "MapIterationAborted", "TaskStateAborted", "MapStateFailed", "MapStateExited"];
    assert_eq!(kinds[failed + 1..failed + 6], expected);
}

#[tokio::test(start_paused = true)]
async fn a_map_is_retried_as_a_whole() {
    let client = Client::new().await;
    let retry = json!([{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]);
    let states = map(json!({"I": {"Type": "Fail", "Error": "E", "Cause": "c"}}), json!({"Retry": retry}));
    let execution = client.start(states, json!({"items": [1]})).await;
    pass(2).await;
    let expected = [
        "2<0 MapStateEntered",
        "3<2 MapStateStarted",
        "4<3 MapIterationStarted",
        "5<4 FailStateEntered",
        "6<5 MapIterationFailed",
        "7<5 MapStateStarted",
        "8<7 MapIterationStarted",
        "9<8 FailStateEntered",
        "10<9 MapIterationFailed",
        "11<9 MapStateFailed",
        "12<11 ExecutionFailed",
    ];
    assert_eq!(client.history(&execution).await[1..], expected);
}

#[tokio::test(start_paused = true)]
async fn a_redrive_runs_only_the_items_that_have_no_result() {
    let client = Client::new().await;
    let states = map(json!({"I": client.task(json!({}))}), json!({"MaxConcurrency": 2}));
    let execution = client.start(states, json!({"items": [0, 1, 2, 3]})).await;
    for (item, fails) in [(0, false), (1, true)] {
        let (token, input) = client.poll().await;
        assert_eq!(input, json!(item));
        let answered = if fails { client.fail(&token, "E", "c").await } else { client.succeed(&token, input).await };
        answered.unwrap();
    }
    assert_eq!(client.failure(&execution).await.0, "E");
    client.call("RedriveExecution", json!({"executionArn": execution})).await.unwrap();
    for item in [1, 2, 3] {
        let (token, input) = client.poll().await;
        assert_eq!(input, json!(item));
        client.succeed(&token, input).await.unwrap();
    }
    assert_eq!(client.output(&execution).await, json!([0, 1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn maps_nest_and_an_empty_one_is_done_at_once() {
    let client = Client::new().await;
    let each = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let inner = json!({"Type": "Map", "ItemProcessor": each, "End": true});
    let execution = client.start(map(json!({"I": inner}), json!({})), json!({"items": [[1, 2], [], [3]]})).await;
    assert_eq!(client.output(&execution).await, json!([[1, 2], [], [3]]));
}
