//! A review's life under any order, repetition and loss of events.

use holdpoint_review::{AtDeadline, Escalation, Reviewer, Route, Seconds, Verdict, WhenReplaced};
use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*};

use crate::{
    execution::TaskState,
    simulation::{Move, Simulation},
    world::Fault,
};

fn route(deadline: Seconds, quorum: u32, at_deadline: AtDeadline) -> Route {
    let reviewer = |name: &str, slack: &str| Reviewer { name: name.into(), mail: None, slack: Some(slack.into()) };
    Route {
        slack: vec!["C1".into()],
        reviewers: vec![reviewer("dana", "U1"), reviewer("lee", "U2")],
        named_only: true,
        quorum,
        deadline,
        remind_after: vec![Seconds(600)],
        escalate: Some(Escalation { after: Seconds(1200), slack: vec!["C2".into()] }),
        at_deadline,
        when_replaced: WhenReplaced::Keep,
        tell: vec![],
    }
}

fn routes() -> impl Strategy<Value = Route> {
    let deadline = prop_oneof![Just(Seconds(3_600)), Just(Seconds(20 * 86_400))];
    let at_deadline = prop_oneof![3 => Just(AtDeadline::Expire), 1 => Just(AtDeadline::ApproveUnseen)];
    let when_replaced = prop_oneof![Just(WhenReplaced::Keep), Just(WhenReplaced::Withdraw)];
    let route = (deadline, 1..=2u32, at_deadline).prop_map(|(deadline, quorum, at)| route(deadline, quorum, at));
    (route, when_replaced).prop_map(|(route, when_replaced)| Route { when_replaced, ..route })
}

fn moves() -> impl Strategy<Value = Move> {
    let verdict = prop_oneof![Just(Verdict::Approve), Just(Verdict::Reject)];
    let fault = prop_oneof![1 => Just(Fault::NotSent), 3 => Just(Fault::ReplyLost)];
    let wait = prop_oneof![
        6 => Just(SignedDuration::from_mins(1)),
        3 => Just(SignedDuration::from_mins(11)),
        1 => Just(SignedDuration::from_hours(8 * 24)),
    ];
    let n = || 0..8usize;
    prop_oneof![
        40 => n().prop_map(Move::Turn),
        6 => Just(Move::Poll),
        8 => n().prop_map(Move::Tick),
        8 => n().prop_map(Move::Send),
        5 => (n(), verdict, n()).prop_map(|(who, verdict, round)| Move::Vote { who, verdict, round }),
        5 => Just(Move::GoOn),
        3 => Just(Move::TimeOut),
        3 => wait.prop_map(Move::Wait),
        4 => (n(), fault).prop_map(|(which, fault)| Move::Faulty(which, fault)),
        3 => n().prop_map(Move::Crash),
        1 => Just(Move::Outage),
        1 => Just(Move::LosePoll),
        1 => n().prop_map(Move::DuplicateClock),
        1 => n().prop_map(Move::LoseNotice),
        1 => Just(Move::Abort),
        2 => (n(), n()).prop_map(|(round, version)| Move::Replace { round, version }),
        1 => Just(Move::Redrive),
        1 => Just(Move::AnswerByAnother),
        2 => any::<(bool, bool)>().prop_map(|(describe, history)| Move::Lag { describe, history }),
    ]
}

fn told(simulation: &Simulation, problem: &str) -> String {
    format!("{problem}\n\nwhat happened:\n{}", simulation.world.state().log.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_order_repetition_or_loss_of_events_breaks_a_rule(
        route in routes(),
        loops in 0..2u32,
        schedule in vec(moves(), 0..250),
    ) {
        let mut simulation = Simulation::new(route, loops);
        let all = schedule.iter().try_for_each(|it| simulation.make(*it)).and_then(|()| simulation.run_out());
        if let Err(problem) = all {
            return Err(TestCaseError::fail(told(&simulation, &problem)));
        }
    }
}

/// What goes wrong at one turn of one service.
#[derive(Debug, Clone, Copy)]
enum Break {
    DiesBefore,
    DiesAfter,
    NotSent,
    ReplyLost,
}

/// Opens, asks and decides, with something going wrong at one turn; says how many turns that took.
fn open_ask_decide(simulation: &mut Simulation, verdict: Verdict, at: usize, what: Break) -> Result<usize, String> {
    let mut turns = 0;
    for it in [Move::Poll, Move::Send(0), Move::Vote { who: 0, verdict, round: 0 }] {
        simulation.make(it)?;
        while !simulation.is_idle() {
            let moves = match what {
                _ if turns != at => vec![Move::Turn(0)],
                Break::DiesBefore => vec![Move::Crash(0)],
                Break::DiesAfter => vec![Move::Turn(0), Move::Crash(0)],
                Break::NotSent => vec![Move::Faulty(0, Fault::NotSent)],
                Break::ReplyLost => vec![Move::Faulty(0, Fault::ReplyLost)],
            };
            turns += 1;
            moves.into_iter().try_for_each(|it| simulation.make(it))?;
        }
    }
    Ok(turns)
}

/// Whatever broke, a reviewer who sees an open review decides again, and that ends it.
fn comes_to_its_end(simulation: &mut Simulation, verdict: Verdict) -> Result<(), String> {
    simulation.settle()?;
    if simulation.world.state().rounds.last().is_some_and(|stored| stored.round.is_open()) {
        simulation.make(Move::Vote { who: 0, verdict, round: 0 })?;
    }
    simulation.run_out()?;
    let state = simulation.world.state();
    let answer = TaskState::Answered { by: Some(1), approved: verdict == Verdict::Approve };
    let answered = state.rounds.len() == 1 && state.execution.newest().state == answer;
    if answered { Ok(()) } else { Err("the execution did not hear the decision".into()) }
}

#[test]
fn wherever_a_service_breaks_there_is_one_decision_and_the_execution_hears_it() {
    let mut tried = 0;
    for verdict in [Verdict::Approve, Verdict::Reject] {
        for what in [Break::DiesBefore, Break::DiesAfter, Break::NotSent, Break::ReplyLost] {
            for at in 0.. {
                let mut simulation = Simulation::new(route(Seconds(3_600), 1, AtDeadline::Expire), 0);
                let broken = open_ask_decide(&mut simulation, verdict, at, what);
                let ended = broken.and_then(|turns| comes_to_its_end(&mut simulation, verdict).map(|()| turns));
                let turns =
                    ended.unwrap_or_else(|problem| panic!("{what:?} at turn {at}: {}", told(&simulation, &problem)));
                if at >= turns {
                    break;
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "only {tried} breaks were tried");
}

/// Few enough for every build; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var_os("PROPTEST_CASES").and_then(|cases| cases.to_str()?.parse().ok());
    asked.unwrap_or(128)
}
