//! Asks Step Functions for tasks, for ever.
//!
//! Step Functions hands a token out once, so that a poll in flight is never cancelled: on stop nobody asks again, and what
//! the polls out there bring is still stored. Each poller opens what it got before it asks again; the number of pollers is
//! therefore also the number of reviews opened at once, and no token waits for room. No queue between the two, no other
//! bound.

use std::{error::Error, sync::Arc, time::Duration};

use holdpoint_platform::{Backoff, Clients, Pulse, Stop};
use holdpoint_review::TaskToken;
use tokio::{task::JoinSet, time::Instant};
use tracing::{Instrument, error, info_span, warn};

use crate::{
    Config, Fatal,
    open::{Opener, Unstored},
};

/// A poller beyond the account's limit stays away so long: the others do its work meanwhile.
const LIMIT_PAUSE: Duration = Duration::from_mins(1);
/// A failure that took so long was no hot loop: the next poll need not wait for the failures before it.
const SLOW_FAILURE: Duration = Duration::from_mins(1);

/// Polls until asked to stop, then waits for what the polls in flight bring.
///
/// # Errors
/// [`Fatal`], once all pollers have finished.
pub(crate) async fn run(
    config: &Config,
    clients: &Clients,
    opener: &Arc<Opener>,
    stop: &Stop,
    pulse: Pulse,
) -> Result<(), Fatal> {
    let poller = Poller {
        clients: clients.clone(),
        activity: config.activity_arn.clone(),
        opener: opener.clone(),
        stop: stop.clone(),
        limit_pause: LIMIT_PAUSE,
        pulse,
    };
    let span = info_span!("poll", activity = config.activity_arn);
    let mut pollers = JoinSet::new();
    for _ in 0..config.pollers.0 {
        pollers.spawn(poller.clone().run().instrument(span.clone()));
    }
    let mut result = Ok(());
    while let Some(ended) = pollers.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(fatal)) => {
                stop.request();
                result = Err(fatal);
            }
            Err(panicked) => {
                error!(error = &panicked as &dyn Error, "a poller crashed; another takes its place");
                pollers.spawn(poller.clone().run().instrument(span.clone()));
            }
        }
    }
    result
}

#[derive(Clone)]
struct Poller {
    clients: Clients,
    activity: String,
    opener: Arc<Opener>,
    stop: Stop,
    limit_pause: Duration,
    pulse: Pulse,
}

/// A task as it was handed out.
struct Task {
    token: TaskToken,
    input: String,
}

/// Why a poll brought nothing.
enum PollError {
    /// Asking again would not help.
    Hopeless(Fatal),
    /// More pollers ask than the account may have.
    TooMany,
    /// Ask again after a while.
    Failed(Box<dyn Error + Send + Sync>),
}

impl Poller {
    async fn run(self) -> Result<(), Fatal> {
        let mut backoff = Backoff::default();
        let mut unstored: Option<Unstored> = None;
        while !self.stop.is_requested() {
            self.pulse.turned();
            if let Some(task) = &unstored
                && !self.opener.can_write(task).await
            {
                backoff.wait(&self.stop).await;
                continue;
            }
            unstored = None;
            let asked_at = Instant::now();
            let polled = self.poll_once().await;
            if polled.is_ok() {
                self.pulse.worked();
            }
            match polled {
                Ok(Some(task)) => unstored = self.opener.open(&task.token, &task.input).await.err(),
                Ok(None) => {}
                Err(PollError::Hopeless(fatal)) => return Err(fatal),
                Err(PollError::TooMany) => {
                    warn!("the account's limit of pollers is reached; this one asks again later");
                    self.stop.pause(self.limit_pause.mul_f64(1.0 + fastrand::f64())).await;
                    continue;
                }
                Err(PollError::Failed(error)) => {
                    warn!(error = &*error as &dyn Error, "activity poll failed");
                    if asked_at.elapsed() >= SLOW_FAILURE {
                        backoff.reset();
                    }
                    backoff.wait(&self.stop).await;
                    continue;
                }
            }
            match &unstored {
                Some(_) => backoff.wait(&self.stop).await,
                None => backoff.reset(),
            }
        }
        Ok(())
    }

    /// One long poll, up to 60 s. Dropping it loses a token for as long as the task's heartbeat.
    async fn poll_once(&self) -> Result<Option<Task>, PollError> {
        let poll =
            self.clients.polling.get_activity_task().activity_arn(&self.activity).worker_name("holdpoint-worker");
        match poll.send().await {
            Ok(reply) => {
                let token = reply.task_token.filter(|token| !token.is_empty()).map(TaskToken::new);
                Ok(token.map(|token| Task { token, input: reply.input.unwrap_or_default() }))
            }
            Err(error) => {
                let said = error.as_service_error().map(|said| (said.meta().code(), said.meta().message()));
                Err(match said {
                    Some((Some(code), message)) if is_hopeless(code) => {
                        let problem = format!("{code}: {}", one_line(message.unwrap_or("no reason given")));
                        PollError::Hopeless(Fatal::Activity { activity: self.activity.clone(), problem })
                    }
                    Some((Some("ActivityWorkerLimitExceeded"), _)) => PollError::TooMany,
                    _ => PollError::Failed(error.into()),
                })
            }
        }
    }
}

fn is_hopeless(code: &str) -> bool {
    matches!(code, "ActivityDoesNotExist" | "InvalidArn" | "AccessDeniedException" | "AccessDenied")
}

fn one_line(text: &str) -> String {
    holdpoint_review::words::visible(text, 500)
}

#[cfg(test)]
mod tests;
