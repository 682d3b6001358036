//! A Slack workspace of one app: messages in channels, found, edited and deleted by `ts`, and faults by script.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use holdpoint_platform::now;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

/// The double.
pub(crate) struct Slack {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    messages: Vec<Value>,
    faults: VecDeque<Fault>,
    posted: usize,
}

struct Fault {
    method: String,
    /// A channel that this fault is for; empty: all.
    channel: String,
    reply: ResponseTemplate,
    /// What was asked happens all the same.
    takes_effect: bool,
    /// It stays.
    lasts: bool,
}

impl Slack {
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(State::default()));
        let answering = state.clone();
        let answer = move |request: &Request| answering.lock().unwrap().answer(request);
        Mock::given(any()).respond_with(answer).mount(&server).await;
        Self { server, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/api/", self.server.uri())
    }

    pub(crate) fn webhook(&self) -> String {
        format!("{}/hook", self.server.uri())
    }

    /// The next call of a method fails so, and nothing happens.
    pub(crate) fn fail_once(&self, method: &str, reply: ResponseTemplate) {
        self.fault(method, "", reply, false, false);
    }

    /// The next call of a method happens, but its reply is this.
    pub(crate) fn lose_reply(&self, method: &str) {
        self.fault(method, "", ResponseTemplate::new(502).set_delay(Duration::from_millis(10)), true, false);
    }

    /// Every call for a channel is answered with this error; no channel: every call with the token.
    pub(crate) fn refuse(&self, channel: &str, code: &str) {
        self.answer_always(channel, not_ok(code));
    }

    /// Every call for a channel is answered so.
    pub(crate) fn answer_always(&self, channel: &str, reply: ResponseTemplate) {
        self.fault("", channel, reply, false, true);
    }

    /// No more faults.
    pub(crate) fn recover(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Puts a message there as somebody else would have.
    pub(crate) fn put(&self, message: Value) {
        self.state.lock().unwrap().messages.push(message);
    }

    /// All messages of a channel, the earliest first.
    pub(crate) fn messages(&self, channel: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        state.messages.iter().filter(|message| message["channel"] == channel).cloned().collect()
    }

    /// Messages of a channel with a button that decides.
    pub(crate) fn live(&self, channel: &str) -> usize {
        let lives = |message: &&Value| message["blocks"].to_string().contains("\"approve\"");
        self.messages(channel).iter().filter(lives).count()
    }

    fn fault(&self, method: &str, channel: &str, reply: ResponseTemplate, takes_effect: bool, lasts: bool) {
        let (method, channel) = (method.to_owned(), channel.to_owned());
        self.state.lock().unwrap().faults.push_back(Fault { method, channel, reply, takes_effect, lasts });
    }
}

pub(crate) fn not_ok(code: &str) -> ResponseTemplate {
    ok(&json!({ "ok": false, "error": code }))
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

impl State {
    fn answer(&mut self, request: &Request) -> ResponseTemplate {
        let method = request.url.path().rsplit('/').next().unwrap_or_default().to_owned();
        let asked = read(request);
        let is_meant = |fault: &Fault| {
            (fault.method == method || (fault.method.is_empty() && method != "hook"))
                && (fault.channel.is_empty() || asked["channel"] == *fault.channel)
        };
        let Some(place) = self.faults.iter().position(is_meant) else { return self.carry_out(&method, &asked) };
        let (reply, takes_effect) = (self.faults[place].reply.clone(), self.faults[place].takes_effect);
        if !self.faults[place].lasts {
            self.faults.remove(place);
        }
        if takes_effect {
            self.carry_out(&method, &asked);
        }
        reply
    }

    fn carry_out(&mut self, method: &str, asked: &Value) -> ResponseTemplate {
        let at = |message: &Value| message["channel"] == asked["channel"] && message["ts"] == asked["ts"];
        match method {
            "hook" => {
                self.post(asked, "webhook");
                ResponseTemplate::new(200).set_body_string("ok")
            }
            "chat.postMessage" => {
                let channel = asked["channel"].as_str().unwrap().to_owned();
                ok(&json!({ "ok": true, "ts": self.post(asked, &channel) }))
            }
            "chat.update" => match self.messages.iter_mut().find(|message| at(message)) {
                Some(message) => {
                    for field in ["text", "blocks", "metadata"] {
                        message[field] = asked[field].clone();
                    }
                    ok(&json!({ "ok": true }))
                }
                None => not_ok("message_not_found"),
            },
            "chat.delete" => {
                self.messages.retain(|message| !at(message));
                ok(&json!({ "ok": true }))
            }
            "conversations.history" => {
                self.list(asked, |message| message["channel"] == asked["channel"] && message.get("thread_ts").is_none())
            }
            "conversations.replies" => self.list(asked, |message| {
                message["channel"] == asked["channel"]
                    && (message["ts"] == asked["ts"] || message["thread_ts"] == asked["ts"])
            }),
            other => panic!("{other} is not called"),
        }
    }

    fn post(&mut self, asked: &Value, channel: &str) -> String {
        self.posted += 1;
        let ts = format!("{}.{:06}", now().as_second(), self.posted);
        let mut message = asked.clone();
        message["channel"] = channel.into();
        message["ts"] = ts.clone().into();
        self.messages.push(message);
        ts
    }

    /// A page of what is younger than asked for, the youngest first.
    fn list(&self, asked: &Value, is_listed: impl Fn(&Value) -> bool) -> ResponseTemplate {
        let number = |name: &str| asked[name].as_str().and_then(|text| text.parse::<usize>().ok());
        let (oldest, limit, from) =
            (number("oldest").unwrap(), number("limit").unwrap(), number("cursor").unwrap_or(0));
        let second = |message: &Value| message["ts"].as_str().unwrap().split('.').next().unwrap().parse::<usize>();
        let is_young = |message: &&Value| second(message).unwrap() >= oldest;
        let listed = self.messages.iter().rev().filter(|message| is_listed(message)).filter(is_young);
        let page: Vec<_> = listed.skip(from).take(limit).collect();
        let next = if page.len() < limit { String::new() } else { (from + limit).to_string() };
        ok(&json!({ "ok": true, "messages": page, "response_metadata": { "next_cursor": next } }))
    }
}

/// JSON or a form.
fn read(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_else(|_| {
        let pairs = url::form_urlencoded::parse(&request.body);
        pairs.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect()
    })
}
