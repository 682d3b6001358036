//! What is accepted and what is refused when a state machine is created.
#![expect(clippy::needless_pass_by_value, reason = "`json!` reads better without a reference at each call")]

use serde_json::{Value, json};

use super::*;

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:review";

/// A machine of one Task with these fields besides.
fn task(fields: Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": ACTIVITY, "End": true});
    state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({"StartAt": "A", "States": {"A": state}})
}

#[test]
fn a_definition_that_cannot_run_is_refused_with_the_place_named() {
    let check = |definition: Value, part: &str| {
        let problem = Definition::parse(&definition.to_string()).unwrap_err();
        assert!(problem.contains(part), "{definition} gave {problem:?}, not {part:?}");
    };
    let pass = json!({"Type": "Pass", "End": true});
    check(json!({"StartAt": "A"}), "These fields are required: [States] at /");
    check(json!({"StartAt": "Nope", "States": {"A": pass}}), "Missing 'Next' target: Nope at /StartAt");
    check(json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}), "target: B at /States/A/Next");
    check(
        task(json!({"Catch": [{"ErrorEquals": ["X"], "Next": "C"}]})),
        "Missing 'Next' target: C at /States/A/Catch[0]/Next",
    );
    check(json!({"StartAt": "A", "States": {"A": pass, "B": pass}}), "State \"B\" is not reachable");
    check(json!({"StartAt": "A", "States": {"A": {"Type": "Pass"}}}), "One of Next and End is required at /States/A");
    check(json!({"StartAt": "A", "States": {"A": {"Type": "Parallel"}}}), "type 'Parallel' is not supported");
    check(json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {"A": pass}}), "QueryLanguage 'JSONata'");
    check(
        json!({"StartAt": "A", "States": {"A": {"Type": "Succeed", "Next": "A"}}}),
        "field 'Next' is not supported at /States/A",
    );
    check(task(json!({"TimeoutSeconds": 5, "HeartbeatSeconds": 5})), "HeartbeatSeconds must be smaller");
    check(task(json!({"TimeoutSeconds": 5, "TimeoutSecondsPath": "$.t"})), "exclude each other");
    check(
        task(json!({"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"})),
        "resource 'arn:aws:states:::sqs",
    );
    check(task(json!({"Assign": {}})), "field 'Assign' is not supported");
    check(task(json!({"ResultPath": "$$.x"})), "ResultPath must not point into the context");
    check(task(json!({"Parameters": {"a.$": "$.b[*]"}})), "Parameters: The path '$.b[*]' is not supported");
    check(task(json!({"Catch": [{"ErrorEquals": ["States.ALL", "X"], "Next": "A"}]})), "States.ALL must stand alone");
    check(task(json!({"Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 100_000_000}]})), "MaxAttempts must be");
    let fail = json!({"Type": "Fail", "CausePath": "States.StringToJson($.x)"});
    check(json!({"StartAt": "A", "States": {"A": fail}}), "CausePath excludes Cause");
    let distributed = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "P", "States": {"P": pass}});
    check(
        json!({"StartAt": "A", "States": {"A": {"Type": "Map", "ItemProcessor": distributed, "End": true}}}),
        "Only the inline Map",
    );
}

#[test]
fn the_state_machine_that_is_deployed_on_aws_is_accepted() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../aws/review.asl.json"));
    Definition::parse(&text.replace("${ReviewActivity}", ACTIVITY).replace("${Partition}", "aws")).unwrap();
}

#[test]
fn what_another_state_machine_may_use_is_accepted() {
    let selector = json!({"a.$": "$.b"});
    let other = task(
        json!({"TimeoutSecondsPath": "$.t", "HeartbeatSeconds": 300, "InputPath": null, "ResultSelector": selector}),
    );
    Definition::parse(&other.to_string()).unwrap();
}

#[test]
fn a_retry_waits_longer_each_time_up_to_its_limit() {
    let retrier = |rate, max_delay_seconds| Retrier {
        errors: Vec::new(),
        interval_seconds: 5,
        max_attempts: 9,
        backoff_rate: rate,
        max_delay_seconds,
        full_jitter: false,
    };
    let seconds = |retrier: &Retrier, attempts| retrier.delay(attempts).as_secs();
    assert_eq!([0, 1, 2].map(|attempts| seconds(&retrier(2.0, None), attempts)), [5, 10, 20]);
    assert_eq!([0, 1, 2].map(|attempts| seconds(&retrier(2.0, Some(12)), attempts)), [5, 10, 12]);
    assert_eq!([0, 99_999_999].map(|attempts| seconds(&retrier(1.0, None), attempts)), [5, 5]);
    assert_eq!(seconds(&retrier(2.0, None), 99_999_999), 31_536_000);
}
