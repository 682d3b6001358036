//! A review, from its task to its outcome on every surface; the worker or the callback dies.

use std::{collections::BTreeSet, time::Duration};

use holdpoint_e2e::{Held, Options, Service, World, link_in, shown};
use holdpoint_local::{
    local::SLACK_CHANNEL,
    mail::Mail,
    slack::{SlackCatcher, SlackMessage},
};
use holdpoint_review::{Purpose, Round, words};
use jiff::SignedDuration;

use super::{Death, Fate, LOOK_AGAIN_AFTER, matrix};

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
    matrix(&format!("{scenario:?}, {service:?}"), |death| run(scenario, service, death)).await;
}

/// Runs a scenario to its end and checks it.
async fn run(scenario: Scenario, service: Service, death: Option<Death>) -> Fate {
    let mut world = World::of_reviews(Options::default().heartbeat(3)).await;
    let fate = Fate::watch(&world, service, death);
    let held = world.held_push().await;
    let round = act(&mut world, scenario, &held, &fate).await;
    fate.end();
    check(&world, scenario, &held, &round).await;
    fate
}

/// Does what the scenario's people do, again where it was not heard, and starts the service again where it died.
async fn act(world: &mut World, scenario: Scenario, held: &Held, fate: &Fate) -> Round {
    let mut happened = false;
    loop {
        fate.befall(world);
        match (world.round(held, 1).await, scenario) {
            (Some(round), _) if round.is_finished() && world.is_quiet().await => return round,
            (Some(round), Scenario::Approve | Scenario::Reject | Scenario::RejectInSlack) if round.is_open() => {
                tokio::select! {
                    () = decide(world, scenario) => {}
                    () = fate.strikes() => {}
                }
            }
            (Some(round), Scenario::Withdraw) if round.is_open() && !happened => {
                happened = true;
                world.clients.sfn.stop_execution().execution_arn(&held.execution).send().await.expect("it stops");
            }
            (Some(round), Scenario::Expire) if is_asked(&round) && !happened => {
                happened = true;
                world.age(&held.review_id(), SignedDuration::from_hours(1)).await;
            }
            _ => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
        }
    }
}

fn is_asked(round: &Round) -> bool {
    round.asked().all(|channel| round.receipt(&channel, Purpose::Request).is_some())
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

fn link_in_message(message: &SlackMessage) -> Option<String> {
    message.buttons().into_iter().filter_map(|button| button.url).find(|url| url.contains("/r/"))
}

async fn check(world: &World, scenario: Scenario, held: &Held, round: &Round) {
    let ended = world.ended(&held.execution).await;
    let is_decided = match scenario {
        Scenario::Approve => {
            ended.assert_approved();
            true
        }
        Scenario::Reject | Scenario::RejectInSlack => {
            ended.assert_rejected();
            true
        }
        Scenario::Expire => {
            ended.assert_expired();
            false
        }
        Scenario::Withdraw => {
            assert_eq!(ended.status.as_str(), "ABORTED");
            false
        }
    };
    assert!(world.round(held, 2).await.is_none(), "one round");
    assert_eq!(round.votes().count(), usize::from(is_decided), "one decision");
    assert_eq!(round.resolved(), Some(scenario != Scenario::Withdraw));
    let outcome = words::outcome(round).expect("it is closed");
    let says = outcome.split(',').next().expect("a sentence");
    check_slack(&world.local.slack, says);
    check_mails(&world.local.mail.mails(), &words::without_mentions(says));
    if let Some(mail) = world.local.mail.mails().first() {
        let page = world.open(&link_in(mail)).await;
        assert!(page.html.contains(&words::without_mentions(says)), "{says} in {}", page.html);
    }
}

fn check_slack(slack: &SlackCatcher, says: &str) {
    assert_eq!(slack.live_buttons(SLACK_CHANNEL), [], "no live button is left");
    let messages = slack.messages(SLACK_CHANNEL);
    let requests = messages.iter().filter(|message| !message.deleted && message.thread_ts.is_none());
    let requests: Vec<&SlackMessage> = requests.collect();
    assert!(requests.len() <= 1, "one message");
    for message in requests {
        assert!(shown(message).contains(says), "{says} in {:?}", message.blocks);
    }
}

/// A mail that the server took and nobody noted is sent again: by its id it is the same one.
fn check_mails(mails: &[Mail], says: &str) {
    let (replies, requests): (Vec<&Mail>, Vec<&Mail>) =
        mails.iter().partition(|mail| mail.header("In-Reply-To").is_some());
    let ids = |mails: &[&Mail]| -> BTreeSet<String> {
        mails.iter().map(|mail| mail.header("Message-ID").expect("every mail has one").to_owned()).collect()
    };
    assert!(ids(&requests).len() <= 1, "one request: {:?}", ids(&requests));
    assert!(ids(&replies).len() <= 1, "one outcome: {:?}", ids(&replies));
    // Who was about to be asked when the worker died may be told without having been asked; never the other way round.
    assert!(requests.is_empty() || !replies.is_empty(), "whoever was asked is told");
    for reply in replies {
        assert!(reply.text.contains(says), "{says} in {}", reply.text);
        let in_thread = |request: &&Mail| request.header("Message-ID") == reply.header("In-Reply-To");
        assert!(requests.iter().all(in_thread), "in the thread");
    }
}
