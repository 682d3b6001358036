use holdpoint_platform::Document;
use holdpoint_review::{Purpose, REVIEW_REJECTED};

use super::*;
use crate::{
    config::Webhooks,
    doubles::{Aws, ROUTES, aws_refusal as refusal, input, rejected, round, round_of},
    routes::reach::Reach,
};

async fn open(aws: &Aws, token: &str) -> Result<(), Unstored> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ROUTES).unwrap();
    let reach = Reach { environment: "test".into(), slack_bot: true, webhooks: Webhooks::default(), mail: true };
    let routes = RouteBook::open(Document::File(file.path().to_owned()), aws.clients(), reach).await;
    let opener = Opener { reviews: aws.reviews(), routes: routes.unwrap_or_else(|error| panic!("{error}")) };
    opener.open(&TaskToken::new(token), &serde_json::to_string(&input()).unwrap()).await
}

#[tokio::test]
async fn effects_keep_the_order_of_the_protocol() {
    let aws = Aws::start().await;
    open(&aws, "token-1").await.unwrap();
    let calls = aws.calls();
    assert_eq!(calls[..5], ["LIST", "SendTaskHeartbeat", "PUT open", "SendMessage", "PUT reviews"]);
    assert_eq!(calls[5..], ["SendMessage"; 3], "one request to Slack and one to each reviewer");
    let sent = aws.sent();
    assert_eq!(sent[0]["generation"], 1, "the clock's message goes first");
    assert!(sent[1..].iter().all(|notice| notice["purpose"] == "request"));
}

#[tokio::test]
async fn b03_a_worker_that_stalls_with_a_token_that_was_replaced_opens_nothing() {
    for code in ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"] {
        let aws = Aws::start().await;
        aws.script("SendTaskHeartbeat", [refusal(400, code)]);
        open(&aws, "token-1").await.unwrap();
        assert_eq!(aws.calls(), ["LIST", "SendTaskHeartbeat"]);
    }
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_found_and_followed_up() {
    let aws = Aws::start().await;
    aws.lose_next_reply();
    open(&aws, "token-1").await.unwrap();
    let stored = aws.stored(&round()).unwrap();
    assert_eq!(stored.generation(), 1, "written once");
    assert_eq!(aws.count("PUT reviews"), 1);
    assert_eq!(aws.sent().len(), 1 + 3);
}

#[tokio::test]
async fn a_refused_write_reads_again_and_joins() {
    let aws = Aws::start().await;
    aws.store(&round_of(&input(), ROUTES, "token-0", now()));
    aws.hide_next_list();
    open(&aws, "token-1").await.unwrap();
    let stored = aws.stored(&round()).unwrap();
    assert_eq!((stored.generation(), stored.token().expose()), (2, "token-1"));
    let generations: Vec<_> = aws.sent().iter().filter_map(|sent| sent["generation"].as_u64()).collect();
    assert_eq!(generations, [1, 2], "each try sends the clock message of what it is about to write");
    assert_eq!(aws.count("SendTaskHeartbeat"), 2);
}

#[tokio::test]
async fn b13_a_retried_task_gets_the_decision_that_was_taken_between_tokens() {
    let aws = Aws::start().await;
    let first = round_of(&input(), ROUTES, "token-0", now());
    aws.store(&rejected(&first, "half of it is missing"));
    open(&aws, "token-1").await.unwrap();
    let told = aws.bodies("SendTaskFailure").await;
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["taskToken"], &told[0]["error"]), (&"token-1".into(), &REVIEW_REJECTED.into()));
    assert_eq!(aws.stored(&first).unwrap().resolved(), Some(true));
    assert_eq!(aws.count("PUT open"), 0, "a closed round does not go back to the open ones");
}

#[tokio::test]
async fn a_known_token_opens_nothing_anew() {
    let aws = Aws::start().await;
    let asked = ["C1"].map(|name| holdpoint_review::Channel::Slack(name.to_owned()));
    let mut known = round_of(&input(), ROUTES, "token-1", now());
    for channel in asked.into_iter().chain(known.clone().asked().skip(1)) {
        let receipt = Some("1.1".to_owned());
        let notified = holdpoint_review::Input::Notified { channel, purpose: Purpose::Request, receipt };
        known = crate::doubles::after(&known, notified);
    }
    aws.store(&known);
    open(&aws, "token-1").await.unwrap();
    assert_eq!(aws.calls(), ["LIST", "GET reviews", "SendTaskHeartbeat"]);
}

#[tokio::test]
async fn what_cannot_be_stored_is_let_go_after_a_few_tries() {
    let aws = Aws::start().await;
    aws.let_writes_fail(true);
    let unstored = open(&aws, "token-1").await.unwrap_err();
    assert_eq!(unstored.review, input().review_id());
    assert!(unstored.round.is_some(), "kept to try the ledger with");
    assert_eq!(aws.count("SendTaskHeartbeat"), TRIES as usize);
}
