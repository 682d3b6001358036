//! One execution: where it stands, and how it starts, stops, ends and is redriven.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    DATA_BYTES, Engine, Event, Machine, Place, check_name,
    history::data,
    map::{Item, Items},
    timers::{Timer, TimerKey},
};
use crate::aws::{
    error::ServiceError,
    execution_arn,
    sfn::{
        definition::{Flow, State},
        failure::Failure,
        intrinsic, refuse,
    },
};

#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) machine: Arc<Machine>,
    pub(crate) input: String,
    pub(crate) status: Status,
    pub(crate) started: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) redrives: u32,
    pub(crate) redriven: Option<Timestamp>,
    pub(crate) history: Vec<Event>,
    pub(super) input_value: Value,
    /// Kept when it ends, so that a redrive knows where.
    pub(super) branches: BTreeMap<u32, Branch>,
    pub(super) last_branch: u32,
    timeout: Option<TimerKey>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Running,
    /// With the output.
    Succeeded(String),
    Failed(Failure),
    Aborted(Failure),
    TimedOut,
}

/// One place in a flow: that of the execution itself, or that of one item of a Map.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) flow: Arc<Flow>,
    pub(super) state: Arc<State>,
    /// The state's, as it was entered.
    pub(super) input: Value,
    /// Stays over retries (assumed of AWS); new when the state is entered again, by a loop or a redrive.
    pub(super) entered: Timestamp,
    pub(super) entered_event: u64,
    pub(super) previous_event: u64,
    /// How often each retrier was used since the state was entered.
    pub(super) attempts: Vec<u64>,
    pub(super) waits_for: Waits,
    /// What this branch is an item of; `None` for the execution itself.
    pub(super) item: Option<Item>,
    /// The items of the Map that this branch is in.
    pub(super) items: Option<Items>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Waits {
    Nothing,
    Task(u64),
    Timer(TimerKey),
}

/// The branch of the execution itself.
const TRUNK: u32 = 0;

impl Branch {
    pub(super) fn new(flow: &Arc<Flow>, input: Value, previous_event: u64, item: Option<Item>, now: Timestamp) -> Self {
        Self {
            flow: Arc::clone(flow),
            state: flow.first(),
            input,
            entered: now,
            entered_event: 0,
            previous_event,
            attempts: Vec::new(),
            waits_for: Waits::Nothing,
            item,
            items: None,
        }
    }
}

impl Status {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded(_) => "SUCCEEDED",
            Self::Failed(_) => "FAILED",
            Self::Aborted(_) => "ABORTED",
            Self::TimedOut => "TIMED_OUT",
        }
    }

    /// Why an execution cannot be redriven, if it cannot.
    pub(crate) fn redrive_obstacle(&self) -> Option<String> {
        let is_obstacle = matches!(self, Self::Running | Self::Succeeded(_));
        is_obstacle.then(|| format!("Execution is {} and cannot be redriven", self.name()))
    }
}

impl Engine {
    /// Starts an execution, or finds the running one of that name and input.
    pub(crate) fn start(&mut self, machine: &str, name: Option<&str>, input: &str) -> Result<&Execution, ServiceError> {
        let machine = Arc::clone(self.machine(machine)?);
        let name = name.map_or_else(intrinsic::uuid, str::to_owned);
        check_name(&name)?;
        if input.len() > DATA_BYTES {
            return Err(refuse::too_long("input", DATA_BYTES));
        }
        let input_value = serde_json::from_str(input).map_err(refuse::invalid_input)?;
        let arn = execution_arn(&machine.arn, &name);
        if let Ok(known) = self.index(&arn) {
            // Assumed: the same input means the same text.
            let known = &self.executions[known];
            let is_same = known.status == Status::Running && known.input == input;
            return if is_same { Ok(known) } else { Err(refuse::execution_exists(&arn)) };
        }
        let execution = self.add(arn, name, machine, input, input_value);
        self.drive();
        Ok(&self.executions[execution])
    }

    fn add(&mut self, arn: String, name: String, machine: Arc<Machine>, input: &str, input_value: Value) -> usize {
        let (index, now) = (self.executions.len(), self.now());
        let trunk = Branch::new(&machine.definition.flow, input_value.clone(), 0, None, now);
        let mut details = data("input", input);
        details["roleArn"] = json!(machine.role_arn);
        self.by_arn.insert(arn.clone(), index);
        self.executions.push(Execution {
            arn,
            name,
            machine,
            input: input.to_owned(),
            status: Status::Running,
            started: now,
            ended: None,
            redrives: 0,
            redriven: None,
            history: Vec::new(),
            input_value,
            branches: BTreeMap::from([(TRUNK, trunk)]),
            last_branch: TRUNK,
            timeout: None,
        });
        self.note(index, 0, "ExecutionStarted", &details);
        self.arm_timeout(index);
        self.ready.push_back(Place { execution: index, branch: TRUNK });
        index
    }

    fn arm_timeout(&mut self, execution: usize) {
        let timeout = self.executions[execution].machine.definition.timeout;
        self.executions[execution].timeout =
            timeout.map(|after| self.timers.arm(after, Timer::ExecutionTimeout(execution)));
    }

    /// Stops a running execution; one that has ended stays as it is (assumed of AWS).
    pub(crate) fn stop(&mut self, arn: &str, failure: Failure) -> Result<&Execution, ServiceError> {
        let execution = self.index(arn)?;
        if self.executions[execution].status == Status::Running {
            let details = failure.details();
            // Recorded from AWS: this event follows none.
            self.close(execution, Status::Aborted(failure), 0, "ExecutionAborted", &details);
        }
        Ok(&self.executions[execution])
    }

    pub(super) fn time_execution_out(&mut self, execution: usize) {
        // Assumed: like the event of a stopped execution, this one follows none.
        self.close(execution, Status::TimedOut, 0, "ExecutionTimedOut", &json!({}));
    }

    pub(super) fn succeed_execution(&mut self, at: Place, output: String) {
        let (previous, details) = (self.branch(at).previous_event, data("output", &output));
        self.close(at.execution, Status::Succeeded(output), previous, "ExecutionSucceeded", &details);
    }

    pub(super) fn fail_execution(&mut self, execution: usize, failure: Failure) {
        let previous = self.branch(Place { execution, branch: TRUNK }).previous_event;
        let details = failure.details();
        self.close(execution, Status::Failed(failure), previous, "ExecutionFailed", &details);
    }

    /// Ends an execution: its tasks' tokens are dead from now on, those already handed out too.
    /// AWS's answer to a token of a *stopped* execution is assumed to be the same as to one of any other that ended.
    fn close(&mut self, index: usize, status: Status, previous: u64, kind: &str, details: &Value) {
        self.cancel(Place { execution: index, branch: TRUNK });
        self.ready.retain(|place| place.execution != index);
        if let Some(timeout) = self.executions[index].timeout.take() {
            self.timers.cancel(timeout);
        }
        let now = self.now();
        let execution = &mut self.executions[index];
        execution.status = status;
        execution.ended = Some(now);
        self.note(index, previous, kind, details);
    }

    /// Lets an execution that did not succeed go on from where it ended, with that state's input.
    pub(crate) fn redrive(&mut self, arn: &str) -> Result<Timestamp, ServiceError> {
        let (index, now) = (self.index(arn)?, self.now());
        let execution = &mut self.executions[index];
        if let Some(obstacle) = execution.status.redrive_obstacle() {
            return Err(refuse::not_redrivable(&obstacle));
        }
        execution.status = Status::Running;
        execution.ended = None;
        execution.redrives += 1;
        execution.redriven = Some(now);
        let (last, details) = (execution.history.len() as u64, json!({"redriveCount": execution.redrives}));
        // Assumed: it follows the event that ended the execution, and the state's entry is recorded again.
        let redriven = self.note(index, last, "ExecutionRedriven", &details);
        self.arm_timeout(index);
        self.resume(Place { execution: index, branch: TRUNK }, redriven);
        self.drive();
        Ok(now)
    }
}
