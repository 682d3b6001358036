//! Activities, state machines and executions as plain data, and every change to them.
//!
//! Nothing here waits: a call moves executions on until each of them waits for a task, a timer or an integration, and
//! returns.
//! So an answer is in the history before the caller hears that it was taken, and ten thousand waiting executions are
//! rows in maps.

mod execution;
mod history;
mod map;
mod run;
mod task;
mod timers;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::{sync::Notify, time::Instant};

use self::{
    execution::Branch,
    task::Task,
    timers::{Timer, Timers},
};
pub(crate) use self::{
    execution::{Execution, Status},
    history::Event,
    task::Outcome,
};
use super::{definition::Definition, intrinsic, refuse, token::Tokens};
use crate::aws::{Integrations, error::ServiceError};

/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>: of an input, an output, a result.
pub(crate) const DATA_BYTES: usize = 262_144;
const ARN: &str = "arn:aws:states:us-east-1:000000000000";

pub(crate) struct Engine {
    clock: Clock,
    tokens: Tokens,
    pub(crate) activities: BTreeMap<String, Activity>,
    pub(crate) machines: BTreeMap<String, Arc<Machine>>,
    /// Never shrinks: an execution is known by its index.
    pub(crate) executions: Vec<Execution>,
    by_arn: HashMap<String, usize>,
    tasks: HashMap<u64, Task>,
    last_task: u64,
    timers: Timers,
    /// Branches that are about to enter their state.
    ready: VecDeque<Place>,
    integrations: Integrations,
}

#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    /// Scheduled tasks, the oldest first; some may have ended since.
    waiting: VecDeque<u64>,
    /// Told once for each task, so that one poller wakes.
    arrivals: Arc<Notify>,
}

/// One revision of a state machine; an execution keeps the one it started with.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) role_arn: String,
    pub(crate) text: String,
    pub(crate) definition: Definition,
    pub(crate) created: Timestamp,
    pub(crate) revision: Option<String>,
}

/// Where in which execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    execution: usize,
    branch: u32,
}

/// Wall-clock time that runs with tokio's, so that a test which pauses the one pauses the other.
#[derive(Debug)]
struct Clock {
    started: Instant,
    at: Timestamp,
}

impl Clock {
    /// In whole milliseconds, as AWS keeps time.
    fn now(&self) -> Timestamp {
        let now = self.at.saturating_add(self.started.elapsed()).unwrap_or(Timestamp::MAX);
        Timestamp::from_millisecond(now.as_millisecond()).expect("a timestamp's own milliseconds make a timestamp")
    }
}

impl Engine {
    /// `timers_changed` is told when the next timer is due earlier than before.
    pub(crate) fn new(integrations: Integrations, timers_changed: Arc<Notify>) -> Self {
        Self {
            clock: Clock { started: Instant::now(), at: holdpoint_platform::now() },
            tokens: Tokens::new(),
            activities: BTreeMap::new(),
            machines: BTreeMap::new(),
            executions: Vec::new(),
            by_arn: HashMap::new(),
            tasks: HashMap::new(),
            last_task: 0,
            timers: Timers::new(timers_changed),
            ready: VecDeque::new(),
            integrations,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Carries out what is due; then when the next timer is.
    pub(crate) fn advance_timers(&mut self) -> Option<Instant> {
        while let Some(timer) = self.timers.take_due(Instant::now()) {
            match timer {
                Timer::TaskTimeout(task) => self.time_task_out(task, false),
                Timer::HeartbeatTimeout(task) => self.time_task_out(task, true),
                Timer::Continue(at) => self.go_on(at),
                Timer::ExecutionTimeout(execution) => self.time_execution_out(execution),
            }
        }
        self.timers.next()
    }

    /// Creates the activity, or finds the one of that name.
    pub(crate) fn create_activity(&mut self, name: &str) -> Result<&Activity, ServiceError> {
        check_name(name)?;
        let (arn, created) = (format!("{ARN}:activity:{name}"), self.now());
        Ok(self.activities.entry(arn.clone()).or_insert_with(|| Activity {
            arn,
            name: name.to_owned(),
            created,
            waiting: VecDeque::new(),
            arrivals: Arc::new(Notify::new()),
        }))
    }

    pub(crate) fn activity(&self, arn: &str) -> Result<&Activity, ServiceError> {
        self.activities.get(arn).ok_or_else(|| refuse::no_activity(arn))
    }

    /// What tells pollers of this activity that there may be a task.
    pub(crate) fn arrivals(&self, arn: &str) -> Result<Arc<Notify>, ServiceError> {
        self.activity(arn).map(|activity| Arc::clone(&activity.arrivals))
    }

    /// Creates the machine, or finds the one that is exactly so.
    pub(crate) fn create_machine(&mut self, name: &str, text: &str, role_arn: &str) -> Result<&Machine, ServiceError> {
        check_name(name)?;
        let arn = format!("{ARN}:stateMachine:{name}");
        let definition = read_definition(text)?;
        let created = self.now();
        let machine = self.machines.entry(arn.clone()).or_insert_with(|| {
            let (name, text, role_arn) = (name.to_owned(), text.to_owned(), role_arn.to_owned());
            Arc::new(Machine { arn, name, role_arn, text, definition, created, revision: None })
        });
        if machine.text == text && machine.role_arn == role_arn {
            Ok(machine)
        } else {
            Err(refuse::machine_exists(&machine.arn))
        }
    }

    /// A new revision; executions that run keep theirs.
    pub(crate) fn update_machine(
        &mut self,
        arn: &str,
        text: Option<&str>,
        role_arn: Option<&str>,
    ) -> Result<&Machine, ServiceError> {
        let slot = self.machines.get_mut(arn).ok_or_else(|| refuse::no_machine(arn))?;
        let text = text.unwrap_or(&slot.text).to_owned();
        *slot = Arc::new(Machine {
            arn: slot.arn.clone(),
            name: slot.name.clone(),
            role_arn: role_arn.unwrap_or(&slot.role_arn).to_owned(),
            definition: read_definition(&text)?,
            text,
            created: slot.created,
            revision: Some(intrinsic::uuid()),
        });
        Ok(slot)
    }

    pub(crate) fn machine(&self, arn: &str) -> Result<&Arc<Machine>, ServiceError> {
        self.machines.get(arn).ok_or_else(|| refuse::no_machine(arn))
    }

    pub(crate) fn execution(&self, arn: &str) -> Result<&Execution, ServiceError> {
        self.index(arn).map(|index| &self.executions[index])
    }

    fn index(&self, arn: &str) -> Result<usize, ServiceError> {
        self.by_arn.get(arn).copied().ok_or_else(|| refuse::no_execution(arn))
    }

    fn branch(&mut self, at: Place) -> &mut Branch {
        let branches = &mut self.executions[at.execution].branches;
        branches.get_mut(&at.branch).expect("what refers to a branch is cancelled before the branch is removed")
    }
}

fn read_definition(text: &str) -> Result<Definition, ServiceError> {
    Definition::parse(text).map_err(|problem| refuse::invalid_definition(&problem))
}

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
fn check_name(name: &str) -> Result<(), ServiceError> {
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control() && !"<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    if (1..=80).contains(&name.chars().count()) && name.chars().all(is_allowed) {
        Ok(())
    } else {
        Err(refuse::invalid_name(name))
    }
}
