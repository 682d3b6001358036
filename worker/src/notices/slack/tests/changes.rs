//! Questions that stand otherwise than when they were put.

use holdpoint_review::{Newer, PushId, ReviewId, Verdict, Who, vote};

use super::*;

fn half_approved(round: &Round) -> Round {
    let dana = Who::MailOwner("dana@example.com".into());
    vote(round, &dana, Verdict::Approve, None, now()).unwrap().write.unwrap()
}

fn replaced(round: &Round) -> Round {
    let push = PushId::of("b", "k", "2");
    after(round, Input::Replaced(Newer { review: ReviewId::of("e", "s", push.as_str()), push }))
}

#[tokio::test]
async fn b26_the_question_says_one_of_two_and_keeps_its_buttons() {
    let world = World::new().await;
    let round = round_of(&input(), &ROUTES.replace("slack =", "quorum = 2\nslack ="), "token-1", now());
    world.aws.store(&round);
    world.tell(&round, Purpose::Request).await.unwrap();
    world.aws.store(&half_approved(&world.stored(&round)));
    for _ in 0..2 {
        world.tell(&round, Purpose::Change(1)).await.unwrap();
    }
    let messages = world.slack.messages("C1");
    assert!(messages[0]["blocks"].to_string().contains("1 of 2 approvals: dana."), "{}", messages[0]);
    assert_eq!((messages.len(), world.slack.live("C1")), (1, 1));
    assert_eq!(messages[0]["metadata"]["event_payload"]["purpose"], "request", "found again as what it is");
    assert_eq!(world.stored(&round).receipt(&Channel::Slack("C1".into()), Purpose::Change(1)), Some(None));
}

#[tokio::test]
async fn b15_the_question_says_that_a_newer_version_is_there_and_keeps_its_buttons() {
    let world = World::new().await;
    let round = world.open_round();
    world.tell(&round, Purpose::Request).await.unwrap();
    world.aws.store(&replaced(&world.stored(&round)));
    world.tell(&round, Purpose::Change(1)).await.unwrap();
    let message = world.slack.messages("C1").remove(0);
    assert!(message["blocks"].to_string().contains("Replaced by a newer version"), "{message}");
    assert_eq!(world.slack.live("C1"), 1);
}

/// The round as it is once its question went into a digest.
fn left_to_digest(world: &World, round: &Round) {
    let channel = Channel::Slack("C1".to_owned());
    let left = Input::Notified { channel, purpose: Purpose::Request, receipt: None };
    world.aws.store(&after(&world.stored(round), left));
}

#[tokio::test]
async fn b38_what_was_left_to_a_digest_and_reminded_of_singly_says_how_it_stands_and_how_it_ended() {
    let world = World::new().await;
    let round = world.open_round();
    left_to_digest(&world, &round);
    world.tell(&round, Purpose::Reminder(0)).await.unwrap();
    world.aws.store(&replaced(&world.stored(&round)));
    world.tell(&round, Purpose::Change(1)).await.unwrap();
    let message = world.slack.messages("C1").remove(0);
    assert!(message["blocks"].to_string().contains("Replaced by a newer version"), "{message}");
    assert_eq!(message["metadata"]["event_payload"]["purpose"], "reminder-0", "found again as what it is");
    assert_eq!(world.slack.live("C1"), 0, "a reminder has no buttons");

    let closed = world.reject(&round);
    for _ in 0..2 {
        world.tell(&closed, Purpose::Outcome).await.unwrap();
    }
    let messages = world.slack.messages("C1");
    assert!(is_closed(&messages[0]), "{}", messages[0]);
    assert_eq!((messages.len(), &messages[1]["thread_ts"]), (2, &messages[0]["ts"]));
}

#[tokio::test]
async fn b39_a_digest_is_not_edited_to_the_end_of_the_review_that_asked_for_it() {
    let world = World::new().await;
    let round = world.open_round();
    world.aws.reviews().ledger.enter_index(&round).await.unwrap();
    world.tell(&round, Purpose::Digest(7)).await.unwrap();
    // Its own question may have been posted, and never recorded: the channel is searched.
    let closed = world.reject(&round);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    let messages = world.slack.messages("C1");
    assert!(messages[0]["text"].as_str().unwrap().contains("for a decision"), "{}", messages[0]);
}

#[tokio::test]
async fn a_change_that_comes_after_the_end_edits_nothing() {
    let world = World::new().await;
    let round = world.open_round();
    world.tell(&round, Purpose::Request).await.unwrap();
    let closed = world.reject(&round);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    world.tell(&closed, Purpose::Change(1)).await.unwrap();
    assert!(is_closed(&world.slack.messages("C1")[0]));
}

#[tokio::test]
async fn a_change_whose_round_is_closed_between_edit_and_write_is_edited_to_the_end() {
    let world = World::new().await;
    let round = round_of(&input(), &ROUTES.replace("slack =", "quorum = 2\nslack ="), "token-1", now());
    world.aws.store(&round);
    world.tell(&round, Purpose::Request).await.unwrap();
    let voted = half_approved(&world.stored(&round));
    world.aws.store(&voted);
    // Written over between our read and our write: which is why that write is refused.
    let lee = Who::MailOwner("lee@example.com".into());
    let rejected = vote(&voted, &lee, Verdict::Reject, Some("late".into()), now()).unwrap().write.unwrap();
    world.aws.store_before_next_write(&rejected);
    world.tell(&round, Purpose::Change(1)).await.unwrap();
    let message = world.slack.messages("C1").remove(0);
    assert!(message["blocks"].to_string().contains("Rejected by lee"), "{message}");
    assert_eq!(world.slack.live("C1"), 0);
}
