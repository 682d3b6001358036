//! What a Task state waits for: an activity's worker. An integration answers at once.

use std::{iter, time::Duration};

use serde_json::{Value, json};

use super::{
    DATA_BYTES, Engine, Place,
    execution::Waits,
    history::{data, with},
    timers::{Timer, TimerKey},
};
use crate::aws::{
    error::ServiceError,
    sfn::{
        definition::{Resource, Seconds},
        failure::{Failure, Problem},
        path::Scope,
        refuse,
    },
};

#[derive(Debug)]
pub(super) struct Task {
    at: Place,
    input: String,
    limits: Limits,
    timeout: Option<TimerKey>,
    heartbeat: Option<TimerKey>,
}

/// How long a worker has, and how long it may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) timeout_seconds: Option<u64>,
    pub(super) heartbeat_seconds: Option<u64>,
}

/// How a task ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Succeeded(Value),
    Failed(Failure),
    TimedOut(Failure),
}

impl Limits {
    pub(super) fn resolve(
        timeout: Option<&Seconds>,
        heartbeat: Option<&Seconds>,
        scope: Scope<'_>,
    ) -> Result<Self, String> {
        Ok(Self {
            timeout_seconds: timeout.map(|seconds| seconds.resolve(scope, "TimeoutSecondsPath")).transpose()?,
            heartbeat_seconds: heartbeat.map(|seconds| seconds.resolve(scope, "HeartbeatSecondsPath")).transpose()?,
        })
    }

    /// What the history says of them.
    fn details(self) -> Value {
        let mut details = json!({});
        for (name, seconds) in
            [("timeoutInSeconds", self.timeout_seconds), ("heartbeatInSeconds", self.heartbeat_seconds)]
        {
            if let Some(seconds) = seconds {
                details[name] = json!(seconds);
            }
        }
        details
    }
}

impl Engine {
    pub(super) fn perform_task(
        &mut self,
        at: Place,
        resource: &Resource,
        input: Value,
        limits: Limits,
    ) -> Result<(), Problem> {
        match resource {
            Resource::Activity(arn) => self.schedule(at, arn, input.to_string(), limits),
            Resource::S3(action) => self.call(at, ("aws-sdk:s3", action), input, limits),
            Resource::Publish => self.call(at, ("sns", "publish"), input, limits),
        }
    }

    fn call(
        &mut self,
        at: Place,
        (service, action): (&str, &str),
        parameters: Value,
        limits: Limits,
    ) -> Result<(), Problem> {
        let common = json!({"resource": action, "resourceType": service});
        let scheduled = with(common.clone(), json!({"region": "us-east-1", "parameters": parameters.to_string()}));
        self.record(at, "TaskScheduled", &with(scheduled, limits.details()));
        self.record(at, "TaskStarted", &common.clone());
        let called = format!("{}:{action}", service.trim_start_matches("aws-sdk:"));
        match (self.integrations)(&called, parameters) {
            Ok(result) => {
                self.record(at, "TaskSucceeded", &with(common, data("output", &result.to_string())));
                self.finish(at, result)
            }
            Err(ServiceError { code, message, .. }) => {
                let failure = Failure::new(code, message);
                self.record(at, "TaskFailed", &with(common, failure.details()));
                Err(failure.into())
            }
        }
    }

    fn schedule(&mut self, at: Place, activity: &str, input: String, limits: Limits) -> Result<(), Problem> {
        let missing = || format!("The activity {activity} does not exist.");
        let found = self.activities.get_mut(activity).ok_or_else(missing)?;
        self.last_task += 1;
        let number = self.last_task;
        found.waiting.push_back(number);
        found.arrivals.notify_one();
        let details = with(json!({"resource": activity}), data("input", &input));
        self.record(at, "ActivityScheduled", &with(details, limits.details()));
        self.tasks.insert(number, Task { at, input, limits, timeout: None, heartbeat: None });
        self.branch(at).waits_for = Waits::Task(number);
        Ok(())
    }

    /// The token and input of the activity's oldest task. Its clocks start now, not when it was scheduled.
    pub(crate) fn hand_out(
        &mut self,
        activity: &str,
        worker: Option<&str>,
    ) -> Result<Option<(String, String)>, ServiceError> {
        let activity = self.activities.get_mut(activity).ok_or_else(|| refuse::no_activity(activity))?;
        // Tasks of executions that have ended still stand in line.
        let next = iter::from_fn(|| activity.waiting.pop_front()).find(|number| self.tasks.contains_key(number));
        let Some(number) = next else { return Ok(None) };
        self.start_clocks(number);
        let task = &self.tasks[&number];
        let (at, input) = (task.at, task.input.clone());
        let details = worker.map_or_else(|| json!({}), |worker| json!({"workerName": worker}));
        self.record(at, "ActivityStarted", &details);
        Ok(Some((self.tokens.issue(number), input)))
    }

    fn start_clocks(&mut self, number: u64) {
        let Some(task) = self.tasks.get_mut(&number) else { return };
        let mut arm =
            |seconds: Option<u64>, timer| seconds.map(|seconds| self.timers.arm(Duration::from_secs(seconds), timer));
        task.timeout = arm(task.limits.timeout_seconds, Timer::TaskTimeout(number));
        task.heartbeat = arm(task.limits.heartbeat_seconds, Timer::HeartbeatTimeout(number));
    }

    /// `SendTaskSuccess`.
    pub(crate) fn succeed(&mut self, token: &str, output: &str) -> Result<(), ServiceError> {
        if output.len() > DATA_BYTES {
            return Err(refuse::too_long("output", DATA_BYTES));
        }
        let output = serde_json::from_str(output).map_err(refuse::invalid_output)?;
        self.answer(token, Outcome::Succeeded(output))
    }

    /// `SendTaskFailure`, or a success.
    pub(crate) fn answer(&mut self, token: &str, outcome: Outcome) -> Result<(), ServiceError> {
        let number = self.open_task(token)?;
        self.end_task(number, outcome);
        Ok(())
    }

    /// `SendTaskHeartbeat`: starts the heartbeat's clock again, never the timeout's.
    pub(crate) fn heartbeat(&mut self, token: &str) -> Result<(), ServiceError> {
        let number = self.open_task(token)?;
        let Some(task) = self.tasks.get_mut(&number) else { return Err(refuse::task_timed_out()) };
        if let (Some(old), Some(seconds)) = (task.heartbeat, task.limits.heartbeat_seconds) {
            self.timers.cancel(old);
            task.heartbeat = Some(self.timers.arm(Duration::from_secs(seconds), Timer::HeartbeatTimeout(number)));
        }
        Ok(())
    }

    fn open_task(&self, token: &str) -> Result<u64, ServiceError> {
        let number = self.tokens.read(token).ok_or_else(refuse::invalid_token)?;
        if self.tasks.contains_key(&number) { Ok(number) } else { Err(refuse::task_timed_out()) }
    }

    pub(super) fn time_task_out(&mut self, number: u64, missed_heartbeat: bool) {
        let failure = if missed_heartbeat { Failure::heartbeat_timeout() } else { Failure::timeout() };
        self.end_task(number, Outcome::TimedOut(failure));
    }

    /// Every task that was handed out and has a heartbeat misses it.
    pub(crate) fn time_tasks_out(&mut self) {
        let taken = self.tasks.iter().filter(|(_, task)| task.heartbeat.is_some());
        for number in taken.map(|(number, _)| *number).collect::<Vec<_>>() {
            // One that timed out may have ended its whole execution, and with it others.
            if self.tasks.contains_key(&number) {
                self.time_task_out(number, true);
            }
        }
    }

    /// Ends a task and lets its state go on.
    /// Assumed of the history: a missed heartbeat shows as `ActivityTimedOut`, and the retry's `ActivityScheduled`
    /// follows it directly.
    fn end_task(&mut self, number: u64, outcome: Outcome) {
        let at = self.tasks[&number].at;
        self.drop_task(number);
        self.branch(at).waits_for = Waits::Nothing;
        let (kind, details) = match &outcome {
            Outcome::Succeeded(output) => ("ActivitySucceeded", data("output", &output.to_string())),
            Outcome::Failed(failure) => ("ActivityFailed", failure.details()),
            Outcome::TimedOut(failure) => ("ActivityTimedOut", failure.details()),
        };
        self.record(at, kind, &details);
        let finished = match outcome {
            Outcome::Succeeded(output) => self.finish(at, output),
            Outcome::Failed(failure) | Outcome::TimedOut(failure) => Err(failure.into()),
        };
        self.or_fail(at, finished);
        self.drive();
    }

    /// From now on its token has timed out.
    pub(super) fn drop_task(&mut self, number: u64) {
        let task = self.tasks.remove(&number);
        for timer in task.into_iter().flat_map(|task| [task.timeout, task.heartbeat]).flatten() {
            self.timers.cancel(timer);
        }
    }
}
