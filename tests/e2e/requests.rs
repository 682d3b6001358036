//! What a push and an open review cost: their requests, counted at the wire, by what AWS charges for them.
//!
//! `docs/requests.json` holds these counts, and `docs/cost.py` makes the table on cost from it. A change that makes a push or
//! a tick dearer fails here, and is written down there. Long polls are not counted: they cost the same with nothing to do.
//! Each message is charged a receive of its own, as if none ever came in a batch.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use holdpoint_e2e::{Held, Options, Service, World, eventually};
use holdpoint_local::aws::{Request, Verdict};
use holdpoint_review::Seconds;

const TICKS: usize = 60;
/// How far a run may be from what is written down: a read more after a refused write, a tick more or less.
const LEEWAY: usize = 4;

/// How many of what AWS charges for.
type Bill = BTreeMap<String, usize>;

/// What a request is charged as. Polls, starts, heartbeats and answers are free with Step Functions, deleting with S3.
fn charged(request: &Request) -> Option<(&'static str, usize)> {
    match request.action.as_str() {
        "s3.DeleteObject" => None,
        "s3.PutObject" | "s3.PutObjectTagging" | "s3.CopyObject" | "s3.ListObjectsV2" => Some(("s3_writes", 1)),
        action if action.starts_with("s3.") => Some(("s3_reads", 1)),
        "AmazonSQS.SendMessage" => Some(("sqs", 1)),
        // Each ends one receipt, which was a request too.
        "AmazonSQS.DeleteMessage" | "AmazonSQS.ChangeMessageVisibility" => Some(("sqs", 2)),
        _ => None,
    }
}

/// Sees the requests of services and of states.
#[derive(Clone, Default)]
struct Meter(
    /// Guards the list while one request is added, or while it is read.
    Arc<Mutex<Vec<Request>>>,
);

impl Meter {
    fn watch(world: &World) -> Self {
        let meter = Self::default();
        let observer = meter.clone();
        world.local.aws().faults().on_request(move |request| {
            if ["analyzer", "worker", "callback", "states"].contains(&request.access_key.as_str()) {
                observer.seen().push(request.clone());
            }
            Verdict::Serve
        });
        meter
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ticks(&self) -> usize {
        let ends = ["AmazonSQS.ChangeMessageVisibility", "AmazonSQS.DeleteMessage"];
        let ends_tick = |request: &&Request| request.resource == "clock" && ends.contains(&request.action.as_str());
        self.seen().iter().filter(ends_tick).count()
    }

    /// Compares what was counted with what is written down.
    fn settle(&self, what: &str, transitions: usize) {
        let mut bill = Bill::from([("transitions".to_owned(), transitions)]);
        let mut each = BTreeMap::<String, usize>::new();
        for request in self.seen().iter() {
            if let Some((class, count)) = charged(request) {
                *bill.entry(class.to_owned()).or_default() += count;
            }
            *each.entry(format!("{} {}", request.access_key, request.action)).or_default() += 1;
        }
        eprintln!("{what}: {bill:?} {each:#?}");
        let written = &written()[what];
        let near = |(class, count): (&String, &usize)| written[class].abs_diff(*count) <= LEEWAY;
        assert!(bill.iter().all(near), "{what}: docs/requests.json says {written:?}, counted were {bill:?}");
    }
}

fn written() -> BTreeMap<String, Bill> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/requests.json");
    let text = std::fs::read(path).expect("it is in the repository");
    serde_json::from_slice(&text).expect("it holds bills")
}

/// States entered, and two more: AWS's own example of a bill counts the start and the end.
async fn transitions(world: &World, push: &Held) -> usize {
    let history = world.clients.sfn.get_execution_history().execution_arn(&push.execution).max_results(1000);
    let events = history.send().await.expect("it has a history").events;
    events.iter().filter(|event| event.r#type().as_str().ends_with("StateEntered")).count() + 2
}

#[tokio::test]
async fn a_push_within_the_limit_takes_so_many_requests() {
    needs!("faults", "exact queue depths");
    let world = World::start(&[Service::Analyzer], Options::default()).await;
    world.learn_samples().await;
    let meter = Meter::watch(&world);
    let push = world.deliver_sample("clean.csv").await;
    world.ended(&push.execution).await.assert_passed();
    eventually("its message is deleted", || async { world.is_drained("pushes").await.then_some(()) }).await;
    meter.settle("push within the limit, 30 pushes of history", transitions(&world, &push).await);
}

#[tokio::test]
async fn a_review_takes_so_many_requests_from_its_opening_to_its_end() {
    needs!("faults", "exact queue depths");
    // Seldom enough to be hardly a part of the bill: the hours of waiting are another.
    let mut options = Options::default();
    options.times.tick = Seconds(5);
    let world = World::of_reviews(options).await;
    let meter = Meter::watch(&world);
    let held = world.held_push().await;
    world.settled_round(&held).await;
    world.approve(&world.link().await).await;
    world.ended(&held.execution).await.assert_approved();
    world.finished(&held).await;
    meter.settle("review by one reviewer and in one channel, approved", transitions(&world, &held).await);
}

#[tokio::test]
async fn an_open_review_takes_so_many_requests_an_hour() {
    needs!("faults", "exact queue depths");
    let world = World::of_reviews(Options::default().deadline("29d")).await;
    let held = world.held_push().await;
    world.settled_round(&held).await;
    eventually("its notices are sent", || async { world.is_drained("notices.fifo").await.then_some(()) }).await;
    let meter = Meter::watch(&world);
    while meter.ticks() < TICKS {
        let before = meter.ticks();
        world.let_time_pass();
        eventually("it ticks", || async { (meter.ticks() > before).then_some(()) }).await;
    }
    meter.settle("open review, 60 ticks", 0);
}
