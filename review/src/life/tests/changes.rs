//! What changes while a round is open: votes that do not decide, newer versions, refusals.

use super::*;
use crate::{Event, Newer, PushId, ReviewId};

fn newer(version: &str) -> Newer {
    let push = PushId::of("b", "k", version);
    Newer { review: ReviewId::of("e", "s", push.as_str()), push }
}

fn replaced(round: &Round, version: &str) -> Step {
    step(round, Input::Replaced(newer(version)), start())
}

fn channels(step: &Step) -> Vec<Channel> {
    let notices = step.then.iter().filter_map(|action| match action {
        Action::Notify(notice) => Some(notice.channel.clone()),
        _ => None,
    });
    notices.collect()
}

#[test]
fn b26_a_vote_that_does_not_decide_is_shown_where_the_question_stands_until_it_is() {
    let round = asked(Route { quorum: 2, ..route() });
    let step = says(&round, "dana", Verdict::Approve, start()).unwrap();
    assert_eq!(purposes(&step), [Purpose::Change(1)]);
    assert_eq!(
        channels(&step),
        [Channel::Slack("C1".into())],
        "a mail cannot be edited, and nobody is asked in C2 yet"
    );
    let voted = step.write.unwrap();
    assert_eq!(purposes(&tick_at(&voted, start())), [Purpose::Change(1)], "owed until it is done");
    let shown = notified(&voted, Channel::Slack("C1".into()), Purpose::Change(1));
    assert_eq!(purposes(&tick_at(&shown, start())), []);
}

#[test]
fn b15_a_newer_version_is_told_to_everybody_asked_and_the_round_can_still_be_decided() {
    let round = asked(route());
    let step = replaced(&round, "2");
    assert_eq!(channels(&step).len(), 3, "the channel and both reviewers");
    let told = step.write.unwrap();
    assert_eq!((told.is_open(), told.replaced_by()), (true, Some(&newer("2"))));
    assert_eq!(replaced(&told, "2"), Step::default(), "once");
    assert!(replaced(&told, "3").write.is_some(), "another version is news");
    let decided = says(&told, "dana", Verdict::Approve, start()).unwrap().write.unwrap();
    assert_eq!(decided.closing().unwrap().0, Closing::Approved);
    assert_eq!(replaced(&decided, "3"), Step::default(), "what is decided stays so");
}

#[test]
fn b15_a_route_may_ask_not_to_decide_on_an_older_version() {
    let round = asked(Route { when_replaced: WhenReplaced::Withdraw, ..route() });
    let step = replaced(&round, "2");
    let closed = step.write.unwrap();
    assert_eq!(closed.outcome(), Some(Outcome { closing: Closing::Replaced, not_applied: false }));
    assert_eq!(closed.decision().unwrap().decision, "replace");
    assert!(matches!(&step.then[0], Action::Tell(Answer::Failure { error: "ReviewExpired", .. })));
    let late = says(&closed, "dana", Verdict::Approve, start());
    assert!(matches!(late, Err(Refusal::Closed(_))), "{late:?}");
}

#[test]
fn a_key_that_is_written_all_day_does_not_fill_the_ledger() {
    let round =
        (0..100).fold(asked(route()), |round, version| replaced(&round, &version.to_string()).write.unwrap_or(round));
    assert_eq!(round.replacements(), REPLACEMENTS);
}

#[test]
fn b24_refusals_are_noted_once_each_and_up_to_a_limit() {
    let round = asked(route());
    let note = |round: &Round, user: &str| {
        let who = Who::SlackUser { user: user.into(), channel: "C1".into() };
        let Err(Refusal::NotAllowed(why)) = vote(round, &who, Verdict::Approve, None, start()) else {
            panic!("{user}")
        };
        refused(round, &who, why, start())
    };
    let noted = note(&round, "U9").unwrap();
    let refusal = Event::Refused { who: "<@U9>".into(), why: NotAllowed::NotAReviewer };
    assert_eq!(noted.events.last().map(|entry| &entry.event), Some(&refusal));
    assert_eq!(note(&noted, "U9"), None, "once");
    let many = (0..100).fold(noted, |round, user| note(&round, &format!("U9{user}")).unwrap_or(round));
    assert_eq!(many.events.len(), round.events.len() + 20);
    assert_eq!(note(&approved(&round), "U9"), None, "a closed round is at rest");
}

#[test]
fn b40_why_a_notice_was_not_delivered_is_noted_once() {
    let round = asked(route());
    let input = || Input::Undelivered {
        channel: Channel::Slack("C1".into()),
        purpose: Purpose::Reminder(0),
        reason: "it was refused: is_archived".into(),
    };
    let noted = step(&round, input(), start()).write.unwrap();
    assert!(noted.is_undelivered(&Channel::Slack("C1".into()), Purpose::Reminder(0)));
    assert_eq!(step(&noted, input(), start()), Step::default());
}
