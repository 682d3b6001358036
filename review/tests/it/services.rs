//! The services, as far as the order of their effects goes: DESIGN.md section 4 line by line, around the real pure life.

use std::rc::Rc;

use holdpoint_review::{
    Action, ActivityInput, Admission, ClockMessage, ExecutionFacts, Input, Notice, ObjectVersion, Purpose, Route, Step,
    TaskToken, Verdict, Who, admit, may_decide, owed, own_vote, renewed, step, vote,
};
use jiff::SignedDuration;

use crate::world::{ClockEntry, QueuedNotice, Stored, Unknown, World};

/// A clock message without a document is given up after this time.
const NO_DOCUMENT: SignedDuration = SignedDuration::from_mins(10);
/// How often one call starts again at the read before it leaves the rest to the clock.
const TRIES: usize = 4;

#[derive(Debug)]
enum Interrupted {
    Refused,
    Unknown,
}

impl From<Unknown> for Interrupted {
    fn from(_: Unknown) -> Self {
        Self::Unknown
    }
}

/// Worker: read → heartbeat → clock → CAS → decided already: tell; else queue the request.
pub(crate) async fn open(world: Rc<World>, route: Route, token: TaskToken, input: ActivityInput) {
    for _ in 0..TRIES {
        if try_to_open(&world, &route, &token, &input).await.is_ok() {
            return;
        }
    }
}

async fn try_to_open(
    world: &World,
    route: &Route,
    token: &TaskToken,
    input: &ActivityInput,
) -> Result<(), Interrupted> {
    let latest = world.read_latest().await?;
    let known = latest.as_ref().map(|stored| &stored.round);
    let admission = admit(known, token, input, || Some(route.clone()), world.now()).expect("the question is the same");
    let round = match admission {
        Admission::Known => {
            let stored = latest.expect("it knows the token");
            let then = owed(&stored.round);
            return carry_out(world, stored, Step { write: None, then }).await.map(drop);
        }
        Admission::Join(ref round) | Admission::Open(ref round) => round.clone(),
    };
    if !world.heartbeat(token).await? {
        return Ok(());
    }
    let _fresh = Fresh::new(world, token);
    let message =
        ClockMessage { review_id: round.review_id.clone(), round: round.round, generation: round.generation() };
    world.send_clock(message).await?;
    let written = match (admission, latest) {
        (Admission::Join(_), Some(stored)) => world.replace(&stored, round).await?,
        _ => world.create(round).await?,
    };
    let stored = written.ok_or(Interrupted::Refused)?;
    let then = owed(&stored.round);
    carry_out(world, stored, Step { write: None, then }).await.map(drop)
}

/// While it lives, the token was found alive and is about to be stored: no time-out fits in before the CAS, nor ten minutes.
struct Fresh<'a>(&'a World, TaskToken);

impl<'a> Fresh<'a> {
    fn new(world: &'a World, token: &TaskToken) -> Self {
        let mut state = world.state();
        let now = state.now;
        state.fresh.push((token.clone(), now));
        Self(world, token.clone())
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        self.0.state().fresh.retain(|(token, _)| *token != self.1);
    }
}

/// Worker: one clock message.
pub(crate) async fn tick(world: Rc<World>, entry: ClockEntry) {
    // Whatever is left half done, the message comes again.
    let _ = try_to_tick(&world, &entry).await;
}

async fn try_to_tick(world: &World, entry: &ClockEntry) -> Result<(), Interrupted> {
    let delete = match world.read(entry.message.round).await? {
        None => world.now().duration_since(entry.sent_at) >= NO_DOCUMENT,
        Some(stored) => {
            let tick = Input::Tick { generation: entry.message.generation, sent_at: entry.sent_at };
            let next = step(&stored.round, tick, world.now());
            carry_out(world, stored, next).await?.1
        }
    };
    if delete {
        world.delete_clock(entry.id).await?;
    }
    Ok(())
}

/// Callback: CAS → tell the newest token of that document → CAS resolved → queue the outcome.
pub(crate) async fn decide(world: Rc<World>, round: u32, who: Who, verdict: Verdict) {
    for _ in 0..TRIES {
        if try_to_decide(&world, round, &who, verdict).await.is_ok() {
            return;
        }
    }
}

async fn try_to_decide(world: &World, round: u32, who: &Who, verdict: Verdict) -> Result<(), Interrupted> {
    let Some(stored) = world.read(round).await? else { return Ok(()) };
    let next = if let Ok(step) = vote(&stored.round, who, verdict, None, world.now()) {
        step
    } else {
        let voter = may_decide(&stored.round.route, &stored.round.request, who).expect("both are reviewers");
        if stored.round.is_open() || !own_vote(&stored.round, &voter, verdict) {
            return Ok(());
        }
        // One's own vote, written by a try whose outcome was unknown: go on where that stopped.
        Step { write: None, then: owed(&stored.round) }
    };
    carry_out(world, stored, next).await.map(drop)
}

/// Writes, then does what follows; says what is stored now, and whether the clock message has done its work.
async fn carry_out(world: &World, mut stored: Stored, step: Step) -> Result<(Stored, bool), Interrupted> {
    if let Some(round) = step.write {
        stored = world.replace(&stored, round).await?.ok_or(Interrupted::Refused)?;
    }
    let mut delete_clock = false;
    for action in step.then {
        match action {
            Action::Heartbeat => {
                if let Ok(false) = world.heartbeat(stored.round.token()).await
                    && let Some(next) = token_lost(world, &stored).await?
                {
                    return Box::pin(carry_out(world, stored, next)).await;
                }
            }
            // That Step Functions cannot be reached is no error: the decision stands, and the clock delivers it.
            Action::Tell(answer) => match world.tell(stored.round.token(), &answer).await {
                Ok(true) => return Box::pin(told(world, stored)).await,
                Ok(false) => {
                    if let Some(next) = token_lost(world, &stored).await? {
                        return Box::pin(carry_out(world, stored, next)).await;
                    }
                }
                Err(Unknown) => {}
            },
            Action::Notify(notice) => world.queue(notice).await?,
            Action::RenewClock(generation) => return renew_clock(world, stored, generation).await,
            Action::LeaveIndex => {}
            Action::DeleteClock => delete_clock = true,
        }
    }
    Ok((stored, delete_clock))
}

/// What follows from a lost token; none where nothing changes. Nothing is read again: what is written now is refused if
/// anything was written since the token was tried.
async fn token_lost(world: &World, stored: &Stored) -> Result<Option<Step>, Unknown> {
    let round = &stored.round;
    let facts = if round.is_open() {
        let running = world.describe().await?;
        ExecutionFacts { running, ..world.history(round).await? }
    } else {
        let history = world.history(round).await?;
        let running = world.describe().await?;
        ExecutionFacts { running, later_round: world.has_later(round).await?, ..history }
    };
    let next = step(round, Input::TokenLost(facts), world.now());
    Ok(next.write.is_some().then_some(next))
}

/// That Step Functions took the answer stays true whatever else was written: the one fact that a refused CAS repeats.
async fn told(world: &World, mut stored: Stored) -> Result<(Stored, bool), Interrupted> {
    loop {
        let next = step(&stored.round, Input::Told, world.now());
        match carry_out(world, stored.clone(), next).await {
            Err(Interrupted::Refused) => {
                stored = world.read(stored.round.round).await?.expect("a round stays");
            }
            done => return done,
        }
    }
}

async fn renew_clock(world: &World, mut stored: Stored, generation: u32) -> Result<(Stored, bool), Interrupted> {
    let round = &stored.round;
    let message = ClockMessage { review_id: round.review_id.clone(), round: round.round, generation };
    world.send_clock(message).await?;
    while let Some(round) = renewed(&stored.round, generation, world.now()) {
        match world.replace(&stored, round).await? {
            Some(written) => return Ok((written, true)),
            None => stored = world.read(stored.round.round).await?.expect("a round stays"),
        }
    }
    Ok((stored, false))
}

/// Worker: one notice. What it does not finish comes again, first in its channel.
pub(crate) async fn send(world: Rc<World>, queued: QueuedNotice) {
    let notice = &queued.notice;
    let sent = match notice.purpose {
        Purpose::Outcome => tell_outcome(&world, notice).await,
        Purpose::Change(_) => show_change(&world, notice).await,
        _ => ask(&world, notice).await,
    };
    if sent.is_ok() {
        let _ = world.delete_notice(queued.id).await;
    }
}

/// Read → look back → post → CAS the ts.
async fn ask(world: &World, notice: &Notice) -> Result<(), Unknown> {
    let mut stored = world.read(notice.round).await?.expect("a notice follows its round");
    if stored.round.receipt(&notice.channel, notice.purpose).is_some() {
        return Ok(());
    }
    let ts = match world.look_back(notice).await? {
        Some(ts) => Some(ts),
        None if stored.round.is_open() => Some(world.post(notice).await?),
        None => None,
    };
    let receipt = ts.map(|ts| ts.to_string());
    let (channel, purpose) = (&notice.channel, notice.purpose);
    let notified = || Input::Notified { channel: channel.clone(), purpose, receipt: receipt.clone() };
    while let Some(round) = step(&stored.round, notified(), world.now()).write {
        if world.replace(&stored, round).await?.is_some() {
            return Ok(());
        }
        stored = world.read(notice.round).await?.expect("a round stays");
    }
    let recorded = stored.round.receipt(channel, purpose).flatten();
    match ts {
        Some(ts) if recorded != receipt.as_deref() => world.delete_post(ts).await,
        _ => Ok(()),
    }
}

/// Edit → CAS; refused: read and edit again, to what is true by then.
async fn show_change(world: &World, notice: &Notice) -> Result<(), Unknown> {
    let mut edited = false;
    loop {
        let stored = world.read(notice.round).await?.expect("a notice follows its round");
        match stored.round.outcome() {
            Some(says) if edited => return world.edit(notice, Some(says)).await,
            Some(_) => return Ok(()),
            None => {}
        }
        let input = Input::Notified { channel: notice.channel.clone(), purpose: notice.purpose, receipt: None };
        let Some(round) = step(&stored.round, input, world.now()).write else { return Ok(()) };
        world.edit(notice, None).await?;
        edited = true;
        if world.replace(&stored, round).await?.is_some() {
            return Ok(());
        }
    }
}

/// Worker: the end of a tick that finds a newer version.
pub(crate) async fn replace(world: Rc<World>, round: u32, version: usize) {
    let Ok(Some(stored)) = world.read(round).await else { return };
    let version_id = version.to_string();
    let newer = ObjectVersion { bucket: "b".into(), key: "k".into(), version_id };
    let replaced = Input::Replaced(stored.round.visit().newer(&newer));
    let next = step(&stored.round, replaced, world.now());
    // Whatever is left half done, the next tick does.
    let _ = carry_out(&world, stored, next).await;
}

/// Edit → CAS final; refused: read and edit again.
async fn tell_outcome(world: &World, notice: &Notice) -> Result<(), Unknown> {
    loop {
        let stored = world.read(notice.round).await?.expect("a notice follows its round");
        let says = stored.round.outcome().expect("an outcome follows a closing event");
        let input = Input::NoticeFinal { channel: notice.channel.clone(), says, in_thread_only: false };
        let Some(round) = step(&stored.round, input, world.now()).write else { return Ok(()) };
        world.edit(notice, Some(says)).await?;
        if world.replace(&stored, round).await?.is_some() {
            return Ok(());
        }
    }
}
