//! What reviewers do, and what comes of it.

use holdpoint_e2e::{Options, World};
use holdpoint_local::local::SLACK_CHANNEL;
use holdpoint_review::{Closing, Event, Purpose, words};

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
async fn b14_nobody_decides_so_it_is_reminded_of_then_expires_and_fails_cleanly() {
    let mut options = Options::default().deadline("12s");
    options.routes = options.routes.replace("deadline", "remind_after = [\"3s\"]\ndeadline");
    let world = World::of_reviews(options).await;
    let held = world.held_push().await;
    let link = world.link().await;
    world.mail(|mail| mail.header("In-Reply-To").is_some()).await;
    assert!(world.round(&held, 1).await.is_some_and(|round| round.is_open()), "a reminder comes before the deadline");
    world.ended(&held.execution).await.assert_expired();
    assert_eq!(world.tags(&held.source).await["holdpoint"], "expired");
    let round = world.finished(&held).await;
    let reminders = round
        .events
        .iter()
        .filter(|entry| matches!(entry.event, Event::Notified { purpose: Purpose::Reminder(0), .. }));
    assert_eq!(reminders.count(), 2, "one in Slack, one by mail");
    let late = world.open(&link).await;
    assert_eq!(late.status, 410);
    assert!(late.html.contains("Expired"), "{}", late.html);
}

#[tokio::test]
async fn b20_a_click_after_the_deadline_decides_nothing() {
    let world = World::of_reviews(Options::default().deadline("8s")).await;
    let held = world.held_push().await;
    let link = world.link().await;
    let page = world.open(&link).await;
    assert!(page.has_form());
    world.ended(&held.execution).await.assert_expired();
    let late = world.person().submit(&page, &[("decision", "approve"), ("reason", "")]).await.unwrap();
    assert_eq!(late.status, 410, "{}", late.html);
    let (closing, _) = world.finished(&held).await.closing().unwrap();
    assert_eq!(closing, Closing::Expired);
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

#[tokio::test]
async fn b18_approve_and_reject_at_the_same_instant_have_one_winner() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let (link, message) = (world.link().await, world.slack_request().await);
    let page = world.open(&link).await;
    let confirm = world.person().submit(&page, &[("decision", "reject"), ("reason", "no")]).await.unwrap();
    let person = world.person();
    let (mailed, pressed) =
        tokio::join!(person.submit(&confirm, &[]), world.local.slack.press(&message, "approve", "U0OTHER"));
    let ended = world.ended(&held.execution).await;
    let round = world.finished(&held).await;
    let (closing, _) = round.closing().unwrap();
    match closing {
        Closing::Approved => ended.assert_approved(),
        Closing::Rejected => ended.assert_rejected(),
        other => panic!("{other:?}"),
    }
    pressed.expect("Slack's request is answered");
    let winner = words::without_mentions(&words::outcome(&round).unwrap());
    let winner = winner.split(',').next().unwrap();
    for page in [mailed.unwrap(), world.open(&link).await] {
        assert!(page.html.contains(winner), "{winner} in {}", page.html);
    }
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
