//! Executions as a client sees them, with tokio's time paused: hours pass at once, and in order.
//!
//! Expected histories are those recorded from AWS, unless the code says "assumed".
#![expect(clippy::needless_pass_by_value, reason = "`json!` reads better without a reference at each call")]

mod activity;
mod flow;
mod map;

use serde_json::{Value, json};

use super::*;

/// Step Functions with one activity, as a client of the wire sees it.
struct Client {
    step_functions: StepFunctions,
    activity: String,
}

impl Client {
    /// The integrations fail when their parameters say how, and give their parameters back otherwise.
    async fn new() -> Self {
        let integrations: Integrations = Arc::new(|name, parameters| match parameters["fails"].as_str() {
            Some(error) => Err(ServiceError::bad_request(error, format!("{name} failed"))),
            None => Ok(json!({"called": name, "with": parameters})),
        });
        let step_functions = StepFunctions::new(integrations);
        let mut client = Self { step_functions, activity: String::new() };
        let created = client.call("CreateActivity", json!({"name": "review"})).await.unwrap();
        client.activity = text(&created["activityArn"]);
        client
    }

    /// The reply, or the refusal's code.
    async fn call(&self, action: &str, request: Value) -> Result<Value, String> {
        let reply = self.step_functions.handle(action, request.to_string().as_bytes()).await;
        reply.map_err(|refusal| refusal.code)
    }

    async fn machine(&self, definition: Value) -> String {
        let (name, definition) = (format!("m{}", fastrand::u64(..)), definition.to_string());
        let request = json!({"name": name, "definition": definition, "roleArn": "arn:role"});
        text(&self.call("CreateStateMachine", request).await.unwrap()["stateMachineArn"])
    }

    /// Starts an execution of a machine with these states, the first of which is `A`.
    async fn start(&self, states: Value, input: Value) -> String {
        let machine = self.machine(json!({"StartAt": "A", "States": states})).await;
        self.start_machine(&machine, input).await
    }

    async fn start_machine(&self, machine: &str, input: Value) -> String {
        let request = json!({"stateMachineArn": machine, "input": input.to_string()});
        text(&self.call("StartExecution", request).await.unwrap()["executionArn"])
    }

    /// A Task state on the activity that ends its flow, with these fields besides.
    fn task(&self, fields: Value) -> Value {
        let mut state = json!({"Type": "Task", "Resource": self.activity, "End": true});
        state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        state
    }

    /// The next task's token and input.
    async fn poll(&self) -> (String, Value) {
        let task =
            self.call("GetActivityTask", json!({"activityArn": self.activity, "workerName": "w"})).await.unwrap();
        (text(&task["taskToken"]), serde_json::from_str(task["input"].as_str().expect("a task is waiting")).unwrap())
    }

    async fn succeed(&self, token: &str, output: Value) -> Result<(), String> {
        let request = json!({"taskToken": token, "output": output.to_string()});
        self.call("SendTaskSuccess", request).await.map(drop)
    }

    async fn fail(&self, token: &str, error: &str, cause: &str) -> Result<(), String> {
        self.call("SendTaskFailure", json!({"taskToken": token, "error": error, "cause": cause})).await.map(drop)
    }

    async fn heartbeat(&self, token: &str) -> Result<(), String> {
        self.call("SendTaskHeartbeat", json!({"taskToken": token})).await.map(drop)
    }

    async fn describe(&self, execution: &str) -> Value {
        self.call("DescribeExecution", json!({"executionArn": execution})).await.unwrap()
    }

    async fn status(&self, execution: &str) -> String {
        text(&self.describe(execution).await["status"])
    }

    /// How the execution failed: error and cause.
    async fn failure(&self, execution: &str) -> (Value, Value) {
        let described = self.describe(execution).await;
        assert_eq!(described["status"], "FAILED", "{described}");
        (described["error"].clone(), described["cause"].clone())
    }

    async fn output(&self, execution: &str) -> Value {
        let described = self.describe(execution).await;
        serde_json::from_str(described["output"].as_str().unwrap_or_else(|| panic!("no output in {described}")))
            .unwrap()
    }

    async fn events(&self, execution: &str) -> Vec<Value> {
        let request = json!({"executionArn": execution, "maxResults": 1000});
        let reply = self.call("GetExecutionHistory", request).await.unwrap();
        reply["events"].as_array().unwrap().clone()
    }

    /// The history as lines of `id<previous type`.
    async fn history(&self, execution: &str) -> Vec<String> {
        let line =
            |event: &Value| format!("{}<{} {}", event["id"], event["previousEventId"], event["type"].as_str().unwrap());
        self.events(execution).await.iter().map(line).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Lets this much time pass, and what it brings about happen.
async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}
