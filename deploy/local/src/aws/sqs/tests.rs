//! What is about waiting; what is about one queue is tested there.

use super::*;

async fn call(sqs: &Sqs, action: &str, input: Value) -> Value {
    sqs.handle(action, input.to_string().as_bytes()).await.unwrap()
}

#[tokio::test]
async fn a_long_poll_that_is_dropped_has_taken_no_message() {
    let sqs = Sqs::new("http://127.0.0.1:4566".to_owned());
    let url = call(&sqs, "CreateQueue", json!({ "QueueName": "q" })).await["QueueUrl"].clone();
    let receive = json!({ "QueueUrl": url, "WaitTimeSeconds": 20, "AttributeNames": ["ApproximateReceiveCount"] });
    let dropped = tokio::time::timeout(Duration::ZERO, call(&sqs, "ReceiveMessage", receive.clone())).await;
    assert!(dropped.is_err(), "it would have waited");
    call(&sqs, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "m" })).await;
    let received = call(&sqs, "ReceiveMessage", receive).await;
    assert_eq!(received["Messages"][0]["Attributes"], json!({ "ApproximateReceiveCount": "1" }));
}

#[tokio::test]
async fn every_waiting_receiver_gets_its_own_message() {
    let sqs = Arc::new(Sqs::new("http://127.0.0.1:4566".to_owned()));
    let url = call(&sqs, "CreateQueue", json!({ "QueueName": "q" })).await["QueueUrl"].clone();
    let receive = json!({ "QueueUrl": url, "WaitTimeSeconds": 20 });
    let mut receivers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (sqs, receive) = (sqs.clone(), receive.clone());
        receivers.spawn(async move { call(&sqs, "ReceiveMessage", receive).await["Messages"][0]["Body"].clone() });
    }
    for body in 0..4 {
        call(&sqs, "SendMessage", json!({ "QueueUrl": url, "MessageBody": body.to_string() })).await;
        tokio::task::yield_now().await;
    }
    let mut bodies = receivers.join_all().await;
    bodies.sort_by_key(Value::to_string);
    assert_eq!(bodies, ["0", "1", "2", "3"]);
}
