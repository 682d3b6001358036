//! The crash matrix: every request by which a service acts on the world is, in turn, the last one that it makes, whether it
//! goes to AWS, to Slack or to a mail server.
//!
//! Each scenario is run once to list the requests of a service, and then twice for each: killed before the request takes
//! effect, and killed after it, before the reply. Afterwards there is one decision, the execution ended accordingly, every
//! surface is true, and no live button is left; or, for a push, there is one report and one execution. Long polls are no
//! such requests: they differ from run to run, and a lost one has its own scenario.

mod fate;
mod pushes;
mod reviews;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};

use self::fate::{Death, Fate, Side};

/// Worlds at once.
const AT_ONCE: usize = 16;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// Whatever takes longer hangs.
const DEADLINE: Duration = Duration::from_mins(5);

/// Runs a scenario to the end once, and then once for each death. `run` gives back what the service did, and whether it died.
async fn matrix<F>(scenario: &str, run: impl Fn(Option<Death>) -> F)
where
    F: Future<Output = Fate> + Send + 'static,
{
    let requests = run(None).await.seen();
    assert!(requests.len() >= 3, "{scenario}: {requests:?}");
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut cases = JoinSet::new();
    for (number, request) in requests.into_iter().enumerate() {
        for side in [Side::Before, Side::After] {
            let (room, case) = (room.clone(), run(Some(Death { number, side })));
            let hangs = format!("{scenario}, killed {side:?} request {number}, {request}: hangs");
            cases.spawn(async move {
                let _permit = room.acquire_owned().await.expect("the semaphore is never closed");
                tokio::time::timeout(DEADLINE, case).await.expect(&hangs).has_struck()
            });
        }
    }
    let (cases_in_all, mut struck) = (cases.len(), 0);
    while let Some(case) = cases.join_next().await {
        struck += usize::from(case.expect("the case holds"));
    }
    eprintln!("{scenario}: {cases_in_all} cases, {struck} deaths");
    // A run may need a tick less than the one that was listed, and so never come to the last requests.
    assert!(struck * 10 >= cases_in_all * 8, "{scenario}: only {struck} of {cases_in_all} deaths happened");
}
