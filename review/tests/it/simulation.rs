//! Schedules: who takes the next turn, and what goes wrong.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Waker},
};

use holdpoint_review::{Channel, Route, TaskToken, Verdict, Who};
use jiff::SignedDuration;

use crate::{
    execution::{Execution, Status},
    rules::{Rules, at_rest},
    services,
    world::{Fault, World},
};

/// Calls that services have under way at most.
const AT_ONCE: usize = 4;
const TICK: SignedDuration = SignedDuration::from_secs(60);

/// Ticks after which everything must be at rest: the queue forgets a deduplication id after five, an orphaned clock message
/// goes after ten, and either may happen twice in a row.
const SETTLED: usize = 30;

/// One thing that happens. Numbers choose among what there is, so that every move means something.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Move {
    /// A worker asks for a task.
    Poll,
    /// A worker receives a clock message, which another may have too.
    Tick(usize),
    /// A worker receives the first notice of a channel that no other worker is serving.
    Send(usize),
    /// A reviewer decides on a round.
    Vote { who: usize, verdict: Verdict, round: usize },
    /// A worker finds a newer version of what a round is about.
    Replace { round: usize, version: usize },
    /// A service takes its next turn.
    Turn(usize),
    /// The same, and something goes wrong with its effect.
    Faulty(usize, Fault),
    /// A service dies between two turns.
    Crash(usize),
    /// The execution goes on by itself.
    GoOn,
    /// A token times out that nobody keeps alive.
    TimeOut,
    /// A token times out all the same: workers were away for long.
    Outage,
    /// A task was handed out, and nobody heard.
    LosePoll,
    /// A clock message comes twice.
    DuplicateClock(usize),
    /// A notice goes to the dead-letter queue.
    LoseNotice(usize),
    /// Somebody stops the execution.
    Abort,
    /// Somebody starts it again where it was stopped.
    Redrive,
    /// Somebody else answers the task.
    AnswerByAnother,
    /// From now on `DescribeExecution` and the history lag behind the execution's end, or do so no more.
    Lag { describe: bool, history: bool },
    /// Time passes.
    Wait(SignedDuration),
}

#[derive(Debug, Clone, PartialEq)]
enum Serves {
    Token(TaskToken),
    Clock,
    Channel(Channel),
    Reviewer,
}

struct Call {
    serves: Serves,
    name: String,
    turns: Pin<Box<dyn Future<Output = ()>>>,
}

pub(crate) struct Simulation {
    pub(crate) world: Rc<World>,
    route: Route,
    calls: Vec<Call>,
    rules: Rules,
}

impl Simulation {
    pub(crate) fn new(route: Route, loops: u32) -> Self {
        let world = Rc::new(World::new(Execution::new(loops)));
        Self { world, route, calls: vec![], rules: Rules::default() }
    }

    /// Whether no service is in the middle of something.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// Makes a move, and checks the rules after it.
    pub(crate) fn make(&mut self, it: Move) -> Result<(), String> {
        match it {
            Move::Poll => self.poll(),
            Move::Tick(which) => self.tick(which),
            Move::Send(which) => self.send(which),
            Move::Vote { who, verdict, round } => self.vote(who, verdict, round),
            Move::Replace { round, version } => self.replace(round, version),
            Move::Turn(which) => self.turn(which, None),
            Move::Faulty(which, fault) => self.turn(which, Some(fault)),
            Move::Crash(which) => self.crash(which),
            _ => self.happen(it),
        }
        let idle = self.is_idle();
        self.rules.check(&self.world.state(), idle)
    }

    fn call(&mut self, serves: Serves, name: String, call: impl Future<Output = ()> + 'static) {
        self.calls.push(Call { serves, name, turns: Box::pin(call) });
        // Up to its first effect, which waits for a turn.
        self.turn(self.calls.len() - 1, None);
    }

    fn poll(&mut self) {
        if self.calls.len() < AT_ONCE {
            let task = self.world.state().execution.hand_out();
            if let Some((token, input)) = task {
                let name = format!("opening with {}", token.expose());
                let call = services::open(self.world.clone(), self.route.clone(), token.clone(), input);
                self.call(Serves::Token(token), name, call);
            }
        }
    }

    fn tick(&mut self, which: usize) {
        let entry = pick(&self.world.state().clock, which).cloned();
        if let Some(entry) = entry.filter(|_| self.calls.len() < AT_ONCE) {
            let name = format!("tick {} of generation {}", entry.id, entry.message.generation);
            self.call(Serves::Clock, name, services::tick(self.world.clone(), entry));
        }
    }

    fn send(&mut self, which: usize) {
        let mut heads = vec![];
        for queued in &self.world.state().notices {
            let served = self.calls.iter().any(|call| call.serves == Serves::Channel(queued.notice.channel.clone()));
            let behind =
                heads.iter().any(|head: &crate::world::QueuedNotice| head.notice.channel == queued.notice.channel);
            if !served && !behind {
                heads.push(queued.clone());
            }
        }
        if let Some(queued) = pick(&heads, which).filter(|_| self.calls.len() < AT_ONCE) {
            let name = format!("sending {:?}", queued.notice.purpose);
            let serves = Serves::Channel(queued.notice.channel.clone());
            self.call(serves, name, services::send(self.world.clone(), queued.clone()));
        }
    }

    fn vote(&mut self, who: usize, verdict: Verdict, round: usize) {
        let rounds = self.world.state().rounds.len();
        if rounds == 0 || self.calls.len() >= AT_ONCE {
            return;
        }
        let number = u32::try_from(round % rounds + 1).unwrap();
        let user = ["U1", "U2"][who % 2];
        let who = Who::SlackUser { user: user.into(), channel: "C1".into() };
        let name = format!("{user} decides {verdict:?} on round {number}");
        self.call(Serves::Reviewer, name, services::decide(self.world.clone(), number, who, verdict));
    }

    fn replace(&mut self, round: usize, version: usize) {
        let rounds = self.world.state().rounds.len();
        if rounds == 0 || self.calls.len() >= AT_ONCE {
            return;
        }
        let number = u32::try_from(round % rounds + 1).unwrap();
        let name = format!("round {number} finds version {version}");
        self.call(Serves::Clock, name, services::replace(self.world.clone(), number, version));
    }

    fn turn(&mut self, which: usize, fault: Option<Fault>) {
        let count = self.calls.len();
        if count == 0 {
            return;
        }
        self.world.state().fault = fault;
        let call = &mut self.calls[which % count];
        self.world.state().at_turn.clone_from(&call.name);
        if call.turns.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.calls.remove(which % count);
        }
        self.world.state().fault = None;
    }

    fn crash(&mut self, which: usize) {
        if !self.calls.is_empty() {
            let call = self.calls.remove(which % self.calls.len());
            self.world.state().log.push(format!("{}: crashes", call.name));
        }
    }

    /// What happens without us.
    fn happen(&mut self, it: Move) {
        let kept_alive = self.is_kept_alive();
        let mut state = self.world.state();
        state.log.push(format!("{it:?}"));
        let token = state.execution.newest_token();
        let fresh = state.fresh.iter().any(|(fresh, _)| *fresh == token);
        match it {
            Move::TimeOut if !kept_alive => state.execution.time_out(),
            Move::Outage if !fresh => state.execution.time_out(),
            Move::GoOn => state.execution.go_on(),
            Move::LosePoll => drop(state.execution.hand_out()),
            Move::DuplicateClock(which) => {
                if let Some(entry) = pick(&state.clock, which).cloned() {
                    state.clock.push(entry);
                }
            }
            Move::LoseNotice(which) => {
                let lost = pick(&state.notices, which).map(|queued| queued.id);
                state.notices.retain(|queued| Some(queued.id) != lost);
            }
            Move::Abort => state.execution.abort(),
            Move::Redrive => state.execution.redrive(),
            Move::AnswerByAnother if !state.execution.answered_by_another => {
                state.execution.answered_by_another = state.execution.answer(&token, None, true);
            }
            Move::Lag { describe, history } => {
                (state.execution.describe_lags, state.execution.history_lags) = (describe, history);
            }
            Move::Wait(time) => state.wait(time),
            _ => {}
        }
    }

    /// A token is kept alive by the worker that opens with it, and by the clock of the round that stores it.
    fn is_kept_alive(&self) -> bool {
        let state = self.world.state();
        let token = state.execution.newest_token();
        let held = self.calls.iter().any(|call| call.serves == Serves::Token(token.clone()));
        let ticks = |number| state.clock.iter().any(|entry| entry.message.round == number);
        held || state.rounds.iter().any(|stored| *stored.round.token() == token && ticks(stored.round.round))
    }

    /// Faults have stopped: everything that can go on goes on, tick after tick.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        for _ in 0..SETTLED {
            self.finish_calls()?;
            for it in [Move::TimeOut, Move::GoOn, Move::Poll] {
                self.make(it)?;
                self.finish_calls()?;
            }
            let clock = self.world.state().clock.clone();
            for entry in clock {
                let at = self.world.state().clock.iter().position(|known| known.id == entry.id);
                if let Some(at) = at {
                    self.make(Move::Tick(at))?;
                    self.finish_calls()?;
                }
            }
            let queued = self.world.state().notices.len();
            for _ in 0..queued {
                self.make(Move::Send(0))?;
                self.finish_calls()?;
            }
            // Only after a pass: a round whose deadline has just gone by is at rest, too, until it ticks.
            if at_rest(&self.world.state()).is_ok() {
                return Ok(());
            }
            self.make(Move::Wait(TICK))?;
        }
        at_rest(&self.world.state())
    }

    fn finish_calls(&mut self) -> Result<(), String> {
        let mut turns = 0;
        while !self.calls.is_empty() {
            turns += 1;
            if turns > 1000 {
                return Err("a call never ends".into());
            }
            self.make(Move::Turn(turns))?;
        }
        Ok(())
    }

    /// Nobody decides any more, until the last deadline has passed.
    pub(crate) fn run_out(&mut self) -> Result<(), String> {
        self.make(Move::Lag { describe: false, history: false })?;
        self.settle()?;
        // In steps of a few days, or the pass after it would find the clock's renewal due, and only that.
        let step = SignedDuration::from(self.route.deadline).min(SignedDuration::from_hours(3 * 24));
        let mut steps = 0;
        while self.world.state().execution.status == Status::Waiting {
            steps += 1;
            if steps > 50 {
                return Err("the execution waits for ever".into());
            }
            self.make(Move::Wait(step))?;
            self.settle()?;
        }
        let all_closed = self.world.state().rounds.iter().all(|stored| !stored.round.is_open());
        if all_closed { Ok(()) } else { Err("a round stays open after its execution ended".into()) }
    }
}

fn pick<T>(from: &[T], which: usize) -> Option<&T> {
    if from.is_empty() { None } else { from.get(which % from.len()) }
}
