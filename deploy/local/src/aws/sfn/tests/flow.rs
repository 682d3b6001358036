//! From state to state: choices, catches, waits, loops, integrations, redrives; and names of executions.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_rejection_is_caught_beside_its_context_and_ends_in_fail() {
    let client = Client::new().await;
    let parameters = json!({"push.$": "$.push", "execution.$": "$$.Execution.Id", "machine.$": "$$.StateMachine.Name"});
    let catch = json!([{"ErrorEquals": ["ReviewRejected"], "ResultPath": "$.rejection", "Next": "Parse"}]);
    let parsed = json!({"decision.$": "States.StringToJson($.rejection.Cause)", "push.$": "$.push"});
    let cause = "States.Format('{} of {}', $.decision.why, $.push.key)";
    let states = json!({
        "A": client.task(json!({"Parameters": parameters, "ResultPath": "$.review", "Catch": catch})),
        "Parse": {"Type": "Pass", "Parameters": parsed, "Next": "Reject"},
        "Reject": {"Type": "Fail", "Error": "ReviewRejected", "CausePath": cause},
    });
    let execution = client.start(states, json!({"push": {"key": "a.csv"}})).await;
    let (token, input) = client.poll().await;
    assert_eq!((&input["push"], &input["execution"]), (&json!({"key": "a.csv"}), &json!(execution)));
    client.fail(&token, "ReviewRejected", r#"{"why": "nulls"}"#).await.unwrap();
    assert_eq!(client.failure(&execution).await, (json!("ReviewRejected"), json!("nulls of a.csv")));
    let expected = [
        "5<4 ActivityFailed",
        "6<5 TaskStateExited",
        "7<6 PassStateEntered",
        "8<7 PassStateExited",
        "9<8 FailStateEntered",
        "10<9 ExecutionFailed",
    ];
    assert_eq!(client.history(&execution).await[4..], expected);
}

#[tokio::test(start_paused = true)]
async fn a_choice_leads_where_its_rule_says() {
    let client = Client::new().await;
    let rules = json!([{"Variable": "$.held", "BooleanEquals": true, "Next": "Held"}]);
    let states = json!({
        "A": {"Type": "Choice", "Choices": rules, "Default": "Free"},
        "Held": {"Type": "Pass", "Result": "held", "ResultPath": "$.is", "OutputPath": "$.is", "End": true},
        "Free": {"Type": "Succeed"},
    });
    let held = client.start(states.clone(), json!({"held": true})).await;
    let free = client.start(states.clone(), json!({"held": false})).await;
    assert_eq!((client.output(&held).await, client.output(&free).await), (json!("held"), json!({"held": false})));
    let unknown = client.start(states, json!({})).await;
    let (error, cause) = client.failure(&unknown).await;
    assert_eq!(error, "States.Runtime");
    assert!(text(&cause).contains("'$.held'"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_it_says() {
    let client = Client::new().await;
    let states = json!({
        "A": {"Type": "Wait", "SecondsPath": "$.s", "Next": "B"},
        "B": {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z", "End": true},
    });
    let execution = client.start(states, json!({"s": 10})).await;
    pass(9).await;
    assert_eq!(client.status(&execution).await, "RUNNING");
    pass(2).await;
    assert_eq!(client.output(&execution).await, json!({"s": 10}));
}

#[tokio::test(start_paused = true)]
async fn an_integration_gives_a_result_or_a_named_error() {
    let client = Client::new().await;
    let catch = json!([{"ErrorEquals": ["S3.NoSuchKeyException"], "ResultPath": "$.error", "Next": "Gone"}]);
    let head = json!({
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:headObject",
        "Parameters": {"Key.$": "$.key", "fails.$": "$.fails"}, "ResultSelector": {"called.$": "$.called"},
        "Catch": catch, "End": true,
    });
    let states = json!({"A": head, "Gone": {"Type": "Pass", "End": true}});
    let found = client.start(states.clone(), json!({"key": "k", "fails": null})).await;
    assert_eq!(client.output(&found).await, json!({"called": "s3:headObject"}));
    let expected =
        ["2<0 TaskStateEntered", "3<2 TaskScheduled", "4<3 TaskStarted", "5<4 TaskSucceeded", "6<5 TaskStateExited"];
    assert_eq!(client.history(&found).await[1..6], expected);
    let gone = client.start(states, json!({"key": "k", "fails": "S3.NoSuchKeyException"})).await;
    assert_eq!(
        client.output(&gone).await["error"],
        json!({"Error": "S3.NoSuchKeyException", "Cause": "s3:headObject failed"})
    );
    let failed = &client.events(&gone).await[4]["taskFailedEventDetails"];
    assert_eq!(
        [&failed["resource"], &failed["resourceType"], &failed["error"]],
        ["headObject", "aws-sdk:s3", "S3.NoSuchKeyException"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_loop_and_a_redrive_are_new_visits_and_a_redrive_counts() {
    let client = Client::new().await;
    let parameters =
        json!({"entered.$": "$$.State.EnteredTime", "redrives.$": "$$.Execution.RedriveCount", "input.$": "$"});
    let rules = json!([{"Variable": "$.result", "StringEquals": "again", "Next": "A"}]);
    let mut states = json!({
        "A": client.task(json!({"Parameters": parameters, "ResultPath": "$.result", "Next": "Again"})),
        "Again": {"Type": "Choice", "Choices": rules, "Default": "Done"},
        "Done": {"Type": "Succeed"},
    });
    states["A"].as_object_mut().unwrap().remove("End");
    let execution = client.start(states, json!({"k": 1})).await;
    let (token, first) = client.poll().await;
    pass(1).await;
    client.succeed(&token, json!("again")).await.unwrap();
    let (token, second) = client.poll().await;
    pass(1).await;
    client.fail(&token, "E", "c").await.unwrap();
    client.call("RedriveExecution", json!({"executionArn": execution})).await.unwrap();
    assert_eq!(
        client.history(&execution).await[12..15],
        ["13<12 ExecutionFailed", "14<13 ExecutionRedriven", "15<14 TaskStateEntered"]
    );
    let (token, third) = client.poll().await;
    assert!(first["entered"] != second["entered"] && second["entered"] != third["entered"]);
    assert_eq!([&first["redrives"], &second["redrives"], &third["redrives"]], [&json!(0), &json!(0), &json!(1)]);
    assert_eq!(third["input"], json!({"k": 1, "result": "again"}));
    client.succeed(&token, json!("enough")).await.unwrap();
    let described = client.describe(&execution).await;
    assert_eq!(
        [&described["status"], &described["redriveCount"], &described["redriveStatus"]],
        [&json!("SUCCEEDED"), &json!(1), &json!("NOT_REDRIVABLE")]
    );
    let redriven = client.call("RedriveExecution", json!({"executionArn": execution})).await;
    assert_eq!(redriven, Err("ExecutionNotRedrivable".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_never_waits_ends_at_the_limit_of_events() {
    let client = Client::new().await;
    let execution = client.start(json!({"A": {"Type": "Pass", "Next": "A"}}), json!({})).await;
    assert_eq!(client.failure(&execution).await.0, "States.Runtime");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_one_execution() {
    let client = Client::new().await;
    let machine = client.machine(json!({"StartAt": "A", "States": {"A": client.task(json!({}))}})).await;
    let start = |name: &str, input: &str| {
        client.call("StartExecution", json!({"stateMachineArn": machine, "name": name, "input": input}))
    };
    let first = start("push", "{}").await.unwrap();
    pass(1).await;
    assert_eq!(start("push", "{}").await.unwrap(), first);
    let exists = Err("ExecutionAlreadyExists".to_owned());
    assert_eq!(start("push", "1").await, exists);
    let (token, _) = client.poll().await;
    client.succeed(&token, json!({})).await.unwrap();
    assert_eq!(start("push", "{}").await, exists);
    assert_eq!(start("no/name", "{}").await, Err("InvalidName".to_owned()));
    assert_eq!(start("other", "{nope").await, Err("InvalidExecutionInput".to_owned()));
    let listed =
        client.call("ListExecutions", json!({"stateMachineArn": machine, "statusFilter": "SUCCEEDED"})).await.unwrap();
    assert_eq!(listed["executions"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_history_comes_in_pages_from_either_end() {
    let client = Client::new().await;
    let execution = client.start(json!({"A": {"Type": "Pass", "End": true}}), json!({})).await;
    let page = |token: Value, reverse: bool| {
        client.call(
            "GetExecutionHistory",
            json!({"executionArn": execution, "maxResults": 3, "nextToken": token, "reverseOrder": reverse}),
        )
    };
    let ids = |reply: &Value| {
        reply["events"].as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let first = page(Value::Null, true).await.unwrap();
    let second = page(first["nextToken"].clone(), true).await.unwrap();
    assert_eq!((ids(&first), ids(&second), second.get("nextToken")), (vec![4, 3, 2], vec![1], None));
    assert_eq!(ids(&page(Value::Null, false).await.unwrap()), [1, 2, 3]);
}
