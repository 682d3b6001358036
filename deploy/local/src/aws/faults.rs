//! What a test may do to the wire: count requests, cut the k-th before or after it takes effect, throttle, fail, slow down.
//!
//! One mechanism serves both uses. An observer sees every request and gives a verdict (the crash matrix counts and cuts with
//! it); faults are values that wait for the next requests that match. A state machine's own calls to S3 pass here as well, as
//! requests of the access key `states`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::ServiceError;

/// A request, as tests see it before it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Service and operation: `AWSStepFunctions.GetActivityTask`, `AmazonSQS.SendMessage`, `s3.PutObject`.
    pub action: String,
    /// S3: `bucket/key`. SQS: the queue's name. Step Functions: the ARN that the request names, if any.
    pub resource: String,
    /// The stand-in takes any access key, so a test may give each service its own and tell them apart.
    pub access_key: String,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is served.
    Serve,
    /// It is served after a while; it takes effect only then, and not at all when its client has gone.
    ServeLate(Duration),
    /// The connection is cut before the request takes effect.
    LoseRequest,
    /// The request takes effect and the connection is cut instead of a reply.
    LoseReply,
    /// The request takes effect, and neither a reply nor an end of the connection comes: what a client sees that dies now.
    HoldReply,
    /// The service's own throttling error: `SlowDown` from S3, `ThrottlingException` from the others.
    Throttle,
    /// HTTP 500 in the service's own form, without effect.
    FailInternally,
    /// Any other error, without effect.
    Refuse(ServiceError),
}

/// A verdict that waits for the next requests that match.
#[derive(Debug, Clone)]
pub struct Fault {
    /// See [`Request::action`]; an exact match.
    pub action: &'static str,
    /// What [`Request::resource`] starts with; empty for any.
    pub resource: String,
    /// For how many requests; then it is spent.
    pub times: usize,
    /// What happens to them.
    pub verdict: Verdict,
}

type Observer = Box<dyn FnMut(&Request) -> Verdict + Send>;

/// The faults of one stand-in. A clone is another hold on the same ones.
#[derive(Clone, Default)]
pub struct Faults {
    /// Guards the observer and the waiting faults while one request is judged; never held over an await.
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    observer: Option<Observer>,
    waiting: Vec<Fault>,
}

impl Faults {
    /// Sets the one observer: it sees each request once, before everything else, and what it says other than
    /// [`Verdict::Serve`] holds. It must not call back into [`Faults`].
    pub fn on_request(&self, observer: impl FnMut(&Request) -> Verdict + Send + 'static) {
        self.lock().observer = Some(Box::new(observer));
    }

    /// Adds a fault behind those that wait already: of two that match, the first is spent first.
    pub fn inject(&self, fault: Fault) {
        self.lock().waiting.push(fault);
    }

    /// Takes away the observer and all waiting faults.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    /// How many verdicts still wait for a request: a test that expects all to have struck asks for 0.
    pub fn waiting(&self) -> usize {
        self.lock().waiting.iter().map(|fault| fault.times).sum()
    }

    pub(crate) fn judge(&self, request: &Request) -> Verdict {
        let mut state = self.lock();
        let observed = state.observer.as_mut().map_or(Verdict::Serve, |observer| observer(request));
        if observed == Verdict::Serve { state.strike(request) } else { observed }
    }

    /// A panic in an observer is the failure of its own test; the verdicts behind the lock are whole at any moment.
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("waiting", &self.lock().waiting).finish_non_exhaustive()
    }
}

impl State {
    fn strike(&mut self, request: &Request) -> Verdict {
        let matching = |fault: &Fault| {
            fault.times > 0 && fault.action == request.action && request.resource.starts_with(&fault.resource)
        };
        let Some(fault) = self.waiting.iter_mut().find(|fault| matching(fault)) else { return Verdict::Serve };
        fault.times -= 1;
        let verdict = fault.verdict.clone();
        self.waiting.retain(|fault| fault.times > 0);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(action: &str, resource: &str) -> Request {
        Request { action: action.to_owned(), resource: resource.to_owned(), access_key: "test".to_owned() }
    }

    fn fault(times: usize, verdict: Verdict) -> Fault {
        Fault { action: "s3.PutObject", resource: "bucket/reviews/".to_owned(), times, verdict }
    }

    #[test]
    fn faults_strike_in_order_and_only_what_matches() {
        let faults = Faults::default();
        faults.inject(fault(2, Verdict::Throttle));
        faults.inject(fault(1, Verdict::LoseReply));
        let put = request("s3.PutObject", "bucket/reviews/1.json");
        assert_eq!(faults.judge(&request("s3.GetObject", "bucket/reviews/1.json")), Verdict::Serve);
        assert_eq!(faults.judge(&request("s3.PutObject", "bucket/open/1")), Verdict::Serve);
        let struck: Vec<Verdict> = (0..4).map(|_| faults.judge(&put)).collect();
        assert_eq!(struck, [Verdict::Throttle, Verdict::Throttle, Verdict::LoseReply, Verdict::Serve]);
        assert_eq!(faults.waiting(), 0);
    }

    #[test]
    fn the_observer_sees_every_request_and_its_word_comes_first() {
        let faults = Faults::default();
        faults.inject(fault(1, Verdict::Throttle));
        let mut seen = 0;
        faults.on_request(move |_| {
            seen += 1;
            if seen == 2 { Verdict::LoseRequest } else { Verdict::Serve }
        });
        let put = request("s3.PutObject", "bucket/reviews/1.json");
        let struck: Vec<Verdict> = (0..3).map(|_| faults.judge(&put)).collect();
        assert_eq!(struck, [Verdict::Throttle, Verdict::LoseRequest, Verdict::Serve]);
    }
}
