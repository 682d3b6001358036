//! Least privilege, measured: no role in `deploy/aws/stack.yaml` may do what nobody needs.
//!
//! That nothing is missing is shown by every scenario, since the stand-in denies what the roles do not allow. That nothing is
//! there for nothing is shown here, by one long story in which each grant is needed at least once, and each wildcard for two
//! names or more.

use std::collections::BTreeMap;

use holdpoint_analyzer::{Config, Trusted, forget, learn};
use holdpoint_e2e::{Grant, Held, Options, Service, World, eventually, several_customers};
use holdpoint_local::{
    aws::{Fault, Verdict},
    local::SLACK_CHANNEL,
    slack::{SlackFault, SlackFaultKind},
};
use jiff::SignedDuration;
use serde_json::json;

use crate::machines::{ask, run};
use crate::operators::{command, doctors};

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];

/// Rights that no request to the stand-in can need, by what their actions begin with.
const UNSEEN: [(&str, &str); 3] = [
    ("kms:", "S3 and SQS ask for the key in the service's name; the stand-in encrypts nothing"),
    ("logs:", "Step Functions delivers a machine's log with the machine's role; the stand-in writes none"),
    ("xray:", "Step Functions traces with the machine's role, where the stack asks for it"),
];

fn environment() -> BTreeMap<String, String> {
    let settings = [
        ("HOLDPOINT_ROUTES", "s3://artifacts/config/routes.toml"),
        ("HOLDPOINT_RULES", "s3://artifacts/config/rules/{dataset}.toml"),
        ("HOLDPOINT_CUSTOMER_COLUMN", "departures=origin"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[tokio::test]
async fn no_role_in_the_stack_may_do_what_nobody_needs() {
    needs!("faults", "time that passes at once", "exact queue depths", "roles");
    let options = Options { environment: environment(), ..Options::default() };
    let mut world = World::start(&[], options.clone()).await;
    world.upload("config/routes.toml", &options.routes).await;
    world.upload("config/rules/departures.toml", "[column.origin]\nset = [\"EWR\", \"JFK\"]\n").await;
    world.learn_samples().await;
    for service in ALL {
        world.run(service);
    }
    let parts = a_push_is_taken_apart(&world).await;
    let orders = [a_push_is_tried_twice(&world).await, a_push_is_held(&world).await];
    reviewers_decide(&world, &parts).await;
    tokens_are_lost(&mut world, &orders).await;
    the_events_come_again(&world, &orders).await;
    a_push_is_announced(&world).await;
    nobody_decides(&world).await;
    a_notice_dies(&world).await;
    operators_look(&world, orders.iter().chain(parts.values())).await;
    customers_are_learned_and_forgotten(&world).await;
    let is_seen = |grant: &Grant| UNSEEN.iter().all(|(action, _)| !grant.action.starts_with(action));
    let unused = world.unused_grants().into_iter().filter(is_seen);
    let unused: Vec<_> = unused.map(|grant| grant.to_string()).collect();
    assert!(unused.is_empty(), "nobody needs:\n{}", unused.join("\n"));
    let too_wide = world.too_wide_grants().into_iter().map(|(grant, one)| format!("{grant}, but for {one}"));
    let too_wide: Vec<_> = too_wide.collect();
    assert!(too_wide.is_empty(), "nobody needs:\n{}", too_wide.join("\n"));
}

/// Three parts; that of the known customer passes. The same event again finds them all there.
async fn a_push_is_taken_apart(world: &World) -> BTreeMap<String, Held> {
    let whole = world.put("incoming/departures/all/day.csv", several_customers().into_bytes()).await;
    eventually("there are three reports", || async { (world.executions().await == 3).then_some(()) }).await;
    let parts = world.parts_of(&whole).await;
    world.ended(&parts["EWR"].execution).await.assert_passed();
    world.replay_event(&whole).await;
    parts
}

/// A push of a dataset without rules, which S3 does not hand out at first.
async fn a_push_is_tried_twice(world: &World) -> Held {
    let resource = format!("{}/incoming/orders/", world.local.deployment.bucket);
    let out_of_order = Fault { action: "s3.GetObject", resource, times: 4, verdict: Verdict::FailInternally };
    world.local.aws().faults().inject(out_of_order);
    let order = world.put("incoming/orders/acme/day.csv", b"id,amount\n1,10\n".to_vec()).await;
    eventually("it is judged", || async {
        world.let_time_pass();
        world.has_report(&order).await.then_some(())
    })
    .await;
    world.settled_round(&order).await;
    order
}

/// One part is rejected; the other was deleted before it is approved.
async fn reviewers_decide(world: &World, parts: &BTreeMap<String, Held>) {
    let link = world.link_of(&world.settled_round(&parts["JFK"]).await);
    world.open(&link).await;
    world.reject(&link, "no flights there").await;
    world.ended(&parts["JFK"].execution).await.assert_rejected();
    let gone = &parts["unmatched"];
    let link = world.link_of(&world.settled_round(gone).await);
    world.delete_version(gone).await;
    world.approve(&link).await;
    assert_eq!(world.ended(&gone.execution).await.error.as_deref(), Some("PushGone"));
}

async fn a_push_is_held(world: &World) -> Held {
    let order = world.put("incoming/orders/acme/next.csv", b"id,amount\n2,20\n".to_vec()).await;
    world.settled_round(&order).await;
    order
}

/// First under the worker's hands, then under the callback's; in our state machine and in somebody else's.
async fn tokens_are_lost(world: &mut World, orders: &[Held]) {
    let task = ask(&world.local.deployment.activity, &json!({ "End": true }));
    let machine = json!({ "StartAt": "Ask", "States": { "Ask": task } });
    let mut links = Vec::new();
    let mut others = Vec::new();
    for model in ["m", "n"] {
        others.push(run(world, machine.clone(), json!({ "key": model })).await);
        let title = format!("promote model {model}?");
        links.push(world.link_in_mail_about(&title).await);
    }
    for order in orders {
        links.push(world.link_of(&world.settled_round(order).await));
    }
    let looked_at = |grant: &Grant| grant.role == "worker" && grant.action.contains("Execution");
    eventually("the worker looks at both machines' executions", || async {
        world.local.aws().let_heartbeats_pass();
        let unused = world.unused_grants().into_iter();
        let waits = unused.chain(world.too_wide_grants().into_iter().map(|(grant, _)| grant)).any(|it| looked_at(&it));
        (!waits).then_some(())
    })
    .await;
    world.kill(Service::Worker);
    world.local.aws().let_heartbeats_pass();
    for link in links {
        assert_eq!(world.approve(&link).await.status, 200);
    }
    world.run(Service::Worker);
    for order in orders {
        world.ended(&order.execution).await.assert_approved();
    }
    for other in others {
        assert_eq!(world.ended(&other).await.status.as_str(), "SUCCEEDED");
    }
}

async fn the_events_come_again(world: &World, orders: &[Held]) {
    for order in orders {
        world.replay_event(order).await;
    }
    eventually("they are found to be done", || async { world.is_drained("pushes").await.then_some(()) }).await;
}

/// Of the keys that the state machine announces.
async fn a_push_is_announced(world: &World) {
    let held = world.put("incoming/announced/acme/day.csv", b"id\n1\n".to_vec()).await;
    world.settled_round(&held).await;
}

async fn nobody_decides(world: &World) {
    let held = world.held_push().await;
    world.settled_round(&held).await;
    world.age(&held.review_id(), SignedDuration::from_hours(1)).await;
    world.ended(&held.execution).await.assert_expired();
}

async fn a_notice_dies(world: &World) {
    let kind = SlackFaultKind::Error("is_archived");
    world.local.slack.inject(SlackFault {
        method: "chat.postMessage",
        channel: SLACK_CHANNEL.into(),
        times: 1_000,
        kind,
    });
    let held = world.held_push().await;
    eventually("the round is open", || world.round(&held, 1)).await;
    eventually("a notice is a dead letter", || async {
        world.let_time_pass();
        (world.local.aws().queue_depth("notices-dead.fifo")?.visible > 0).then_some(())
    })
    .await;
    world.local.slack.mend();
    command(world, &["dead-letters", "--move-back"]).await.expect("they are moved");
    command(world, &["resend", held.review_id().as_str()]).await.expect("everybody is asked again");
    command(world, &["rebuild-clock"]).await.expect("the clock is rebuilt");
}

async fn operators_look(world: &World, pushes: impl Iterator<Item = &Held>) {
    command(world, &["list"]).await.expect("it is listed");
    for push in pushes.filter(|push| !push.source.key.contains("unmatched")) {
        let why = command(world, &["why", &push.source.key]).await.expect("it is found");
        assert!(why.contains("The limit is 6 %"), "{why}");
    }
    let (well, said) = doctors(world, ["analyzer", "worker", "callback"], &[]).await;
    assert!(well, "{said}");
}

async fn customers_are_learned_and_forgotten(world: &World) {
    let mut environment = world.local.environment();
    environment.extend(self::environment());
    let config = Config::read(&|name: &str| environment.get(name).cloned()).expect("the settings fit");
    let clients = world.local.clients("history");
    for (dataset, customer, pushes) in [("departures", "all", 1), ("orders", "acme", 2)] {
        let delivered = Trusted::Prefix(format!("incoming/{dataset}/{customer}/"));
        let learned = learn(&config, &clients, &delivered, dataset, Some(customer)).await.expect("it is learned");
        assert_eq!(learned, pushes);
    }
    for customer in ["EWR", "JFK"] {
        assert!(forget(&config, &clients, "departures", customer).await.expect("it is forgotten") > 0);
    }
}
