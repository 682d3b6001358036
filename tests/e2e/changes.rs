//! A newer version of what is being reviewed.

use holdpoint_e2e::{Held, Options, World, eventually, link_in, shown};
use holdpoint_local::{local::SLACK_CHANNEL, mail::Mail};
use holdpoint_review::{Closing, Round};

/// The same key, delivered again and held as well.
async fn delivered_again(world: &World, held: &Held) -> Held {
    let input = world.store_held_version(held.source.key.clone()).await;
    world.start_execution(input).await
}

async fn knows_of_newer(world: &World, held: &Held) -> Round {
    let known = || async { world.round(held, 1).await.filter(|round| round.replaced_by().is_some()) };
    eventually("the newer version is noticed", known).await
}

fn says_replaced(mail: &Mail) -> bool {
    mail.header("In-Reply-To").is_some() && mail.text.contains("Replaced by a newer version")
}

#[tokio::test]
async fn b15_the_same_key_again_replaces_an_open_review_which_can_still_be_decided() {
    let world = World::of_reviews(Options::default()).await;
    let (old, other) = (world.held_push().await, world.held_push().await);
    let link = world.link_of(&world.settled_round(&old).await);
    world.settled_round(&other).await;
    let newer = delivered_again(&world, &old).await;
    world.settled_round(&newer).await;

    let round = knows_of_newer(&world, &old).await;
    assert!(round.is_open());
    assert_eq!(round.replaced_by().map(|it| &it.review), Some(&newer.review_id()));
    let mail = world.mail(says_replaced).await;
    assert_eq!(link_in(&mail).len(), link.len(), "the old review's link");
    let said =
        || async { world.slack_requests().iter().any(|it| shown(it).contains("Replaced by a newer")).then_some(()) };
    eventually("Slack says so", said).await;
    let page = world.open(&link).await;
    assert!(page.html.contains("Replaced by a newer version") && page.has_form(), "{}", page.html);
    let linked = page.html.split("href=\"/r/").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
    let mut linked = linked.filter(|sealed| !sealed.contains('/') && !link.ends_with(sealed));
    let successor = format!("{}/r/{}", world.local.public_url(), linked.next().expect("a link to the newer review"));
    let newest = world.open(&successor).await;
    assert!(newest.html.contains(newer.push.as_str()) && newest.has_form(), "{}", newest.html);

    world.approve(&link).await;
    world.ended(&old.execution).await.assert_approved();
    assert_eq!(world.tags(&old.source).await["holdpoint"], "accepted");
    for held in [&other, &newer] {
        let round = world.round(held, 1).await.expect("it is open");
        assert!(
            round.is_open() && round.replaced_by().is_none(),
            "other keys, and the newest, are replaced by nothing"
        );
    }
}

#[tokio::test]
async fn b15_a_newer_version_that_is_not_held_replaces_as_well() {
    let world = World::of_reviews(Options::default()).await;
    let held = world.held_push().await;
    let link = world.link().await;
    world.overwrite(&held, b"id,amount\n1,10\n2,20\n").await;
    knows_of_newer(&world, &held).await;
    let page = world.open(&link).await;
    assert!(page.html.contains("The newer version is not held for you"), "{}", page.html);
}

#[tokio::test]
async fn b15_a_route_may_ask_to_withdraw_what_was_replaced() {
    let mut options = Options::default();
    options.routes.push_str("when_replaced = \"withdraw\"\n");
    let world = World::of_reviews(options).await;
    let held = world.held_push().await;
    let link = world.link_of(&world.settled_round(&held).await);
    world.overwrite(&held, b"id,amount\n1,10\n2,20\n").await;
    let ended = world.ended(&held.execution).await;
    assert_eq!((ended.error.as_deref(), &ended.decision["decision"]), (Some("ReviewExpired"), &"replace".into()));
    let round = world.finished(&held).await;
    assert_eq!(round.closing().map(|(closing, _)| closing), Some(Closing::Replaced));
    assert!(world.local.slack.live_buttons(SLACK_CHANNEL).is_empty());
    let page = world.open(&link).await;
    assert_eq!((page.status, page.has_form()), (410, false));
}
