//! The crash matrix: every request by which a service acts on the world is, in turn, the last one that it makes: to AWS, to
//! Slack, or a mail's `DATA`.
//!
//! Each scenario is run once to list the requests of a service, and then twice for each: killed before the request takes
//! effect, and killed after it, before the reply. What the service asks for beside and after it is never served. Afterwards
//! there is one decision, the execution ended accordingly, every surface is true, and no live button is left; or, for a
//! push, there is one report and one execution. Long polls are no such requests: they differ from run to run, and a lost one
//! has its own scenario. Nor are the greetings before a mail's `DATA`: without it they do nothing.

mod fate;
mod pushes;
mod reviews;
mod surfaces;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

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
    for death in deaths(&requests) {
        let (room, case) = (room.clone(), run(Some(death.clone())));
        let hangs = format!("{scenario}, {death:?}: hangs");
        cases.spawn(async move {
            let _permit = room.acquire_owned().await.expect("the semaphore is never closed");
            let fate = tokio::time::timeout(DEADLINE, case).await.expect(&hangs);
            fate.has_struck().then_some((death.request, death.side))
        });
    }
    let cases_in_all = cases.len();
    let struck: Vec<_> = cases.join_all().await.into_iter().flatten().collect();
    eprintln!("{scenario}: {cases_in_all} cases, {} deaths", struck.len());
    // A run may need a tick less than the one that was listed, and so never come to the last request of a name; but to the
    // first of each it comes.
    let listed: BTreeSet<_> = deaths(&requests).map(|death| (death.request, death.side)).collect();
    assert_eq!(BTreeSet::from_iter(struck), listed, "{scenario}");
}

fn deaths(requests: &[String]) -> impl Iterator<Item = Death> {
    let mut turns = BTreeMap::new();
    requests.iter().flat_map(move |request| {
        let next: &mut usize = turns.entry(request).or_default();
        let turn = *next;
        *next += 1;
        [Side::Before, Side::After].map(|side| Death { request: request.clone(), turn, side })
    })
}
