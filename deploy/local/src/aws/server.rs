//! The HTTP of the stand-in: which service a request is for, what the faults say about it, and who may ask.
//!
//! On hyper itself, not on a framework: to lose a reply is to end the connection without one, which hyper does when a service
//! returns an error and a framework never does. A client that goes away drops the future of its request, so an abandoned
//! long poll takes no message and no task.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::ServiceError;
use super::faults::{Faults, Request, Verdict};
use super::integrations::integrations;
use super::permission::{self, Guard, Permission};
use super::reply::{Reply, json_reply};
use super::s3::{self, S3, S3Request};
use super::sfn::StepFunctions;
use super::sns::Sns;
use super::sqs::{self, Sqs};
use crate::loopback::accept;

/// What requests in flight get when the stand-in stops; a long poll that waits longer is cut.
const GRACE: Duration = Duration::from_millis(500);

/// The services and what stands before them.
pub(crate) struct Services {
    pub(crate) faults: Faults,
    pub(crate) guard: Guard,
    pub(crate) sqs: Arc<Sqs>,
    s3: Arc<S3>,
    pub(crate) sns: Arc<Sns>,
    pub(crate) step_functions: StepFunctions,
}

/// A connection that is to end without a reply.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("cut by a fault")]
    ByFault,
    #[error("the request's body did not arrive")]
    Body(#[source] hyper::Error),
}

/// One request, read and named, not yet served.
enum Call {
    StepFunctions { action: String, body: Bytes },
    Sqs { action: String, body: Bytes },
    S3(Box<S3Request>),
}

/// Accepts until `stop`, then waits for the connections, which see `stop` themselves.
pub(crate) async fn run(listener: TcpListener, services: Arc<Services>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let take = |stream| drop(connections.spawn(serve(stream, services.clone(), stop.clone())));
    stop.run_until_cancelled(accept(listener, take)).await;
    connections.close();
    connections.wait().await;
}

async fn serve(stream: TcpStream, services: Arc<Services>, stop: CancellationToken) {
    let service = service_fn(move |request| answer(services.clone(), request));
    let mut connection = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let ended = if let Some(ended) = stop.run_until_cancelled(connection.as_mut()).await {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
    };
    if let Err(error) = ended {
        debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}

async fn answer(services: Arc<Services>, request: http::Request<Incoming>) -> Result<Reply, Cut> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(Cut::Body)?.to_bytes();
    let access_key = access_key(&parts).unwrap_or_default().to_owned();
    let call = Call::new(parts, body);
    let verdict = services.faults.judge(&call.request(access_key.clone()));
    match verdict {
        Verdict::LoseRequest => return Err(Cut::ByFault),
        Verdict::ServeLate(delay) => tokio::time::sleep(delay).await,
        Verdict::Throttle => return Ok(call.refuse(&call.throttled())),
        Verdict::FailInternally => return Ok(call.refuse(&ServiceError::internal())),
        Verdict::Refuse(ref error) => return Ok(call.refuse(error)),
        Verdict::Serve | Verdict::LoseReply | Verdict::HoldReply => {}
    }
    let reply = services.serve_if_allowed(call, &access_key).await;
    match verdict {
        Verdict::LoseReply => Err(Cut::ByFault),
        Verdict::HoldReply => std::future::pending().await,
        _ => Ok(reply),
    }
}

impl Services {
    pub(crate) fn new(endpoint: &str) -> Self {
        let sqs = Arc::new(Sqs::new(endpoint.to_owned()));
        let s3 = Arc::new(S3::new(sqs.clone()));
        let (faults, guard) = (Faults::default(), Guard::default());
        let sns = Arc::new(Sns::default());
        let integrations = integrations(faults.clone(), guard.clone(), s3.clone(), sns.clone());
        Self { faults, guard, sqs, s3, sns, step_functions: StepFunctions::new(integrations) }
    }

    async fn serve_if_allowed(&self, call: Call, access_key: &str) -> Reply {
        if self.guard.denied(access_key, &call.permissions(&self.sqs)).is_some() {
            return call.refuse(&call.denied());
        }
        let Call::S3(request) = &call else { return self.serve(call).await };
        let reply = self.s3.handle(request);
        let is_hidden = reply.status() == 404 && self.guard.hides_absence(access_key, &request.bucket);
        if is_hidden { call.refuse(&call.denied()) } else { reply }
    }

    async fn serve(&self, call: Call) -> Reply {
        match call {
            Call::StepFunctions { action, body } => json_reply(self.step_functions.handle(&action, &body).await, None),
            Call::Sqs { action, body } => json_reply(self.sqs.handle(&action, &body).await, Some(sqs::query_code)),
            Call::S3(request) => self.s3.handle(&request),
        }
    }
}

impl Call {
    fn new(parts: http::request::Parts, body: Bytes) -> Self {
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        match target.split_once('.') {
            Some(("AWSStepFunctions", action)) => Self::StepFunctions { action: action.to_owned(), body },
            Some(("AmazonSQS", action)) => Self::Sqs { action: action.to_owned(), body },
            _ => Self::S3(Box::new(S3Request::new(parts, body))),
        }
    }

    fn request(&self, access_key: String) -> Request {
        let (action, resource) = match self {
            Self::StepFunctions { action, body } => (format!("AWSStepFunctions.{action}"), arn_named_in(body)),
            Self::Sqs { action, body } => (format!("AmazonSQS.{action}"), sqs::queue_named_in(body)),
            Self::S3(request) => (format!("s3.{:?}", request.operation), request.path()),
        };
        Request { action, resource, access_key }
    }

    fn permissions(&self, queues: &Sqs) -> Vec<Permission> {
        match self {
            Self::StepFunctions { action, body } => permission::of_step_functions(action, &arn_named_in(body)),
            Self::Sqs { action, body } => permission::of_sqs(queues, action, body),
            Self::S3(request) => permission::of_s3(request),
        }
    }

    fn denied(&self) -> ServiceError {
        match self {
            Self::S3(_) | Self::Sqs { .. } => permission::access_denied(),
            Self::StepFunctions { .. } => ServiceError::bad_request("AccessDeniedException", "not authorized"),
        }
    }

    fn throttled(&self) -> ServiceError {
        match self {
            Self::S3(_) => ServiceError::slow_down(),
            Self::StepFunctions { .. } | Self::Sqs { .. } => {
                ServiceError::bad_request("ThrottlingException", "Rate exceeded")
            }
        }
    }

    fn refuse(&self, error: &ServiceError) -> Reply {
        match self {
            Self::S3(request) => s3::error_reply(request, error),
            Self::StepFunctions { .. } => json_reply(Err(error.clone()), None),
            Self::Sqs { .. } => json_reply(Err(error.clone()), Some(sqs::query_code)),
        }
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("faults", &self.faults).finish_non_exhaustive()
    }
}

/// What a request to Step Functions is about, where it says so; a task token says nothing.
fn arn_named_in(body: &[u8]) -> String {
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    let arn = ["activityArn", "executionArn", "stateMachineArn"].into_iter().find_map(|name| input[name].as_str());
    arn.unwrap_or_default().to_owned()
}

/// `AWS4-HMAC-SHA256 Credential=KEY/20261122/us-east-1/s3/aws4_request, …`; a presigned URL has it in its query.
fn access_key(parts: &http::request::Parts) -> Option<&str> {
    let signed = parts.headers.get("authorization").and_then(|header| header.to_str().ok());
    let credential = match signed {
        Some(authorization) => authorization.split_once("Credential=")?.1,
        None => parts.uri.query()?.split_once("X-Amz-Credential=")?.1,
    };
    credential.split(['/', '%']).next()
}
