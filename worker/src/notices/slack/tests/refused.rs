//! What Slack will not have, and who hears of it then.

use holdpoint_review::{Event, Holder};

use super::*;
use crate::notices::slack::INSTEAD;

const OF_CHANNEL: [&str; 4] =
    ["not_in_channel", "channel_not_found", "is_archived", "restricted_action_read_only_channel"];
const OF_TOKEN: [&str; 4] = ["token_revoked", "invalid_auth", "account_inactive", "missing_scope"];
const C9: (&str, &str) = ("HOLDPOINT_SLACK_FALLBACK_CHANNEL", "C9");

/// Whose the link in a message is.
fn holder(message: &Value) -> Holder {
    let blocks = message["blocks"].to_string();
    let sealed = blocks.split("https://review.example.com/r/").nth(1).unwrap().split(['"', '|']).next().unwrap();
    config(&[]).common.link_keys.unseal(sealed).unwrap().holder
}

#[tokio::test]
async fn b33_a_passing_error_is_tried_again() {
    let world = World::new().await;
    let round = world.open_round();
    for reply in [not_ok("internal_error"), not_ok("service_unavailable"), ResponseTemplate::new(500)] {
        world.slack.fail_once("chat.postMessage", reply);
        assert!(matches!(world.tell(&round, Purpose::Request).await, Err(Undelivered::Failed(_))));
    }
    world.tell(&round, Purpose::Request).await.unwrap();
    assert_eq!(world.slack.live("C1"), 1);
}

#[tokio::test]
async fn b33_a_channel_that_slack_refuses_is_spoken_for_in_the_fallback_channel() {
    for code in OF_CHANNEL {
        let world = World::with(&[C9]).await;
        let round = world.open_round();
        world.slack.refuse("C1", code);
        world.tell(&round, Purpose::Request).await.unwrap();
        let posted = world.slack.messages("C9");
        assert_eq!((posted.len(), world.slack.live("C9")), (1, 0), "{code}: no button of another channel");
        assert_eq!(holder(&posted[0]), Holder::Viewer, "{code}: whoever is there was not asked, and only looks");
        assert_eq!(receipts(&world.stored(&round)), [Some(format!("C9/{}", posted[0]["ts"].as_str().unwrap()))]);
        assert!(world.stored(&round).is_open(), "{code}: whoever else was asked decides");

        let closed = world.reject(&round);
        world.tell(&closed, Purpose::Outcome).await.unwrap();
        assert!(is_closed(&world.slack.messages("C9")[0]), "{code}");
        assert!(world.stored(&closed).said(&Channel::Slack("C1".into())).is_some());
    }
}

#[tokio::test]
async fn b33_a_digest_for_a_channel_that_slack_refuses_goes_to_the_fallback_channel() {
    for code in OF_CHANNEL {
        let world = World::with(&[C9]).await;
        let round = world.open_round();
        world.aws.reviews().ledger.enter_index(&round).await.unwrap();
        world.slack.refuse("C1", code);
        world.tell(&round, Purpose::Digest(7)).await.unwrap();
        let posted = world.slack.messages("C9");
        assert_eq!((posted.len(), world.slack.live("C9")), (1, 0), "{code}");
        let said = posted[0]["blocks"].to_string();
        assert!(said.contains("1 review waits for a decision") && said.contains(INSTEAD), "{code}: {said}");
        assert_eq!(holder(&posted[0]), Holder::Viewer, "{code}: whoever is there was not asked, and only looks");
        let receipt = Some(format!("C9/{}", posted[0]["ts"].as_str().unwrap()));
        assert_eq!(receipts(&world.stored(&round)), [receipt]);
        world.tell(&round, Purpose::Digest(7)).await.unwrap();
        assert_eq!(world.slack.messages("C9").len(), 1, "told is told");
    }
}

#[tokio::test]
async fn b33_a_digest_that_slack_will_have_nowhere_waits_for_the_operator() {
    let world = World::new().await;
    let round = world.open_round();
    world.aws.reviews().ledger.enter_index(&round).await.unwrap();
    world.slack.refuse("C1", "is_archived");
    let refused = world.tell(&round, Purpose::Digest(7)).await;
    assert!(matches!(&refused, Err(Undelivered::Refused(code)) if code == "is_archived"), "{refused:?}");
    assert!(receipts(&world.stored(&round)).is_empty());
}

#[tokio::test]
async fn b33_where_the_fallback_channel_is_asked_too_its_link_is_its_own() {
    let world = World::with(&[C9]).await;
    let routes = ROUTES.replace(r#"slack = ["C1"]"#, r#"slack = ["C1", "C9"]"#);
    let round = round_of(&input(), &routes, "token-1", now());
    world.aws.store(&round);
    world.slack.refuse("C1", "not_in_channel");
    world.tell(&round, Purpose::Request).await.unwrap();
    assert_eq!(holder(&world.slack.messages("C9")[0]), Holder::SlackChannel(1));
}

#[tokio::test]
async fn b33_a_token_that_slack_refuses_cannot_speak_in_the_fallback_channel_either_so_mail_asks() {
    for code in OF_TOKEN {
        let smtp = Smtp::start();
        let world = World::with(&[C9, ("HOLDPOINT_SMTP_URL", &smtp.url())]).await;
        let round = world.open_round();
        world.slack.refuse("", code);
        let refused = world.tell(&round, Purpose::Request).await;
        assert!(matches!(&refused, Err(Undelivered::Refused(said)) if said == code), "{refused:?}");
        assert!(receipts(&world.stored(&round)).is_empty(), "{code}: it is tried again");
        let channel = Channel::Mail("dana@example.com".to_owned());
        let mail =
            Notice { review_id: round.review_id.clone(), round: 1, channel, purpose: Purpose::Request, says: None };
        world.sender.deliver(&mail, 1).await.unwrap();
        assert!(smtp.taken().len() == 1 && world.stored(&round).is_open(), "{code}: the review stays answerable");

        world.slack.recover();
        world.tell(&round, Purpose::Request).await.unwrap();
        assert_eq!((world.slack.live("C1"), world.slack.messages("C9").len()), (1, 0));
    }
}

#[tokio::test]
async fn b33_a_webhook_speaks_for_a_token_that_slack_refuses() {
    for code in OF_TOKEN {
        let (aws, slack) = (Aws::start().await, Slack::start().await);
        let (url, webhooks) = (slack.url(), format!("ops={}", slack.webhook()));
        let settings = [
            ("HOLDPOINT_SLACK_BOT_TOKEN", "xoxb-1"),
            ("HOLDPOINT_SLACK_API_URL", &url),
            ("HOLDPOINT_SLACK_WEBHOOKS", &webhooks),
            ("HOLDPOINT_SLACK_FALLBACK_CHANNEL", "ops"),
        ];
        let sender = Sender::new(&config(&settings), aws.reviews()).unwrap();
        let world = World { aws, slack, sender };
        let round = world.open_round();
        world.slack.refuse("", code);
        world.tell(&round, Purpose::Request).await.unwrap();
        assert_eq!(holder(&world.slack.messages("webhook")[0]), Holder::Viewer);
        // The token may be in order again by then: the end is told where it was asked.
        world.slack.recover();
        let closed = world.reject(&round);
        for _ in 0..2 {
            world.tell(&closed, Purpose::Outcome).await.unwrap();
        }
        let messages = world.slack.messages("webhook");
        assert!(messages.len() == 2 && is_closed(&messages[1]), "{code}: {messages:?}");
    }
}

#[tokio::test]
async fn b33_without_a_fallback_it_waits_for_the_operator_and_the_round_stays_open() {
    let world = World::new().await;
    let round = world.open_round();
    world.slack.refuse("C1", "not_in_channel");
    let refused = world.tell(&round, Purpose::Request).await;
    assert!(matches!(&refused, Err(Undelivered::Refused(code)) if code == "not_in_channel"), "{refused:?}");
    assert!(world.stored(&round).is_open());
    world.slack.recover();
    world.tell(&round, Purpose::Request).await.unwrap();
    assert_eq!(world.slack.live("C1"), 1);
}

#[tokio::test]
async fn nobody_is_asked_again_and_again_where_slack_refuses_what_is_closed_by_now() {
    let world = World::new().await;
    let closed = world.reject(&world.open_round());
    world.slack.refuse("C1", "not_in_channel");
    world.tell(&closed, Purpose::Request).await.unwrap();
    assert_eq!(receipts(&world.stored(&closed)), [None]);
}

#[tokio::test]
async fn b33_a_word_that_nobody_knows_holds_up_no_channel() {
    let world = World::new().await;
    let round = world.open_round();
    world.slack.refuse("C1", "some_new_word");
    for receives in [1, 2] {
        let failed = world.tell_at_receipt(receives, &round, Purpose::Request).await;
        assert!(matches!(failed, Err(Undelivered::Failed(_))), "it may be a passing fault: {failed:?}");
    }
    world.tell_at_receipt(3, &round, Purpose::Request).await.unwrap();
    assert_eq!(receipts(&world.stored(&round)), [None], "noted as told, as with an address that takes no mail");
    let closed = world.reject(&round);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    assert_eq!(world.stored(&closed).said(&Channel::Slack("C1".into())), closed.outcome());

    let world = World::with(&[C9]).await;
    let round = world.open_round();
    world.slack.refuse("C1", "some_new_word");
    world.tell_at_receipt(3, &round, Purpose::Request).await.unwrap();
    assert_eq!(world.slack.messages("C9").len(), 1);
}

#[tokio::test]
async fn b38_a_question_that_slack_lets_nobody_edit_is_answered_in_its_thread_and_recorded_so() {
    for code in ["cant_update_message", "edit_window_closed"] {
        let world = World::new().await;
        let round = world.open_round();
        world.tell(&round, Purpose::Request).await.unwrap();
        let closed = world.reject(&round);
        world.slack.fail_once("chat.update", not_ok(code));
        world.tell(&closed, Purpose::Outcome).await.unwrap();
        let messages = world.slack.messages("C1");
        assert_eq!((messages.len(), &messages[1]["thread_ts"]), (2, &messages[0]["ts"]));
        assert!(messages[1]["text"].as_str().unwrap().contains("Rejected by dana"), "{code}");
        let stored = world.stored(&closed);
        assert!(matches!(stored.events.last().unwrap().event, Event::NoticeFinal { in_thread_only: true, .. }));
        assert_eq!(stored.said(&Channel::Slack("C1".into())), closed.outcome(), "{code}: the clock may end");
    }
}
