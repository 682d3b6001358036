//! What reviewers do, and what comes of it.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

use holdpoint_e2e::{Held, Options, World, eventually, shown};
use holdpoint_local::{aws::Verdict, local::SLACK_CHANNEL, person::Page, slack::SlackMessage};
use holdpoint_review::{Closing, Event, NotAllowed, words};
use tokio::sync::oneshot;

/// Whatever takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn an_approval_by_mail_lets_the_push_go_on() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let page = world.approve(&world.link().await).await;
    assert_eq!(page.status, 200, "{}", page.html);
    let ended = world.ended(&held.execution).await;
    ended.assert_approved();
    assert_eq!(ended.decision["reviewer"], "dana");
    assert_eq!(world.tags(&held.source).await["holdpoint"], "accepted");
    world.finished(&held).await;
}

#[tokio::test]
async fn b38_a_rejection_by_mail_ends_the_push_with_its_reason_and_every_surface_says_so() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let link = world.link().await;
    world.reject(&link, "amounts are in cents").await;
    let ended = world.ended(&held.execution).await;
    ended.assert_rejected();
    assert_eq!(ended.decision["reason"], "amounts are in cents");
    assert_eq!(world.tags(&held.source).await["holdpoint"], "rejected");
    world.finished(&held).await;
    assert!(world.local.slack.live_buttons(SLACK_CHANNEL).is_empty());
    let message = world.slack_request().await;
    assert!(message.edited, "{message:?}");
    assert!(shown(&message).contains("Rejected by dana"), "{:?}", message.blocks);
    let reply = world.mail(|mail| mail.header("In-Reply-To").is_some()).await;
    assert!(reply.text.contains("Rejected by dana"), "{}", reply.text);
    assert!(world.open(&link).await.html.contains("Rejected by dana"));
}

#[tokio::test]
async fn an_approval_by_a_slack_button_lets_the_push_go_on() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let message = world.slack_request().await;
    world.local.slack.press(&message, "approve", "U0DANA").await.expect("Slack's request is answered");
    let ended = world.ended(&held.execution).await;
    ended.assert_approved();
    assert_eq!(ended.decision["reviewer"], "dana", "known by her Slack id");
    world.finished(&held).await;
    assert!(world.local.slack.live_buttons(SLACK_CHANNEL).is_empty());
}

#[tokio::test]
async fn b25_a_rejection_in_slack_asks_for_a_reason() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let message = world.slack_request().await;
    world.local.slack.reject(&message, "half of it is missing", "U0DANA").await.expect("Slack's requests are answered");
    let ended = world.ended(&held.execution).await;
    ended.assert_rejected();
    assert_eq!(ended.decision["reason"], "half of it is missing");
}

#[tokio::test]
async fn b25_too_long_a_reason_is_cut_with_a_note_for_the_workflow_and_whole_in_the_ledger() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let reason = "half of it is missing; ".repeat(300).trim().to_owned();
    world.reject(&world.link().await, &reason).await;
    let told = world.ended(&held.execution).await.decision["reason"].as_str().expect("a text").to_owned();
    assert!(told.starts_with("half of it is missing") && told.ends_with("(cut; the ledger has the whole)"), "{told}");
    let round = world.finished(&held).await;
    assert_eq!(round.votes().next().and_then(|(_, _, why)| why), Some(reason.as_str()));
}

#[tokio::test]
async fn b17_the_second_click_shows_the_first_decision() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let link = world.link().await;
    let page = world.open(&link).await;
    let confirm = world.person().submit(&page, &[("decision", "approve"), ("reason", "")]).await.unwrap();
    let first = world.person().submit(&confirm, &[]).await.unwrap();
    let second = world.person().submit(&confirm, &[]).await.unwrap();
    assert_eq!((first.status, second.status), (200, 200), "{}", second.html);
    assert!(second.html.contains("Approved by dana"), "{}", second.html);
    world.ended(&held.execution).await.assert_approved();
    let round = world.finished(&held).await;
    assert_eq!(round.votes().count(), 1);
}

/// Two decide from an open round, and `early` closes it although `late` was the first to write: its write is held until then.
async fn overtaken<L, E>(world: &World, late: impl Future<Output = L>, early: impl Future<Output = E>) -> (L, E) {
    let (writes, first_write) = oneshot::channel();
    let (first_is_done, closed) = oneshot::channel();
    let (mut writes, mut first_is_done) = (Some(writes), Some(first_is_done));
    world.local.aws().faults().on_request(move |request| {
        let is_callbacks = request.access_key == "callback";
        // Step Functions is told by whoever closed the round, and no sooner.
        if let Some(first_is_done) =
            first_is_done.take_if(|_| is_callbacks && request.action.starts_with("AWSStepFunctions.SendTask"))
        {
            let _ = first_is_done.send(());
        }
        let Some(writes) = writes.take_if(|_| is_callbacks && request.action == "s3.PutObject") else {
            return Verdict::Serve;
        };
        let _ = writes.send(());
        Verdict::ServeLate(Duration::from_millis(1))
    });
    // Time stands still in the stand-in, and with it the first write; the services' clocks go on. Tokio would turn the
    // clock itself when nothing else is to do, but for something that blocks.
    let (goes_on, until) = mpsc::channel::<()>();
    tokio::time::pause();
    let standstill = tokio::task::spawn_blocking(move || until.recv_timeout(PATIENCE));
    let early = async {
        first_write.await.expect("the first one writes");
        early.await
    };
    let released = async {
        closed.await.expect("one of them first_is_done the round");
        tokio::time::resume();
        drop(goes_on);
    };
    let (late, early, ()) = tokio::join!(late, early, released);
    let ended = standstill.await.expect("it does not panic");
    assert_eq!(ended, Err(RecvTimeoutError::Disconnected), "the first write was held until the second was done");
    (late, early)
}

/// A push that is held, and the page on which it is rejected with one more click.
async fn almost_rejected(world: &World) -> (Held, Page) {
    let held = world.held_push().await;
    let link = world.link_of(&world.settled_round(&held).await);
    let confirm = world.person().submit(&world.open(&link).await, &[("decision", "reject"), ("reason", "no")]).await;
    (held, confirm.expect("the page answers"))
}

/// What every surface says once the round is closed like this, by one decision.
async fn won_by(world: &World, held: &Held, closing: Closing) -> String {
    let round = world.finished(held).await;
    assert_eq!(round.votes().count(), 1, "one decision");
    assert_eq!(round.closing().map(|(closing, _)| closing), Some(closing));
    let outcome = words::without_mentions(&words::outcome(&round).expect("it is closed"));
    let winner = outcome.split(',').next().expect("a sentence").to_owned();
    assert!(world.open(&world.link_of(&round)).await.html.contains(&winner));
    winner
}

#[tokio::test]
async fn b18_who_pressed_in_slack_at_the_same_instant_and_lost_is_told_who_won() {
    needs!("faults");
    let world = World::of_reviews(Options::default()).await;
    let (held, confirm) = almost_rejected(&world).await;
    let message = world.slack_request().await;
    let press = world.local.slack.press(&message, "approve", "U0OTHER");
    let (pressed, clicked) = overtaken(&world, press, world.person().submit(&confirm, &[])).await;
    pressed.expect("Slack's request is answered");
    clicked.expect("the page answers");
    world.ended(&held.execution).await.assert_rejected();
    let winner = won_by(&world, &held, Closing::Rejected).await;
    let told = eventually("who pressed is told", || async { world.local.slack.ephemerals().pop() }).await;
    assert_eq!(told.user, "U0OTHER");
    assert!(told.text.contains(&winner), "{winner} in {}", told.text);
}

#[tokio::test]
async fn b18_who_clicked_in_a_mail_at_the_same_instant_and_lost_is_told_who_won() {
    needs!("faults");
    let world = World::of_reviews(Options::default()).await;
    let (held, confirm) = almost_rejected(&world).await;
    let message = world.slack_request().await;
    let press = world.local.slack.press(&message, "approve", "U0OTHER");
    let (clicked, pressed) = overtaken(&world, world.person().submit(&confirm, &[]), press).await;
    pressed.expect("Slack's request is answered");
    world.ended(&held.execution).await.assert_approved();
    let (winner, clicked) = (won_by(&world, &held, Closing::Approved).await, clicked.expect("the page answers"));
    assert!(clicked.html.contains(&winner), "{winner} in {}", clicked.html);
}

#[tokio::test]
async fn b16_looking_changes_nothing() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let link = world.link().await;
    world.slack_request().await;
    let before = world.settled_round(&held).await;
    for _ in 0..5 {
        assert_eq!(world.open(&link).await.status, 200);
        world.open(&format!("{link}/flagged")).await;
    }
    assert_eq!(world.round(&held, 1).await, Some(before));
}

#[tokio::test]
async fn b26_a_quorum_of_two_counts_one_person_once() {
    let routes = format!(
        "[[reviewer]]\nname = \"dana\"\nmail = \"dana@example.com\"\nslack = \"U0DANA\"\n\n\
         [[reviewer]]\nname = \"lee\"\nslack = \"U0LEE\"\n\n\
         [[route]]\nslack = [\"{SLACK_CHANNEL}\"]\nreviewers = [\"dana\", \"lee\"]\nquorum = 2\nnamed_only = true\n"
    );
    let world = World::of_reviews(Options { routes, ..Options::default() }).await;
    let held = world.held_push().await;
    let message = world.slack_request().await;
    world.approve(&world.link().await).await;
    world.local.slack.press(&message, "approve", "U0DANA").await.expect("answered");
    let round = world.round(&held, 1).await.unwrap();
    assert!(round.is_open());
    assert_eq!(round.approvals(), 1);
    let says = |message: &SlackMessage| message.edited && shown(message).contains("1 of 2 approvals: dana.");
    let half = world.local.slack.wait_for(SLACK_CHANNEL, says, PATIENCE).await.expect("the message shows 1 of 2");
    world.local.slack.press(&half, "approve", "U0LEE").await.expect("answered");
    world.ended(&held.execution).await.assert_approved();
}

#[tokio::test]
async fn b24_somebody_who_is_no_reviewer_is_refused_in_private() {
    let mut options = Options::default();
    options.routes.push_str("named_only = true\n");
    let world = World::of_reviews(options).await;
    let held = world.held_push().await;
    let message = world.slack_request().await;
    world.local.slack.press(&message, "approve", "U0STRANGER").await.expect("answered");
    let told = eventually("who pressed is told", || async { world.local.slack.ephemerals().pop() }).await;
    assert_eq!(told.user, "U0STRANGER");
    assert!(told.text.contains("Only the reviewers named"), "{}", told.text);
    let round = world.round(&held, 1).await.unwrap();
    let refused = Event::Refused { who: "<@U0STRANGER>".into(), why: NotAllowed::NotAReviewer };
    assert!(round.is_open() && round.events.iter().any(|entry| entry.event == refused), "{:?}", round.events);
    assert_eq!(world.slack_request().await.blocks, message.blocks, "the message is unchanged");
}
