use axum::routing::post;
use serde_json::json;

use super::*;

const HOSTILE: &str = r#"<script>alert(1)</script>"><img src=x>"#;

/// A catcher of each kind, and the address of an outbox before them, served.
async fn outbox() -> (Outbox, MailCatcher, SlackCatcher, String, reqwest::Client) {
    let any = "127.0.0.1:0".parse().unwrap();
    let (mails, slack) = (MailCatcher::start(any).await.unwrap(), SlackCatcher::start(any).await.unwrap());
    let outbox = Outbox::start(mails.clone(), slack.clone()).await.unwrap();
    let url = outbox.url().to_owned();
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    (outbox, mails, slack, url, client)
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn call(slack: &SlackCatcher, method: &str, body: Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = client.post(slack.api_url() + method).bearer_auth(slack::BOT_TOKEN).json(&body).send().await.unwrap();
    assert_eq!(reply.json::<Value>().await.unwrap()["ok"], true);
}

#[tokio::test]
async fn nothing_in_a_mail_or_a_message_becomes_html_of_the_page() {
    let (_outbox, _mails, slack, url, client) = outbox().await;
    let label = json!({ "type": "plain_text", "text": HOSTILE });
    let link = json!({ "type": "button", "action_id": "look", "text": label, "url": "javascript:x" });
    let section = json!({ "type": "section", "text": { "type": "mrkdwn", "text": HOSTILE } });
    call(
        &slack,
        "chat.postMessage",
        json!({ "channel": "C1", "blocks": [section, { "type": "actions", "elements": [link] }] }),
    )
    .await;
    let mail = Mail {
        recipient: HOSTILE.into(),
        subject: HOSTILE.into(),
        text: HOSTILE.into(),
        html: HOSTILE.into(),
        headers: Vec::new(),
        at: holdpoint_platform::now(),
    };
    let page = client.get(&url).send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    for html in [page.text().await.unwrap(), mail_card(&mail).into_string()] {
        assert!(html.contains("alert(1)"), "{html}");
        for forbidden in ["<script", "<img", "href=\"javascript"] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
    }
}

#[tokio::test]
async fn a_button_asks_first_and_then_presses_as_a_user() {
    let (_outbox, _mails, slack, url, client) = outbox().await;
    let (sent, mut received) = tokio::sync::mpsc::unbounded_channel();
    let slack_of_app = slack.clone();
    let app = async move |body: String| {
        sent.send(body).unwrap();
        let ts = slack_of_app.messages("C1").remove(0).ts;
        call(&slack_of_app, "chat.update", json!({ "channel": "C1", "ts": ts, "text": "approved" })).await;
    };
    slack.interactions_url(&serve(Router::new().route("/", post(app))).await);
    let plain = |text: &str| json!({ "type": "plain_text", "text": text });
    let dialog =
        json!({ "title": plain("Sure?"), "text": plain("It goes on."), "confirm": plain("Yes"), "deny": plain("No") });
    let button = json!({ "type": "button", "action_id": "approve", "text": plain("Approve"), "confirm": dialog });
    call(
        &slack,
        "chat.postMessage",
        json!({ "channel": "C1", "blocks": [{ "type": "actions", "elements": [button] }] }),
    )
    .await;

    let ts = slack.messages("C1").remove(0).ts;
    let asked = client.get(format!("{url}/slack/press?channel=C1&ts={ts}&action=approve")).send().await.unwrap();
    assert!(asked.text().await.unwrap().contains("It goes on."));
    assert!(received.is_empty(), "a GET pressed");
    let press = [("channel", "C1"), ("ts", &ts), ("action", "approve")];
    let done = client.post(format!("{url}/slack/press")).form(&press).send().await.unwrap();
    assert_eq!(done.headers()["location"], "/");
    assert!(received.recv().await.unwrap().contains(USER));
    assert!(client.get(&url).send().await.unwrap().text().await.unwrap().contains("<p>approved</p>"));
    let missing = [("channel", "C1"), ("ts", "1.0"), ("action", "approve")];
    assert_eq!(client.post(format!("{url}/slack/press")).form(&missing).send().await.unwrap().status(), 404);
}
