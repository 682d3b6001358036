//! What time does to a review that nobody decides: reminders, somebody else, the end.

use aws_sdk_sfn::types::HistoryEventType;
use holdpoint_e2e::{Held, Options, Service, World, eventually, shown};
use holdpoint_local::{
    aws::{Fault, Verdict},
    local::SLACK_CHANNEL,
    slack::SlackMessage,
};
use holdpoint_review::{Closing, Event, Purpose, ReviewId, Round};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::machines::{ask, run};

const ESCALATION: &str = "C0BOSSES";

/// Reminders after two and after eight hours, somebody else after twelve, and the end after a day.
fn patient() -> Options {
    let mut options = Options::default().deadline("24h");
    options.routes.push_str("remind_after = [\"2h\", \"8h\"]\n");
    options.routes.push_str("escalate = { after = \"12h\", slack = [\"C0BOSSES\"] }\n");
    options
}

/// How long after the opening each message of this purpose was sent.
fn sent(round: &Round, wanted: Purpose) -> Vec<SignedDuration> {
    let is_wanted =
        |event: &Event| matches!(event, Event::Notified { purpose, receipt: Some(_), .. } if *purpose == wanted);
    let sent = round.events.iter().filter(|entry| is_wanted(&entry.event));
    sent.map(|entry| entry.at.duration_since(round.opened_at())).collect()
}

/// Makes a review of this age so old: nothing of this purpose before that, and so many messages once it is due.
async fn comes_due(world: &World, held: &Held, purpose: Purpose, after: SignedDuration, messages: usize) -> Round {
    const SHORTLY: SignedDuration = SignedDuration::from_mins(10);
    let review = held.review_id();
    let opened = world.round(held, 1).await.expect("it is open").opened_at();
    let now: Timestamp = holdpoint_platform::now();
    world.age(&review, after - SHORTLY - now.duration_since(opened)).await;
    world.ticked().await;
    let round = world.round(held, 1).await.expect("it is open");
    assert_eq!(sent(&round, purpose), [], "{purpose:?} before its time");
    world.age(&review, SHORTLY).await;
    let due = || async { world.round(held, 1).await.filter(|round| sent(round, purpose).len() == messages) };
    let round = eventually("what is due is sent", due).await;
    assert!(
        sent(&round, purpose).iter().all(|at| *at >= after && *at < after + SHORTLY),
        "{:?}",
        sent(&round, purpose)
    );
    assert!(round.is_open());
    round
}

/// Replies to the one request in the channel.
fn thread(world: &World) -> Vec<SlackMessage> {
    let request = world.slack_requests().pop().expect("Slack was asked");
    let messages = world.local.slack.messages(SLACK_CHANNEL);
    messages.into_iter().filter(|message| message.thread_ts.as_ref() == Some(&request.ts)).collect()
}

#[tokio::test]
async fn b14_reminders_and_escalation_come_at_their_times_and_the_end_after_them() {
    needs!("faults");
    let world = World::of_reviews(patient()).await;
    let held = world.held_push().await;
    world.settled_round(&held).await;
    let request = world.request_mail().await;
    let hours = SignedDuration::from_hours;

    comes_due(&world, &held, Purpose::Reminder(0), hours(2), 2).await;
    assert_eq!(thread(&world).len(), 1, "in the thread");
    comes_due(&world, &held, Purpose::Reminder(1), hours(8), 2).await;
    assert_eq!(thread(&world).len(), 2, "in the thread");
    let reminders = world.local.mail.mails().into_iter().filter(|mail| mail.header("In-Reply-To").is_some());
    let in_thread = |id: Option<&str>| id == request.header("Message-ID");
    assert_eq!(reminders.filter(|mail| in_thread(mail.header("In-Reply-To"))).count(), 2, "in the thread");
    assert_eq!(world.local.slack.messages(ESCALATION), [], "not yet");
    comes_due(&world, &held, Purpose::Escalation, hours(12), 1).await;
    assert!(!world.local.slack.live_buttons(ESCALATION).is_empty(), "somebody else can decide");

    let page = world.open(&world.link().await).await;
    assert!(page.has_form());
    world.age(&held.review_id(), hours(12)).await;
    world.ended(&held.execution).await.assert_expired();
    assert_eq!(world.tags(&held.source).await["holdpoint"], "expired");
    let round = world.finished(&held).await;
    assert_eq!(
        (sent(&round, Purpose::Reminder(0)).len(), sent(&round, Purpose::Reminder(1)).len()),
        (2, 2),
        "once each"
    );
    for channel in [SLACK_CHANNEL, ESCALATION] {
        assert!(world.local.slack.live_buttons(channel).is_empty());
        assert!(shown(&world.local.slack.messages(channel)[0]).contains("Expired"));
    }
    let late = world.open(&world.link().await).await;
    assert_eq!(late.status, 410);
    assert!(late.html.contains("Expired"), "{}", late.html);
}

#[tokio::test]
async fn b14_nobody_is_reminded_of_what_is_decided() {
    needs!("faults");
    let world = World::of_reviews(patient()).await;
    let held = world.held_push().await;
    world.settled_round(&held).await;
    comes_due(&world, &held, Purpose::Reminder(0), SignedDuration::from_hours(2), 2).await;
    // Decided, but Step Functions does not hear it: so its clock goes on.
    let (action, verdict) = ("AWSStepFunctions.SendTaskSuccess", Verdict::FailInternally);
    world.local.aws().faults().inject(Fault { action, resource: String::new(), times: 1_000_000, verdict });
    world.approve(&world.link().await).await;
    world.age(&held.review_id(), SignedDuration::from_hours(20)).await;
    world.ticked().await;
    let round = world.round(&held, 1).await.expect("it is closed");
    assert_eq!(round.resolved(), None, "Step Functions has not heard it");
    world.local.aws().faults().clear();
    world.ended(&held.execution).await.assert_approved();
    let round = world.finished(&held).await;
    assert_eq!(round.closing().map(|(closing, _)| closing), Some(Closing::Approved));
    assert_eq!((sent(&round, Purpose::Reminder(1)), sent(&round, Purpose::Escalation)), (vec![], vec![]));
    assert_eq!(world.local.slack.messages(ESCALATION), []);
}

/// A machine whose task on the activity has these times.
async fn machine(world: &World, times: serde_json::Value) -> (String, ReviewId) {
    let mut task = ask(&world.local.deployment.activity, &json!({ "End": true }));
    let fields = task.as_object_mut().expect("a task is an object");
    fields.retain(|name, _| !["TimeoutSeconds", "HeartbeatSeconds"].contains(&name.as_str()));
    fields.extend(times.as_object().cloned().expect("times are fields"));
    let execution = run(world, json!({ "StartAt": "Ask", "States": { "Ask": task } }), json!({ "key": "m" })).await;
    let review = ReviewId::of(&execution, "Ask", "m");
    (execution, review)
}

#[tokio::test]
async fn b14_the_deadline_holds_without_step_functions_own_timer() {
    let world = World::of_reviews(patient()).await;
    let (execution, review) = machine(&world, json!({})).await;
    eventually("the round is open", || world.round_of(&review, 1)).await;
    world.age(&review, SignedDuration::from_hours(24)).await;
    assert_eq!(world.ended(&execution).await.error.as_deref(), Some("ReviewExpired"));
}

#[tokio::test]
async fn b14_the_deadline_holds_however_often_step_functions_own_timer_fires() {
    let world = World::of_reviews(patient()).await;
    let (execution, review) = machine(&world, json!({ "TimeoutSeconds": 2 })).await;
    let first = eventually("the round is open", || world.round_of(&review, 1)).await;
    eventually("the timer fires twice", || async {
        (world.happened(&execution, HistoryEventType::ActivityTimedOut).await >= 2).then_some(())
    })
    .await;
    let joined = || async { world.round_of(&review, 1).await.filter(|round| round.generation() >= 2) };
    let round = eventually("a new token joins", joined).await;
    assert!(round.is_open());
    assert_eq!(round.deadline, first.deadline);
    assert!(world.round_of(&review, 2).await.is_none(), "no second round");
    world.age(&review, SignedDuration::from_hours(24)).await;
    assert_eq!(world.ended(&execution).await.error.as_deref(), Some("ReviewExpired"));
    assert_eq!(world.request_mails(), 1);
}

#[tokio::test]
async fn b14_a_review_is_withdrawn_where_step_functions_own_timer_ends_the_execution() {
    let world = World::of_reviews(patient()).await;
    let (execution, review) = machine(&world, json!({ "TimeoutSeconds": 2, "Retry": [] })).await;
    assert_eq!(world.ended(&execution).await.error.as_deref(), Some("States.Timeout"));
    let finished = || async { world.round_of(&review, 1).await.filter(Round::is_finished) };
    let round = eventually("every surface says so", finished).await;
    assert_eq!(round.closing().map(|(closing, _)| closing), Some(Closing::Withdrawn));
    assert!(world.local.slack.live_buttons(SLACK_CHANNEL).is_empty());
}

#[tokio::test]
async fn b20_a_click_after_the_deadline_decides_nothing() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let link = world.link().await;
    world.settled_round(&held).await;
    let page = world.open(&link).await;
    assert!(page.has_form());
    world.age(&held.review_id(), SignedDuration::from_hours(1)).await;
    world.ended(&held.execution).await.assert_expired();
    let late = world.person().submit(&page, &[("decision", "approve"), ("reason", "")]).await.unwrap();
    assert_eq!(late.status, 410, "{}", late.html);
    let (closing, _) = world.finished(&held).await.closing().unwrap();
    assert_eq!(closing, Closing::Expired);
}

#[tokio::test]
async fn b11_two_workers_tick_the_same_reviews_harmlessly() {
    let mut world = World::of_reviews(Options::default()).await;
    world.run(Service::Worker);
    let held = world.held_push().await;
    world.settled_round(&held).await;
    world.age(&held.review_id(), SignedDuration::from_hours(1)).await;
    world.ended(&held.execution).await.assert_expired();
    let round = world.finished(&held).await;
    assert_eq!(round.events.iter().filter(|entry| entry.event == Event::Expired).count(), 1);
    assert_eq!((world.request_mails(), world.slack_requests().len()), (1, 1));
}
