//! Requests and replies of the Step Functions API, in the JSON that its SDKs speak.
//!
//! Members that change nothing here (tags, logging, tracing, encryption) are read over; what would be wrong to read
//! over is refused.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    engine::{Activity, Engine, Event, Execution, Machine, Outcome, Status},
    failure::Failure,
    refuse,
};
use crate::aws::error::ServiceError;

type Reply = Result<Value, ServiceError>;

/// What every request is read as: each action takes what it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    activity_arn: Option<String>,
    state_machine_arn: Option<String>,
    execution_arn: Option<String>,
    name: Option<String>,
    definition: Option<String>,
    role_arn: Option<String>,
    r#type: Option<String>,
    publish: bool,
    input: Option<String>,
    error: Option<String>,
    cause: Option<String>,
    task_token: Option<String>,
    output: Option<String>,
    status_filter: Option<String>,
    reverse_order: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
    pub(super) worker_name: Option<String>,
}

/// Reads a request's body.
pub(super) fn read(body: &[u8]) -> Result<Request, ServiceError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| ServiceError::bad_request("SerializationException", error.to_string()))
}

/// Every action but `GetActivityTask`, which waits.
pub(super) fn answer(engine: &mut Engine, action: &str, request: &Request) -> Reply {
    match action {
        "CreateActivity" => engine.create_activity(need("name", request.name.as_ref())?).map(activity),
        "DescribeActivity" => engine.activity(request.activity_arn()?).map(activity),
        "DeleteActivity" => Ok(engine.activities.remove(request.activity_arn()?).map_or_else(empty, |_| empty())),
        "ListActivities" => request.page("activities", engine.activities.values().map(activity)),
        "CreateStateMachine" => create_machine(engine, request),
        "UpdateStateMachine" => update_machine(engine, request),
        "DescribeStateMachine" => engine.machine(request.machine_arn()?).map(|machine| describe_machine(machine)),
        "DeleteStateMachine" => Ok(engine.machines.remove(request.machine_arn()?).map_or_else(empty, |_| empty())),
        "ListStateMachines" => {
            request.page("stateMachines", engine.machines.values().map(|machine| machine_item(machine)))
        }
        "StartExecution" => {
            let input = request.input.as_deref().unwrap_or("{}");
            let execution = engine.start(request.machine_arn()?, request.name.as_deref(), input)?;
            Ok(json!({"executionArn": execution.arn, "startDate": seconds(execution.started)}))
        }
        "StopExecution" => {
            let execution = engine.stop(request.execution_arn()?, request.failure()?)?;
            Ok(json!({"stopDate": execution.ended.map(seconds)}))
        }
        "RedriveExecution" => Ok(json!({"redriveDate": seconds(engine.redrive(request.execution_arn()?)?)})),
        "DescribeExecution" => engine.execution(request.execution_arn()?).map(describe_execution),
        "ListExecutions" => list_executions(engine, request),
        "GetExecutionHistory" => history(engine, request),
        "SendTaskSuccess" => {
            engine.succeed(request.token()?, need("output", request.output.as_ref())?).map(|()| empty())
        }
        "SendTaskFailure" => engine.answer(request.token()?, Outcome::Failed(request.failure()?)).map(|()| empty()),
        "SendTaskHeartbeat" => engine.heartbeat(request.token()?).map(|()| empty()),
        other => Err(ServiceError::bad_request("UnknownOperationException", format!("{other} is not supported here"))),
    }
}

impl Request {
    pub(super) fn activity_arn(&self) -> Result<&str, ServiceError> {
        need("activityArn", self.activity_arn.as_ref())
    }

    fn machine_arn(&self) -> Result<&str, ServiceError> {
        need("stateMachineArn", self.state_machine_arn.as_ref())
    }

    fn execution_arn(&self) -> Result<&str, ServiceError> {
        need("executionArn", self.execution_arn.as_ref())
    }

    fn token(&self) -> Result<&str, ServiceError> {
        need("taskToken", self.task_token.as_ref())
    }

    fn failure(&self) -> Result<Failure, ServiceError> {
        for (name, text, most) in [("error", &self.error, 256), ("cause", &self.cause, 32_768)] {
            if text.as_ref().is_some_and(|text| text.chars().count() > most) {
                return Err(refuse::too_long(name, most));
            }
        }
        Ok(Failure::new(self.error.clone(), self.cause.clone()))
    }

    /// One page of a list; the token of the next one says how many came before it.
    fn page(&self, name: &str, all: impl Iterator<Item = Value>) -> Reply {
        let from = match &self.next_token {
            None => 0,
            Some(token) => token.parse().map_err(|_| refuse::invalid_token())?,
        };
        let size = self.max_results.filter(|size| *size > 0).unwrap_or(100).min(1000);
        let mut rest = all.skip(from);
        let page: Vec<_> = rest.by_ref().take(size).collect();
        let mut reply = Map::from_iter([(name.to_owned(), Value::Array(page))]);
        if rest.next().is_some() {
            reply.insert("nextToken".to_owned(), json!((from + size).to_string()));
        }
        Ok(Value::Object(reply))
    }
}

fn need<'a>(name: &str, value: Option<&'a String>) -> Result<&'a str, ServiceError> {
    value.map(String::as_str).ok_or_else(|| refuse::missing(name))
}

fn empty() -> Value {
    json!({})
}

/// Seconds since 1970, as this protocol writes times.
fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

fn activity(activity: &Activity) -> Value {
    json!({"activityArn": activity.arn, "name": activity.name, "creationDate": seconds(activity.created)})
}

fn create_machine(engine: &mut Engine, request: &Request) -> Reply {
    if request.publish || request.r#type.as_deref().is_some_and(|kind| kind != "STANDARD") {
        let message = "Only unpublished STANDARD state machines are supported here";
        return Err(ServiceError::bad_request("StateMachineTypeNotSupported", message));
    }
    let (name, definition) = (need("name", request.name.as_ref())?, need("definition", request.definition.as_ref())?);
    let machine = engine.create_machine(name, definition, need("roleArn", request.role_arn.as_ref())?)?;
    Ok(json!({"stateMachineArn": machine.arn, "creationDate": seconds(machine.created)}))
}

fn update_machine(engine: &mut Engine, request: &Request) -> Reply {
    if request.definition.is_none() && request.role_arn.is_none() {
        return Err(ServiceError::bad_request(
            "MissingRequiredParameter",
            "Either the definition or the role ARN must be specified",
        ));
    }
    let now = engine.now();
    let machine =
        engine.update_machine(request.machine_arn()?, request.definition.as_deref(), request.role_arn.as_deref())?;
    Ok(json!({"updateDate": seconds(now), "revisionId": machine.revision}))
}

fn machine_item(machine: &Machine) -> Value {
    json!({
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "type": "STANDARD",
        "creationDate": seconds(machine.created),
    })
}

fn describe_machine(machine: &Machine) -> Value {
    let mut reply = machine_item(machine);
    reply["status"] = json!("ACTIVE");
    reply["definition"] = json!(machine.text);
    reply["roleArn"] = json!(machine.role_arn);
    reply["revisionId"] = json!(machine.revision);
    reply
}

/// What a list says of an execution.
fn execution_item(execution: &Execution) -> Value {
    let mut reply = json!({
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "name": execution.name,
        "status": execution.status.name(),
        "startDate": seconds(execution.started),
        "redriveCount": execution.redrives,
    });
    for (name, at) in [("stopDate", execution.ended), ("redriveDate", execution.redriven)] {
        if let Some(at) = at {
            reply[name] = json!(seconds(at));
        }
    }
    reply
}

fn describe_execution(execution: &Execution) -> Value {
    let mut reply = execution_item(execution);
    reply["input"] = json!(execution.input);
    reply["inputDetails"] = json!({"included": true});
    match &execution.status {
        Status::Succeeded(output) => {
            reply["output"] = json!(output);
            reply["outputDetails"] = json!({"included": true});
        }
        Status::Failed(failure) | Status::Aborted(failure) => {
            for (name, text) in [("error", &failure.error), ("cause", &failure.cause)] {
                if let Some(text) = text {
                    reply[name] = json!(text);
                }
            }
        }
        Status::Running | Status::TimedOut => {}
    }
    match execution.status.redrive_obstacle() {
        None => reply["redriveStatus"] = json!("REDRIVABLE"),
        Some(reason) => {
            reply["redriveStatus"] = json!("NOT_REDRIVABLE");
            reply["redriveStatusReason"] = json!(reason);
        }
    }
    reply
}

/// The newest first.
fn list_executions(engine: &Engine, request: &Request) -> Reply {
    let machine = &engine.machine(request.machine_arn()?)?.arn;
    let is_asked_for = |execution: &&Execution| {
        execution.machine.arn == *machine
            && request.status_filter.as_deref().is_none_or(|status| status == execution.status.name())
    };
    request.page("executions", engine.executions.iter().rev().filter(is_asked_for).map(execution_item))
}

fn history(engine: &Engine, request: &Request) -> Reply {
    let events = engine.execution(request.execution_arn()?)?.history.iter().map(event);
    if request.reverse_order { request.page("events", events.rev()) } else { request.page("events", events) }
}

fn event(event: &Event) -> Value {
    let mut reply = json!({
        "id": event.id,
        "previousEventId": event.previous,
        "timestamp": seconds(event.at),
        "type": event.kind,
    });
    let details = event.details();
    if !details.is_null() {
        reply[event.details_name()] = details;
    }
    reply
}
