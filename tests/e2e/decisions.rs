//! What reviewers do, and what comes of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use holdpoint_e2e::{Options, World, eventually};
use holdpoint_local::{aws::Verdict, local::SLACK_CHANNEL};
use holdpoint_review::{Closing, words};

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
    assert!(holdpoint_e2e::shown(&message).contains("Rejected by dana"), "{:?}", message.blocks);
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

/// Approves in Slack and rejects by mail at the same instant. The first of the two writes comes late, so that both have
/// read an open round before one of them closes it; `slack_first` says whose write that is.
async fn at_the_same_instant(slack_first: bool) {
    const LATE: Duration = Duration::from_secs(1);
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    world.settled_round(&held).await;
    let (link, message) = (world.link().await, world.slack_request().await);
    let page = world.open(&link).await;
    let confirm = world.person().submit(&page, &[("decision", "reject"), ("reason", "no")]).await;
    let confirm = confirm.expect("the page answers");

    let writes = Arc::new(AtomicUsize::new(0));
    let counted = writes.clone();
    world.local.aws.faults().on_request(move |request| {
        let is_write = request.access_key == "callback" && request.action == "s3.PutObject";
        let is_first = is_write && counted.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first { Verdict::ServeLate(LATE) } else { Verdict::Serve }
    });
    let first_write = || async {
        eventually("the first of the two writes", || async { (writes.load(Ordering::Relaxed) > 0).then_some(()) })
            .await;
    };
    let press = async {
        if !slack_first {
            first_write().await;
        }
        world.local.slack.press(&message, "approve", "U0OTHER").await
    };
    let click = async {
        if slack_first {
            first_write().await;
        }
        world.person().submit(&confirm, &[]).await
    };
    let (clicked, pressed) = tokio::join!(click, press);
    pressed.expect("Slack's request is answered");
    let clicked = clicked.expect("the page answers");

    let ended = world.ended(&held.execution).await;
    let round = world.finished(&held).await;
    assert_eq!(round.votes().count(), 1, "one decision");
    let winner = words::without_mentions(&words::outcome(&round).expect("it is closed"));
    let winner = winner.split(',').next().expect("a sentence");
    match round.closing().expect("it is closed").0 {
        Closing::Approved => {
            ended.assert_approved();
            assert!(clicked.html.contains(winner), "{winner} in {}", clicked.html);
        }
        Closing::Rejected => {
            ended.assert_rejected();
            let told = || async { world.local.slack.ephemerals().pop() };
            let told = eventually("who pressed the button is told", told).await;
            assert_eq!(told.user, "U0OTHER");
            assert!(told.text.contains(winner), "{winner} in {}", told.text);
        }
        other => panic!("{other:?}"),
    }
    assert!(world.open(&link).await.html.contains(winner));
}

#[tokio::test]
async fn b18_who_pressed_in_slack_at_the_same_instant_and_lost_is_told_who_won() {
    at_the_same_instant(true).await;
}

#[tokio::test]
async fn b18_who_clicked_in_a_mail_at_the_same_instant_and_lost_is_told_who_won() {
    at_the_same_instant(false).await;
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
    world.local.slack.press(&message, "approve", "U0LEE").await.expect("answered");
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
    assert!(world.round(&held, 1).await.unwrap().is_open());
    assert_eq!(world.slack_request().await.blocks, message.blocks, "the message is unchanged");
}
