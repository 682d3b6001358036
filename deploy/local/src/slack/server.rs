//! The HTTP of the catcher: the Web API under `/api/`, webhooks under `/webhook/`, answers to presses under `/response/`.
//!
//! On hyper itself, since a reply that is lost is a connection that ends without one, which no framework does.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;
use url::form_urlencoded;

use super::api::{self, Refusal};
use super::workspace::Workspace;
use super::{BOT_TOKEN, SlackFaultKind, text_of};
use crate::gate::Gate;

/// What the bot may do, as `deploy/slack/manifest.json` asks for it.
const SCOPES: &str = "channels:history,chat:write,groups:history";

type Reply = http::Response<Full<Bytes>>;

/// A connection that is to end without a reply.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("cut by a fault")]
    ByFault,
    #[error("the request's body did not arrive")]
    Body(#[source] hyper::Error),
}

/// One request, read.
enum Call {
    Api { method: String, token: Option<String>, arguments: Value },
    Webhook { name: String, arguments: Value },
    Response { trigger: String, arguments: Value },
    Unknown,
}

pub(super) async fn serve(stream: TcpStream, workspace: watch::Sender<Workspace>, gate: Gate) {
    let service = service_fn(move |request| answer(workspace.clone(), gate.clone(), request));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}

async fn answer(
    workspace: watch::Sender<Workspace>,
    gate: Gate,
    request: http::Request<Incoming>,
) -> Result<Reply, Cut> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(Cut::Body)?.to_bytes();
    let call = Call::read(&parts, &body);
    let mut outcome = Err(Cut::ByFault);
    let take_effect = || workspace.send_modify(|workspace| outcome = call.answer(workspace));
    gate.pass(call.name(), take_effect).await;
    outcome
}

impl Call {
    fn read(parts: &Parts, body: &[u8]) -> Self {
        let path = parts.uri.path().trim_start_matches('/').split_once('/');
        let arguments = arguments(parts, body);
        match (&parts.method, path) {
            (_, Some(("api", method))) => {
                Self::Api { method: method.to_owned(), token: token(parts, &arguments), arguments }
            }
            (&Method::POST, Some(("webhook", name))) => Self::Webhook { name: name.to_owned(), arguments },
            (&Method::POST, Some(("response", trigger))) => Self::Response { trigger: trigger.to_owned(), arguments },
            _ => Self::Unknown,
        }
    }

    /// By which tests know the request.
    fn name(&self) -> &str {
        match self {
            Self::Api { method, .. } => method,
            Self::Webhook { .. } => "webhook",
            Self::Response { .. } => "response",
            Self::Unknown => "unknown",
        }
    }

    fn answer(&self, workspace: &mut Workspace) -> Result<Reply, Cut> {
        let fault = self.fault_key().and_then(|(method, channel)| workspace.next_fault(method, &channel));
        match fault {
            Some(SlackFaultKind::RateLimited(seconds)) => Ok(rate_limited(seconds)),
            Some(SlackFaultKind::Error(error)) => Ok(self.refuse(&error.into())),
            Some(SlackFaultKind::ReplyLost) => {
                self.serve(workspace);
                Err(Cut::ByFault)
            }
            None => Ok(self.serve(workspace)),
        }
    }

    fn fault_key(&self) -> Option<(&str, String)> {
        match self {
            Self::Api { method, arguments, .. } => Some((method, text_of(&arguments["channel"]))),
            Self::Webhook { name, .. } => Some(("webhook", name.clone())),
            Self::Response { .. } | Self::Unknown => None,
        }
    }

    fn serve(&self, workspace: &mut Workspace) -> Reply {
        let outcome = match self {
            Self::Api { token: None, .. } => Err("not_authed".into()),
            Self::Api { token: Some(token), .. } if token != BOT_TOKEN => Err("invalid_auth".into()),
            Self::Api { method, arguments, .. } => api::call(workspace, method, arguments),
            Self::Webhook { arguments: Value::Null, .. } => Err("invalid_payload".into()),
            Self::Webhook { name, arguments } => api::post(workspace, name, arguments).map(|_| Value::Null),
            Self::Response { trigger, arguments } => api::respond(workspace, trigger, arguments).map(|()| Value::Null),
            Self::Unknown => Err("not_found".into()),
        };
        match outcome {
            Ok(Value::Null) => reply(StatusCode::OK, "text/plain", "ok".to_owned()),
            Ok(result) => json_reply(StatusCode::OK, &result),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn refuse(&self, Refusal { error, messages }: &Refusal) -> Reply {
        let status = match self {
            Self::Api { .. } if messages.is_empty() => {
                return json_reply(StatusCode::OK, &json!({ "ok": false, "error": error }));
            }
            Self::Api { .. } => {
                let details = json!({ "messages": messages });
                let refusal = json!({ "ok": false, "error": error, "errors": messages, "response_metadata": details });
                return json_reply(StatusCode::OK, &refusal);
            }
            Self::Webhook { .. } => StatusCode::BAD_REQUEST,
            Self::Response { .. } | Self::Unknown => StatusCode::NOT_FOUND,
        };
        reply(status, "text/plain", (*error).to_owned())
    }
}

/// JSON, or a form whose structured fields are JSON in text, or the query of a GET; null when it cannot be read.
fn arguments(parts: &Parts, body: &[u8]) -> Value {
    let content_type =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json") {
        return serde_json::from_slice(body).unwrap_or_default();
    }
    let form = if parts.method == Method::GET { parts.uri.query().unwrap_or_default().as_bytes() } else { body };
    let field = |(name, text): (String, String)| {
        let is_structured = matches!(name.as_str(), "blocks" | "metadata" | "view");
        let value = if is_structured { serde_json::from_str(&text).ok() } else { None };
        (name, value.unwrap_or(Value::String(text)))
    };
    form_urlencoded::parse(form).into_owned().map(field).collect::<Map<_, _>>().into()
}

fn token(parts: &Parts, arguments: &Value) -> Option<String> {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|header| header.strip_prefix("Bearer "));
    bearer.or(arguments["token"].as_str()).map(ToOwned::to_owned)
}

fn rate_limited(seconds: u64) -> Reply {
    let mut reply = json_reply(StatusCode::TOO_MANY_REQUESTS, &json!({ "ok": false, "error": "ratelimited" }));
    reply.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    reply
}

fn json_reply(status: StatusCode, body: &Value) -> Reply {
    let mut reply = reply(status, "application/json; charset=utf-8", body.to_string());
    reply.headers_mut().insert("x-oauth-scopes", http::HeaderValue::from_static(SCOPES));
    reply
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Reply {
    let mut reply = http::Response::new(Full::from(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    reply
}
