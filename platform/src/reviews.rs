//! Carries out what the pure life says: first the write, by compare-and-swap, then the actions in their order.

use std::time::Duration;

use holdpoint_review::{Action, ClockMessage, Closing, ExecutionFacts, Input, Notice, Round, Step, renewed, step};
use tracing::{debug, info, warn};

use crate::{
    Clients, Common, Ledger, Objects, ObjectsError, Queue, QueueError, ReadError, Stored, TaskReply, Tasks, TasksError,
    WriteError, metrics, now,
};

/// Everything that a review's life touches.
#[derive(Debug, Clone)]
pub struct Reviews {
    /// The durable record.
    pub ledger: Ledger,
    /// What reviews are about.
    pub objects: Objects,
    /// Step Functions.
    pub tasks: Tasks,
    /// Makes open reviews tick.
    pub clock: Queue,
    /// Messages to be sent.
    pub notices: Queue,
    /// How long a new clock message is delayed: one tick.
    pub tick: Duration,
}

/// What was carried out.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The round as it stands in the ledger now.
    pub stored: Stored,
    /// The clock message that was received has done its work.
    pub delete_clock: bool,
}

/// Why a step was not carried out to its end. The clock finishes whatever was left half done.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The round could not be written as it was meant to be: read it again.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The ledger could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A message could not be sent.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

fn count_closing(was_open: bool, round: &Round) {
    let Some(outcome) = round.outcome().filter(|_| was_open) else { return };
    metrics::CLOSED.get_or_create(&[("outcome", outcome.as_str())]).inc();
    if matches!(outcome.closing, Closing::Approved | Closing::Rejected) {
        metrics::DECISION.observe(metrics::seconds_between(round.opened_at(), now()));
    }
}

impl Reviews {
    /// Everything, as the settings say.
    pub fn new(common: &Common, clients: &Clients) -> Self {
        Self {
            ledger: Ledger::new(clients.s3.clone(), &common.bucket),
            objects: Objects::new(clients.s3.clone(), &common.bucket),
            tasks: Tasks::new(clients.sfn.clone()),
            clock: Queue::new(clients.sqs.clone(), &common.clock_queue_url),
            notices: Queue::new(clients.sqs.clone(), &common.notices_queue_url),
            tick: common.tick.into(),
        }
    }

    /// Writes what a step says, under the `ETag` that `stored` was read with, and does what follows.
    ///
    /// That Step Functions cannot be reached is no error: a decision stands once it is written, and the clock delivers it.
    ///
    /// # Errors
    /// [`Interrupted`]; after a refused write nothing else was done.
    pub async fn carry_out(&self, stored: Stored, step: Step) -> Result<Carried, Interrupted> {
        let mut carried = Carried { stored, delete_clock: false };
        if let Some(round) = step.write {
            let was_open = carried.stored.round.is_open();
            carried.stored = self.ledger.replace(&carried.stored, round).await?;
            count_closing(was_open, &carried.stored.round);
        }
        for action in step.then {
            match action {
                Action::Heartbeat => {
                    let reply = self.tasks.heartbeat(carried.stored.round.token()).await;
                    if let Some(next) = self.after_task_reply(&carried.stored, reply).await? {
                        // What follows from a reply includes all that was still to be done before it.
                        return Box::pin(self.carry_out(carried.stored, next)).await;
                    }
                }
                Action::Tell(answer) => {
                    let reply = self.tasks.tell(carried.stored.round.token(), &answer).await;
                    if matches!(reply, Ok(TaskReply::Taken)) {
                        return Box::pin(self.record_told(carried.stored)).await;
                    }
                    if let Some(next) = self.after_task_reply(&carried.stored, reply).await? {
                        return Box::pin(self.carry_out(carried.stored, next)).await;
                    }
                }
                Action::Notify(notice) => self.notify(&notice).await?,
                Action::RenewClock(generation) => {
                    carried = Box::pin(self.renew_clock(carried.stored, generation)).await?;
                }
                Action::LeaveIndex => self.ledger.leave_index(&carried.stored.round).await?,
                Action::DeleteClock => carried.delete_clock = true,
            }
        }
        Ok(carried)
    }

    /// Writes that Step Functions took the answer. True whatever else was written meanwhile, because a round has one
    /// closing event: so a refused write is tried again, which for any other fact would be blind.
    async fn record_told(&self, mut stored: Stored) -> Result<Carried, Interrupted> {
        loop {
            let told = step(&stored.round, Input::Told, now());
            match Box::pin(self.carry_out(stored.clone(), told)).await {
                Err(Interrupted::Write(WriteError::Refused)) => stored = self.read_again(stored).await?,
                done => return done,
            }
        }
    }

    /// The step that follows where Step Functions knows the token no more; none where nothing changes.
    async fn after_task_reply(
        &self,
        stored: &Stored,
        reply: Result<TaskReply, TasksError>,
    ) -> Result<Option<Step>, Interrupted> {
        let round = &stored.round;
        match reply {
            Ok(TaskReply::Lost) if self.tasks.is_due(round) => self.after_token_lost(round).await,
            Ok(TaskReply::Taken | TaskReply::Lost) => Ok(None),
            Err(error) => {
                warn!(review.id = %round.review_id, error = &error as &dyn std::error::Error, "a task could not be told; the clock tries again");
                Ok(None)
            }
        }
    }

    async fn after_token_lost(&self, round: &Round) -> Result<Option<Step>, Interrupted> {
        let facts = match self.tasks.facts(round).await {
            Ok(facts) => facts,
            Err(error) => {
                self.tasks.asked_in_vain(round, None, self.tick);
                warn!(review.id = %round.review_id, error = &error as &dyn std::error::Error, "an execution could not be looked at; the clock tries again");
                return Ok(None);
            }
        };
        let later_round = !round.is_open() && self.ledger.has_later(round).await?;
        let facts = ExecutionFacts { later_round, ..facts };
        let next = step(round, Input::TokenLost(facts), now());
        // What changes the round is not noted: should the write be refused, the next tick asks at once.
        if next.write.is_some() || self.tasks.asked_in_vain(round, Some(facts), self.tick) {
            metrics::TOKENS_LOST.inc();
            info!(review.id = %round.review_id, review.round = round.round, execution.running = facts.running, "a task token was lost");
        }
        Ok(Some(next).filter(|step| step.write.is_some()))
    }

    /// Notes that a newer version of what a round is about is there, if so; the round as it stands then.
    ///
    /// Asked at each tick: a version that is let through has no review of its own that could say so.
    ///
    /// # Errors
    /// [`Interrupted`]: the next tick asks again.
    pub async fn look_for_newer(&self, stored: Stored) -> Result<Stored, Interrupted> {
        let round = &stored.round;
        let Some(source) = round.request.source.as_ref().filter(|_| round.is_open()) else { return Ok(stored) };
        let newer = self.objects.newer_than(source).await.unwrap_or_else(|error| {
            let (cause, what) = (&error as &dyn std::error::Error, "whether a newer version is there is not known");
            if matches!(error, ObjectsError::Denied) && self.objects.is_first_denial() {
                warn!(error = cause, "{what}; this is said once");
            } else {
                debug!(error = cause, "{what}");
            }
            None
        });
        let Some(version) = newer else { return Ok(stored) };
        let replaced = step(round, Input::Replaced(round.visit().newer(&version)), now());
        if replaced.write.is_some() {
            info!(review.id = %round.review_id, review.round = round.round, "a newer version of what is reviewed is there");
        }
        Ok(Box::pin(self.carry_out(stored, replaced)).await?.stored)
    }

    /// Queues a message.
    ///
    /// # Errors
    /// [`QueueError`]: the clock queues it again.
    pub async fn notify(&self, notice: &Notice) -> Result<(), QueueError> {
        self.notices.send_in_order(notice, &notice.group(), &notice.deduplication_id()).await
    }

    /// Sends the clock message that makes a round of this generation tick.
    ///
    /// # Errors
    /// [`QueueError`]: it may have been sent.
    pub async fn start_clock(&self, round: &Round, generation: u32) -> Result<(), QueueError> {
        let message = ClockMessage { review_id: round.review_id.clone(), round: round.round, generation };
        self.clock.send(&message, self.tick).await
    }

    /// Successor first, then the ledger's generation: a crash in between leaves two clocks, never none.
    async fn renew_clock(&self, stored: Stored, generation: u32) -> Result<Carried, Interrupted> {
        self.start_clock(&stored.round, generation).await?;
        let mut stored = stored;
        while let Some(round) = renewed(&stored.round, generation, now()) {
            match self.ledger.replace(&stored, round).await {
                Ok(written) => return Ok(Carried { stored: written, delete_clock: true }),
                Err(WriteError::Refused) => stored = self.read_again(stored).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Carried { stored, delete_clock: false })
    }

    async fn read_again(&self, stored: Stored) -> Result<Stored, Interrupted> {
        let again = self.ledger.read(&stored.round.review_id, stored.round.round).await?;
        // Removed from the ledger meanwhile: nothing can be written over it any more.
        again.ok_or(Interrupted::Write(WriteError::Refused))
    }
}
