//! One execution as Step Functions runs it: tasks that time out and are retried, loops, aborts, redrives.

use holdpoint_review::{ActivityInput, ExecutionFacts, ReviewRequest, Round, TaskToken, Visit};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// No worker has it.
    Scheduled,
    /// Handed out, once.
    Started,
    TimedOut,
    /// Its execution was stopped.
    Gone,
    /// By a round of ours, or by somebody else.
    Answered {
        by: Option<u32>,
        approved: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) visit: Visit,
    pub(crate) state: TaskState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// The newest task is waited for.
    Waiting,
    /// It was answered; the next state has not been entered.
    Passing {
        approved: bool,
    },
    Ended,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Execution {
    pub(crate) status: Status,
    pub(crate) tasks: Vec<Task>,
    pub(crate) loops_left: u32,
    pub(crate) aborted: bool,
    pub(crate) answered_by_another: bool,
    /// Describe does not know of its end yet.
    pub(crate) describe_lags: bool,
    /// The history holds neither its end yet nor what became of the newest two tasks.
    pub(crate) history_lags: bool,
    redrives: u32,
}

impl Execution {
    pub(crate) fn new(loops_left: u32) -> Self {
        let mut execution = Self {
            status: Status::Waiting,
            tasks: vec![],
            loops_left,
            aborted: false,
            answered_by_another: false,
            describe_lags: false,
            history_lags: false,
            redrives: 0,
        };
        execution.enter();
        execution
    }

    fn enter(&mut self) {
        let visit = Visit {
            execution: "arn:execution".into(),
            state: "AwaitReview".into(),
            entered: format!("after {} tasks", self.tasks.len()),
            redrives: self.redrives,
        };
        self.status = Status::Waiting;
        self.tasks.push(Task { visit, state: TaskState::Scheduled });
    }

    pub(crate) fn newest(&self) -> &Task {
        self.tasks.last().expect("an execution starts with a task")
    }

    fn newest_mut(&mut self) -> &mut Task {
        self.tasks.last_mut().expect("an execution starts with a task")
    }

    pub(crate) fn newest_token(&self) -> TaskToken {
        TaskToken::new(format!("token {}", self.tasks.len()))
    }

    /// `GetActivityTask`: hands the task out, once.
    pub(crate) fn hand_out(&mut self) -> Option<(TaskToken, ActivityInput)> {
        if self.status != Status::Waiting || self.newest().state != TaskState::Scheduled {
            return None;
        }
        self.newest_mut().state = TaskState::Started;
        let visit = self.newest().visit.clone();
        Some((self.newest_token(), ActivityInput { version: 1, visit, request: request() }))
    }

    pub(crate) fn is_alive(&self, token: &TaskToken) -> bool {
        self.status == Status::Waiting && self.newest().state == TaskState::Started && self.newest_token() == *token
    }

    pub(crate) fn is_running(&self) -> bool {
        self.describe_lags || self.status != Status::Ended
    }

    /// Whether the answer was taken.
    pub(crate) fn answer(&mut self, token: &TaskToken, by: Option<u32>, approved: bool) -> bool {
        let alive = self.is_alive(token);
        if alive {
            self.newest_mut().state = TaskState::Answered { by, approved };
            self.status = Status::Passing { approved };
        }
        alive
    }

    /// A history that lags lacks its tail, and that may be long: also an answer whose execution has gone on to a later visit.
    pub(crate) fn history(&self, round: &Round) -> ExecutionFacts {
        let seen = self.tasks.len().saturating_sub(if self.history_lags { 2 } else { 0 });
        let seen = &self.tasks[..seen];
        let has_left =
            seen.iter().skip_while(|task| task.visit != *round.visit()).any(|task| task.visit != *round.visit());
        let answers = seen.iter().filter_map(|task| match task.state {
            TaskState::Answered { by, .. } => Some((&task.visit, by)),
            _ => None,
        });
        let mut facts = ExecutionFacts {
            running: true,
            history_is_whole: has_left || (self.status == Status::Ended && !self.history_lags),
            answered_by_us: false,
            answered_by_another: false,
            later_round: false,
        };
        for (visit, by) in answers {
            facts.answered_by_us |= by == Some(round.round);
            facts.answered_by_another |= by != Some(round.round) && visit == round.visit();
        }
        facts
    }

    /// The task's time is over.
    pub(crate) fn time_out(&mut self) {
        if self.status == Status::Waiting && self.newest().state == TaskState::Started {
            self.newest_mut().state = TaskState::TimedOut;
        }
    }

    /// Everything that an execution does on its own: retries a task that timed out, goes on after an answer.
    pub(crate) fn go_on(&mut self) {
        match (self.status, self.newest().state) {
            (Status::Waiting, TaskState::TimedOut) => {
                let visit = self.newest().visit.clone();
                self.tasks.push(Task { visit, state: TaskState::Scheduled });
            }
            (Status::Passing { approved: true }, _) if self.loops_left > 0 => {
                self.loops_left -= 1;
                self.enter();
            }
            (Status::Passing { .. }, _) => self.status = Status::Ended,
            _ => {}
        }
    }

    pub(crate) fn abort(&mut self) {
        if self.status == Status::Ended {
            return;
        }
        if self.status == Status::Waiting {
            self.newest_mut().state = TaskState::Gone;
        }
        self.status = Status::Ended;
        self.aborted = true;
    }

    /// Enters the waiting state again, where the execution was stopped in it.
    pub(crate) fn redrive(&mut self) {
        if self.status == Status::Ended && self.newest().state == TaskState::Gone {
            self.redrives += 1;
            self.enter();
        }
    }
}

/// The same question at every visit.
fn request() -> ReviewRequest {
    ReviewRequest {
        key: "push".into(),
        dataset: "orders".into(),
        customer: "acme".into(),
        title: "acme delivered orders".into(),
        measure: None,
        findings: vec![],
        if_approved: "It goes on.".into(),
        if_rejected: "It does not.".into(),
        submitter: None,
        source: None,
        evidence: None,
    }
}
