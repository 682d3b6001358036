//! Two forms, one decision.

use holdpoint_platform::now;
use holdpoint_review::{Closing, Event, Holder, LinkKeys, NotAllowed, Verdict, Who, vote};
use jiff::SignedDuration;
use reqwest::StatusCode;

use crate::world::{KEYS, ROUTES, World, bytes, dana, lee, link_of, path};

#[tokio::test]
async fn b17_the_first_confirmation_decides_and_a_second_shows_it() {
    let world = World::new().await;
    let round = world.open();
    let link = dana(&round);
    let asked = world.choose(&link, "approve", "").await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(
        asked.text.contains("Approve it?") && asked.text.contains("becomes part of what is normal"),
        "{}",
        asked.text
    );
    assert_eq!(world.stored(&round), round, "the first form only asks");

    let first = world.confirm(&link, &asked).await;
    assert_eq!(first.status, StatusCode::OK);
    assert!(first.text.contains("Approved by dana, "), "{}", first.text);
    let second = world.confirm(&link, &asked).await;
    assert_eq!(second, first);
    let facts = world.doubles.facts();
    let told: Vec<_> = facts.calls.iter().filter(|(action, _)| action.starts_with("SendTask")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].0.as_str(), &told[0].1["taskToken"]), ("SendTaskSuccess", &"the-task-token".into()));
    assert!(facts.calls.iter().any(|(action, _)| action == "SendMessage"), "the outcome is queued");
}

#[tokio::test]
async fn b18_the_slower_of_two_sees_who_won() {
    let world = World::new().await;
    let round = world.open();
    let asked = world.choose(&dana(&round), "approve", "").await;
    // lee rejects between dana's read and her write.
    let rejected = vote(&round, &Who::MailOwner("lee@example.com".into()), Verdict::Reject, Some("late".into()), now());
    let rejected = rejected.unwrap().write.unwrap();
    world.doubles.facts().intruder = Some((path(&round), bytes(&rejected)));
    let answer = world.confirm(&dana(&round), &asked).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text.contains("Rejected by lee"), "{}", answer.text);
    assert_eq!(world.stored(&round), rejected);
}

#[tokio::test]
async fn b19_a_vote_whose_reply_was_lost_is_found_again_and_told_at_once() {
    let world = World::new().await;
    let round = world.open();
    let asked = world.choose(&dana(&round), "approve", "").await;
    world.doubles.facts().mute.insert("PUT");
    let answer = world.confirm(&dana(&round), &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(answer.text.contains("Approved by dana"), "{}", answer.text);
    assert_eq!(world.stored(&round).votes().count(), 1);
    let told = world.doubles.facts().calls.iter().filter(|(action, _)| action == "SendTaskSuccess").count();
    assert_eq!(told, 1, "not left to the next tick");
}

#[tokio::test]
async fn b19_a_decision_stands_while_step_functions_is_away() {
    let world = World::new().await;
    let round = world.open();
    let asked = world.choose(&dana(&round), "reject", "the amounts are in cents").await;
    world.doubles.facts().failing.insert("SendTaskFailure");
    let answer = world.confirm(&dana(&round), &asked).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains("Recorded, being delivered"), "{}", answer.text);
    let stored = world.stored(&round);
    assert_eq!(stored.closing().unwrap().0, Closing::Rejected);
    assert_eq!(stored.resolved(), None);
}

#[tokio::test]
async fn nothing_stored_is_said_plainly() {
    let world = World::new().await;
    let round = world.open();
    let asked = world.choose(&dana(&round), "approve", "").await;
    world.doubles.facts().failing.insert("PUT");
    let answer = world.confirm(&dana(&round), &asked).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text.contains("Not recorded, try again"), "{}", answer.text);
}

#[tokio::test]
async fn b25_a_rejection_needs_a_reason() {
    let world = World::new().await;
    let round = world.open();
    let link = dana(&round);
    let again = world.choose(&link, "reject", " \n ").await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text.contains("A rejection needs a reason"), "{}", again.text);
    let form = [("decision", "reject"), ("reason", "too late"), ("form", &again.hidden("form"))];
    let asked = world.post(&format!("/r/{link}/confirm"), &form).await;
    let without = [("decision", "reject"), ("form", &asked.hidden("form"))];
    assert_eq!(world.post(&format!("/r/{link}/decide"), &without).await.status, StatusCode::BAD_REQUEST);
    assert!(world.confirm(&link, &asked).await.text.contains("Rejected by dana"));
    let stored = world.stored(&round);
    assert_eq!(stored.votes().next().unwrap().2, Some("too late"));
}

#[tokio::test]
async fn b25_too_long_a_reason_is_cut_before_it_is_confirmed() {
    let world = World::new().await;
    let asked = world.choose(&dana(&world.open()), "reject", &"long ".repeat(2_000)).await;
    assert!(asked.text.contains("was cut"), "{}", asked.text);
}

#[tokio::test]
async fn b27_any_other_choice_is_answered_with_the_two_there_are() {
    let world = World::new().await;
    let round = world.open();
    let link = dana(&round);
    for step in ["confirm", "decide"] {
        for form in [&[("decision", "postpone")][..], &[("decision", "")], &[("action", "approve")], &[]] {
            let answer = world.post(&format!("/r/{link}/{step}"), form).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{step} {form:?}");
            assert!(answer.text.contains("approve or reject"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn b16_a_form_decides_only_what_was_asked_and_only_for_its_link() {
    let world = World::new().await;
    let round = world.open();
    let link = dana(&round);
    let choice = world.get(&format!("/r/{link}")).await.hidden("form");
    let asked = world.choose(&link, "reject", "late").await.hidden("form");
    let others = world.choose(&lee(&round), "approve", "").await.hidden("form");
    for proof in ["", "x", &choice, &asked, &others] {
        let answer = world.post(&format!("/r/{link}/decide"), &[("decision", "approve"), ("form", proof)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    }
    assert_eq!(world.stored(&round), round);
}

#[tokio::test]
async fn b16_a_form_that_was_shown_too_long_ago_or_for_another_link_decides_nothing() {
    let world = World::new().await;
    let round = world.open();
    let (mine, others) = (dana(&round), lee(&round));
    let keys = LinkKeys::parse("test", KEYS).unwrap();
    let shown = |link: &str, minutes_ago: i64| {
        keys.seal_form(&format!("{link} approve"), now() - SignedDuration::from_mins(minutes_ago), [9; 24])
    };
    let decide = async |proof: String, expected: StatusCode, part: &str| {
        let form = [("decision", "approve"), ("form", proof.as_str())];
        let answer = world.post(&format!("/r/{mine}/decide"), &form).await;
        assert_eq!(answer.status, expected, "{}", answer.text);
        assert!(answer.text.contains(part), "{part} in {}", answer.text);
    };
    decide(shown(&mine, 61), StatusCode::FORBIDDEN, "more than an hour ago").await;
    decide(shown(&others, 1), StatusCode::FORBIDDEN, "does not belong to this link").await;
    assert_eq!(world.stored(&round), round);
    decide(shown(&mine, 59), StatusCode::OK, "Approved by dana").await;
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused() {
    let world = World::new().await;
    let answer = world.choose(&dana(&world.open()), "reject", &"x".repeat(64 * 1024)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn b26_the_first_of_two_approvals_is_recorded_and_leaves_it_open() {
    let world = World::new().await;
    let round = world.open_at(now(), &format!("{ROUTES}\nquorum = 2"));
    let asked = world.choose(&dana(&round), "approve", "").await;
    assert!(asked.text.contains("2 approvals are needed; yours is number 1."), "{}", asked.text);
    let answer = world.confirm(&dana(&round), &asked).await;
    assert!(answer.text.contains("1 of 2 approvals: dana."), "{}", answer.text);
    assert!(world.stored(&round).is_open());
    let page = world.get(&format!("/r/{}", dana(&round))).await;
    assert!(page.text.contains("You have approved it already") && !page.text.contains("<form"), "{}", page.text);
    assert!(page.text.contains("dana approved it"), "what happened so far: {}", page.text);
    let asked = world.choose(&lee(&round), "approve", "").await;
    assert!(world.confirm(&lee(&round), &asked).await.text.contains("Approved by lee"));
}

#[tokio::test]
async fn b24_a_channel_link_decides_for_the_channel_unless_the_route_names_reviewers() {
    let world = World::new().await;
    let named = world.open_at(now(), &format!("{ROUTES}\nnamed_only = true"));
    let link = link_of(&named, Holder::SlackChannel(0));
    let page = world.get(&format!("/r/{link}")).await;
    assert!(page.text.contains("This link only shows") && !page.text.contains("name=\"decision\""), "{}", page.text);
    for step in ["confirm", "decide", "confirm"] {
        let answer = world.post(&format!("/r/{link}/{step}"), &[("decision", "approve")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{step}");
    }
    let noted = world.stored(&named);
    assert_eq!(noted.events.len(), named.events.len() + 1, "recorded once");
    let refusal = Event::Refused { who: "a member of C1".into(), why: NotAllowed::NotAReviewer };
    assert_eq!(noted.events.last().map(|entry| &entry.event), Some(&refusal));

    let anybody = world.open();
    let link = link_of(&anybody, Holder::SlackChannel(0));
    let asked = world.choose(&link, "approve", "").await;
    assert!(world.confirm(&link, &asked).await.text.contains("Approved by a member of C1"));
}
