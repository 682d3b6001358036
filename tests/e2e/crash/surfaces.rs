//! What people see of a review that is over: whoever was asked is told, once, and what they find is true.

use std::collections::BTreeSet;

use holdpoint_e2e::{World, link_in, link_in_message, shown};
use holdpoint_local::{local::SLACK_CHANNEL, mail::Mail};
use holdpoint_review::{Channel, Purpose, Round, words};

pub(super) fn is_slack_asked(round: &Round) -> bool {
    round.receipt(&slack(), Purpose::Request).flatten().is_some()
}

/// Compares every surface with the ledger. Of a worker that died nobody knows whether its mail went out: it counts as sent.
pub(super) async fn check(world: &World, round: &Round, has_worker_died: bool) {
    assert!(world.is_drained("notices-dead.fifo").await, "every notice found its reader");
    let outcome = words::outcome(round).expect("it is closed");
    let says = outcome.split(',').next().expect("a sentence");
    let says_plainly = words::without_mentions(says);
    let mails = world.local.mail.mails();
    check_slack(world, round, says);
    check_mails(&mails, round, &says_plainly, has_worker_died);
    let in_slack = world.slack_requests().iter().filter_map(link_in_message).collect::<Vec<_>>();
    for link in in_slack.into_iter().chain(mails.iter().map(link_in)) {
        let page = world.open(&link).await;
        assert!(page.html.contains(&says_plainly), "{says_plainly} in {}", page.html);
    }
}

fn check_slack(world: &World, round: &Round, says: &str) {
    assert_eq!(world.local.slack.live_buttons(SLACK_CHANNEL), [], "no live button is left");
    let messages = world.slack_requests();
    let noted = round.receipt(&slack(), Purpose::Request).flatten();
    let standing: Vec<&str> = messages.iter().map(|message| message.ts.as_str()).collect();
    assert_eq!(standing, Vec::from_iter(noted), "the message that is noted, and no other");
    for message in &messages {
        assert!(shown(message).contains(says), "{says} in {:?}", message.blocks);
        assert!(link_in_message(message).is_some(), "a link in {:?}", message.blocks);
    }
}

/// A mail that the server took and nobody noted is sent again: by its id it is the same one.
fn check_mails(mails: &[Mail], round: &Round, says: &str, has_worker_died: bool) {
    let (replies, requests): (Vec<&Mail>, Vec<&Mail>) =
        mails.iter().partition(|mail| mail.header("In-Reply-To").is_some());
    let receipt = round.receipt(&Channel::Mail("dana@example.com".to_owned()), Purpose::Request);
    if !(requests.is_empty() && has_worker_died) {
        assert_eq!(ids(&requests), BTreeSet::from_iter(receipt.flatten()), "the request that is noted, and no other");
    }
    let is_told = receipt != Some(None);
    assert_eq!(ids(&replies).len(), usize::from(is_told), "one outcome to whoever was asked: {:?}", ids(&replies));
    for reply in replies {
        assert!(reply.text.contains(says), "{says} in {}", reply.text);
        assert!(receipt.is_none() || receipt == Some(reply.header("In-Reply-To")), "in the thread");
    }
}

fn ids<'a>(mails: &[&'a Mail]) -> BTreeSet<&'a str> {
    mails.iter().map(|mail| mail.header("Message-ID").expect("every mail has one")).collect()
}

fn slack() -> Channel {
    Channel::Slack(SLACK_CHANNEL.to_owned())
}
