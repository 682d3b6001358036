//! Polls, tokens and clocks.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_history_of_a_task_is_as_recorded_from_aws() {
    let client = Client::new().await;
    let execution = client
        .start(json!({"A": client.task(json!({"TimeoutSeconds": 60, "HeartbeatSeconds": 20}))}), json!({"v": 1}))
        .await;
    let (token, input) = client.poll().await;
    client.succeed(&token, json!({"r": 1})).await.unwrap();
    assert_eq!((input, client.output(&execution).await), (json!({"v": 1}), json!({"r": 1})));
    let expected = [
        "1<0 ExecutionStarted",
        "2<0 TaskStateEntered",
        "3<2 ActivityScheduled",
        "4<3 ActivityStarted",
        "5<4 ActivitySucceeded",
        "6<5 TaskStateExited",
        "7<6 ExecutionSucceeded",
    ];
    assert_eq!(client.history(&execution).await, expected);
    let events = client.events(&execution).await;
    let scheduled = json!({
        "resource": client.activity,
        "input": "{\"v\":1}",
        "inputDetails": {"truncated": false},
        "timeoutInSeconds": 60,
        "heartbeatInSeconds": 20,
    });
    assert_eq!(events[2]["activityScheduledEventDetails"], scheduled);
    assert_eq!(events[3]["activityStartedEventDetails"], json!({"workerName": "w"}));
    assert_eq!(events[5]["stateExitedEventDetails"]["name"], "A");
}

#[tokio::test(start_paused = true)]
async fn an_empty_poll_is_held_for_a_minute() {
    let client = Client::new().await;
    let asked = tokio::time::Instant::now();
    let reply = client.call("GetActivityTask", json!({"activityArn": client.activity})).await;
    assert_eq!((reply, asked.elapsed()), (Ok(json!({"taskToken": null})), POLL));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_went_away_takes_no_task_and_the_others_get_one_each() {
    let client = Client::new().await;
    let gone = tokio::time::timeout(Duration::from_secs(1), client.poll()).await;
    assert!(gone.is_err());
    let states = json!({"A": client.task(json!({}))});
    let (first, second, ()) = tokio::join!(client.poll(), client.poll(), async {
        pass(5).await;
        client.start(states.clone(), json!(1)).await;
        client.start(states.clone(), json!(2)).await;
    });
    assert_eq!((&first.1, &second.1), (&json!(1), &json!(2)));
    assert_ne!(first.0, second.0);
}

#[tokio::test(start_paused = true)]
async fn a_token_works_once_and_rubbish_never() {
    let client = Client::new().await;
    let execution = client.start(json!({"A": client.task(json!({}))}), json!({})).await;
    let (token, _) = client.poll().await;
    let broken = client.call("SendTaskSuccess", json!({"taskToken": token, "output": "not json {"})).await;
    assert_eq!((broken, client.status(&execution).await.as_str()), (Err("InvalidOutput".to_owned()), "RUNNING"));
    client.heartbeat(&token).await.unwrap();
    client.succeed(&token, json!({})).await.unwrap();
    let timed_out = Err("TaskTimedOut".to_owned());
    assert_eq!(client.succeed(&token, json!({})).await, timed_out);
    assert_eq!(client.fail(&token, "E", "c").await, timed_out);
    assert_eq!(client.heartbeat(&token).await, timed_out);
    assert_eq!(client.heartbeat("garbage").await, Err("InvalidToken".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_execution_takes_its_tokens_and_waiting_tasks_along() {
    let client = Client::new().await;
    let states = json!({"A": client.task(json!({}))});
    let (handed_out, waiting) = (client.start(states.clone(), json!(1)).await, client.start(states, json!(2)).await);
    let (token, _) = client.poll().await;
    for execution in [&handed_out, &waiting] {
        client
            .call("StopExecution", json!({"executionArn": execution, "error": "Cancelled", "cause": "by test"}))
            .await
            .unwrap();
    }
    let described = client.describe(&handed_out).await;
    assert_eq!([&described["status"], &described["error"], &described["cause"]], ["ABORTED", "Cancelled", "by test"]);
    assert_eq!(client.succeed(&token, json!({})).await, Err("TaskTimedOut".to_owned()));
    let poll = client.call("GetActivityTask", json!({"activityArn": client.activity})).await;
    assert_eq!(poll, Ok(json!({"taskToken": null})));
    assert_eq!(client.history(&waiting).await.last().unwrap(), "4<0 ExecutionAborted");
}

#[tokio::test(start_paused = true)]
async fn clocks_start_when_a_worker_has_the_task() {
    let client = Client::new().await;
    let execution = client
        .start(
            json!({"A": client.task(json!({"TimeoutSecondsPath": "$.t", "HeartbeatSecondsPath": "$.h"}))}),
            json!({"t": 60, "h": 20}),
        )
        .await;
    pass(3600).await;
    let (token, _) = client.poll().await;
    for _ in 0..3 {
        pass(19).await;
        client.heartbeat(&token).await.unwrap();
    }
    assert_eq!(client.status(&execution).await, "RUNNING");
    pass(4).await; // 61 s in all: heartbeats do not move the timeout
    assert_eq!(client.failure(&execution).await, (json!("States.Timeout"), Value::Null));
    assert_eq!(client.heartbeat(&token).await, Err("TaskTimedOut".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_missed_heartbeat_is_retried_under_either_name_with_a_new_token() {
    let client = Client::new().await;
    for name in ["States.HeartbeatTimeout", "States.Timeout"] {
        let retry =
            json!([{"ErrorEquals": [name], "IntervalSeconds": 5, "BackoffRate": 1.0, "MaxAttempts": 99_999_999}]);
        let parameters = json!({"entered.$": "$$.State.EnteredTime", "retries.$": "$$.State.RetryCount"});
        let task = client.task(json!({"HeartbeatSeconds": 20, "Retry": retry, "Parameters": parameters}));
        let execution = client.start(json!({"A": task}), json!({})).await;
        let (old, first) = client.poll().await;
        let (new, second) = client.poll().await;
        assert_eq!(first["entered"], second["entered"], "the same visit");
        assert_eq!((&first["retries"], &second["retries"]), (&json!(0), &json!(1)));
        assert_eq!(client.succeed(&old, json!({})).await, Err("TaskTimedOut".to_owned()));
        client.succeed(&new, json!("new")).await.unwrap();
        assert_eq!(client.output(&execution).await, json!("new"));
        let history = client.history(&execution).await;
        assert_eq!(history[3..6], ["4<3 ActivityStarted", "5<4 ActivityTimedOut", "6<5 ActivityScheduled"]);
        let timed_out = &client.events(&execution).await[4]["activityTimedOutEventDetails"];
        assert_eq!(*timed_out, json!({"error": "States.Timeout"}));
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_out_of_time_ends_timed_out() {
    let client = Client::new().await;
    let machine =
        client.machine(json!({"StartAt": "A", "TimeoutSeconds": 30, "States": {"A": client.task(json!({}))}})).await;
    let execution = client.start_machine(&machine, json!({})).await;
    let (token, _) = client.poll().await;
    pass(31).await;
    let described = client.describe(&execution).await;
    assert_eq!((&described["status"], &described["error"]), (&json!("TIMED_OUT"), &Value::Null));
    assert_eq!(client.succeed(&token, json!({})).await, Err("TaskTimedOut".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_activity_that_does_not_exist_fails_the_execution_past_any_catch() {
    let client = Client::new().await;
    let catch = json!([{"ErrorEquals": ["States.ALL"], "Next": "B"}]);
    let task = client.task(json!({"Resource": format!("{}gone", client.activity), "Catch": catch}));
    let execution = client.start(json!({"A": task, "B": {"Type": "Succeed"}}), json!({})).await;
    let cause = format!(
        "An error occurred while executing the state 'A' (entered at the event id #2). The activity {}gone does not exist.",
        client.activity
    );
    assert_eq!(client.failure(&execution).await, (json!("States.Runtime"), json!(cause)));
    let poll = client.call("GetActivityTask", json!({"activityArn": format!("{}gone", client.activity)})).await;
    assert_eq!(poll, Err("ActivityDoesNotExist".to_owned()));
}
