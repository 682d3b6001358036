use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::*;

const SOON: Duration = Duration::from_secs(5);

async fn catcher() -> SlackCatcher {
    SlackCatcher::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn call(slack: &SlackCatcher, method: &str, arguments: Value) -> Value {
    let request = slack.client.post(slack.api_url() + method).bearer_auth(BOT_TOKEN).json(&arguments);
    request.send().await.unwrap().json().await.unwrap()
}

fn request_message() -> Value {
    let text = |text: &str| json!({ "type": "plain_text", "text": text });
    let button =
        |action: &str| json!({ "type": "button", "action_id": action, "text": text(action), "value": "sealed" });
    let look = json!({ "type": "button", "action_id": "look", "text": text("Look"), "url": "https://review.test/r/x" });
    json!({
        "channel": "C1", "text": "held", "metadata": { "event_type": "holdpoint_review", "event_payload": { "round": 1 } },
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": "*held*" } },
            { "type": "actions", "block_id": "decide", "elements": [button("approve"), button("reject"), look] },
        ],
    })
}

async fn posted(slack: &SlackCatcher) -> SlackMessage {
    assert_eq!(call(slack, "chat.postMessage", request_message()).await["ok"], true);
    slack.wait_for("C1", |message| message.thread_ts.is_none(), SOON).await.unwrap()
}

/// An app that opens the modal for "reject" and answers "approve" at its `response_url`; gives back what it was sent.
async fn app(slack: &SlackCatcher) -> tokio::sync::mpsc::UnboundedReceiver<(HeaderMap, String, Value)> {
    let (sent, received) = tokio::sync::mpsc::unbounded_channel();
    let interact = async |State((slack, sent)): State<(SlackCatcher, tokio::sync::mpsc::UnboundedSender<_>)>,
                          headers: HeaderMap,
                          body: String| {
        let (_, payload) = form_urlencoded::parse(body.as_bytes()).next().unwrap();
        let payload: Value = serde_json::from_str(&payload).unwrap();
        let label = json!({ "type": "plain_text", "text": "Reject" });
        let field = json!({ "type": "plain_text_input", "action_id": "reason" });
        let ask = json!([{ "type": "input", "block_id": "reason", "label": label, "element": field }]);
        let view = json!({ "type": "modal", "callback_id": "reject", "title": label, "submit": label, "blocks": ask });
        match payload["actions"][0]["action_id"].as_str() {
            Some("reject") => {
                let arguments = json!({ "trigger_id": payload["trigger_id"], "view": view });
                assert_eq!(call(&slack, "views.open", arguments.clone()).await["ok"], true);
                assert_eq!(call(&slack, "views.open", arguments).await["error"], "exchanged_trigger_id");
            }
            Some(_) => {
                let reply =
                    slack.client.post(payload["response_url"].as_str().unwrap()).json(&json!({ "text": "recorded" }));
                assert_eq!(reply.send().await.unwrap().status(), 200);
            }
            None => {}
        }
        sent.send((headers, body, payload)).unwrap();
    };
    let router = Router::new().route("/slack/interactions", post(interact)).with_state((slack.clone(), sent));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    slack.interactions_url(&format!("http://{}/slack/interactions", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    received
}

#[tokio::test]
async fn a_message_is_found_by_look_back_then_edited_then_deleted() {
    let slack = catcher().await;
    let message = posted(&slack).await;
    let reply = json!({ "channel": "C1", "text": "still open", "thread_ts": message.ts });
    call(&slack, "chat.postMessage", reply).await;
    let look_back = format!("{}conversations.history?channel=C1&include_all_metadata=true&limit=1", slack.api_url());
    let found: Value = slack.client.get(look_back).bearer_auth(BOT_TOKEN).send().await.unwrap().json().await.unwrap();
    assert_eq!(found["messages"][0]["metadata"]["event_payload"]["round"], 1);
    assert_eq!((found["messages"].as_array().unwrap().len(), &found["has_more"]), (1, &json!(false)));
    let replies = call(&slack, "conversations.replies", json!({ "channel": "C1", "ts": message.ts })).await;
    assert_eq!(replies["messages"][1]["text"], "still open");
    assert_eq!(
        slack.live_buttons("C1").iter().map(|button| button.action_id.as_str()).collect::<Vec<_>>(),
        ["approve", "reject"]
    );

    let edit = json!({ "channel": "C1", "ts": message.ts, "text": "approved" });
    assert_eq!(call(&slack, "chat.update", edit.clone()).await["ok"], true);
    let edited = slack.messages("C1").remove(0);
    assert_eq!((edited.edited, edited.blocks.len(), edited.metadata.is_some()), (true, 0, true));
    assert_eq!(slack.live_buttons("C1"), []);
    call(&slack, "chat.delete", json!({ "channel": "C1", "ts": message.ts })).await;
    assert!(slack.messages("C1")[0].deleted);
    assert_eq!(call(&slack, "chat.update", edit).await["error"], "message_not_found");
}

#[tokio::test]
async fn history_is_newest_first_in_pages_within_a_range() {
    let slack = catcher().await;
    for text in ["a", "b", "c"] {
        call(&slack, "chat.postMessage", json!({ "channel": "C1", "text": text })).await;
    }
    let texts =
        |page: &Value| page["messages"].as_array().unwrap().iter().map(|it| text_of(&it["text"])).collect::<String>();
    let page = call(&slack, "conversations.history", json!({ "channel": "C1", "limit": 2 })).await;
    assert_eq!((texts(&page).as_str(), &page["has_more"]), ("cb", &json!(true)));
    let cursor = page["response_metadata"]["next_cursor"].clone();
    let page = call(&slack, "conversations.history", json!({ "channel": "C1", "limit": 2, "cursor": cursor })).await;
    assert_eq!((texts(&page).as_str(), &page["has_more"]), ("a", &json!(false)));
    let first = slack.messages("C1").remove(0).ts;
    let check = async |range: Value, expected: &str| {
        assert_eq!(texts(&call(&slack, "conversations.history", range).await), expected);
    };
    check(json!({ "channel": "C1", "oldest": first }), "cb").await;
    check(json!({ "channel": "C1", "oldest": first, "inclusive": true }), "cba").await;
    check(json!({ "channel": "C1", "latest": first }), "").await;
}

#[tokio::test]
async fn what_slack_refuses_is_refused_here() {
    let slack = catcher().await;
    let check = async |pointer: &str, value: Value, error: &str| {
        let mut message = request_message();
        *message.pointer_mut(pointer).unwrap() = value;
        let reply = call(&slack, "chat.postMessage", message).await;
        assert_eq!(reply["error"].as_str().unwrap_or_default(), error, "{pointer}: {reply}");
    };
    let (section, label, value) =
        ("/blocks/0/text/text", "/blocks/1/elements/0/text/text", "/blocks/1/elements/0/value");
    let chars = |count: usize| json!("ü".repeat(count));
    check("/channel", json!("#reviews"), "channel_not_found").await;
    check("/metadata", json!({ "event_type": "x" }), "invalid_metadata_format").await;
    check("/blocks", json!("{"), "invalid_blocks_format").await;
    check("/blocks", vec![json!({ "type": "divider" }); 50].into(), "").await;
    check("/blocks", vec![json!({ "type": "divider" }); 51].into(), "invalid_blocks").await;
    check("/blocks/0/type", json!("image"), "invalid_blocks").await;
    check("/blocks/1/elements/1/action_id", json!("approve"), "invalid_blocks").await;
    for (pointer, limit) in [(section, 3000), (label, 75), (value, 2000)] {
        check(pointer, chars(limit), "").await;
        check(pointer, chars(limit + 1), "invalid_blocks").await;
    }
    let header = |count| json!({ "type": "header", "text": { "type": "plain_text", "text": "h".repeat(count) } });
    check("/blocks/0", header(150), "").await;
    check("/blocks/0", header(151), "invalid_blocks").await;
    let long = json!({ "type": "section", "text": { "type": "mrkdwn", "text": "x".repeat(2990) } });
    check("/blocks", vec![long; 4].into(), "msg_blocks_too_long").await;

    let anonymous = slack.client.post(slack.api_url() + "auth.test").send().await.unwrap();
    assert_eq!(anonymous.json::<Value>().await.unwrap()["error"], "not_authed");
    let stranger = slack.client.post(slack.api_url() + "auth.test").bearer_auth("xoxb-other").send().await.unwrap();
    assert_eq!(stranger.json::<Value>().await.unwrap()["error"], "invalid_auth");
    assert_eq!(call(&slack, "auth.test", json!({})).await["team_id"], TEAM);
}

#[tokio::test]
async fn faults_hit_the_next_requests_of_their_channel_only() {
    let slack = catcher().await;
    let fault = |kind| SlackFault { method: "chat.postMessage", channel: "C1".into(), times: 1, kind };
    let send = async |channel: &str| {
        let request = slack.client.post(slack.api_url() + "chat.postMessage").bearer_auth(BOT_TOKEN);
        request.json(&json!({ "channel": channel, "text": "x" })).send().await
    };
    slack.inject(fault(SlackFaultKind::RateLimited(30)));
    assert_eq!(send("C2").await.unwrap().status(), 200);
    let limited = send("C1").await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "30"));
    slack.inject(fault(SlackFaultKind::Error("is_archived")));
    assert_eq!(send("C1").await.unwrap().json::<Value>().await.unwrap()["error"], "is_archived");
    assert_eq!(slack.messages("C1"), []);
    slack.inject(fault(SlackFaultKind::ReplyLost));
    assert!(send("C1").await.is_err());
    assert_eq!(slack.messages("C1").len(), 1);
    slack.down();
    assert!(send("C1").await.is_err());
    slack.up();
    assert_eq!(send("C1").await.unwrap().status(), 200);
    assert_eq!(slack.messages("C1").len(), 2);
}

#[tokio::test]
async fn a_webhook_posts_into_the_channel_of_its_name() {
    let slack = catcher().await;
    let post = async |body: Value| {
        let reply = slack.client.post(slack.webhook_url("flights")).json(&body).send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    assert_eq!(post(json!({ "text": "held" })).await, (200, "ok".into()));
    assert_eq!(post(json!({})).await, (400, "no_text".into()));
    assert_eq!(slack.messages("flights").len(), 1);
}

#[tokio::test]
async fn a_person_approves_by_a_signed_press_and_is_answered_alone_five_times() {
    let slack = catcher().await;
    let mut app = app(&slack).await;
    let answer = slack.press(&posted(&slack).await, "approve", "U7").await.unwrap();
    assert_eq!(answer.status, 200);
    let (headers, body, press) = app.recv().await.unwrap();
    let timestamp = headers["x-slack-request-timestamp"].to_str().unwrap();
    assert_eq!(headers["x-slack-signature"], person::signature(SIGNING_SECRET, timestamp, &body));
    assert_eq!((&press["user"]["id"], &press["actions"][0]["value"]), (&json!("U7"), &json!("sealed")));
    let told = slack.ephemerals().remove(0);
    assert_eq!((told.user.as_str(), told.text.as_str()), ("U7", "recorded"));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let reply = slack.client.post(press["response_url"].as_str().unwrap()).json(&json!({ "text": "again" }));
        statuses.push(reply.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 404]);
}

#[tokio::test]
async fn a_person_rejects_with_a_reason_in_the_modal_that_the_app_opens() {
    let slack = catcher().await;
    let mut app = app(&slack).await;
    let message = posted(&slack).await;
    slack.reject(&message, "wrong day", "U7").await.unwrap();
    assert_eq!(app.recv().await.unwrap().2["type"], "block_actions");
    let (_, _, submission) = app.recv().await.unwrap();
    assert_eq!(submission["view"]["state"]["values"]["reason"]["reason"]["value"], "wrong day");
    assert_eq!(submission["view"]["callback_id"], "reject");
    let stale = slack.press(&message, "escalate", "U7").await;
    assert!(matches!(stale, Err(PressError::NoButton(_))));
}
