//! What breaks around the services, and what stays true.

use aws_sdk_sfn::types::HistoryEventType;
use holdpoint_e2e::{Options, Service, World, eventually};
use holdpoint_local::{
    aws::{Fault, Verdict},
    local::SLACK_CHANNEL,
    slack::{SlackFault, SlackFaultKind},
};
use holdpoint_review::{Closing, Event, Seconds};

fn fault(action: &'static str, times: usize, verdict: Verdict) -> Fault {
    Fault { action, resource: String::new(), times, verdict }
}

#[tokio::test]
async fn b02_a_lost_poll_heals_itself_and_asks_once() {
    needs!("faults", "time that passes at once");
    let mut world = World::start(&[Service::Callback], Options::default().heartbeat(3600)).await;
    world.local.aws().faults().inject(fault("AWSStepFunctions.GetActivityTask", 1, Verdict::LoseReply));
    let held = world.held_push().await;
    world.run(Service::Worker);
    let handed_out = || async { world.happened(&held.execution, HistoryEventType::ActivityStarted).await == 1 };
    eventually("the token is handed out", || async { handed_out().await.then_some(()) }).await;
    world.local.aws().let_heartbeats_pass();
    let link = world.link().await;
    let round = world.settled_round(&held).await;
    assert_eq!(round.events.iter().filter(|entry| matches!(entry.event, Event::TokenReceived { .. })).count(), 1);
    world.approve(&link).await;
    world.ended(&held.execution).await.assert_approved();
    assert_eq!((world.request_mails(), world.slack_requests().len()), (1, 1));
}

#[tokio::test]
async fn b12_an_execution_stopped_while_open_is_withdrawn_on_every_surface() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let link = world.link().await;
    world.slack_request().await;
    world.clients.sfn.stop_execution().execution_arn(&held.execution).send().await.unwrap();
    let round = world.finished(&held).await;
    assert_eq!(round.closing().map(|(closing, _)| closing), Some(Closing::Withdrawn));
    assert!(world.local.slack.live_buttons(SLACK_CHANNEL).is_empty());
    let message = world.slack_request().await;
    assert!(holdpoint_e2e::shown(&message).contains("Withdrawn"), "{:?}", message.blocks);
    let reply = world.mail(|mail| mail.header("In-Reply-To").is_some()).await;
    assert!(reply.text.contains("Withdrawn"), "{}", reply.text);
    let page = world.open(&link).await;
    assert_eq!(page.status, 410);
    assert!(!page.has_form());
}

#[tokio::test]
async fn b12_b13_workers_away_for_twice_the_heartbeat_lose_none_of_a_hundred_reviews() {
    const REVIEWS: usize = 100;
    needs!("time that passes at once");
    let mut options = Options::default().heartbeat(3600);
    // A hundred reviews that tick every second leave a slow machine no time for anything else.
    options.times.tick = Seconds(15);
    options.environment.insert("HOLDPOINT_BURST".to_owned(), "1000".to_owned());
    let mut world = World::of_reviews(options).await;
    let mut all = Vec::new();
    for _ in 0..REVIEWS {
        all.push(world.held_push().await);
    }
    let mut links = Vec::new();
    for held in &all {
        links.push(world.link_of(&world.settled_round(held).await));
    }
    world.kill(Service::Worker);
    world.local.aws().let_heartbeats_pass();
    for held in &all {
        let again = || async { world.happened(&held.execution, HistoryEventType::ActivityScheduled).await == 2 };
        eventually("the task is scheduled again", || async { again().await.then_some(()) }).await;
    }
    let (decided, open) = all.split_at(20);
    for (number, link) in links.iter().enumerate().take(decided.len()) {
        let page = if number % 2 == 0 { world.approve(link).await } else { world.reject(link, "no").await };
        assert_eq!(page.status, 200, "{}", page.html);
    }
    world.run(Service::Worker);
    for (number, held) in decided.iter().enumerate() {
        let ended = world.ended(&held.execution).await;
        if number % 2 == 0 { ended.assert_approved() } else { ended.assert_rejected() }
    }
    for held in open {
        let again = "the next token joins the open round";
        let round = eventually(again, || async { world.round(held, 1).await.filter(|round| round.generation() >= 2) });
        assert!(round.await.is_open());
    }
    for held in &all {
        assert!(world.round(held, 2).await.is_none(), "no second round");
    }
    assert_eq!((world.request_mails(), world.slack_requests().len()), (REVIEWS, REVIEWS), "no second request");
}

#[tokio::test]
async fn b19_a_decision_stands_while_step_functions_is_down_and_is_delivered_later() {
    needs!("faults");
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let link = world.link().await;
    world.local.aws().faults().inject(fault("AWSStepFunctions.SendTaskSuccess", 1_000, Verdict::FailInternally));
    let page = world.approve(&link).await;
    world.local.aws().faults().clear();
    assert_eq!(page.status, 200);
    assert!(page.html.contains("being delivered"), "{}", page.html);
    world.ended(&held.execution).await.assert_approved();
    let round = world.finished(&held).await;
    assert_eq!(round.resolved(), Some(true));
}

#[tokio::test]
async fn b19_an_answer_that_took_effect_unheard_is_never_called_not_applied() {
    needs!("faults");
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let link = world.link().await;
    world.local.aws().faults().inject(fault("AWSStepFunctions.SendTaskSuccess", 1, Verdict::LoseReply));
    world.approve(&link).await;
    world.ended(&held.execution).await.assert_approved();
    assert_eq!(world.finished(&held).await.resolved(), Some(true));
}

#[tokio::test]
async fn b32_slack_is_down_so_mail_goes_out_now_and_slack_catches_up_once() {
    needs!("time that passes at once");
    let world = World::of_reviews(Options::default()).await;
    world.local.slack.down();
    let held = world.held_push().await;
    world.request_mail().await;
    assert!(world.slack_requests().is_empty());
    world.local.slack.up();
    world.let_time_pass();
    world.slack_request().await;
    world.approve(&world.link().await).await;
    world.ended(&held.execution).await.assert_approved();
    world.finished(&held).await;
    assert_eq!(world.slack_requests().len(), 1);
}

#[tokio::test]
async fn mail_is_down_so_slack_decides_and_the_mail_catches_up() {
    needs!("time that passes at once");
    let world = World::of_reviews(Options::default()).await;
    world.local.mail.down();
    let held = world.held_push().await;
    let message = world.slack_request().await;
    world.local.slack.press(&message, "approve", "U0DANA").await.expect("answered");
    world.ended(&held.execution).await.assert_approved();
    world.local.mail.up();
    world.let_time_pass();
    world.finished(&held).await;
}

#[tokio::test]
async fn b34_a_post_that_arrived_unheard_leaves_one_live_set_of_buttons() {
    needs!("time that passes at once");
    let world = World::of_reviews(Options::default()).await;
    let lost = SlackFault {
        method: "chat.postMessage",
        channel: SLACK_CHANNEL.into(),
        times: 1,
        kind: SlackFaultKind::ReplyLost,
    };
    world.local.slack.inject(lost);
    let held = world.held_push().await;
    world.slack_request().await;
    world.let_time_pass();
    world.settled_round(&held).await;
    assert_eq!(world.slack_requests().len(), 1);
    world.approve(&world.link().await).await;
    world.finished(&held).await;
    assert!(world.local.slack.live_buttons(SLACK_CHANNEL).is_empty());
}

#[tokio::test]
async fn b03_a_worker_killed_before_it_notified_is_replaced_without_a_duplicate() {
    needs!("time that passes at once");
    let mut world = World::of_reviews(Options::default().heartbeat(5)).await;
    world.local.slack.down();
    world.local.mail.down();
    let held = world.held_push().await;
    eventually("the round is open", || async { world.round(&held, 1).await }).await;
    world.kill(Service::Worker);
    world.local.slack.up();
    world.local.mail.up();
    world.run(Service::Worker);
    world.let_time_pass();
    let link = world.link().await;
    world.slack_request().await;
    world.settled_round(&held).await;
    assert_eq!((world.request_mails(), world.slack_requests().len()), (1, 1));
    world.approve(&link).await;
    world.ended(&held.execution).await.assert_approved();
}
