//! Buttons and forms in Slack.

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use holdpoint_platform::now;
use holdpoint_review::{Closing, ContentHash, Event, Holder, NotAllowed, Round, Verdict, Who, vote};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use url::form_urlencoded;

use crate::world::{World, bytes, link_of, path};

async fn send(world: &World, payload: &Value, secret: &str, age_seconds: i64) -> Response {
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
    send_body(world, body, secret, age_seconds).await
}

async fn send_body(world: &World, body: String, secret: &str, age_seconds: i64) -> Response {
    let at = now().as_second() - age_seconds;
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(format!("v0:{at}:{body}")).finalize().into_bytes();
    let hex = ContentHash::of_sha256(mac.into());
    let post = world.http.post(world.url("/slack/interactions")).body(body);
    let post = post.header("content-type", "application/x-www-form-urlencoded");
    let post = post.header("x-slack-request-timestamp", at).header("x-slack-signature", format!("v0={hex}"));
    post.send().await.unwrap()
}

fn press(world: &World, round: &Round, action: &str) -> Value {
    let respond = world.doubles_url("/slack-respond");
    json!({
        "type": "block_actions",
        "user": { "id": "U9" },
        "team": { "id": "T1" },
        "channel": { "id": "C1" },
        "trigger_id": "trigger",
        "response_url": respond,
        "actions": [{ "action_id": action, "value": link_of(round, Holder::SlackChannel(0)) }],
    })
}

fn submission(round: &Round, reason: &str) -> Value {
    json!({
        "type": "view_submission",
        "user": { "id": "U9", "team_id": "T1" },
        "team": { "id": "T1" },
        "view": {
            "callback_id": "reject",
            "private_metadata": link_of(round, Holder::SlackChannel(0)),
            "state": { "values": { "reason": { "reason": { "type": "plain_text_input", "value": reason } } } },
        },
    })
}

fn refusals(round: &Round) -> Vec<(String, NotAllowed)> {
    let refusals = round.events.iter().filter_map(|entry| match &entry.event {
        Event::Refused { who, why } => Some((who.clone(), *why)),
        _ => None,
    });
    refusals.collect()
}

/// What Slack was told, once there is so much of it.
async fn told(world: &World, count: usize) -> Vec<(String, Value)> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let told = world.doubles.facts().slack.clone();
        if told.len() >= count {
            return told;
        }
        assert!(Instant::now() < deadline, "{told:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn b23_a_press_on_approve_decides_and_a_replay_changes_nothing() {
    let world = World::new().await;
    let round = world.open();
    let pressed = press(&world, &round, "approve");
    assert_eq!(send(&world, &pressed, "shh", 0).await.status(), StatusCode::OK);
    let stored = world.stored(&round);
    assert_eq!(stored.closing().unwrap().0, Closing::Approved);
    assert_eq!(stored.votes().next().unwrap().0.name, "<@U9>");
    assert_eq!(send(&world, &pressed, "shh", 0).await.status(), StatusCode::OK);
    assert_eq!(world.stored(&round), stored);
    let facts = world.doubles.facts();
    assert!(facts.slack.is_empty(), "the message itself will show it");
    assert_eq!(facts.calls.iter().filter(|(action, _)| action == "SendTaskSuccess").count(), 1);
}

#[tokio::test]
async fn b18_the_slower_one_in_slack_is_told_who_won() {
    let world = World::new().await;
    let round = world.open();
    // lee rejects by mail between the press's read and its write.
    let rejected = vote(&round, &Who::MailOwner("lee@example.com".into()), Verdict::Reject, Some("late".into()), now());
    let rejected = rejected.unwrap().write.unwrap();
    world.doubles.facts().intruder = Some((path(&round), bytes(&rejected)));
    assert_eq!(send(&world, &press(&world, &round, "approve"), "shh", 0).await.status(), StatusCode::OK);
    let (to, said) = told(&world, 1).await.remove(0);
    assert_eq!((to.as_str(), &said["response_type"]), ("/slack-respond", &json!("ephemeral")));
    let text = said["text"].as_str().unwrap();
    assert!(text.starts_with("Not taken: this review is closed. Rejected by lee, "), "{text}");
    assert_eq!(world.stored(&round), rejected);
}

#[tokio::test]
async fn b23_what_slack_did_not_sign_just_now_is_refused_and_so_is_what_is_too_large() {
    let world = World::new().await;
    let round = world.open();
    let pressed = press(&world, &round, "approve");
    assert_eq!(send(&world, &pressed, "guessed", 0).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send(&world, &pressed, "shh", 301).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send_body(&world, "x".repeat(64 * 1024 + 1), "shh", 0).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.stored(&round), round);
}

#[tokio::test]
async fn b23_slack_is_answered_in_time_while_aws_is_slow_and_the_work_goes_on() {
    let world = World::new().await;
    let round = world.open();
    // S3 answers only after Slack was answered, so that the answer cannot have waited for it.
    world.doubles.facts().s3_holds = true;
    assert_eq!(send(&world, &press(&world, &round, "approve"), "shh", 0).await.status(), StatusCode::OK);
    let told = told(&world, 1).await;
    assert!(told[0].1["text"].as_str().unwrap().starts_with("Not recorded, try again"), "{told:?}");
    assert_eq!(world.stored(&round), round);
    world.doubles.facts().s3_holds = false;
    let deadline = Instant::now() + Duration::from_secs(20);
    while world.stored(&round).is_open() {
        assert!(Instant::now() < deadline, "what was begun is not finished");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn b23_nothing_stored_is_said_in_private() {
    let world = World::new().await;
    let round = world.open();
    world.doubles.facts().failing.insert("PUT");
    assert_eq!(send(&world, &press(&world, &round, "approve"), "shh", 0).await.status(), StatusCode::OK);
    let (path, said) = told(&world, 1).await.remove(0);
    assert_eq!((path.as_str(), &said["response_type"]), ("/slack-respond", &json!("ephemeral")));
    assert!(said["text"].as_str().unwrap().starts_with("Not recorded, try again"), "{said}");
    let reply: Value = send(&world, &submission(&round, "late"), "shh", 0).await.json().await.unwrap();
    assert!(reply["errors"]["reason"].as_str().unwrap().starts_with("Not recorded, try again"), "{reply}");
}

#[tokio::test]
async fn b25_reject_asks_for_a_reason_and_decides_with_it() {
    let world = World::new().await;
    let round = world.open();
    assert_eq!(send(&world, &press(&world, &round, "reject"), "shh", 0).await.status(), StatusCode::OK);
    let (path, form) = told(&world, 1).await.remove(0);
    assert_eq!((path.as_str(), &form["trigger_id"]), ("/slack-api/views.open", &json!("trigger")));
    assert_eq!(form["view"]["callback_id"], "reject");
    assert_eq!(form["view"]["private_metadata"], link_of(&round, Holder::SlackChannel(0)));
    assert_eq!(form["view"]["blocks"][1]["element"]["action_id"], "reason");
    assert_eq!(world.stored(&round), round);

    let reply: Value = send(&world, &submission(&round, "  "), "shh", 0).await.json().await.unwrap();
    assert_eq!(reply["response_action"], "errors");
    let done = send(&world, &submission(&round, "amounts in cents"), "shh", 0).await;
    assert_eq!((done.status(), done.text().await.unwrap().as_str()), (StatusCode::OK, ""));
    let stored = world.stored(&round);
    assert_eq!(stored.closing().unwrap().0, Closing::Rejected);
    assert_eq!(stored.votes().next().unwrap().2, Some("amounts in cents"));
}

#[tokio::test]
async fn b24_another_workspace_another_channel_and_a_closed_round_are_refused_in_private() {
    let world = World::new().await;
    let round = world.open();
    let mut elsewhere = press(&world, &round, "approve");
    elsewhere["team"]["id"] = json!("T2");
    send(&world, &elsewhere, "shh", 0).await;
    // In a channel that is shared with another workspace the channel is ours and the person is not.
    let mut guest = press(&world, &round, "approve");
    guest["user"]["team_id"] = json!("T2");
    send(&world, &guest, "shh", 0).await;
    let mut nowhere = press(&world, &round, "approve");
    nowhere["team"] = Value::Null;
    send(&world, &nowhere, "shh", 0).await;
    let mut outside = press(&world, &round, "approve");
    outside["channel"]["id"] = json!("C2");
    send(&world, &outside, "shh", 0).await;
    let noted: Vec<_> = refusals(&world.stored(&round));
    let (another, no_reviewer) = (NotAllowed::AnotherWorkspace, NotAllowed::NotAReviewer);
    let expected = [("<@U9> of another workspace".to_owned(), another), ("<@U9>".to_owned(), no_reviewer)];
    assert_eq!(noted, expected, "recorded, each once");
    assert_eq!(world.stored(&round).events.len(), round.events.len() + noted.len(), "and nothing else");
    send(&world, &press(&world, &round, "approve"), "shh", 0).await;
    send(&world, &press(&world, &round, "reject"), "shh", 0).await;
    let mut said: Vec<_> = told(&world, 5).await.into_iter().map(|(_, body)| body["text"].to_string()).collect();
    said.sort();
    assert!(said[0].contains("Not taken: this review is closed. Approved by Slack user U9"), "{said:?}");
    assert!(said[1..4].iter().all(|said| said.contains("Only members of our own Slack workspace")), "{said:?}");
    assert!(said[4].contains("Only the reviewers named"), "{said:?}");
}

#[tokio::test]
async fn b27_another_button_is_answered_with_the_two_there_are() {
    let world = World::new().await;
    let round = world.open();
    let reply = send(&world, &press(&world, &round, "postpone"), "shh", 0).await;
    assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
    assert!(reply.text().await.unwrap().contains("approve or reject"));
    let look = json!({ "type": "block_actions", "user": { "id": "U9" }, "actions": [{ "action_id": "look" }] });
    assert_eq!(send(&world, &look, "shh", 0).await.status(), StatusCode::OK);
    assert_eq!(send(&world, &json!({ "type": "view_closed" }), "shh", 0).await.status(), StatusCode::OK);
    assert_eq!(send_body(&world, "payload=%7B".to_owned(), "shh", 0).await.status(), StatusCode::BAD_REQUEST);
}
