//! S3, SQS, Step Functions and Slack, as far as the callback calls them: objects with `ETag`s, and a list of what was said.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The outside world; every clone is the same one.
#[derive(Clone, Default)]
pub(crate) struct Doubles(Arc<Mutex<Facts>>);

/// What the world holds and heard. The lock is never held across an await.
#[derive(Default)]
pub(crate) struct Facts {
    /// S3 objects by `/bucket/key`.
    pub(crate) objects: BTreeMap<String, Bytes>,
    /// Paths of S3 objects that were written or deleted by the callback.
    pub(crate) written: Vec<String>,
    /// Calls to Step Functions and SQS: action and body.
    pub(crate) calls: Vec<(String, Value)>,
    /// Calls to Slack: path and body.
    pub(crate) slack: Vec<(String, Value)>,
    /// Actions that fail: `PUT`, `GET`, `SendTaskSuccess`…
    pub(crate) failing: BTreeSet<&'static str>,
    /// Actions whose effect happens and whose reply is lost.
    pub(crate) mute: BTreeSet<&'static str>,
    /// S3 answers nothing until this is over.
    pub(crate) s3_holds: bool,
    /// What is written just before the next write of the callback: somebody else is faster.
    pub(crate) intruder: Option<(String, Bytes)>,
}

impl Doubles {
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let doubles = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(doubles.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (doubles, addr)
    }

    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap()
    }
}

async fn answer(State(doubles): State<Doubles>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    if let Some(target) = headers.get("x-amz-target") {
        let action = target.to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        return json_call(&doubles, action, &body);
    }
    if path.starts_with("/slack-") {
        doubles.facts().slack.push((path, serde_json::from_slice(&body).unwrap()));
        return Json(json!({ "ok": true })).into_response();
    }
    while doubles.facts().s3_holds {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let query = uri.query().unwrap_or_default();
    doubles.facts().s3(&method, &path, query, &headers, body)
}

fn json_call(doubles: &Doubles, action: String, body: &Bytes) -> Response {
    let mut facts = doubles.facts();
    if facts.failing.contains(action.as_str()) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let reply = if action == "SendMessage" { json!({ "MessageId": "m", "MD5OfMessageBody": "" }) } else { json!({}) };
    facts.calls.push((action, serde_json::from_slice(body).unwrap()));
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], reply.to_string()).into_response()
}

impl Facts {
    fn s3(&mut self, method: &Method, path: &str, query: &str, headers: &HeaderMap, body: Bytes) -> Response {
        if self.failing.contains(method.as_str()) {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        match *method {
            Method::GET if query.contains("list-type=2") => self.list(path, query),
            Method::HEAD => StatusCode::OK.into_response(),
            Method::GET => match self.objects.get(path) {
                Some(bytes) => ([(header::ETAG, etag(bytes))], bytes.clone()).into_response(),
                None => refusal(StatusCode::NOT_FOUND, "NoSuchKey"),
            },
            Method::PUT => self.put(path, headers, body),
            _ => {
                self.written.push(path.to_owned());
                self.objects.remove(path);
                StatusCode::NO_CONTENT.into_response()
            }
        }
    }

    fn put(&mut self, path: &str, headers: &HeaderMap, body: Bytes) -> Response {
        if let Some((path, bytes)) = self.intruder.take() {
            self.objects.insert(path, bytes);
        }
        let now = self.objects.get(path).map(etag);
        let wanted = headers.get(header::IF_MATCH).map(|value| value.to_str().unwrap().to_owned());
        if wanted.is_some() && wanted != now {
            return refusal(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        self.written.push(path.to_owned());
        let tag = etag(&body);
        self.objects.insert(path.to_owned(), body);
        if self.mute.contains("PUT") {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        [(header::ETAG, tag)].into_response()
    }

    fn list(&self, bucket: &str, query: &str) -> Response {
        let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap().replace("%2F", "/");
        let bucket = bucket.trim_end_matches('/');
        let keys = self.objects.keys().filter_map(|path| path.strip_prefix(bucket)?.strip_prefix('/'));
        let keys =
            keys.filter(|key| key.starts_with(&prefix)).map(|key| format!("<Contents><Key>{key}</Key></Contents>"));
        let keys: String = keys.collect();
        format!("<ListBucketResult><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>").into_response()
    }
}

fn etag(bytes: &Bytes) -> String {
    format!("\"{}\"", &holdpoint_review::ContentHash::of(bytes).as_str()[..32])
}

fn refusal(status: StatusCode, code: &str) -> Response {
    (status, format!("<Error><Code>{code}</Code><Message>no</Message></Error>")).into_response()
}
