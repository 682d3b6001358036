//! As much of S3, SQS and Step Functions as one worker's tests need: objects with conditions, queues that only take, and
//! replies by script. Every call is noted in order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use holdpoint_platform::{Clients, Ledger, Objects, Queue, Reviews, Tasks};
use holdpoint_review::Round;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

/// The double.
pub(crate) struct Aws {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, (Vec<u8>, String)>,
    calls: Vec<String>,
    sent: Vec<Value>,
    script: BTreeMap<String, VecDeque<ResponseTemplate>>,
    /// Writes of rounds are refused, as by a policy.
    writes_fail: bool,
    /// The next write of a round happens, and its reply is an error.
    reply_is_lost: bool,
    /// What another service writes just before the next write of a round.
    intruder: Option<Round>,
    /// The next list is empty, as before another worker's write.
    hide_next: bool,
}

impl Aws {
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(State::default()));
        let answering = state.clone();
        Mock::given(any()).respond_with(move |request: &Request| answer(&answering, request)).mount(&server).await;
        Self { server, state }
    }

    pub(crate) fn clients(&self) -> Clients {
        Clients::of_stand_in(&self.server.uri(), "worker")
    }

    pub(crate) fn reviews(&self) -> Reviews {
        let clients = self.clients();
        Reviews {
            ledger: Ledger::new(clients.s3.clone(), "bucket"),
            objects: Objects::new(clients.s3.clone(), "bucket"),
            tasks: Tasks::new(clients.sfn.clone()),
            clock: Queue::new(clients.sqs.clone(), "http://127.0.0.1/1/clock"),
            notices: Queue::new(clients.sqs.clone(), "http://127.0.0.1/1/notices.fifo"),
            tick: Duration::from_mins(1),
        }
    }

    /// The next replies to an action of Step Functions.
    pub(crate) fn script(&self, action: &str, replies: impl IntoIterator<Item = ResponseTemplate>) {
        self.state().script.entry(action.to_owned()).or_default().extend(replies);
    }

    /// Stores a round as it is.
    pub(crate) fn store(&self, round: &Round) {
        self.state().put(round_key(round), serde_json::to_vec(round).unwrap());
    }

    /// The round as it is stored.
    pub(crate) fn stored(&self, round: &Round) -> Option<Round> {
        let state = self.state();
        state.objects.get(&round_key(round)).map(|(body, _)| serde_json::from_slice(body).unwrap())
    }

    pub(crate) fn let_writes_fail(&self, fail: bool) {
        self.state().writes_fail = fail;
    }

    pub(crate) fn lose_next_reply(&self) {
        self.state().reply_is_lost = true;
    }

    pub(crate) fn store_before_next_write(&self, round: &Round) {
        self.state().intruder = Some(round.clone());
    }

    pub(crate) fn hide_next_list(&self) {
        self.state().hide_next = true;
    }

    /// What was called, in order: actions of Step Functions and queues, methods and prefixes of S3.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.state().calls.iter().filter(|known| *known == call).count()
    }

    /// Bodies of the messages that were sent.
    pub(crate) fn sent(&self) -> Vec<Value> {
        self.state().sent.clone()
    }

    /// Bodies of the calls of an action.
    pub(crate) async fn bodies(&self, action: &str) -> Vec<Value> {
        let requests = self.server.received_requests().await.unwrap();
        let of_action = requests.iter().filter(|request| target(request).as_deref() == Some(action));
        of_action.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// An error as Step Functions says it.
pub(crate) fn refusal(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "__type": code, "message": "no" }))
}

fn round_key(round: &Round) -> String {
    format!("reviews/{}/{}.json", round.review_id, round.round)
}

fn target(request: &Request) -> Option<String> {
    let target = request.headers.get("x-amz-target")?.to_str().ok()?;
    Some(target.split('.').next_back()?.to_owned())
}

fn answer(state: &Mutex<State>, request: &Request) -> ResponseTemplate {
    let mut state = state.lock().unwrap();
    match target(request) {
        Some(action) => {
            state.calls.push(action.clone());
            if action == "SendMessage" {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                state.sent.push(serde_json::from_str(body["MessageBody"].as_str().unwrap()).unwrap());
            }
            let scripted = state.script.get_mut(&action).and_then(VecDeque::pop_front);
            scripted.unwrap_or_else(|| usual(&action))
        }
        None => state.s3(request),
    }
}

/// Polls and receives are held for a while, as AWS does.
fn usual(action: &str) -> ResponseTemplate {
    match action {
        "GetActivityTask" => json_reply(&json!({ "taskToken": null })).set_delay(Duration::from_millis(200)),
        "ReceiveMessage" => json_reply(&json!({})).set_delay(Duration::from_millis(200)),
        "SendMessage" => json_reply(&json!({ "MessageId": "m", "MD5OfMessageBody": "" })),
        "DescribeExecution" => json_reply(&json!({
            "executionArn": "e", "stateMachineArn": "s", "status": "RUNNING", "startDate": 0.0
        })),
        "GetExecutionHistory" => json_reply(&json!({ "events": [] })),
        _ => json_reply(&json!({})),
    }
}

pub(crate) fn json_reply(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

impl State {
    fn put(&mut self, key: String, body: Vec<u8>) -> String {
        let etag = format!("\"{}\"", self.calls.len() + self.objects.len());
        self.objects.insert(key, (body, etag.clone()));
        etag
    }

    fn s3(&mut self, request: &Request) -> ResponseTemplate {
        let key = request.url.path().trim_start_matches("/bucket").trim_start_matches('/').to_owned();
        let prefix = key.split('/').next().unwrap_or_default();
        self.calls.push(if key.is_empty() { "LIST".to_owned() } else { format!("{} {prefix}", request.method) });
        match request.method.as_str() {
            "GET" if key.is_empty() => self.list(request),
            "GET" => match self.objects.get(&key) {
                Some((body, etag)) => {
                    ResponseTemplate::new(200).insert_header("etag", &**etag).set_body_bytes(body.clone())
                }
                None => s3_error(404, "NoSuchKey"),
            },
            "PUT" => self.write(request, key),
            _ => {
                self.objects.remove(&key);
                ResponseTemplate::new(204)
            }
        }
    }

    fn list(&mut self, request: &Request) -> ResponseTemplate {
        let prefix = request.url.query_pairs().find(|(name, _)| name == "prefix").map(|(_, value)| value.into_owned());
        let prefix = prefix.unwrap_or_default();
        let hidden = std::mem::take(&mut self.hide_next);
        let keys = self.objects.keys().filter(|key| !hidden && key.starts_with(&prefix));
        let contents: Vec<_> = keys.map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
        ResponseTemplate::new(200)
            .set_body_string(format!("<ListBucketResult>{}</ListBucketResult>", contents.concat()))
    }

    fn write(&mut self, request: &Request, key: String) -> ResponseTemplate {
        if let Some(round) = self.intruder.take_if(|_| key.starts_with("reviews/")) {
            self.put(round_key(&round), serde_json::to_vec(&round).unwrap());
        }
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let present = self.objects.get(&key).map(|(_, etag)| etag.clone());
        let refused = match (header("if-none-match"), header("if-match")) {
            (Some(_), _) => present.is_some(),
            (None, Some(etag)) => present.as_deref() != Some(etag),
            (None, None) => false,
        };
        if self.writes_fail {
            return s3_error(403, "AccessDenied");
        }
        if refused {
            return s3_error(412, "PreconditionFailed");
        }
        let is_round = key.starts_with("reviews/");
        let etag = self.put(key, request.body.clone());
        if is_round && std::mem::take(&mut self.reply_is_lost) {
            return s3_error(403, "AccessDenied");
        }
        ResponseTemplate::new(200).insert_header("etag", &*etag)
    }
}

fn s3_error(status: u16, code: &str) -> ResponseTemplate {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    ResponseTemplate::new(status).set_body_raw(body, "application/xml")
}
