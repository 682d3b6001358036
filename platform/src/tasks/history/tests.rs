use aws_sdk_sfn::types::{
    ActivityScheduledEventDetails, ActivitySucceededEventDetails,
    HistoryEventType::{self, ActivityScheduled, ActivityStarted, ActivitySucceeded, ExecutionAborted},
};
use holdpoint_review::{Answer, Verdict, Who, vote};

use super::*;
use crate::trial::{input, opened};

/// Approved at its visit.
fn round(input: &ActivityInput) -> Round {
    vote(&opened(input), &Who::MailOwner("d@e".into()), Verdict::Approve, None, crate::now()).unwrap().write.unwrap()
}

/// An event after the one before it; `text` is the input of a scheduling and the output of a success.
fn event(id: i64, kind: &HistoryEventType, text: &str) -> HistoryEvent {
    let event = HistoryEvent::builder().id(id).previous_event_id(id - 1).r#type(kind.clone());
    let event = event.timestamp(aws_smithy_types::DateTime::from_secs(id));
    let event = match kind {
        ActivityScheduled => event.activity_scheduled_event_details(
            ActivityScheduledEventDetails::builder().resource("r").input(text).build().unwrap(),
        ),
        ActivitySucceeded => {
            event.activity_succeeded_event_details(ActivitySucceededEventDetails::builder().output(text).build())
        }
        _ => event,
    };
    event.build().unwrap()
}

/// Whether the history is whole, answered by us, answered by another.
fn check(round: &Round, told: &[(HistoryEventType, &str)], expected: (bool, bool, bool)) {
    let events: Vec<_> = (1..).zip(told).map(|(id, (kind, text))| event(id, kind, text)).collect();
    let mut facts = ExecutionFacts {
        running: true,
        history_is_whole: false,
        answered_by_us: false,
        answered_by_another: false,
        later_round: false,
    };
    judge(round, &events, &mut facts);
    assert_eq!((facts.history_is_whole, facts.answered_by_us, facts.answered_by_another), expected, "{told:?}");
}

#[test]
fn a_history_counts_as_whole_only_once_it_shows_what_came_after_the_visit() {
    let text = |input: &ActivityInput| serde_json::to_string(input).unwrap();
    let (first, later) = (input("first", 0), input("second", 0));
    let round = round(&first);
    let Some(Answer::Success { output }) = round.decision().map(|decision| decision.answer()) else { panic!() };
    let (first, later, other) = (text(&first), text(&later), text(&later).replace("push-7", "push-8"));
    let (first, later, other, output) = (first.as_str(), later.as_str(), other.as_str(), output.as_str());

    check(&round, &[(ActivityScheduled, first), (ActivityStarted, "")], (false, false, false));
    let answered = [(ActivityScheduled, first), (ActivityStarted, ""), (ActivitySucceeded, output)];
    check(&round, &answered, (false, true, false));
    check(&round, &[answered[0].clone(), answered[1].clone(), (ActivitySucceeded, "{}")], (false, false, true));
    check(&round, &[(ActivityScheduled, first), (ActivityScheduled, first)], (false, false, false));
    check(&round, &[(ActivityScheduled, first), (ActivityScheduled, later)], (true, false, false));
    check(&round, &[(ActivityScheduled, first), (ActivityScheduled, other)], (false, false, false));
    check(&round, &[(ActivityScheduled, first), (ExecutionAborted, "")], (true, false, false));
}

#[test]
fn the_end_of_a_first_run_says_nothing_of_a_visit_after_its_redrive() {
    let (first, redriven) = (input("first", 0), input("first", 1));
    let round = round(&redriven);
    let [first, redriven] = [first, redriven].map(|input| serde_json::to_string(&input).unwrap());
    let mut told = vec![(ActivityScheduled, first.as_str()), (ExecutionAborted, "")];
    check(&round, &told, (false, false, false));
    told.extend([(HistoryEventType::ExecutionRedriven, ""), (ActivityScheduled, redriven.as_str())]);
    check(&round, &told, (false, false, false));
    told.push((ExecutionAborted, ""));
    check(&round, &told, (true, false, false));
}
