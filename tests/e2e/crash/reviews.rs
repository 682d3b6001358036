//! A review, from its task to its outcome on every surface; the worker or the callback dies.

use std::time::Duration;

use holdpoint_e2e::{Held, Options, Service, World, is_settled, link_in_message};
use holdpoint_review::Round;
use jiff::SignedDuration;

use super::{Death, Fate, LOOK_AGAIN_AFTER, matrix, surfaces};

/// How long a person waits for an answer before they look again.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Approve,
    Reject,
    RejectInSlack,
    Expire,
    Withdraw,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b48_a_worker_may_die_at_any_request() {
    needs!("faults", "exact queue depths");
    for scenario in [Scenario::Approve, Scenario::Expire, Scenario::Withdraw] {
        of(scenario, Service::Worker).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b48_a_callback_may_die_at_any_request() {
    needs!("faults", "exact queue depths");
    for scenario in [Scenario::Approve, Scenario::Reject, Scenario::RejectInSlack] {
        of(scenario, Service::Callback).await;
    }
}

async fn of(scenario: Scenario, service: Service) {
    Box::pin(matrix(&format!("{scenario:?}, {service:?}"), |death| run(scenario, service, death))).await;
}

/// Runs a scenario to its end and checks it.
async fn run(scenario: Scenario, service: Service, death: Option<Death>) -> Fate {
    let mut world = World::of_reviews(Options::default().heartbeat(3)).await;
    let fate = Fate::watch(&world, service, death);
    let held = world.held_push().await;
    let round = act(&mut world, scenario, &held, &fate).await;
    check(&world, scenario, &held, &round).await;
    // Who stops the execution waits for nobody to be asked.
    assert!(scenario == Scenario::Withdraw || surfaces::is_slack_asked(&round), "{:?}", round.events);
    surfaces::check(&world, &round, service == Service::Worker && fate.has_struck()).await;
    fate
}

/// Does what the scenario's people do, again where it was not heard, and starts the service again where it died.
async fn act(world: &mut World, scenario: Scenario, held: &Held, fate: &Fate) -> Round {
    let mut happened = false;
    loop {
        fate.befall(world);
        match (world.round(held, 1).await, scenario) {
            (Some(round), _) if round.is_finished() && world.is_quiet().await && fate.ends() => return round,
            (Some(round), Scenario::Approve | Scenario::Reject | Scenario::RejectInSlack)
                // Who races a worker that dies may be heard before everybody is asked.
                if round.is_open() && (fate.service == Service::Worker || is_settled(&round)) =>
            {
                tokio::select! {
                    () = decide(world, scenario) => {}
                    () = fate.strikes() => {}
                }
            }
            (Some(round), Scenario::Withdraw) if round.is_open() && !happened => {
                happened = true;
                world.clients.sfn.stop_execution().execution_arn(&held.execution).send().await.expect("it stops");
            }
            (Some(round), Scenario::Expire) if is_settled(&round) && !happened => {
                happened = true;
                world.age(&held.review_id(), SignedDuration::from_hours(1)).await;
            }
            _ => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
        }
    }
}

/// Whatever the answer is, the ledger says whether it was heard.
async fn decide(world: &World, scenario: Scenario) {
    let requests = world.slack_requests();
    let Some((message, link)) = requests.first().and_then(|message| Some((message, link_in_message(message)?))) else {
        return tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    };
    let deciding = async {
        match scenario {
            Scenario::Approve => drop(world.person().decide(&link, "approve", "").await),
            Scenario::Reject => drop(world.person().decide(&link, "reject", "because").await),
            _ => drop(world.local.slack.reject(message, "because", "U0DANA").await),
        }
    };
    drop(tokio::time::timeout(PATIENCE, deciding).await);
}

async fn check(world: &World, scenario: Scenario, held: &Held, round: &Round) {
    let ended = world.ended(&held.execution).await;
    match scenario {
        Scenario::Approve => ended.assert_approved(),
        Scenario::Reject | Scenario::RejectInSlack => ended.assert_rejected(),
        Scenario::Expire => ended.assert_expired(),
        Scenario::Withdraw => assert_eq!(ended.status.as_str(), "ABORTED"),
    }
    let is_decided = !matches!(scenario, Scenario::Expire | Scenario::Withdraw);
    assert!(world.round(held, 2).await.is_none(), "one round");
    assert_eq!(round.votes().count(), usize::from(is_decided), "one decision");
    assert_eq!(round.resolved(), Some(scenario != Scenario::Withdraw));
}
