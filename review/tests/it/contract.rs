//! The contracts as files: `review.asl.json` against the types that fill it, and the published schema of the activity's input.

use std::{collections::BTreeMap, fs, path::PathBuf};

use holdpoint_review::{
    ActivityInput, BaselineSummary, ContentHash, Decision, Evidence, ExecutionInput, ObjectVersion, PushHash,
    REVIEW_EXPIRED, REVIEW_REJECTED, Report, ReviewId, Share, Threshold,
};
use jiff::Timestamp;
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn definition() -> Value {
    serde_json::from_str(&fs::read_to_string(file("deploy/aws/review.asl.json")).unwrap()).unwrap()
}

fn execution_input() -> Value {
    let source = ObjectVersion { bucket: "b".into(), key: "incoming/d/c/f.csv".into(), version_id: "v".into() };
    let report = Report {
        version: 1,
        push: source.push_id(),
        source,
        dataset: "d".into(),
        customer: "c".into(),
        delivered_at: Timestamp::UNIX_EPOCH,
        tags: BTreeMap::new(),
        content: PushHash::of_blake3([0; 32]),
        records: 1,
        anomalous: 1,
        row_rate: Share::WHOLE,
        batch_mass: Share::NONE,
        threshold: Threshold::SIX_PERCENT,
        needs_review: true,
        findings: vec![],
        baseline: BaselineSummary::default(),
    };
    let evidence = Evidence {
        bucket: "b".into(),
        report: "r".into(),
        report_hash: ContentHash::of(b"r"),
        page: "p".into(),
        flagged: "f".into(),
        delivered_at: None,
    };
    serde_json::to_value(ExecutionInput::of(&report, evidence, "profile")).unwrap()
}

fn decision() -> Value {
    let decision = Decision {
        decision: "reject".into(),
        is_manually_approved: false,
        is_manually_rejected: true,
        reviewer: None,
        way: None,
        reason: None,
        at: Timestamp::UNIX_EPOCH,
        review_id: ReviewId::of("e", "s", "k"),
        round: 1,
        report_hash: None,
    };
    serde_json::to_value(decision).unwrap()
}

/// The state machine walked along every transition, each state with the document that reaches it.
#[derive(Default)]
struct Walk {
    /// Names of the states entered, in order.
    entered: Vec<String>,
    /// What the activity was sent.
    activity_input: Option<Value>,
    /// Error and document of every Fail state.
    failed: Vec<(String, Value)>,
}

impl Walk {
    fn enter(&mut self, states: &Value, name: &str, document: &Value) {
        assert!(self.entered.len() < 500, "the machine loops");
        self.entered.push(name.to_owned());
        let state = &states[name];
        for path in paths(state) {
            assert!(resolve(&path, document).is_some(), "{name}: {path} is not in {document:#}");
        }
        let parameters = state.get("Parameters").map(|template| fill(template, document));
        let result = match state["Type"].as_str().unwrap() {
            "Task" if state["Resource"] == "${ReviewActivity}" => {
                self.activity_input = parameters;
                decision()
            }
            "Pass" => parameters.or_else(|| state.get("Result").cloned()).unwrap_or_else(|| document.clone()),
            "Fail" => return self.failed.push((state["Error"].as_str().unwrap().to_owned(), document.clone())),
            _ => json!({}),
        };
        for catcher in state["Catch"].as_array().into_iter().flatten() {
            let caught = json!({"Error": catcher["ErrorEquals"][0], "Cause": decision().to_string()});
            self.enter(states, catcher["Next"].as_str().unwrap(), &placed(document, catcher, caught));
        }
        let rules = state["Choices"].as_array().into_iter().flatten().map(|rule| &rule["Next"]);
        let after = placed(document, state, result);
        for next in rules.chain([&state["Next"], &state["Default"]]).filter_map(Value::as_str) {
            self.enter(states, next, &after);
        }
    }
}

/// Every path into the state's document, in paths and in the arguments of functions.
fn paths(state: &Value) -> Vec<String> {
    match state {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "Comment")
            .flat_map(|(name, value)| match name.as_str() {
                // Their paths say where something is put, or speak of what a later state sees.
                "ResultPath" | "Catch" => vec![],
                _ => paths(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(paths).collect(),
        Value::String(text) => {
            text.split(['(', ')', ',', ' ']).filter(|part| part.starts_with("$.")).map(str::to_owned).collect()
        }
        _ => vec![],
    }
}

fn resolve<'a>(path: &str, document: &'a Value) -> Option<&'a Value> {
    path.trim_start_matches("$.").split('.').try_fold(document, |value, field| value.get(field))
}

fn fill(template: &Value, document: &Value) -> Value {
    let Value::Object(fields) = template else { return template.clone() };
    let filled = fields.iter().map(|(name, value)| match name.strip_suffix(".$") {
        Some(name) => (name.to_owned(), evaluate(value.as_str().unwrap(), document)),
        None => (name.clone(), fill(value, document)),
    });
    Value::Object(filled.collect())
}

/// What an expression gives; the context object's fields are those that AWS documents.
fn evaluate(expression: &str, document: &Value) -> Value {
    if let Some(text) = expression.strip_prefix("States.StringToJson(").and_then(|rest| rest.strip_suffix(')')) {
        return serde_json::from_str(evaluate(text, document).as_str().unwrap()).unwrap();
    }
    if expression.starts_with("States.Format(") {
        return json!(expression); // its paths are checked with all others
    }
    match expression {
        "$$.Execution.Id" => json!("arn:aws:states:eu-central-1:1:execution:review:x"),
        "$$.State.Name" => json!("AwaitReview"),
        "$$.State.EnteredTime" => json!("2026-11-22T08:14:00.000Z"),
        "$$.Execution.RedriveCount" => json!(0),
        path => resolve(path, document).unwrap_or_else(|| panic!("{path}")).clone(),
    }
}

/// The document with a result put where the state's `ResultPath` says.
fn placed(document: &Value, state: &Value, result: Value) -> Value {
    match (state["Type"].as_str(), state.get("ResultPath")) {
        (Some("Choice"), _) | (_, Some(Value::Null)) => document.clone(),
        (_, None) => result,
        (_, Some(path)) => {
            let mut after = document.clone();
            after[path.as_str().unwrap().trim_start_matches("$.")] = result;
            after
        }
    }
}

fn walk() -> Walk {
    let definition = definition();
    let mut walk = Walk::default();
    walk.enter(&definition["States"], definition["StartAt"].as_str().unwrap(), &execution_input());
    walk
}

#[test]
fn every_path_of_the_state_machine_exists_in_what_reaches_it() {
    let (walk, definition) = (walk(), definition());
    for name in definition["States"].as_object().unwrap().keys() {
        assert!(walk.entered.contains(name), "{name} is never entered");
    }
}

#[test]
fn what_the_state_sends_to_the_activity_is_what_the_worker_reads() {
    let sent = walk().activity_input.unwrap();
    let read = ActivityInput::parse(&sent.to_string()).unwrap();
    assert_eq!(serde_json::to_value(&read.request).unwrap(), execution_input()["review"]);
    assert_eq!(read.visit.state, "AwaitReview");
}

#[test]
fn a_refused_push_ends_in_its_error_with_the_decision_beside_the_context() {
    let failed = walk().failed;
    for error in [REVIEW_REJECTED, REVIEW_EXPIRED] {
        let documents: Vec<_> = failed.iter().filter(|(name, _)| name == error).map(|(_, document)| document).collect();
        assert!(!documents.is_empty(), "{error}");
        for document in documents {
            assert_eq!(document["decision"], decision());
            assert_eq!(document["push"], execution_input()["push"]);
            assert_eq!(document["review"], execution_input()["review"]);
        }
    }
}

#[test]
fn the_wait_is_retried_without_end_and_outlasts_every_deadline() {
    let wait = &definition()["States"]["AwaitReview"];
    assert_eq!(wait["HeartbeatSeconds"], 300);
    assert_eq!(wait["Retry"][0]["ErrorEquals"], json!(["States.HeartbeatTimeout", "States.Timeout"]));
    assert_eq!(wait["Retry"][0]["MaxAttempts"], 99_999_998);
    assert_eq!(definition()["TimeoutSeconds"], 30 * 24 * 3600);
}

#[test]
fn the_published_schemas_are_the_types_schemas() {
    check_schema("docs/activity-input.schema.json", &schemars::schema_for!(ActivityInput));
    check_schema("docs/report.schema.json", &schemars::schema_for!(Report));
}

fn check_schema(name: &str, schema: &schemars::Schema) {
    let schema = serde_json::to_value(schema).unwrap();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(file(name), format!("{schema:#}\n")).unwrap();
    }
    let published: Value =
        serde_json::from_str(&fs::read_to_string(file(name)).unwrap_or_default()).unwrap_or_default();
    assert!(
        published == schema,
        "{name} is not what the types say; if the change is meant:\n\
         UPDATE_SCHEMA=1 cargo test --workspace --test it schema"
    );
}
