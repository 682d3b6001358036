//! Every end of a review, on every surface.

use holdpoint_e2e::{Held, Options, Service, World, shown};
use holdpoint_local::local::SLACK_CHANNEL;
use jiff::SignedDuration;

const CONTACT: &str = "contact@acme.example";

/// Asked as ever; the customer's contact is told.
fn told() -> Options {
    let mut options = Options::default();
    options.routes.push_str("tell = [\"contact@acme.example\"]\n");
    options
}

/// Each surface says how the one review ended, and nothing else.
async fn every_surface_says(world: &World, held: &Held, link: &str, outcome: &str) {
    let round = world.finished(held).await;
    assert!(round.is_finished());
    let message = world.slack_request().await;
    assert!(message.edited && shown(&message).contains(outcome), "{outcome} in {:?}", message.blocks);
    assert!(world.local.slack.live_buttons(SLACK_CHANNEL).is_empty());
    let request = world.request_mail().await;
    let answers = |mail: &holdpoint_local::mail::Mail| {
        mail.recipient == request.recipient && mail.header("In-Reply-To") == request.header("Message-ID")
    };
    assert!(world.mail(|mail| answers(mail) && mail.text.contains(outcome)).await.text.contains(outcome));
    world.mail(|mail| mail.recipient == CONTACT && mail.text.contains(outcome)).await;
    let page = world.open(link).await;
    assert!(page.html.contains(outcome) && !page.has_form(), "{outcome} in {}", page.html);
}

async fn asked(options: Options) -> (World, Held, String) {
    let world = World::of_reviews(options).await;
    let held = world.held_push().await;
    let link = world.link_of(&world.settled_round(&held).await);
    (world, held, link)
}

#[tokio::test]
async fn b38_approved_and_rejected_are_said_on_every_surface() {
    let (world, held, link) = asked(told()).await;
    world.approve(&link).await;
    every_surface_says(&world, &held, &link, "Approved by dana").await;
    let (world, held, link) = asked(told()).await;
    world.reject(&link, "half of it is missing").await;
    every_surface_says(&world, &held, &link, "Rejected by dana").await;
}

#[tokio::test]
async fn b38_expired_and_withdrawn_are_said_on_every_surface() {
    let (world, held, link) = asked(told()).await;
    world.age(&held.review_id(), SignedDuration::from_hours(1)).await;
    every_surface_says(&world, &held, &link, "Expired").await;
    let (world, held, link) = asked(told()).await;
    world.clients.sfn.stop_execution().execution_arn(&held.execution).send().await.expect("it is stopped");
    every_surface_says(&world, &held, &link, "Withdrawn").await;
}

#[tokio::test]
async fn b38_replaced_is_said_on_every_surface() {
    let mut options = told();
    options.routes.push_str("when_replaced = \"withdraw\"\n");
    let (world, held, link) = asked(options).await;
    world.overwrite(&held, b"id,amount\n1,10\n2,20\n").await;
    every_surface_says(&world, &held, &link, "Replaced by a newer version").await;
}

#[tokio::test]
async fn b38_not_applied_is_said_on_every_surface() {
    needs!("time that passes at once");
    let (mut world, held, link) = asked(told()).await;
    // No worker sees that the execution was stopped before somebody decides.
    world.kill(Service::Worker);
    world.clients.sfn.stop_execution().execution_arn(&held.execution).send().await.expect("it is stopped");
    world.approve(&link).await;
    world.run(Service::Worker);
    world.let_time_pass();
    every_surface_says(&world, &held, &link, "Not applied").await;
}
