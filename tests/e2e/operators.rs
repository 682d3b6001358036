//! What operators do at the command line.

use clap::Parser;
use holdpoint_callback::{Config, Operation, OperationError, operate};
use holdpoint_e2e::{Held, Options, Service, World, eventually, shown};
use holdpoint_local::{
    local::SLACK_CHANNEL,
    slack::{SlackFault, SlackFaultKind},
};
use holdpoint_review::Event;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    operation: Operation,
}

/// Runs a command with the callback's settings; what it says.
pub(crate) async fn command(world: &World, words: &[&str]) -> Result<String, OperationError> {
    let mut out = Vec::new();
    try_command(world, words, &mut out).await?;
    Ok(String::from_utf8(out).expect("it is text"))
}

async fn try_command(world: &World, words: &[&str], out: &mut Vec<u8>) -> Result<(), OperationError> {
    let words = std::iter::once("holdpoint-callback").chain(words.iter().copied());
    let operation = Arguments::try_parse_from(words).expect("it is a command").operation;
    let environment = world.local.environment();
    let config = Config::read(&|name| environment.get(name).cloned()).expect("the settings fit");
    operate(operation, config, world.local.clients("callback"), out).await
}

async fn asked(world: &World) -> (Held, String) {
    let held = world.held_push().await;
    world.settled_round(&held).await;
    let review = held.review_id().to_string();
    (held, review)
}

#[tokio::test]
async fn an_operator_sees_what_is_open_why_and_what_happened() {
    let world = World::of_reviews(Options::default()).await;
    let (held, review) = asked(&world).await;
    let list = command(&world, &["list"]).await.unwrap();
    assert!(list.contains(&review) && list.contains("1 review open"), "{list}");
    let show = command(&world, &["show", &review]).await.unwrap();
    for part in ["41.3 % of 12,480 records", "amount is 100 times", "request sent to Slack C", "request sent to dana@"]
    {
        assert!(show.contains(part), "{part} in {show}");
    }
    let token = world.round(&held, 1).await.unwrap().token().expose().to_owned();
    assert!(!show.contains(&token));
    for what in [review.as_str(), held.push.as_str(), held.source.key.as_str()] {
        let why = command(&world, &["why", what]).await.unwrap();
        assert!(why.contains("The limit is 6 %") && why.contains("Its execution is RUNNING"), "{what}: {why}");
    }
    let unknown = command(&world, &["why", "nothing"]).await.unwrap_err().to_string();
    assert!(unknown.contains("no review and no report"), "{unknown}");
}

#[tokio::test]
async fn an_operator_decides_only_in_the_name_of_who_may() {
    let world = World::of_reviews(Options::default()).await;
    let (held, review) = asked(&world).await;
    let refused = command(&world, &["approve", &review, "--as", "eve", "--reason", "r"]).await.unwrap_err().to_string();
    assert!(refused.contains("no reviewer \"eve\""), "{refused}");
    assert!(world.round(&held, 1).await.unwrap().is_open());
    let done = command(&world, &["reject", &review, "--as", "dana@example.com", "--reason", "told on the phone"]).await;
    assert!(done.as_ref().unwrap().contains("Rejected by dana, by an operator's command"), "{done:?}");
    let ended = world.ended(&held.execution).await;
    ended.assert_rejected();
    assert_eq!((&ended.decision["reason"], &ended.decision["way"]), (&"told on the phone".into(), &"command".into()));
    let show = command(&world, &["show", &review]).await.unwrap();
    assert!(show.contains("rejected by dana (command), which decides: told on the phone"), "{show}");
    world.finished(&held).await;
    let late = command(&world, &["approve", &review, "--as", "dana", "--reason", "r"]).await.unwrap_err().to_string();
    assert!(late.contains("Rejected by dana"), "{late}");
}

#[tokio::test]
async fn an_operator_asks_again() {
    let world = World::of_reviews(Options::default()).await;
    let (_, review) = asked(&world).await;
    let before = world.request_mails();
    command(&world, &["resend", &review]).await.unwrap();
    world.mail(|mail| mail.header("In-Reply-To").is_some() && mail.text.contains("Still open")).await;
    let reminded = |message: &holdpoint_local::slack::SlackMessage| {
        message.thread_ts.is_some() && shown(message).contains("Still open")
    };
    let wait = std::time::Duration::from_mins(1);
    world.local.slack.wait_for(SLACK_CHANNEL, reminded, wait).await.expect("Slack is asked again, in the thread");
    assert_eq!(world.request_mails(), before, "no second question");
}

#[tokio::test]
async fn an_operator_rebuilds_the_clock_from_the_ledger() {
    let mut world = World::of_reviews(Options::default()).await;
    let (held, _) = asked(&world).await;
    world.kill(Service::Worker);
    let clock = world.local.environment()["HOLDPOINT_CLOCK_QUEUE_URL"].clone();
    world.clients.sqs.purge_queue().queue_url(clock).send().await.expect("it is emptied");
    eventually("nothing ticks", || async { world.is_drained("clock").await.then_some(()) }).await;
    for arguments in [&["rebuild-clock"][..], &["rebuild-clock", "--everything"]] {
        let said = command(&world, arguments).await.unwrap();
        assert!(said.contains("1 review got a clock message"), "{said}");
    }
    // What another version wrote comes first in the list, and does not cost the others their clock.
    let foreign = format!("reviews/{}/1.json", "0".repeat(32));
    let put = world.clients.s3.put_object().bucket(&world.local.deployment.bucket).key(&foreign);
    put.body(b"{}".to_vec().into()).send().await.expect("S3 takes it");
    let mut said = Vec::new();
    let failed = try_command(&world, &["rebuild-clock", "--everything"], &mut said).await.unwrap_err().to_string();
    let said = String::from_utf8(said).expect("it is text");
    assert!(said.contains(&foreign) && said.contains("1 review got a clock message"), "{said}");
    assert!(failed.contains("1 round could not be read"), "{failed}");
    world.run(Service::Worker);
    world.age(&held.review_id(), jiff::SignedDuration::from_hours(1)).await;
    world.ended(&held.execution).await.assert_expired();
    world.finished(&held).await;
}

#[tokio::test]
async fn b40_a_notice_that_cannot_be_delivered_is_a_dead_letter_with_its_reason_and_is_sent_again() {
    needs!("time that passes at once", "exact queue depths");
    let mut world = World::start(&[Service::Callback], Options::default()).await;
    let archived = SlackFault {
        method: "conversations.history",
        channel: SLACK_CHANNEL.into(),
        times: 100,
        kind: SlackFaultKind::Error("is_archived"),
    };
    world.local.slack.inject(archived);
    let held = world.held_push().await;
    world.run(Service::Worker);
    let dead = || async {
        // The pauses between tries, which add up to an hour.
        world.let_time_pass();
        (world.local.aws().queue_depth("notices-dead.fifo")?.visible > 0).then_some(())
    };
    eventually("the notice is a dead letter", dead).await;
    let known = |event: &Event| matches!(event, Event::Undelivered { reason, .. } if reason.contains("is_archived"));
    let noted = || async { world.round(&held, 1).await?.events.into_iter().find(|entry| known(&entry.event)) };
    eventually("the ledger says why", noted).await;
    let why = command(&world, &["why", held.review_id().as_str()]).await.unwrap();
    assert!(why.contains("could not be delivered: it was refused: is_archived"), "{why}");
    world.local.slack.mend();
    let said = command(&world, &["dead-letters", "--move-back"]).await.unwrap();
    assert!(said.contains("request for Slack") && said.contains("is_archived"), "{said}");
    world.let_time_pass();
    world.slack_request().await;
}

/// What the doctors of analyzer, worker and callback say under these names with these settings changed, and whether all is well.
pub(crate) async fn doctors(world: &World, names: [&str; 3], changed: &[(&str, &str)]) -> (bool, String) {
    let environment = world.local.environment();
    let lookup = |name: &str| {
        let changed = changed.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        changed.or_else(|| environment.get(name).cloned())
    };
    let [analyzers, workers, callbacks] = names.map(|name| world.local.clients(name));
    let analyzer = holdpoint_analyzer::Config::read(&lookup).expect("the settings fit");
    let worker = holdpoint_worker::Config::read(&lookup).expect("the settings fit");
    let callback = Config::read(&lookup).expect("the settings fit");
    let mut out = Vec::new();
    let well = [
        holdpoint_analyzer::doctor(&analyzer, &analyzers, &mut out).await,
        holdpoint_worker::doctor(&worker, &workers, &mut out).await,
        holdpoint_callback::doctor(&callback, &callbacks, &mut out).await,
    ];
    let well = well.into_iter().all(|well| well.expect("it is written"));
    (well, String::from_utf8(out).expect("it is text"))
}

#[tokio::test]
async fn the_doctors_find_nothing_wrong_where_all_is_well_and_leave_nothing_behind() {
    let world = World::start(&[], Options::default()).await;
    let (well, said) = doctors(&world, ["analyzer", "worker", "callback"], &[]).await;
    assert!(well, "{said}");
    let looked_at = [
        "keeps versions",
        "clock of this machine",
        "pushes queue",
        "state machine",
        "baselines",
        "the rules",
        "notices queue",
        "newer versions",
        "the routes",
        "the mail server",
        "Slack",
    ];
    for part in looked_at {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(world.is_quiet().await);
}

#[tokio::test]
async fn the_doctors_name_what_is_wrong() {
    let world = World::start(&[], Options::default()).await;
    let environment = world.local.environment();
    // Somebody who may do everything: a service is denied what is not its own, whether it is there or not.
    let check = async |changed: &[(&str, &str)], wrong: &str| {
        let (well, said) = doctors(&world, ["operator"; 3], changed).await;
        assert!(
            !well && said.lines().any(|line| line.starts_with("WRONG") && line.contains(wrong)),
            "{wrong} in {said}"
        );
    };
    check(&[("HOLDPOINT_BUCKET", "nowhere")], "bucket nowhere keeps versions").await;
    check(&[("HOLDPOINT_CLOCK_QUEUE_URL", &environment["HOLDPOINT_NOTICES_QUEUE_URL"])], "redrive policy").await;
    check(&[("HOLDPOINT_NOTICES_QUEUE_URL", &environment["HOLDPOINT_CLOCK_QUEUE_URL"])], "no FIFO queue").await;
    check(
        &[("HOLDPOINT_ACTIVITY_ARN", "arn:aws:states:us-east-1:000000000000:activity:other")],
        "ActivityDoesNotExist",
    )
    .await;
    check(&[("HOLDPOINT_PUSHES_QUEUE_URL", &environment["HOLDPOINT_CLOCK_QUEUE_URL"])], "no dead-letter queue").await;
    check(
        &[("HOLDPOINT_STATE_MACHINE_ARN", "arn:aws:states:us-east-1:000000000000:stateMachine:other")],
        "StateMachineDoesNotExist",
    )
    .await;
    check(&[("HOLDPOINT_RULES", "/nowhere/rules.toml")], "the rules").await;
    check(&[("HOLDPOINT_SLACK_BOT_TOKEN", "xoxb-other")], "invalid_auth").await;
    check(&[("HOLDPOINT_SLACK_TEAM", "T0OTHER")], "HOLDPOINT_SLACK_TEAM is T0OTHER").await;
    check(&[("HOLDPOINT_ROUTES", "/nowhere/routes.toml")], "is not there").await;
    world.local.mail.down();
    check(&[], "the mail server").await;
}
