//! Step Functions, as a review needs it: keep a task alive, tell it the answer, and see what became of an execution.

mod asked;
mod history;

use std::{sync::Arc, time::Duration};

use aws_sdk_sfn::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::ExecutionStatus,
};
use holdpoint_review::{Answer, ExecutionFacts, REVIEW_BAD_INPUT, Round, TaskToken};
use tokio::time::Instant;

use self::asked::Asked;

/// The tasks of one account.
#[derive(Debug, Clone)]
pub struct Tasks {
    sfn: Client,
    asked: Arc<Asked>,
}

/// What Step Functions says to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskReply {
    /// It took what it was told.
    Taken,
    /// It knows this token no more: used, timed out, or its execution ended. Which, only the execution can say.
    Lost,
}

/// Step Functions did not answer, or refused: try again; what was told may have been heard.
#[derive(Debug, thiserror::Error)]
#[error("Step Functions cannot be reached")]
pub struct TasksError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Tasks {
    /// Tasks through this client.
    pub fn new(sfn: Client) -> Self {
        Self { sfn, asked: Arc::default() }
    }

    /// Says that the task is alive.
    ///
    /// # Errors
    /// [`TasksError`]: unknown.
    pub async fn heartbeat(&self, token: &TaskToken) -> Result<TaskReply, TasksError> {
        reply(self.sfn.send_task_heartbeat().task_token(token.expose()).send().await)
    }

    /// Tells the answer.
    ///
    /// # Errors
    /// [`TasksError`]: it may have been heard.
    pub async fn tell(&self, token: &TaskToken, answer: &Answer) -> Result<TaskReply, TasksError> {
        match answer {
            Answer::Success { output } => {
                reply(self.sfn.send_task_success().task_token(token.expose()).output(output).send().await)
            }
            Answer::Failure { error, cause } => self.fail(token, error, cause).await,
        }
    }

    /// Fails a task whose input is not what the contract says.
    ///
    /// # Errors
    /// [`TasksError`]: it may have been heard; if not, the task comes again.
    pub async fn refuse_input(&self, token: &TaskToken, cause: &str) -> Result<TaskReply, TasksError> {
        self.fail(token, REVIEW_BAD_INPUT, cause).await
    }

    async fn fail(&self, token: &TaskToken, error: &str, cause: &str) -> Result<TaskReply, TasksError> {
        reply(self.sfn.send_task_failure().task_token(token.expose()).error(error).cause(cause).send().await)
    }

    /// What became of a round's execution, after its newest token was lost.
    ///
    /// An open round asks first whether the execution runs; a closed one looks first for its own answer, because that
    /// counts whatever came after it.
    ///
    /// # Errors
    /// [`TasksError`]: nothing is known.
    pub async fn facts(&self, round: &Round) -> Result<ExecutionFacts, TasksError> {
        let mut facts = ExecutionFacts {
            running: false,
            history_is_whole: false,
            answered_by_us: false,
            answered_by_another: false,
            later_round: false,
        };
        if round.is_open() {
            facts.running = self.is_running(round).await?;
            if facts.running {
                self.read_history(round, &mut facts).await?;
            }
        } else {
            self.read_history(round, &mut facts).await?;
            facts.running = !facts.answered_by_us && self.is_running(round).await?;
        }
        Ok(facts)
    }

    /// Whether it is time to ask for the facts of a lost token: at once, then ever more seldom.
    pub(crate) fn is_due(&self, round: &Round) -> bool {
        self.asked.is_due(round, Instant::now())
    }

    /// Notes facts that changed nothing, or that there were none; whether they are others than before.
    pub(crate) fn asked_in_vain(&self, round: &Round, facts: Option<ExecutionFacts>, tick: Duration) -> bool {
        self.asked.in_vain(round, facts, tick, Instant::now())
    }

    async fn is_running(&self, round: &Round) -> Result<bool, TasksError> {
        let execution = &round.visit().execution;
        match self.sfn.describe_execution().execution_arn(execution).send().await {
            Ok(reply) => Ok(matches!(reply.status(), ExecutionStatus::Running | ExecutionStatus::PendingRedrive)),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(TasksError(error.into())),
        }
    }

    async fn read_history(&self, round: &Round, facts: &mut ExecutionFacts) -> Result<(), TasksError> {
        let history = self.sfn.get_execution_history().execution_arn(&round.visit().execution);
        let mut pages = history.include_execution_data(true).into_paginator().page_size(1000).send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => events.extend(page.events),
                // An execution that Step Functions has forgotten has nothing to add to its history.
                Err(error) if is_gone(&error) => {
                    facts.history_is_whole = true;
                    return Ok(());
                }
                Err(error) => return Err(TasksError(error.into())),
            }
        }
        history::judge(round, &events, facts);
        Ok(())
    }
}

fn reply<T, E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(
    reply: Result<T, SdkError<E>>,
) -> Result<TaskReply, TasksError> {
    match reply {
        Ok(_) => Ok(TaskReply::Taken),
        Err(error) => match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some("TaskTimedOut" | "TaskDoesNotExist" | "InvalidToken") => Ok(TaskReply::Lost),
            _ => Err(TasksError(error.into())),
        },
    }
}

fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ExecutionDoesNotExist")
}
