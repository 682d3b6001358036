//! What a test may do to the requests of a catcher, as the stand-in's faults do to those for AWS: see each, and let it be
//! the last thing that its client did.
//!
//! Only what a death can do. How Slack and mail servers refuse and limit is the catchers' own matter.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It is served.
    Serve,
    /// It never takes effect, and nothing is heard of it: what it leaves that its client died before.
    Never,
    /// It takes effect, and neither a reply nor an end of the connection comes: what a client sees that dies now.
    HoldReply,
}

type Observer = Box<dyn FnMut(&str) -> Passage + Send>;

/// Sees the requests of one catcher. A clone is another hold on the same one.
#[derive(Clone, Default)]
pub struct Gate {
    /// Guards the observer while one request is judged; never held over an await.
    observer: Arc<Mutex<Option<Observer>>>,
}

impl Gate {
    /// Sets the one observer: it sees the name of each request once, before it takes effect. It must not call back into the
    /// gate.
    pub fn on_request(&self, observer: impl FnMut(&str) -> Passage + Send + 'static) {
        *self.observer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(observer));
    }

    /// Serves a request as the observer says; what comes after a verdict that it be the last never comes.
    pub(crate) async fn pass<T>(&self, request: &str, serve: impl FnOnce() -> T) -> T {
        let passage = self.judge(request);
        if passage == Passage::Never {
            return std::future::pending().await;
        }
        let served = serve();
        if passage == Passage::HoldReply {
            return std::future::pending().await;
        }
        served
    }

    /// A panic in an observer is the failure of its own test.
    fn judge(&self, request: &str) -> Passage {
        let mut observer = self.observer.lock().unwrap_or_else(PoisonError::into_inner);
        observer.as_mut().map_or(Passage::Serve, |observer| observer(request))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Context};

    use super::*;

    /// Whether a request is answered at once, and whether it takes effect.
    fn check(passage: Passage, answered: bool, effective: bool) {
        let gate = Gate::default();
        gate.on_request(move |request| if request == "DATA" { passage } else { Passage::Serve });
        let mut effect = false;
        let is_answered = {
            let mut passing = pin!(gate.pass("DATA", || effect = true));
            passing.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
        };
        assert_eq!((is_answered, effect), (answered, effective), "{passage:?}");
    }

    #[test]
    fn a_request_may_be_the_last_that_its_client_sent_or_the_last_that_took_effect() {
        check(Passage::Serve, true, true);
        check(Passage::Never, false, false);
        check(Passage::HoldReply, false, true);
    }
}
