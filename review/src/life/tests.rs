//! The edges of a review's life, by name.

mod changes;

use super::*;
use crate::{
    AtDeadline, Closing, Escalation, NotAllowed, Reviewer, Seconds, Verdict, Visit, Who, may_decide, trial::request,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn start() -> Timestamp {
    "2026-11-22T08:14:00Z".parse().unwrap()
}

fn reviewer(name: &str) -> Reviewer {
    Reviewer { name: name.into(), mail: Some(format!("{name}@example.com")), slack: Some(format!("U-{name}")) }
}

fn route() -> Route {
    Route {
        slack: vec!["C1".into()],
        reviewers: vec![reviewer("dana"), reviewer("lee")],
        named_only: true,
        quorum: 1,
        deadline: Seconds(24 * 3600),
        remind_after: vec![Seconds(3600), Seconds(7200)],
        escalate: Some(Escalation { after: Seconds(10_800), slack: vec!["C2".into()] }),
        at_deadline: AtDeadline::Expire,
        when_replaced: WhenReplaced::Keep,
        tell: vec![],
    }
}

fn input(entered: &str) -> ActivityInput {
    let visit = Visit { execution: "e".into(), state: "s".into(), entered: entered.into(), redrives: 0 };
    ActivityInput { version: 1, visit, request: request() }
}

fn token(name: &str) -> TaskToken {
    TaskToken::new(name)
}

fn opened(route: Route) -> Round {
    match admit(None, &token("one"), &input("first"), || Some(route), start()) {
        Ok(Admission::Open(round)) => round,
        other => panic!("{other:?}"),
    }
}

/// The same, with every request sent.
fn asked(route: Route) -> Round {
    let round = opened(route);
    let channels: Vec<_> = round.asked().collect();
    channels.into_iter().fold(round, |round, channel| notified(&round, channel, Purpose::Request))
}

fn notified(round: &Round, channel: Channel, purpose: Purpose) -> Round {
    let input = Input::Notified { channel, purpose, receipt: Some("ts".into()) };
    step(round, input, start()).write.unwrap()
}

fn tick_at(round: &Round, now: Timestamp) -> Step {
    step(round, Input::Tick { generation: round.generation(), sent_at: now }, now)
}

/// A vote of the person with that mail address.
fn says(round: &Round, name: &str, verdict: Verdict, now: Timestamp) -> Result<Step, Refusal> {
    vote(round, &mail(name), verdict, None, now)
}

fn mail(name: &str) -> Who {
    Who::MailOwner(format!("{name}@example.com"))
}

fn approved(round: &Round) -> Round {
    says(round, "dana", Verdict::Approve, start()).unwrap().write.unwrap()
}

fn lost(round: &Round, facts: ExecutionFacts) -> Step {
    step(round, Input::TokenLost(facts), start())
}

const BETWEEN_TOKENS: ExecutionFacts = ExecutionFacts {
    running: true,
    history_is_whole: false,
    answered_by_us: false,
    answered_by_another: false,
    later_round: false,
};

fn purposes(step: &Step) -> Vec<Purpose> {
    let notices = step.then.iter().filter_map(|action| match action {
        Action::Notify(notice) => Some(notice.purpose),
        _ => None,
    });
    notices.collect()
}

#[test]
fn the_deadline_itself_is_too_late_to_decide_and_time_to_expire() {
    let round = asked(route());
    let before = round.deadline - SignedDuration::from_nanos(1);
    assert!(says(&round, "dana", Verdict::Approve, before).is_ok());
    assert_eq!(tick_at(&round, before).write, None);
    let expired = Outcome { closing: Closing::Expired, not_applied: false };
    assert_eq!(says(&round, "dana", Verdict::Approve, round.deadline), Err(Refusal::Closed(expired)));
    let step = tick_at(&round, round.deadline);
    assert_eq!(step.write.unwrap().outcome(), Some(expired));
    assert!(matches!(&step.then[0], Action::Tell(Answer::Failure { error: "ReviewExpired", .. })));
}

#[test]
fn nobody_looking_approves_only_where_the_route_says_so_by_name() {
    let unseen = asked(Route { at_deadline: AtDeadline::ApproveUnseen, ..route() });
    let step = tick_at(&unseen, unseen.deadline);
    let decision = step.write.unwrap().decision().unwrap();
    assert_eq!((decision.decision.as_str(), decision.is_manually_approved), ("approve", false));
    let expired = asked(route());
    let decision = tick_at(&expired, expired.deadline).write.unwrap().decision().unwrap();
    assert_eq!(decision.decision, "expire");
}

#[test]
fn one_person_through_two_channels_counts_once() {
    let round = asked(Route { quorum: 2, ..route() });
    let once = says(&round, "dana", Verdict::Approve, start()).unwrap();
    assert_eq!(purposes(&once), [Purpose::Change(1)], "nothing is told but how it stands");
    let once = once.write.unwrap();
    assert!(once.is_open());
    let in_slack = Who::SlackUser { user: "U-dana".into(), channel: "C1".into() };
    for verdict in [Verdict::Approve, Verdict::Reject] {
        let again = vote(&once, &in_slack, verdict, None, start());
        assert_eq!(again, Err(Refusal::Voted(Verdict::Approve)));
    }
    let twice = says(&once, "lee", Verdict::Approve, start()).unwrap().write.unwrap();
    assert_eq!(twice.closing().unwrap().0, Closing::Approved);
}

#[test]
fn one_reject_decides_whatever_the_quorum() {
    let round = asked(Route { quorum: 2, ..route() });
    let round = approved(&round);
    let step = says(&round, "lee", Verdict::Reject, start()).unwrap();
    assert_eq!(step.write.unwrap().closing().unwrap().0, Closing::Rejected);
    assert!(matches!(&step.then[0], Action::Tell(Answer::Failure { error: "ReviewRejected", .. })));
}

#[test]
fn the_submitter_may_not_decide_and_nothing_changes() {
    let mut round = asked(route());
    round.request.submitter = Some("dana".into());
    assert_eq!(says(&round, "dana", Verdict::Approve, start()), Err(Refusal::NotAllowed(NotAllowed::Submitter)));
    assert_eq!(says(&round, "eve", Verdict::Approve, start()), Err(Refusal::NotAllowed(NotAllowed::NotAReviewer)));
    assert!(says(&round, "lee", Verdict::Approve, start()).is_ok());
}

#[test]
fn a_second_vote_finds_its_own_and_another_sees_who_won() {
    let round = approved(&asked(route()));
    let voter = may_decide(&round.route, &round.request, &mail("dana")).unwrap();
    assert!(matches!(says(&round, "dana", Verdict::Approve, start()), Err(Refusal::Closed(_))));
    assert!(own_vote(&round, &voter, Verdict::Approve));
    assert!(!own_vote(&round, &voter, Verdict::Reject));
    let other = may_decide(&round.route, &round.request, &mail("lee")).unwrap();
    assert!(!own_vote(&round, &other, Verdict::Approve));
}

#[test]
fn reminders_and_the_escalation_come_at_their_times_and_stop_with_the_decision() {
    let round = asked(route());
    let check = |round: &Round, hours: i64, expected: &[Purpose]| {
        let mut at = purposes(&tick_at(round, start() + HOUR * i32::try_from(hours).unwrap()));
        at.dedup();
        assert_eq!(at, expected, "after {hours} hours");
    };
    check(&round, 0, &[]);
    assert_eq!(purposes(&tick_at(&round, start() + HOUR - SignedDuration::from_nanos(1))), []);
    check(&round, 1, &[Purpose::Reminder(0)]);
    check(&round, 2, &[Purpose::Reminder(1)]);
    check(&round, 3, &[Purpose::Reminder(1), Purpose::Escalation]);
    let channels: Vec<_> = round.asked().collect();
    let reminded = channels.into_iter().fold(round.clone(), |round, to| notified(&round, to, Purpose::Reminder(1)));
    check(&reminded, 3, &[Purpose::Escalation]);
    let woken = notified(&reminded, Channel::Slack("C2".into()), Purpose::Escalation);
    check(&woken, 23, &[]);
    check(&approved(&round), 3, &[Purpose::Outcome]);
}

#[test]
fn an_escalation_that_may_be_under_way_is_told_the_outcome_too() {
    let round = approved(&asked(route()));
    let channel = Channel::Slack("C2".into());
    let told =
        |step: &Step| step.then.iter().any(|action| matches!(action, Action::Notify(to) if to.channel == channel));
    assert!(told(&tick_at(&round, start())));
    let late = step(
        &round,
        Input::Notified { channel: channel.clone(), purpose: Purpose::Escalation, receipt: None },
        start(),
    );
    assert_eq!(late.write.unwrap().told(), round.told(), "a slow tick's escalation makes no channel more");
}

#[test]
fn ticks_append_nothing() {
    let round = asked(route());
    for hours in 0..24 {
        assert_eq!(tick_at(&round, start() + HOUR * hours).write, None);
    }
    for closed in [approved(&round), lost(&round, ExecutionFacts { running: false, ..BETWEEN_TOKENS }).write.unwrap()] {
        assert_eq!(tick_at(&closed, closed.deadline + HOUR).write, None);
    }
}

#[test]
fn a_stale_clock_message_goes_and_one_ahead_of_its_time_ticks() {
    let round = asked(route());
    let tick = |generation| step(&round, Input::Tick { generation, sent_at: start() }, start()).then;
    assert_eq!(tick(round.generation() - 1), [Action::DeleteClock]);
    assert_eq!(tick(round.generation()), [Action::Heartbeat]);
    assert_eq!(tick(round.generation() + 1), [Action::Heartbeat]);
}

#[test]
fn a_clock_message_of_seven_days_is_succeeded_once() {
    let round = asked(Route { deadline: Seconds(30 * 86_400), ..route() });
    let tick = |after| step(&round, Input::Tick { generation: 1, sent_at: start() }, start() + after).then;
    assert!(tick(HOUR * (7 * 24)).contains(&Action::Heartbeat));
    assert_eq!(tick(HOUR * (7 * 24) + SignedDuration::from_nanos(1)), [Action::RenewClock(2)]);
    let next = renewed(&round, 2, start()).unwrap();
    assert_eq!(next.generation(), 2);
    assert_eq!(renewed(&next, 2, start()), None, "another tick did it already");
}

#[test]
fn a_retried_token_joins_and_gets_the_decision_that_was_taken_between_tokens() {
    let route = || panic!("a round keeps the route it was opened with");
    let join = |round: &Round| match admit(Some(round), &token("two"), &input("first"), route, start()) {
        Ok(Admission::Join(joined)) => joined,
        other => panic!("{other:?}"),
    };
    let open = join(&asked(self::route()));
    assert_eq!((open.round, open.generation(), open.token()), (1, 2, &token("two")));
    assert_eq!(owed(&open), [], "links already sent still work");
    let decided = join(&approved(&asked(self::route())));
    assert!(matches!(&owed(&decided)[0], Action::Tell(Answer::Success { .. })));
}

#[test]
fn another_visit_opens_the_next_round_undecided() {
    let answered = approved(&asked(route()));
    let resolved = step(&answered, Input::Told, start()).write.unwrap();
    let check = |closed: &Round, entered| match admit(
        Some(closed),
        &token("two"),
        &input(entered),
        || Some(route()),
        start(),
    ) {
        Ok(Admission::Open(next)) => assert!(next.round == 2 && next.is_open() && next.generation() == 1),
        other => panic!("{other:?}"),
    };
    check(&answered, "second");
    check(&resolved, "second");
    // Resolved, and yet the same visit asks: it was redriven before redrives were counted, or the ledger was restored.
    check(&resolved, "first");
}

#[test]
fn a_known_token_changes_nothing() {
    let round = asked(route());
    let retried = match admit(Some(&round), &token("two"), &input("first"), || None, start()) {
        Ok(Admission::Join(joined)) => joined,
        other => panic!("{other:?}"),
    };
    for known in ["one", "two"] {
        assert_eq!(admit(Some(&retried), &token(known), &input("first"), || None, start()), Ok(Admission::Known));
    }
}

#[test]
fn a_request_that_changes_within_a_round_is_refused_by_its_key() {
    let mut changed = input("first");
    changed.request.title = "another question".into();
    let refused = admit(Some(&asked(route())), &token("two"), &changed, || Some(route()), start()).unwrap_err();
    assert!(matches!(refused, BadInput::Field { field: "request.key", .. }));
    assert!(refused.to_string().contains("push-7"), "{refused}");
    let unrouted = admit(None, &token("one"), &input("first"), || None, start()).unwrap_err();
    assert!(unrouted.to_string().contains("no route matches"), "{unrouted}");
}

#[test]
fn an_open_round_ends_only_when_the_execution_asks_no_more() {
    let round = asked(route());
    let check = |facts, closing| {
        assert_eq!(lost(&round, facts).write.and_then(|round| round.closing()).map(|(closing, _)| closing), closing);
    };
    check(BETWEEN_TOKENS, None);
    check(ExecutionFacts { running: false, ..BETWEEN_TOKENS }, Some(Closing::Withdrawn));
    check(ExecutionFacts { answered_by_another: true, ..BETWEEN_TOKENS }, Some(Closing::Withdrawn));
}

#[test]
fn what_was_applied_is_never_called_not_applied() {
    let round = approved(&asked(route()));
    let check = |facts, resolved| assert_eq!(lost(&round, facts).write.and_then(|round| round.resolved()), resolved);
    let ended = ExecutionFacts { running: false, history_is_whole: true, ..BETWEEN_TOKENS };
    check(BETWEEN_TOKENS, None);
    check(ExecutionFacts { history_is_whole: false, ..ended }, None);
    check(ended, Some(false));
    let later = ExecutionFacts { later_round: true, ..BETWEEN_TOKENS };
    check(later, None);
    check(ExecutionFacts { history_is_whole: true, ..later }, Some(false));
    check(ExecutionFacts { answered_by_us: true, later_round: true, ..ended }, Some(true));
}

#[test]
fn a_round_is_finished_when_every_channel_says_how_it_ended_in_the_end() {
    let round = approved(&asked(route()));
    let final_in = |round: &Round, says| {
        round.told().into_iter().fold(round.clone(), |round, channel| {
            step(&round, Input::NoticeFinal { channel, says, in_thread_only: false }, start()).write.unwrap_or(round)
        })
    };
    let told = final_in(&round, round.outcome().unwrap());
    assert!(!told.is_finished(), "nobody knows whether the workflow heard");
    let facts = ExecutionFacts { running: false, history_is_whole: true, ..BETWEEN_TOKENS };
    let step = lost(&told, facts);
    let not_applied = step.write.clone().unwrap();
    assert_eq!(purposes(&step).len(), not_applied.told().len(), "everybody hears that it was not applied");
    let said = final_in(&not_applied, not_applied.outcome().unwrap());
    assert!(said.is_finished());
    assert_eq!(tick_at(&said, start()).then, [Action::LeaveIndex, Action::DeleteClock]);
}
