//! The crash matrix: every request by which a service acts on the world is, in turn, the last one that it makes.
//!
//! Each scenario is run once to list the requests of a service, and then twice for each: killed before the request takes
//! effect, and killed after it, before the reply. Afterwards there is one decision, the execution ended accordingly, every
//! surface is true, and no live button is left. Long polls are no such requests: they differ from run to run, and a lost one
//! has its own scenario.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use holdpoint_e2e::{Held, Options, Service, World};
use holdpoint_local::{
    aws::{Request, Verdict},
    local::SLACK_CHANNEL,
    slack::SlackMessage,
};
use holdpoint_review::Round;
use tokio::{sync::Semaphore, task::JoinSet};

/// Worlds at once.
const AT_ONCE: usize = 8;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);
/// Whatever takes longer hangs.
const DEADLINE: Duration = Duration::from_mins(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Approve,
    Reject,
    Expire,
    Withdraw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Which request is the last one, and whether it has come.
#[derive(Debug, Default)]
struct Fate {
    seen: Vec<String>,
    last: Option<(usize, Side)>,
    /// It has come, and the service must die now.
    strikes: bool,
    /// The service died of it.
    struck: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b48_a_worker_may_die_at_any_request() {
    for scenario in [Scenario::Approve, Scenario::Expire, Scenario::Withdraw] {
        matrix(scenario, Service::Worker).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b48_a_callback_may_die_at_any_request() {
    for scenario in [Scenario::Approve, Scenario::Reject] {
        matrix(scenario, Service::Callback).await;
    }
}

async fn matrix(scenario: Scenario, service: Service) {
    let requests = run(scenario, service, None).await.seen;
    assert!(requests.len() >= 3, "{scenario:?} {service:?}: {requests:?}");
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut cases = JoinSet::new();
    for (number, request) in requests.into_iter().enumerate() {
        for side in [Side::Before, Side::After] {
            let (room, request) = (room.clone(), request.clone());
            cases.spawn(async move {
                let _permit = room.acquire_owned().await.expect("the semaphore is never closed");
                let case = run(scenario, service, Some((number, side)));
                let hangs = format!("{scenario:?}, {service:?} killed {side:?} request {number}, {request}: hangs");
                tokio::time::timeout(DEADLINE, case).await.expect(&hangs).struck
            });
        }
    }
    let (cases_in_all, mut struck) = (cases.len(), 0);
    while let Some(case) = cases.join_next().await {
        struck += usize::from(case.expect("the case holds"));
    }
    // A run may need a tick less than the one that was listed, and so never come to the last requests.
    assert!(
        struck * 10 >= cases_in_all * 8,
        "{scenario:?}, {service:?}: only {struck} of {cases_in_all} deaths happened"
    );
}

/// Runs a scenario to its end and checks it.
async fn run(scenario: Scenario, service: Service, last: Option<(usize, Side)>) -> Fate {
    let mut options = Options::default().heartbeat(3);
    options.routes = format!("[[route]]\nslack = [\"{SLACK_CHANNEL}\"]\ndeadline = \"1h\"\n");
    if scenario == Scenario::Expire {
        options = options.deadline("2s");
    }
    let mut world = World::of_reviews(options).await;
    let fate = Arc::new(Mutex::new(Fate { last, ..Fate::default() }));
    let observer = fate.clone();
    world.local.aws.faults().on_request(move |request| judge(&observer, service, request));
    let held = world.held_push().await;
    let round = act(&mut world, scenario, service, &held, &fate).await;
    check(&world, scenario, &held, &round).await;
    std::mem::take(&mut *lock(&fate))
}

fn lock(fate: &Mutex<Fate>) -> MutexGuard<'_, Fate> {
    fate.lock().expect("nobody panics with it")
}

fn judge(fate: &Mutex<Fate>, service: Service, request: &Request) -> Verdict {
    let polls = ["AmazonSQS.ReceiveMessage", "AWSStepFunctions.GetActivityTask"];
    if request.access_key != service.name() || polls.contains(&request.action.as_str()) {
        return Verdict::Serve;
    }
    let mut fate = lock(fate);
    let number = fate.seen.len();
    fate.seen.push(request.action.clone());
    match fate.last {
        Some((last, side)) if last == number => {
            fate.strikes = true;
            // Served an hour late means never: by then its client is dead.
            if side == Side::Before { Verdict::ServeLate(Duration::from_hours(1)) } else { Verdict::HoldReply }
        }
        _ => Verdict::Serve,
    }
}

/// Does what the scenario's people do, again where it was not heard, and starts the service again where it died.
async fn act(world: &mut World, scenario: Scenario, service: Service, held: &Held, fate: &Mutex<Fate>) -> Round {
    let mut stopped = false;
    loop {
        if strikes(fate) {
            world.kill(service);
            world.let_time_pass();
            world.run(service);
        }
        match (world.round(held, 1).await, scenario) {
            (Some(round), _) if round.is_finished() && world.is_quiet().await => return round,
            (Some(round), Scenario::Approve | Scenario::Reject) if round.is_open() => {
                tokio::select! {
                    () = decide(world, scenario) => {}
                    () = death(fate) => {}
                }
            }
            (Some(round), Scenario::Withdraw) if round.is_open() && !stopped => {
                stopped = true;
                world.clients.sfn.stop_execution().execution_arn(&held.execution).send().await.expect("it stops");
            }
            _ => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
        }
    }
}

/// Whether the service must die now; told once.
fn strikes(fate: &Mutex<Fate>) -> bool {
    let mut fate = lock(fate);
    let strikes = std::mem::take(&mut fate.strikes);
    fate.struck |= strikes;
    strikes
}

/// Waits until the service must die.
async fn death(fate: &Mutex<Fate>) {
    while !lock(fate).strikes {
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

async fn decide(world: &World, scenario: Scenario) {
    let requests = world.slack_requests();
    let buttons = requests.iter().flat_map(SlackMessage::buttons);
    let Some(link) = buttons.filter_map(|button| button.url).find(|url| url.contains("/r/")) else {
        return tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    };
    let decision = if scenario == Scenario::Approve { "approve" } else { "reject" };
    // Whatever the page answers, the ledger says whether it was heard.
    let page =
        tokio::time::timeout(Duration::from_millis(1500), world.person().decide(&link, decision, "because")).await;
    drop(page);
}

async fn check(world: &World, scenario: Scenario, held: &Held, round: &Round) {
    let ended = world.ended(&held.execution).await;
    match scenario {
        Scenario::Approve => ended.assert_approved(),
        Scenario::Reject => ended.assert_rejected(),
        Scenario::Expire => ended.assert_expired(),
        Scenario::Withdraw => assert_eq!(ended.status.as_str(), "ABORTED"),
    }
    assert!(world.round(held, 2).await.is_none(), "one round");
    assert_eq!(
        round.votes().count(),
        usize::from(matches!(scenario, Scenario::Approve | Scenario::Reject)),
        "one decision"
    );
    assert_eq!(round.resolved(), Some(scenario != Scenario::Withdraw));
    assert!(world.local.slack.live_buttons(SLACK_CHANNEL).is_empty(), "no live button is left");
    let outcome = holdpoint_review::words::outcome(round).expect("it is closed");
    let says = outcome.split(',').next().expect("a sentence");
    for message in world.slack_requests() {
        assert!(holdpoint_e2e::shown(&message).contains(says), "{says} in {:?}", message.blocks);
    }
    assert!(world.slack_requests().len() <= 1, "one message");
}
