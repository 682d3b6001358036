//! A push, from its event to its execution; the analyzer dies.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_sfn::types::ExecutionStatus;
use holdpoint_e2e::{Held, Options, Service, World, several_customers};
use holdpoint_review::{ContentHash, Report};
use tokio::sync::OnceCell;

use super::{Death, Fate, LOOK_AGAIN_AFTER, matrix};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b48_an_analyzer_may_die_at_any_request() {
    needs!("faults", "exact queue depths");
    let undisturbed = Arc::new(OnceCell::new());
    matrix("Push, Analyzer", |death| run(death, undisturbed.clone())).await;
}

/// Delivers a push, sees its execution start, and compares its report with the one of the run in which nobody died.
async fn run(death: Option<Death>, undisturbed: Arc<OnceCell<String>>) -> Fate {
    let mut world = World::start(&[], Options::default()).await;
    let fate = Fate::watch(&world, Service::Analyzer, death);
    let push = world.deliver_sample("clean.csv").await;
    world.run(Service::Analyzer);
    while !(world.executions().await > 0 && world.is_drained("pushes").await && fate.ends()) {
        fate.befall(&mut world);
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
    let report = check(&world, &push).await;
    assert_eq!(*undisturbed.get_or_init(async || report.clone()).await, report, "the same bytes");
    fate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b45_an_analyzer_may_die_at_any_request_while_it_takes_a_push_apart() {
    needs!("faults", "exact queue depths");
    matrix("Several customers, Analyzer", take_apart).await;
}

/// Delivers a file of three customers and sees one part, one report and one execution of each.
async fn take_apart(death: Option<Death>) -> Fate {
    let environment = [("HOLDPOINT_CUSTOMER_COLUMN".to_owned(), "origin".to_owned())].into();
    let mut world = World::start(&[], Options { environment, ..Options::default() }).await;
    let fate = Fate::watch(&world, Service::Analyzer, death);
    let whole = world.put("incoming/departures/all/day.csv", several_customers().into_bytes()).await;
    world.run(Service::Analyzer);
    while !(world.executions().await == 3 && world.is_drained("pushes").await && fate.ends()) {
        fate.befall(&mut world);
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
    let parts: BTreeMap<String, Held> = world.parts_of(&whole).await;
    assert_eq!(parts.keys().collect::<Vec<_>>(), ["EWR", "JFK", "unmatched"]);
    for part in parts.values() {
        assert_eq!(world.report_versions(part).await.len(), 1);
    }
    assert!(world.tags(&whole.source).await.is_empty());
    assert!(!world.has_report(&whole).await);
    fate
}

/// One report, one execution, and the execution's input names that report. Gives the report's text without what differs
/// between two worlds by nature: which object version it was, and when it came.
async fn check(world: &World, push: &Held) -> String {
    assert_eq!(world.report_versions(push).await.len(), 1);
    assert_eq!(world.executions().await, 1);
    let described = world.clients.sfn.describe_execution().execution_arn(&push.execution).send().await;
    let described = described.expect("it was started under the push's id");
    assert_eq!(described.status, ExecutionStatus::Running, "it waits for a person");
    let bytes = world.report_bytes(push).await;
    assert!(described.input().is_some_and(|input| input.contains(ContentHash::of(&bytes).as_str())));
    assert_eq!(world.local.aws().queue_depth("pushes-dead").map(|depth| depth.visible), Some(0));

    let report: Report = serde_json::from_slice(&bytes).expect("a report");
    let text = String::from_utf8(bytes).expect("JSON");
    let own = [push.push.to_string(), push.source.version_id.clone(), report.delivered_at.to_string()];
    own.iter().fold(text, |text, own| text.replace(own, "…"))
}
