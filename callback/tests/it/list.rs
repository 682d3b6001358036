//! The open list, and several decided at once.

use holdpoint_platform::now;
use holdpoint_review::{Closing, Round, Verdict, Who, vote};
use jiff::SignedDuration;
use reqwest::StatusCode;

use crate::world::{Page, ROUTES, World, dana, lee, link_of};

const WITHOUT_LEE: &str = r#"
    [[reviewer]]
    name = "dana"
    mail = "dana@example.com"
    [[route]]
    reviewers = ["dana"]
"#;

/// Three reviews of one cause, one of another, and one that only dana is asked.
fn several(world: &World) -> Vec<Round> {
    let mut rounds: Vec<_> = (0..4).map(|number| world.open_as(&format!("push-{number}"), ROUTES)).collect();
    rounds[3].request.findings[0].text = "ship_date lies before order_date: 3 times".into();
    rounds.push(world.open_as("push-only-dana", WITHOUT_LEE));
    for (number, round) in rounds.iter_mut().enumerate() {
        round.request.title = format!("review number {number}");
        world.store(round);
    }
    rounds
}

fn names(rounds: &[Round]) -> Vec<String> {
    rounds.iter().map(|round| format!("{}/{}", round.review_id, round.round)).collect()
}

async fn choose(world: &World, link: &str, decision: &str, ticked: &[(&str, &str)]) -> Page {
    let list = world.get(&format!("/r/{link}/reviews")).await;
    let form = list.hidden("form");
    let fields = [("decision", decision), ("reason", "half of it is missing"), ("form", &form)];
    let fields: Vec<_> = fields.iter().chain(ticked).copied().collect();
    world.post(&format!("/r/{link}/reviews/confirm"), &fields).await
}

async fn confirm(world: &World, link: &str, decision: &str, asked: &Page, reviews: &[String]) -> Page {
    let form = asked.hidden("form");
    let fields = [("decision", decision), ("reason", "half of it is missing"), ("form", form.as_str())];
    let fields: Vec<_> = fields.into_iter().chain(reviews.iter().map(|name| ("review", name.as_str()))).collect();
    world.post(&format!("/r/{link}/reviews/decide"), &fields).await
}

#[tokio::test]
async fn a_reviewers_link_lists_what_they_were_asked_by_cause_and_nothing_else() {
    let world = World::new().await;
    let rounds = several(&world);
    let list = world.get(&format!("/r/{}/reviews", lee(&rounds[0]))).await;
    assert_eq!(list.status, StatusCode::OK);
    for part in
        ["4 reviews open for you", "amount is … times what it was", "All 3 of this cause", "ship_date lies before"]
    {
        assert!(list.text.contains(part), "{part} in {}", list.text);
    }
    assert!(!list.text.contains("review number 4"), "lee was not asked");
    assert!(!list.text.contains(" checked"), "nothing is chosen beforehand");
    let all = world.get(&format!("/r/{}/reviews", dana(&rounds[0]))).await;
    assert!(all.text.contains("5 reviews open for you") && all.text.contains("review number 4"), "{}", all.text);
    let none = world.get(&format!("/r/{}/reviews?customer=globex", dana(&rounds[0]))).await;
    assert!(none.text.contains("0 reviews open for you"), "{}", none.text);
    let own = all.text.split("href=\"/r/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(world.get(&format!("/r/{own}")).await.text.contains("decided by dana"), "each has her own link");
}

#[tokio::test]
async fn several_are_decided_at_once_each_for_itself() {
    let world = World::new().await;
    let rounds = several(&world);
    let link = dana(&rounds[0]);
    let asked = choose(&world, &link, "reject", &[("cause", "amount is … times what it was")]).await;
    assert!(asked.text.contains("Reject 4 reviews?"), "{}", asked.text);
    assert!(rounds.iter().all(|round| world.stored(round) == *round), "the first form only asks");
    let chosen = names(&[rounds[0].clone(), rounds[1].clone(), rounds[2].clone(), rounds[4].clone()]);
    // Somebody else is faster with one of them.
    let lees = vote(&rounds[1], &Who::MailOwner("lee@example.com".into()), Verdict::Approve, None, now());
    world.store(&lees.unwrap().write.unwrap());
    let answer = confirm(&world, &link, "reject", &asked, &chosen).await;
    assert!(answer.text.contains("3 of 4 decisions recorded"), "{}", answer.text);
    assert!(answer.text.contains("Not taken. Approved by lee"), "{}", answer.text);
    let closings: Vec<_> =
        rounds.iter().map(|round| world.stored(round).closing().map(|(closing, _)| closing)).collect();
    let rejected = Some(Closing::Rejected);
    assert_eq!(closings, [rejected, Some(Closing::Approved), rejected, None, rejected]);
}

#[tokio::test]
async fn only_what_was_shown_and_confirmed_is_decided() {
    let world = World::new().await;
    let rounds = several(&world);
    let link = lee(&rounds[0]);
    let ticked = names(&rounds[..1]);
    let asked = choose(&world, &link, "approve", &[("review", &ticked[0])]).await;
    assert!(asked.text.contains("Approve 1 review?"), "{}", asked.text);
    for (decision, reviews) in [("approve", names(&rounds[..2])), ("approve", vec![]), ("reject", ticked.clone())] {
        let answer = confirm(&world, &link, decision, &asked, &reviews).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    }
    let others = confirm(&world, &dana(&rounds[0]), "approve", &asked, &ticked).await;
    assert_eq!(others.status, StatusCode::FORBIDDEN, "a form of another person");
    let not_hers = choose(&world, &link, "approve", &[("review", &names(&rounds)[4])]).await;
    assert!(not_hers.text.contains("Nothing was chosen"), "{}", not_hers.text);
    let neither = choose(&world, &link, "postpone", &[("review", &ticked[0])]).await;
    assert_eq!(neither.status, StatusCode::BAD_REQUEST);
    assert!(rounds.iter().all(|round| world.stored(round) == *round));
    assert!(confirm(&world, &link, "approve", &asked, &ticked).await.text.contains("Approved by lee"));
}

#[tokio::test]
async fn the_list_opens_to_nobody_else() {
    let world = World::new().await;
    let rounds = several(&world);
    let viewer = link_of(&rounds[0], holdpoint_review::Holder::Viewer);
    assert_eq!(world.get(&format!("/r/{viewer}/reviews")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.get("/r/nonsense/reviews").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get("/reviews").await.status, StatusCode::NOT_FOUND, "no login is set up");
    let old = world.open_at(now() - SignedDuration::from_hours(25), ROUTES);
    assert_eq!(world.get(&format!("/r/{}/reviews", dana(&old))).await.status, StatusCode::GONE);
    let channel = link_of(&rounds[0], holdpoint_review::Holder::SlackChannel(0));
    let list = world.get(&format!("/r/{channel}/reviews")).await;
    assert!(list.text.contains("4 reviews open for you"), "{}", list.text);
}
