//! Very many reviews at once.

use std::time::{Duration, Instant};

use holdpoint_e2e::{Held, Options, World, eventually, shown};
use holdpoint_local::{local::SLACK_CHANNEL, mail::Mail, slack::SlackMessage};
use holdpoint_review::{Purpose, PushId, Seconds};

const REVIEWS: usize = 1_000;
/// A digest waits for its minute, then reads all of them; the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(4);
/// Told singly before it is a burst.
const SINGLY: usize = 10;

fn is_digest(message: &SlackMessage) -> bool {
    message.text.contains("for a decision")
}

/// Very many pushes of one customer. Their evidence is the same, so that storing it is no part of the burst.
async fn burst(world: &World) -> Vec<Held> {
    let stored = world.store_held_push().await;
    let mut all = Vec::new();
    for number in 0..REVIEWS {
        let mut input = stored.clone();
        input.push.id = PushId::of("burst", "push", &number.to_string());
        input.review.key = input.push.id.to_string();
        all.push(world.start_execution(input).await);
    }
    for held in &all {
        let dealt_with = || async {
            let round = world.round(held, 1).await?;
            round.asked().all(|channel| round.receipt(&channel, Purpose::Request).is_some()).then_some(())
        };
        eventually("every notice is dealt with", dealt_with).await;
    }
    all
}

#[tokio::test]
async fn b39_a_burst_is_told_in_digests_and_each_review_keeps_its_own_decision() {
    let mut options = Options::default().heartbeat(3_600);
    // They tick every five minutes at most: what ticks cost is no part of the burst either.
    options.times.tick = Seconds(300);
    let world = World::of_reviews(options).await;
    let began = Instant::now();
    let all = burst(&world).await;
    eprintln!("{REVIEWS} reviews were opened, and each notice dealt with, in {:?}", began.elapsed());
    let says_all = |message: &SlackMessage| message.text == "1,000 reviews wait for a decision";
    let digest = world.local.slack.wait_for(SLACK_CHANNEL, says_all, PATIENCE).await.expect("a digest speaks for all");
    let said = shown(&digest);
    assert!(said.contains("amount is … times what it was"), "by cause: {said}");
    assert_eq!(said.matches("41.3 %: acme delivered").count(), 10, "the ten largest: {said}");
    assert!(digest.buttons().iter().all(|button| button.url.is_some()), "nothing in it decides");
    let messages = world.slack_requests();
    let digests = messages.iter().filter(|message| is_digest(message)).count();
    let minutes = usize::try_from(began.elapsed().as_secs() / 60).expect("a few");
    // A slow machine takes more than a minute for the burst, and each minute has its own.
    let few = SINGLY..=SINGLY * (2 + minutes);
    assert!(few.contains(&(messages.len() - digests)), "{} singly", messages.len() - digests);
    assert!(digests <= 1 + minutes, "one a minute: {digests} in {minutes} full minutes");
    let is_mailed_digest = |mail: &Mail| mail.subject.contains("for a decision");
    let mails_all = |mail: &Mail| mail.subject.contains("1,000 reviews wait for a decision");
    let mailed = world.local.mail.wait_for(mails_all, PATIENCE).await.expect("a mailed digest speaks for all");
    let singly = world.local.mail.mails().into_iter().filter(|mail| !is_mailed_digest(mail)).count();
    assert!(few.contains(&singly), "{singly} mails singly");

    // From the digest to the list, and from there to one of them.
    let link = mailed.text.split_whitespace().find(|word| word.ends_with("/reviews")).expect("a link to the open list");
    let list = world.open(link).await;
    assert!(list.html.contains("1,000 reviews open for you"), "{}", list.html);
    let chosen = &all[REVIEWS - 1];
    let name = format!("{}/1", chosen.review_id());
    let ticked = [("decision", "approve"), ("reason", ""), ("review", name.as_str())];
    let asked = world.person().submit(&list, &ticked).await.expect("the page answers");
    assert!(asked.html.contains("Approve 1 review?"), "{}", asked.html);
    let done = world.person().submit(&asked, &[]).await.expect("the page answers");
    assert!(done.html.contains("Approved by dana"), "{}", done.html);
    world.ended(&chosen.execution).await.assert_approved();
    assert!(world.round(&all[REVIEWS - 2], 1).await.expect("it was opened").is_open(), "the others wait");
}
