//! Moves a branch from state to state until it waits or ends.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    DATA_BYTES, Engine, Place,
    execution::Waits,
    history::{data, with},
    task::Limits,
    timers::Timer,
};
use crate::aws::sfn::{
    choice::Rule,
    definition::{Kind, State, Wait},
    expression::Expression,
    failure::{Failure, Problem},
    path::Scope,
};

/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>. It also ends a loop that never waits.
/// The name of the error is assumed.
const HISTORY_EVENTS: usize = 25_000;

impl Engine {
    /// Lets every branch that can move on move on.
    pub(super) fn drive(&mut self) {
        while let Some(at) = self.ready.pop_front() {
            self.enter(at);
        }
    }

    fn enter(&mut self, at: Place) {
        let now = self.now();
        let branch = self.branch(at);
        let state = Arc::clone(&branch.state);
        branch.entered = now;
        branch.attempts = vec![0; state.retriers.len()];
        let details = with(json!({"name": state.name}), data("input", &branch.input.to_string()));
        let event = self.record(at, format!("{}StateEntered", state.kind.name()), &details);
        self.branch(at).entered_event = event;
        self.attempt(at);
    }

    /// A Wait is over, or a retry is due.
    pub(super) fn go_on(&mut self, at: Place) {
        let branch = self.branch(at);
        branch.waits_for = Waits::Nothing;
        if matches!(branch.state.kind, Kind::Wait(_)) {
            let left =
                self.effective_input(at).map_err(Problem::from).and_then(|input| self.leave_with(at, input, None));
            self.or_fail(at, left);
        } else {
            self.attempt(at);
        }
        self.drive();
    }

    fn attempt(&mut self, at: Place) {
        if self.executions[at.execution].history.len() + 1 >= HISTORY_EVENTS {
            let cause = format!("The execution reached the maximum number of history events ({HISTORY_EVENTS}).");
            return self.fail_execution(at.execution, Failure::runtime(cause));
        }
        let performed = self.perform(at);
        self.or_fail(at, performed);
    }

    pub(super) fn or_fail(&mut self, at: Place, result: Result<(), Problem>) {
        if let Err(problem) = result {
            let failure = self.failure_of(at, problem);
            self.fail(at, failure);
        }
    }

    fn failure_of(&self, at: Place, problem: Problem) -> Failure {
        let branch = &self.executions[at.execution].branches[&at.branch];
        let (state, event) = (&branch.state.name, branch.entered_event);
        match problem {
            Problem::Failed(failure) => failure,
            Problem::Runtime(sentence) => Failure::runtime(format!(
                "An error occurred while executing the state '{state}' (entered at the event id #{event}). {sentence}"
            )),
        }
    }

    fn perform(&mut self, at: Place) -> Result<(), Problem> {
        let (state, context) = (Arc::clone(&self.branch(at).state), self.context(at));
        let input = self.effective_input(at)?;
        let scope = Scope { input: &input, context: &context };
        match &state.kind {
            Kind::Pass { result: Some(result) } => self.finish(at, result.clone()),
            Kind::Pass { result: None } => {
                let filled = state.fill_parameters(scope)?;
                self.finish(at, filled.unwrap_or(input))
            }
            Kind::Choice { rules, default } => {
                let next = choose(rules, default.as_ref(), scope)?;
                self.leave_with(at, input, Some(next))
            }
            Kind::Wait(wait) => {
                self.continue_after(at, wait_time(wait, scope, self.now())?);
                Ok(())
            }
            Kind::Succeed => self.leave_with(at, input, None),
            Kind::Fail { error, cause } => {
                Err(Failure::new(said(error.as_ref(), scope)?, said(cause.as_ref(), scope)?).into())
            }
            Kind::Task { resource, timeout, heartbeat } => {
                let limits = Limits::resolve(timeout.as_ref(), heartbeat.as_ref(), scope)?;
                let filled = state.fill_parameters(scope)?;
                self.perform_task(at, resource, filled.unwrap_or(input), limits)
            }
            Kind::Map { items_path, .. } => {
                let items = items_path.find(scope).and_then(Value::as_array);
                let missing = || format!("The ItemsPath '{}' does not reference an array", items_path.text());
                self.start_map(at, &state, items.ok_or_else(missing)?, &input, context.clone())
            }
        }
    }

    pub(super) fn continue_after(&mut self, at: Place, after: Duration) {
        let timer = self.timers.arm(after, Timer::Continue(at));
        self.branch(at).waits_for = Waits::Timer(timer);
    }

    /// The context object, `$$`. `Task.Token` is not in it: AWS has it only where a task waits for a callback.
    pub(super) fn context(&self, at: Place) -> Value {
        let execution = &self.executions[at.execution];
        let branch = &execution.branches[&at.branch];
        let mut context = json!({
            "Execution": {
                "Id": execution.arn,
                "Input": execution.input_value,
                "Name": execution.name,
                "RoleArn": execution.machine.role_arn,
                "StartTime": iso(execution.started),
                "RedriveCount": execution.redrives,
            },
            "State": {"Name": branch.state.name, "EnteredTime": iso(branch.entered)},
            "StateMachine": {"Id": execution.machine.arn, "Name": execution.machine.name},
        });
        if let Some(redriven) = execution.redriven {
            context["Execution"]["RedriveTime"] = json!(iso(redriven));
        }
        if matches!(branch.state.kind, Kind::Task { .. } | Kind::Map { .. }) {
            context["State"]["RetryCount"] = json!(branch.attempts.iter().sum::<u64>());
        }
        if let Some(item) = &branch.item {
            context["Map"] = item.context();
        }
        context
    }

    fn effective_input(&self, at: Place) -> Result<Value, String> {
        let branch = &self.executions[at.execution].branches[&at.branch];
        branch.state.effective_input(Scope { input: &branch.input, context: &self.context(at) })
    }

    /// The state has its result.
    pub(super) fn finish(&mut self, at: Place, result: Value) -> Result<(), Problem> {
        let context = self.context(at);
        let branch = self.branch(at);
        let state = Arc::clone(&branch.state);
        let output = state.output(branch.input.clone(), result, &context)?;
        self.leave(at, output, state.next.as_deref())
    }

    /// A state that has no result hands its input on.
    fn leave_with(&mut self, at: Place, input: Value, chosen: Option<&str>) -> Result<(), Problem> {
        let (state, context) = (Arc::clone(&self.branch(at).state), self.context(at));
        let output = state.through_output_path(input, &context)?;
        self.leave(at, output, chosen.or(state.next.as_deref()))
    }

    fn leave(&mut self, at: Place, output: Value, next: Option<&str>) -> Result<(), Problem> {
        let state = Arc::clone(&self.branch(at).state);
        let text = output.to_string();
        if text.len() > DATA_BYTES {
            let cause = format!(
                "The state/task '{}' returned a result with a size exceeding the maximum number of bytes service limit.",
                state.name
            );
            return Err(Failure::new("States.DataLimitExceeded".to_owned(), cause).into());
        }
        self.record(
            at,
            format!("{}StateExited", state.kind.name()),
            &with(json!({"name": state.name}), data("output", &text)),
        );
        let branch = self.branch(at);
        match (next, &branch.item) {
            (Some(next), _) => {
                branch.state = branch.flow.state(next);
                branch.input = output;
                self.ready.push_back(at);
            }
            (None, Some(_)) => self.item_succeeded(at, output),
            (None, None) => self.succeed_execution(at, text),
        }
        Ok(())
    }

    /// The state failed: retry, catch, or fail what it is part of.
    pub(super) fn fail(&mut self, at: Place, failure: Failure) {
        let branch = self.branch(at);
        let state = Arc::clone(&branch.state);
        let retrier = state.retriers.iter().position(|retrier| failure.is_matched_by(&retrier.errors));
        if let Some(index) = retrier.filter(|index| branch.attempts[*index] < state.retriers[*index].max_attempts) {
            let delay = state.retriers[index].delay(branch.attempts[index]);
            branch.attempts[index] += 1;
            self.drop_items(at);
            return self.continue_after(at, delay);
        }
        if branch.items.is_some() {
            self.record(at, "MapStateFailed", &Value::Null);
        }
        match self.catch(at, &state, &failure) {
            Some(Ok(())) => {}
            Some(Err(problem)) => self.give_up(at, self.failure_of(at, problem)),
            None => self.give_up(at, failure),
        }
    }

    fn catch(&mut self, at: Place, state: &State, failure: &Failure) -> Option<Result<(), Problem>> {
        let catcher = state.catchers.iter().find(|catcher| failure.is_matched_by(&catcher.errors))?;
        let output = catcher.output(self.branch(at).input.clone(), failure);
        Some(output.map_err(Problem::from).and_then(|output| {
            self.drop_items(at);
            self.leave(at, output, Some(&catcher.next))
        }))
    }

    fn give_up(&mut self, at: Place, failure: Failure) {
        if self.branch(at).item.is_some() {
            self.item_failed(at, failure);
        } else {
            self.fail_execution(at.execution, failure);
        }
    }
}

fn choose<'a>(rules: &'a [(Rule, String)], default: Option<&'a String>, scope: Scope<'_>) -> Result<&'a str, String> {
    for (rule, next) in rules {
        if rule.holds(scope)? {
            return Ok(next);
        }
    }
    default
        .map(String::as_str)
        .ok_or_else(|| "Failed to transition out of the state. The state does not point to a next state.".to_owned())
}

fn wait_time(wait: &Wait, scope: Scope<'_>, now: Timestamp) -> Result<Duration, String> {
    let until = match wait {
        Wait::For(seconds) => return seconds.resolve(scope, "SecondsPath").map(Duration::from_secs),
        Wait::Until(at) => *at,
        Wait::UntilAt(path) => {
            let at = path.find(scope).and_then(Value::as_str).and_then(|text| text.parse().ok());
            at.ok_or_else(|| {
                format!("The TimestampPath parameter '{}' does not reference a time in RFC 3339", path.text())
            })?
        }
    };
    Ok(until.duration_since(now).max(SignedDuration::ZERO).unsigned_abs())
}

fn said(expression: Option<&Expression>, scope: Scope<'_>) -> Result<Option<String>, String> {
    let Some(expression) = expression else { return Ok(None) };
    match expression.value(scope, "ErrorPath or CausePath")? {
        Value::String(text) => Ok(Some(text)),
        other => Err(format!("ErrorPath and CausePath must give a string, not {other}")),
    }
}

/// As AWS writes times in the context object.
fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}
