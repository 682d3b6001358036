//! A stand-in for AWS Step Functions: one process, in memory, for trying Holdpoint out and for tests. Production is
//! AWS.
//!
//! It exists because none of the emulators runs activities as AWS does, and a review is an activity: a long poll that
//! hands a token out once, clocks that start when a worker has the task, tokens that die.
//! Four layers, each knowing only those before it: what a definition means (`path` to `definition`, pure), executions
//! as plain data (`engine`, never waits), the API's JSON (`wire`), and here the lock, the one task that keeps time, and
//! the poll.
//! Absent: Express, versions, Parallel, Distributed Map, `JSONata`, callbacks (`.waitForTaskToken`), quotas, and
//! anything on disk.

mod choice;
mod definition;
mod engine;
mod expression;
mod failure;
mod intrinsic;
mod path;
mod refuse;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod wire;

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    select,
    sync::Notify,
    time::{sleep, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use self::engine::Engine;
use super::{Integrations, error::ServiceError};

/// Step Functions; clones share their executions. Everything ends with the last clone.
#[derive(Clone)]
pub(crate) struct StepFunctions {
    shared: Arc<Shared>,
    _clockwork: Arc<AbortOnDropHandle<()>>,
}

struct Shared {
    /// Guards all there is: a call holds it while executions move on, which never waits, and then lets go.
    /// Integrations are called under it: they are in memory too, and none of them calls back.
    engine: Mutex<Engine>,
    timers_changed: Arc<Notify>,
}

/// AWS holds a poll for 60 s and asks clients to wait at least 65.
const POLL: Duration = Duration::from_mins(1);

impl StepFunctions {
    /// Starts empty, with the one task that keeps time; needs a tokio runtime.
    pub(crate) fn new(integrations: Integrations) -> Self {
        let timers_changed = Arc::new(Notify::new());
        let engine = Mutex::new(Engine::new(integrations, Arc::clone(&timers_changed)));
        let shared = Arc::new(Shared { engine, timers_changed });
        let clockwork = tokio::spawn(keep_time(Arc::clone(&shared)));
        Self { shared, _clockwork: Arc::new(AbortOnDropHandle::new(clockwork)) }
    }

    /// Answers one request; `action` is what follows `AWSStepFunctions.` in `X-Amz-Target`.
    ///
    /// `GetActivityTask` takes up to a minute. A poll that is dropped before it has answered takes no task with it.
    ///
    /// # Errors
    /// AWS's refusals, in AWS's codes.
    pub(crate) async fn handle(&self, action: &str, body: &[u8]) -> Result<Value, ServiceError> {
        let request = wire::read(body)?;
        if action == "GetActivityTask" {
            return self.poll(request.activity_arn()?, request.worker_name.as_deref()).await;
        }
        wire::answer(&mut self.shared.engine(), action, &request)
    }

    /// Times out every task that a worker has.
    pub(crate) fn time_tasks_out(&self) {
        self.shared.engine().time_tasks_out();
    }

    async fn poll(&self, activity: &str, worker: Option<&str>) -> Result<Value, ServiceError> {
        let arrivals = self.shared.engine().arrivals(activity)?;
        let mut over = pin!(sleep(POLL));
        loop {
            // In line before looking, so that a task that arrives in between wakes this poll; dropped, its place goes
            // to the next one.
            let mut arrival = pin!(arrivals.notified());
            arrival.as_mut().enable();
            // Nothing is awaited between taking the task and answering.
            if let Some((token, input)) = self.shared.engine().hand_out(activity, worker)? {
                return Ok(json!({"taskToken": token, "input": input}));
            }
            select! {
                () = arrival => {}
                () = &mut over => return Ok(json!({"taskToken": null})),
            }
        }
    }
}

impl Shared {
    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().expect("no code panics while it holds the lock")
    }
}

impl fmt::Debug for StepFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepFunctions").finish_non_exhaustive()
    }
}

/// Fires timers when they are due.
async fn keep_time(shared: Arc<Shared>) {
    loop {
        let next = shared.engine().advance_timers();
        let timer_due = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        select! {
            () = timer_due => {}
            () = shared.timers_changed.notified() => {}
        }
    }
}
