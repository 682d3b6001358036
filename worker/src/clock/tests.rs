use holdpoint_review::{Closing, ContentHash};
use serde_json::json;

use super::*;
use crate::doubles::{Aws, ROUTES, at, aws_refusal as refusal, aws_reply as reply, input, round, round_of};

async fn tick_once(aws: &Aws, round: &Round, receives: u32) -> Result<After, Interrupted> {
    let clock = ClockMessage { review_id: round.review_id.clone(), round: round.round, generation: 1 };
    tick_round(&aws.reviews(), &clock, now(), receives).await
}

fn open_round() -> Round {
    round_of(&input(), ROUTES, "token-1", now())
}

#[test]
fn ticks_vary_by_a_tenth_in_whole_seconds() {
    for _ in 0..200 {
        assert!((54..=66).contains(&with_jitter(Duration::from_mins(1)).as_secs()));
        assert_eq!(with_jitter(Duration::from_secs(1)), Duration::from_secs(1));
    }
}

#[test]
fn a_clock_without_its_round_is_deleted_after_ten_minutes_only() {
    let sent_at = at(0);
    let after = |minutes| without_round(sent_at, sent_at + SignedDuration::from_mins(minutes), SOON);
    assert!(matches!(after(10), After::Again(_)));
    assert_eq!(after(11), After::Delete);
}

#[tokio::test]
async fn an_open_round_is_kept_alive_and_its_index_entry_repaired_now_and_then() {
    let aws = Aws::start().await;
    let round = open_round();
    aws.store(&round);
    let before = ContentHash::of(&serde_json::to_vec(&round).unwrap());
    for receives in [1, 2, 60, 61, 62, 121] {
        assert!(matches!(tick_once(&aws, &round, receives).await, Ok(After::Again(_))));
    }
    assert_eq!(aws.count("SendTaskHeartbeat"), 6);
    assert_eq!(aws.count("PUT open"), 3, "at first, and once an hour");
    let after = ContentHash::of(&serde_json::to_vec(&aws.stored(&round).unwrap()).unwrap());
    assert_eq!(before, after, "ticks append nothing");
}

#[tokio::test]
async fn b12_an_execution_that_was_stopped_withdraws_its_review_within_one_tick() {
    let aws = Aws::start().await;
    let round = open_round();
    aws.store(&round);
    aws.script("SendTaskHeartbeat", [refusal(400, "TaskTimedOut")]);
    aws.script(
        "DescribeExecution",
        [reply(&json!({
            "executionArn": "e", "stateMachineArn": "s", "status": "ABORTED", "startDate": 0.0
        }))],
    );
    tick_once(&aws, &round, 2).await.unwrap();
    assert_eq!(aws.stored(&round).unwrap().closing().unwrap().0, Closing::Withdrawn);
    let outcomes = aws.sent().iter().filter(|notice| notice["purpose"] == "outcome").count();
    assert_eq!(outcomes, 4, "Slack, two reviewers, and who is only told");
}

#[tokio::test]
async fn b12_a_token_that_timed_out_withdraws_nothing_while_the_execution_runs() {
    let aws = Aws::start().await;
    let round = open_round();
    aws.store(&round);
    aws.script("SendTaskHeartbeat", [refusal(400, "TaskTimedOut")]);
    assert!(matches!(tick_once(&aws, &round, 2).await, Ok(After::Again(_))));
    assert_eq!(aws.stored(&round), Some(round));
}

#[tokio::test]
async fn what_became_of_a_lost_token_is_not_asked_at_every_tick() {
    let aws = Aws::start().await;
    let (round, reviews) = (open_round(), aws.reviews());
    aws.store(&round);
    aws.script("SendTaskHeartbeat", vec![refusal(400, "TaskTimedOut"); 10]);
    let clock = ClockMessage { review_id: round.review_id.clone(), round: round.round, generation: 1 };
    for receives in 2..12 {
        assert!(matches!(tick_round(&reviews, &clock, now(), receives).await, Ok(After::Again(_))));
    }
    assert_eq!((aws.count("SendTaskHeartbeat"), aws.count("DescribeExecution")), (10, 1));
    assert_eq!(aws.count("GetExecutionHistory"), 1);
}

#[tokio::test]
async fn b14_at_its_deadline_a_round_expires_and_the_task_is_told() {
    let aws = Aws::start().await;
    let round = round_of(&input(), ROUTES, "token-1", now() - SignedDuration::from_hours(25));
    aws.store(&round);
    tick_once(&aws, &round, 2).await.unwrap();
    let stored = aws.stored(&round).unwrap();
    assert_eq!((stored.closing().unwrap().0, stored.resolved()), (Closing::Expired, Some(true)));
    assert_eq!(aws.bodies("SendTaskFailure").await[0]["error"], "ReviewExpired");
}

#[tokio::test]
async fn a_stale_clock_is_deleted_and_a_missing_round_waited_for() {
    let aws = Aws::start().await;
    assert!(matches!(tick_once(&aws, &round(), 1).await, Ok(After::Again(_))));
    let round = open_round();
    aws.store(&round);
    let stale = ClockMessage { review_id: round.review_id.clone(), round: 1, generation: 0 };
    assert!(matches!(tick_round(&aws.reviews(), &stale, now(), 2).await, Ok(After::Delete)));
}
