//! SQS by its SDK.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry};

use crate::{code, start};

async fn create(sqs: &Client, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
    let mut create = sqs.create_queue().queue_name(name);
    for (name, value) in attributes {
        create = create.attributes(name.clone(), *value);
    }
    create.send().await.unwrap().queue_url.unwrap()
}

async fn receive(sqs: &Client, queue: &str, wait_seconds: i32) -> Vec<Message> {
    let receive = sqs.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(wait_seconds);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive.send().await.unwrap().messages.unwrap_or_default()
}

async fn delete(sqs: &Client, queue: &str, message: &Message) {
    let delete = sqs.delete_message().queue_url(queue).receipt_handle(message.receipt_handle().unwrap());
    delete.send().await.unwrap();
}

#[tokio::test]
async fn a_long_poll_ends_when_a_message_comes() {
    let (_aws, clients) = start().await;
    let queue = create(&clients.sqs, "q", &[]).await;
    let started = Instant::now();
    let send = clients.sqs.send_message().queue_url(&queue).message_body("late").delay_seconds(1);
    send.send().await.unwrap();
    let messages = receive(&clients.sqs, &queue, 20).await;
    assert_eq!(messages[0].body(), Some("late"));
    assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&started.elapsed()));
}

#[tokio::test]
async fn a_fifo_group_waits_for_its_message_in_flight() {
    let (_aws, clients) = start().await;
    let queue = create(&clients.sqs, "notices.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await;
    for (group, body) in [("a", "1"), ("a", "1"), ("b", "2")] {
        let send = clients.sqs.send_message().queue_url(&queue).message_body(body);
        send.message_group_id(group).message_deduplication_id(body).send().await.unwrap();
    }
    let first = receive(&clients.sqs, &queue, 0).await;
    assert_eq!(first.iter().filter_map(Message::body).collect::<Vec<_>>(), ["1", "2"]);
    let send = clients.sqs.send_message().queue_url(&queue).message_body("3");
    send.message_group_id("a").message_deduplication_id("3").send().await.unwrap();
    assert!(receive(&clients.sqs, &queue, 0).await.is_empty());
    let (messages, ()) = tokio::join!(receive(&clients.sqs, &queue, 20), delete(&clients.sqs, &queue, &first[0]));
    assert_eq!(messages[0].body(), Some("3"));
}

#[tokio::test]
async fn a_message_that_nobody_deletes_ends_in_the_dead_letter_queue_and_can_be_sent_back() {
    let (aws, clients) = start().await;
    let seen_by_all = (QueueAttributeName::VisibilityTimeout, "0");
    let dead = create(&clients.sqs, "dead", std::slice::from_ref(&seen_by_all)).await;
    let dead_arn = "arn:aws:sqs:us-east-1:000000000000:dead";
    let policy = format!(r#"{{"deadLetterTargetArn":"{dead_arn}","maxReceiveCount":1}}"#);
    let queue = create(&clients.sqs, "q", &[(QueueAttributeName::RedrivePolicy, &policy), seen_by_all]).await;
    clients.sqs.send_message().queue_url(&queue).message_body("m").send().await.unwrap();
    assert_eq!(receive(&clients.sqs, &queue, 0).await.len(), 1);
    assert!(receive(&clients.sqs, &queue, 0).await.is_empty());
    let letter = receive(&clients.sqs, &dead, 0).await.remove(0);
    let source = &letter.attributes().unwrap()[&MessageSystemAttributeName::DeadLetterQueueSourceArn];
    assert_eq!(source, "arn:aws:sqs:us-east-1:000000000000:q");
    clients.sqs.start_message_move_task().source_arn(dead_arn).send().await.unwrap();
    assert_eq!(aws.queue_depth("dead").unwrap().visible, 0);
    assert_eq!(receive(&clients.sqs, &queue, 0).await[0].body(), Some("m"));
}

#[tokio::test]
async fn a_duplicate_delivery_comes_after_the_first_was_deleted() {
    let (aws, clients) = start().await;
    let queue = create(&clients.sqs, "q", &[]).await;
    assert!(aws.deliver_next_twice("q"));
    clients.sqs.send_message().queue_url(&queue).message_body("m").send().await.unwrap();
    let first = receive(&clients.sqs, &queue, 0).await.remove(0);
    delete(&clients.sqs, &queue, &first).await;
    let second = receive(&clients.sqs, &queue, 0).await.remove(0);
    assert_eq!(first.message_id(), second.message_id());
    delete(&clients.sqs, &queue, &second).await;
    assert_eq!(aws.queue_depth("q"), Some(holdpoint_local::aws::Depth::default()));
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let (_aws, clients) = start().await;
    let queue = create(&clients.sqs, "q", &[]).await;
    let send = || clients.sqs.send_message().queue_url(&queue).message_body("m");
    let change = |handle: &str| clients.sqs.change_message_visibility().queue_url(&queue).receipt_handle(handle);
    let entry = |id: i32| SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body("m").build().unwrap();
    let batch = clients.sqs.send_message_batch().queue_url(&queue).set_entries(Some((0..11).map(entry).collect()));
    let missing = clients.sqs.get_queue_url().queue_name("none").send().await;
    assert_eq!(code(send().delay_seconds(901).send().await).as_deref(), Some("InvalidParameterValue"));
    assert_eq!(code(send().message_body("x".repeat(262_145)).send().await).as_deref(), Some("InvalidParameterValue"));
    assert_eq!(code(send().message_body("\u{b}").send().await).as_deref(), Some("InvalidMessageContents"));
    assert_eq!(code(change("x").visibility_timeout(1).send().await).as_deref(), Some("ReceiptHandleIsInvalid"));
    send().send().await.unwrap();
    let handle = receive(&clients.sqs, &queue, 0).await.remove(0).receipt_handle.unwrap();
    assert_eq!(code(change(&handle).visibility_timeout(43_201).send().await).as_deref(), Some("InvalidParameterValue"));
    assert_eq!(code(change(&handle).visibility_timeout(43_000).send().await), None);
    let too_many = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
    assert_eq!(code(batch.send().await).as_deref(), Some(too_many));
    assert_eq!(code(missing).as_deref(), Some("AWS.SimpleQueueService.NonExistentQueue"));
}
