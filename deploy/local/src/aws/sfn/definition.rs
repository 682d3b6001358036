//! A state machine's definition as plain data, checked when it is read so that running it cannot meet a missing state.
//!
//! Paths only. `JSONata`, variables, Parallel and Distributed Map are refused by name: the stand-in runs what
//! Holdpoint's state machines use.

mod fields;
mod read;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    choice::Rule,
    expression::Expression,
    failure::Failure,
    path::{Path, Scope},
    template::Template,
};

#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) flow: Arc<Flow>,
    pub(crate) timeout: Option<Duration>,
}

/// States that lead to each other: a whole machine, or what a Map does with each item.
#[derive(Debug)]
pub(crate) struct Flow {
    start_at: String,
    states: BTreeMap<String, Arc<State>>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// `None`: `null` in the definition, which means `{}`.
    input_path: Option<Path>,
    output_path: Option<Path>,
    parameters: Option<Template>,
    result_selector: Option<Template>,
    /// `None`: `null` in the definition, which drops the result.
    result_path: Option<Path>,
    pub(crate) retriers: Vec<Retrier>,
    pub(crate) catchers: Vec<Catcher>,
    /// `None`: the flow ends here.
    pub(crate) next: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Task { resource: Resource, timeout: Option<Seconds>, heartbeat: Option<Seconds> },
    Choice { rules: Vec<(Rule, String)>, default: Option<String> },
    Pass { result: Option<Value> },
    Wait(Wait),
    Succeed,
    Fail { error: Option<Expression>, cause: Option<Expression> },
    Map { items_path: Path, max_concurrency: usize, flow: Arc<Flow> },
}

#[derive(Debug, Clone)]
pub(crate) enum Resource {
    /// The activity's ARN.
    Activity(String),
    /// The action on S3, for example `copyObject`.
    S3(String),
    /// A message to a topic of SNS.
    Publish,
}

#[derive(Debug)]
pub(crate) enum Seconds {
    Fixed(u64),
    At(Path),
}

#[derive(Debug)]
pub(crate) enum Wait {
    For(Seconds),
    Until(Timestamp),
    UntilAt(Path),
}

#[derive(Debug)]
pub(crate) struct Retrier {
    pub(crate) errors: Vec<String>,
    interval_seconds: u64,
    pub(crate) max_attempts: u64,
    backoff_rate: f64,
    max_delay_seconds: Option<u64>,
    full_jitter: bool,
}

#[derive(Debug)]
pub(crate) struct Catcher {
    pub(crate) errors: Vec<String>,
    pub(crate) result_path: Option<Path>,
    pub(crate) next: String,
}

impl Definition {
    /// Reads and checks the text of a definition; the error is the sentence that follows `Invalid State Machine
    /// Definition:`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        read::definition(text)
    }
}

impl Flow {
    pub(crate) fn first(&self) -> Arc<State> {
        self.state(&self.start_at)
    }

    pub(crate) fn state(&self, name: &str) -> Arc<State> {
        Arc::clone(self.states.get(name).expect("every target was checked when the definition was read"))
    }
}

impl State {
    /// What `InputPath` leaves of the input.
    pub(crate) fn effective_input(&self, scope: Scope<'_>) -> Result<Value, String> {
        select(self.input_path.as_ref(), scope, "InputPath")
    }

    /// What the state works on: `Parameters` (of a Map: the item's), or the input as it is.
    pub(crate) fn fill_parameters(&self, scope: Scope<'_>) -> Result<Option<Value>, String> {
        self.parameters.as_ref().map(|template| template.fill(scope)).transpose()
    }

    /// The state's output: its result through `ResultSelector`, placed into the raw input by `ResultPath`, through
    /// `OutputPath`.
    pub(crate) fn output(&self, input: Value, result: Value, context: &Value) -> Result<Value, String> {
        let result = match &self.result_selector {
            Some(template) => template.fill(Scope { input: &result, context })?,
            None => result,
        };
        self.through_output_path(place(self.result_path.as_ref(), input, result)?, context)
    }

    pub(crate) fn through_output_path(&self, output: Value, context: &Value) -> Result<Value, String> {
        match &self.output_path {
            Some(path) if *path == Path::whole_input() => Ok(output),
            path => select(path.as_ref(), Scope { input: &output, context }, "OutputPath"),
        }
    }
}

impl Catcher {
    pub(crate) fn output(&self, input: Value, failure: &Failure) -> Result<Value, String> {
        // Assumed: AWS gives an error without a cause, such as a timeout, an empty `Cause`.
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        place(self.result_path.as_ref(), input, json!({"Error": text(&failure.error), "Cause": text(&failure.cause)}))
    }
}

impl Retrier {
    /// How long to wait after the failure that follows `attempts` retries.
    pub(crate) fn delay(&self, attempts: u64) -> Duration {
        /// Longer than any execution may run; keeps a backoff finite.
        const YEAR_SECONDS: f64 = 31_536_000.0;
        let backoff = self.backoff_rate.powi(i32::try_from(attempts).unwrap_or(i32::MAX));
        let cap = self.max_delay_seconds.map_or(YEAR_SECONDS, |seconds| Duration::from_secs(seconds).as_secs_f64());
        let delay = Duration::from_secs(self.interval_seconds).as_secs_f64() * backoff;
        let delay = Duration::from_secs_f64(delay.min(cap));
        if self.full_jitter { delay.mul_f64(fastrand::f64()) } else { delay }
    }
}

impl Seconds {
    pub(crate) fn resolve(&self, scope: Scope<'_>, field: &str) -> Result<u64, String> {
        match self {
            Self::Fixed(seconds) => Ok(*seconds),
            Self::At(path) => {
                let seconds = path.find(scope).and_then(Value::as_u64);
                seconds.ok_or_else(|| {
                    format!("The {field} parameter '{}' does not reference a whole number of seconds", path.text())
                })
            }
        }
    }
}

impl Kind {
    /// As it is called in definitions and in the names of events.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Task { .. } => "Task",
            Self::Choice { .. } => "Choice",
            Self::Pass { .. } => "Pass",
            Self::Wait(_) => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail { .. } => "Fail",
            Self::Map { .. } => "Map",
        }
    }
}

fn select(path: Option<&Path>, scope: Scope<'_>, field: &str) -> Result<Value, String> {
    match path {
        None => Ok(Value::Object(Map::new())),
        Some(path) => path.find(scope).cloned().ok_or_else(|| {
            let (path, input) = (path.text(), scope.input);
            format!("Invalid path '{path}' : No results for path: {path} in {field}, input '{input}'")
        }),
    }
}

fn place(path: Option<&Path>, input: Value, result: Value) -> Result<Value, String> {
    match path {
        None => Ok(input),
        Some(path) => path.place(input, result),
    }
}
