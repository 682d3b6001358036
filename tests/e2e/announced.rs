//! What the state machine itself says of a held push, to a topic.

use holdpoint_e2e::{Options, Service, World};
use holdpoint_local::aws::{Fault, Verdict};

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];
const KEY: &str = "incoming/announced/acme/day.csv";

#[tokio::test]
async fn a_held_push_is_announced_by_its_id_alone_and_one_of_another_key_is_not() {
    needs!("a look at what is published");
    let world = World::start(&ALL, Options::default()).await;
    let other = world.put("incoming/orders/acme/day.csv", b"id\n1\n".to_vec()).await;
    world.settled_round(&other).await;
    assert_eq!(world.local.aws().published(), [] as [serde_json::Value; 0]);

    let held = world.put(KEY, b"id\n1\n".to_vec()).await;
    let asked = world.settled_round(&held).await;
    let published = world.local.aws().published();
    assert_eq!(published.len(), 1);
    assert_eq!(
        published[0]["Message"],
        format!("Push {} waits for a decision. Look into Slack or your mail.", held.push)
    );
    let text = published[0].to_string();
    assert!(!text.contains("http") && !text.contains("acme"), "no link and no name: {text}");
    world.approve(&world.link_of(&asked)).await;
    world.ended(&held.execution).await.assert_approved();
    assert_eq!(world.local.aws().published().len(), 1);
}

#[tokio::test]
async fn an_announcement_that_fails_for_good_stops_no_review() {
    needs!("faults");
    let world = World::start(&ALL, Options::default()).await;
    let failing =
        Fault { action: "sns.Publish", resource: String::new(), times: 100, verdict: Verdict::FailInternally };
    world.local.aws().faults().inject(failing);
    let held = world.put(KEY, b"id\n1\n".to_vec()).await;
    let asked = world.settled_round(&held).await;
    assert_eq!(world.local.aws().published(), [] as [serde_json::Value; 0]);
    world.approve(&world.link_of(&asked)).await;
    world.ended(&held.execution).await.assert_approved();
}
