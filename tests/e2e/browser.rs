//! Pages in a real browser, in every state and on every screen. Where there is none, these tests say nothing; `.ci/run` says so.

use holdpoint_e2e::{
    Held, Options, Service, World,
    browser::{self, Look},
    eventually, link_in,
};
use holdpoint_local::{
    aws::{Fault, Verdict},
    local::SLACK_CHANNEL,
};
use jiff::SignedDuration;

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];
const APPROVE: &str =
    "document.querySelector('[value=approve]').click(); document.querySelector('#decision button').click()";
const REJECT: &str =
    "document.querySelector('[value=reject]').click(); document.querySelector('#decision button').click()";
const ALL_OF_CAUSE: &str = "document.querySelector('[name=cause]').click(); document.querySelector('[value=approve]').click(); \
                            document.querySelector('#reason').closest('section').querySelector('button').click()";
const MAIL_ME: &str =
    "document.querySelector('#address').value = 'Lee@example.com'; document.querySelector('#decision button').click()";
const CONFIRM: &str = "document.querySelector('.confirm button').click()";

/// One request, one style, no script, and nothing on any screen that a person would stumble over.
async fn look(name: &'static str, link: &str, presses: &'static [&'static str]) -> Look {
    let look = browser::look(name, link, presses).await;
    let requests: Vec<_> = look.requests.iter().filter(|address| !address.ends_with("/favicon.ico")).collect();
    let (sealed, _) = link.split_once("/reviews").unwrap_or((link, ""));
    assert!(requests.len() == 1 && requests[0].starts_with(sealed), "{name}: nothing else is fetched: {requests:?}");
    assert_eq!(look.dialogs, [""; 0], "{name}: no script runs");
    assert_eq!(look.styles, 1, "{name}: the policy lets the style in");
    assert_eq!(look.faults, [""; 0], "{name}");
    for element in ["script", "img", "iframe", "link"] {
        assert!(!look.elements.iter().any(|name| name == element), "{name}: {element} in {:?}", look.elements);
    }
    look
}

/// The same, and it says this.
async fn says(name: &'static str, link: &str, presses: &'static [&'static str], texts: &[&str]) -> Look {
    let look = look(name, link, presses).await;
    for text in texts {
        assert!(look.text.contains(text), "{name}: {text:?} in {}", look.text);
    }
    look
}

async fn asked(world: &World) -> (Held, String) {
    let held = world.held_push().await;
    let link = world.link_of(&world.settled_round(&held).await);
    (held, link)
}

/// Waits until a page says what comes of something by itself.
async fn comes_to_say(world: &World, link: &str, text: &str) {
    eventually("the page says so", || async { world.open(link).await.html.contains(text).then_some(()) }).await;
}

#[tokio::test]
async fn b28_b37_hostile_data_is_only_text_in_a_browser_and_fits_a_phone() {
    if !browser::is_there() {
        return;
    }
    let world = World::start(&ALL, Options::default()).await;
    world.learn_samples().await;
    let held = world.deliver("<!channel>&<img src=x>.csv", super::hostile::spoiled()).await;
    let link = world.link_of(&world.settled_round(&held).await);
    let open = says("hostile", &link, &[], &["<img src=x onerror=alert(1)>", "Your decision"]).await;
    assert!(open.title.contains("% anomalous"), "{}", open.title);
    assert!(!open.text.contains('\u{202e}'), "{}", open.text);

    let spoiled = world.deliver_sample("spoiled.csv").await;
    let other = world.link_of(&world.settled_round(&spoiled).await);
    says("open", &other, &[], &["What is wrong with it", "Your decision"]).await;
    says("list of causes", &format!("{link}/reviews"), &[], &["2 reviews open for you"]).await;

    world.reject(&link, "spoiled").await;
    world.ended(&held.execution).await.assert_rejected();
    says("hostile, rejected", &link, &[], &["Rejected by dana"]).await;
}

#[tokio::test]
async fn b28_each_step_and_each_end_of_a_decision_can_be_read_on_a_phone_and_at_night() {
    needs!("faults", "time that passes at once");
    if !browser::is_there() {
        return;
    }
    let mut world = World::of_reviews(Options::default()).await;
    let (held, link) = asked(&world).await;
    says("confirm approval", &link, &[APPROVE], &["Approve it?", "Back, decide nothing"]).await;
    says("reject without reason", &link, &[REJECT], &["Why do you reject it?"]).await;
    says("recorded", &link, &[APPROVE, CONFIRM], &["Your decision is recorded", "Approved by dana"]).await;
    world.finished(&held).await;
    says("approved", &link, &[], &["Approved by dana", "The workflow has heard it"]).await;

    let (_, rejected) = asked(&world).await;
    world.reject(&rejected, "Amounts are in cents.\nPlease ask the customer to send them again.").await;
    says("rejected", &rejected, &[], &["Rejected by dana", "Amounts are in cents."]).await;
    let (held, expired) = asked(&world).await;
    world.age(&held.review_id(), SignedDuration::from_hours(1)).await;
    comes_to_say(&world, &expired, "Expired").await;
    says("expired", &expired, &[], &["Expired: nobody decided in time"]).await;
    let (held, withdrawn) = asked(&world).await;
    world.clients.sfn.stop_execution().execution_arn(&held.execution).send().await.expect("it is stopped");
    comes_to_say(&world, &withdrawn, "Withdrawn").await;
    says("withdrawn", &withdrawn, &[], &["Withdrawn: the workflow ended"]).await;
    let (held, replaced) = asked(&world).await;
    world.overwrite(&held, b"id,amount\n1,10\n").await;
    comes_to_say(&world, &replaced, "Replaced by a newer version").await;
    says("replaced", &replaced, &[], &["Replaced by a newer version", "Your decision"]).await;

    let (_, delivered) = asked(&world).await;
    let (action, verdict) = ("AWSStepFunctions.SendTaskSuccess", Verdict::FailInternally);
    world.local.aws().faults().inject(Fault { action, resource: String::new(), times: 1_000_000, verdict });
    world.approve(&delivered).await;
    says("being delivered", &delivered, &[], &["Recorded, being delivered to the workflow"]).await;
    world.local.aws().faults().clear();
    let ((held, not_applied), (late, overdue)) = (asked(&world).await, asked(&world).await);
    // No worker sees that the execution was stopped, or that the deadline passes.
    world.kill(Service::Worker);
    world.clients.sfn.stop_execution().execution_arn(&held.execution).send().await.expect("it is stopped");
    world.approve(&not_applied).await;
    comes_to_say(&world, &not_applied, "Not applied").await;
    says("not applied", &not_applied, &[], &["Not applied: the workflow had already ended"]).await;
    world.age(&late.review_id(), SignedDuration::from_hours(1)).await;
    says("overdue", &overdue, &[], &["The deadline passed"]).await;
    let nothing = format!("{}/r/nothing", world.local.public_url());
    says("not found", &nothing, &[], &["There is nothing here"]).await;
}

#[tokio::test]
async fn b26_b28_a_quorum_and_a_channels_link_can_be_read_on_a_phone_and_at_night() {
    if !browser::is_there() {
        return;
    }
    let mut options = Options::default();
    let lee = "[[reviewer]]\nname = \"lee\"\nmail = \"lee@example.com\"\n\n[[route]]\nquorum = 2\nnamed_only = true\n";
    options.routes = options.routes.replace("[[route]]\n", lee).replace("[\"dana\"]", "[\"dana\", \"lee\"]");
    let world = World::of_reviews(options).await;
    let (held, link) = asked(&world).await;
    let message = world.local.slack.messages(SLACK_CHANNEL).pop().expect("Slack was asked");
    let channel = message.buttons().into_iter().find_map(|button| button.url).expect("a link to look");
    says("channel's link", &channel, &[], &["This link only shows", "Mail me my own link"]).await;
    says("channel's link, mailed", &channel, &[MAIL_ME], &["Look into your mail"]).await;
    let mail = world.mail(|mail| mail.recipient == "lee@example.com" && mail.text.contains("your own link")).await;
    assert!(world.open(&link_in(&mail)).await.html.contains("decided by lee"));
    says("confirm one of two", &link, &[APPROVE], &["2 approvals are needed; yours is number 1"]).await;
    world.approve(&link).await;
    says("one of two", &link, &[], &["1 of 2 approvals: dana", "You have approved it already"]).await;
    assert!(world.round(&held, 1).await.expect("it was opened").is_open());
}

#[tokio::test]
async fn b28_the_open_list_can_be_read_on_a_phone_and_at_night() {
    const REVIEWS: usize = 12;
    if !browser::is_there() {
        return;
    }
    let mut options = Options::default();
    options.environment.insert("HOLDPOINT_BURST".to_owned(), "1000".to_owned());
    let world = World::of_reviews(options).await;
    let mut links = Vec::new();
    for _ in 0..REVIEWS {
        links.push(asked(&world).await.1);
    }
    let list = format!("{}/reviews", links[0]);
    says("list", &list, &[], &["12 reviews open for you", "All 12 of this cause", "Filter"]).await;
    says("list, to confirm", &list, &[ALL_OF_CAUSE], &["Approve 12 reviews?"]).await;
    says("list, decided", &list, &[ALL_OF_CAUSE, CONFIRM], &["12 of 12 decisions recorded"]).await;
    says("list, empty", &list, &[], &["Nothing is open for you"]).await;
}
