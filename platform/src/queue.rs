//! SQS: sending, and the loop that receives.
//!
//! A message is handled by a function that says what becomes of it; until that is done it is invisible, and whatever
//! crashes brings it back. At least once, always.

use std::{convert::Infallible, sync::Arc, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::MessageSystemAttributeName::{ApproximateReceiveCount, SentTimestamp},
};
use jiff::Timestamp;
use serde::Serialize;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, warn};

pub use self::dead::DeadLetters;
use crate::{Backoff, Pulse, Stop, metrics};

mod dead;

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: Client,
    url: String,
}

/// One receipt of a message.
#[derive(Debug, Clone)]
pub struct Message {
    /// What was sent.
    pub body: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// How often it was received, this time included.
    pub receives: u32,
    receipt: String,
}

/// SQS did not answer, or refused: try again; what was asked may have happened.
#[derive(Debug, thiserror::Error)]
#[error("the queue cannot be used")]
pub struct QueueError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It is done with.
    Delete,
    /// It comes again after so long.
    Again(Duration),
    /// It comes again when its visibility timeout is over; the way of failures.
    Leave,
}

impl Queue {
    /// The queue at this URL.
    pub fn new(sqs: Client, url: impl Into<String>) -> Self {
        Self { sqs, url: url.into() }
    }

    /// Sends a message that is received after a delay of at most 15 minutes.
    ///
    /// # Errors
    /// [`QueueError`]: it may have been sent.
    pub async fn send(&self, body: &impl Serialize, delay: Duration) -> Result<(), QueueError> {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        let send = self.sqs.send_message().queue_url(&self.url).message_body(to_json(body)).delay_seconds(seconds);
        send.send().await.map_err(|error| QueueError(error.into()))?;
        Ok(())
    }

    /// Sends a message to a FIFO queue; a second one with the same deduplication id within 5 minutes is swallowed.
    ///
    /// # Errors
    /// [`QueueError`]: it may have been sent.
    pub async fn send_in_order(
        &self,
        body: &impl Serialize,
        group: &str,
        deduplication_id: &str,
    ) -> Result<(), QueueError> {
        let send = self.sqs.send_message().queue_url(&self.url).message_body(to_json(body));
        let send = send.message_group_id(group).message_deduplication_id(deduplication_id);
        send.send().await.map_err(|error| QueueError(error.into()))?;
        Ok(())
    }

    /// Whether it is a FIFO queue, which AWS knows by the name as well. Such a queue hands out no message of a group while
    /// one is in hand; but a batch could hold several of one group, which would then be handled beside each other.
    fn is_in_order(&self) -> bool {
        self.url.strip_suffix(".fifo").is_some()
    }

    /// What its messages are counted under, by the end of its name: queues have names of the deployment's own.
    fn kind(&self) -> &'static str {
        let name = self.url.rsplit('/').next().unwrap_or_default();
        let kinds = ["pushes", "clock", "notices"];
        kinds.into_iter().find(|kind| name.to_lowercase().contains(kind)).unwrap_or("other")
    }

    async fn receive(&self, up_to: usize, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        let seconds = |duration: Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
        let batch = if self.is_in_order() { 1 } else { i32::try_from(up_to.min(10)).unwrap_or(10) };
        let receive = self.sqs.receive_message().queue_url(&self.url);
        let receive = receive.max_number_of_messages(batch);
        let receive = receive.wait_time_seconds(seconds(wait)).visibility_timeout(seconds(visibility));
        let receive = receive.message_system_attribute_names(SentTimestamp);
        let receive = receive.message_system_attribute_names(ApproximateReceiveCount);
        let reply = receive.send().await.map_err(|error| QueueError(error.into()))?;
        Ok(reply.messages.unwrap_or_default().into_iter().filter_map(Message::read).collect())
    }

    /// Keeps a message invisible while it is handled, then does with it what was said.
    async fn attend(self, handled: impl Future<Output = After>, message: Message, visibility: Duration, pulse: Pulse) {
        let began = Instant::now();
        let after = tokio::select! {
            after = handled => after,
            never = self.keep_hidden(&message, visibility, &pulse) => match never {},
        };
        metrics::MESSAGES.get_or_create(&[("queue", self.kind())]).observe(began.elapsed().as_secs_f64());
        if let Err(error) = self.settle(&message, after).await {
            warn!(error = &error as &dyn std::error::Error, "a message was handled and will come again");
        }
    }

    /// Keeps a message invisible for as long as this is polled.
    async fn keep_hidden(&self, message: &Message, visibility: Duration, pulse: &Pulse) -> Infallible {
        loop {
            tokio::time::sleep(visibility / 2).await;
            pulse.turned();
            if let Err(error) = self.settle(message, After::Again(visibility)).await {
                warn!(error = &error as &dyn std::error::Error, "a message in hand may come again meanwhile");
            }
        }
    }

    /// Does with a message what its handler said.
    ///
    /// # Errors
    /// [`QueueError`]: the message comes again.
    pub async fn settle(&self, message: &Message, after: After) -> Result<(), QueueError> {
        match after {
            After::Leave => Ok(()),
            After::Delete => {
                let delete = self.sqs.delete_message().queue_url(&self.url).receipt_handle(&message.receipt);
                delete.send().await.map(drop).map_err(|error| QueueError(error.into()))
            }
            After::Again(delay) => {
                let change = self.sqs.change_message_visibility().queue_url(&self.url).receipt_handle(&message.receipt);
                let change = change.visibility_timeout(whole_seconds(delay));
                change.send().await.map(drop).map_err(|error| QueueError(error.into()))
            }
        }
    }
}

/// Rounded up: a message that comes back a moment early would come back at once, again and again, until it is dead.
fn whole_seconds(delay: Duration) -> i32 {
    i32::try_from(delay.as_nanos().div_ceil(1_000_000_000)).unwrap_or(i32::MAX)
}

fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("a message is plain data")
}

impl Message {
    fn read(message: aws_sdk_sqs::types::Message) -> Option<Self> {
        let attributes = message.attributes.unwrap_or_default();
        let number = |name| attributes.get(&name).and_then(|text| text.parse::<i64>().ok());
        Some(Self {
            body: message.body?,
            receipt: message.receipt_handle?,
            sent_at: number(SentTimestamp)
                .and_then(|ms| Timestamp::from_millisecond(ms).ok())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            receives: number(ApproximateReceiveCount).and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        })
    }
}

/// How a queue is received from.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// From where. Of a FIFO queue each group is handled one message at a time, and no group waits for another.
    pub queue: Queue,
    /// How many messages are in hand at most; a message is never received without room to handle it.
    pub at_once: usize,
    /// How long a received message is invisible; renewed for as long as its handling takes.
    pub visibility: Duration,
    /// How long an empty receive is held, at most 20 s; stopping waits for it.
    pub wait: Duration,
    /// Where it says that it goes on.
    pub pulse: Pulse,
}

impl Consumer {
    /// Receives until asked to stop, then waits for what is in hand.
    ///
    /// `handle` deals with one message. It may run twice for the same message, also at the same time.
    pub async fn run<F>(self, stop: Stop, handle: impl Fn(Message) -> F)
    where
        F: Future<Output = After> + Send + 'static,
    {
        let room = Arc::new(Semaphore::new(self.at_once));
        let in_hand = TaskTracker::new();
        let mut backoff = Backoff::default();
        while !stop.is_requested() {
            let permit = tokio::select! {
                permit = room.clone().acquire_owned() => permit.expect("the semaphore is never closed"),
                () = stop.requested() => break,
            };
            let free = 1 + room.available_permits();
            drop(permit);
            // Not raced against stop: messages that come with a dropped reply would stay invisible for a while.
            match self.queue.receive(free, self.wait, self.visibility).await {
                Ok(messages) => {
                    backoff.reset();
                    self.pulse.worked();
                    for message in messages {
                        let permit = room.clone().acquire_owned().await.expect("the semaphore is never closed");
                        let handled = handle(message.clone());
                        let attended = self.queue.clone().attend(handled, message, self.visibility, self.pulse.clone());
                        let work = async move {
                            attended.await;
                            drop(permit);
                        };
                        in_hand.spawn(work.in_current_span());
                    }
                }
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "receiving failed");
                    self.pulse.turned();
                    backoff.wait(&stop).await;
                }
            }
        }
        in_hand.close();
        in_hand.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::Notify;
    use wiremock::{
        Mock, MockServer, Request, ResponseTemplate,
        matchers::{header, method},
    };

    use super::*;
    use crate::Clients;

    #[test]
    fn a_message_that_has_to_wait_never_comes_back_early() {
        let millis = |millis: u64| whole_seconds(Duration::from_millis(millis));
        assert_eq!([millis(0), millis(1), millis(1_000), millis(60_900)], [0, 1, 1, 61]);
    }

    #[tokio::test]
    async fn a_message_stays_invisible_for_as_long_as_it_is_handled() {
        let double = MockServer::start().await;
        let received = serde_json::json!({"Messages": [{"Body": "{}", "ReceiptHandle": "r", "MessageId": "m"}]});
        let answer = |action: &str, body: serde_json::Value| {
            Mock::given(method("POST"))
                .and(header("x-amz-target", format!("AmazonSQS.{action}").as_str()))
                .respond_with(ResponseTemplate::new(200).set_body_json(body))
        };
        answer("ReceiveMessage", received).up_to_n_times(1).mount(&double).await;
        answer("ReceiveMessage", serde_json::json!({})).mount(&double).await;
        answer("DeleteMessage", serde_json::json!({})).mount(&double).await;
        let renewed = Arc::new(Notify::new());
        let renewal = renewed.clone();
        Mock::given(header("x-amz-target", "AmazonSQS.ChangeMessageVisibility"))
            .respond_with(move |request: &Request| {
                let asked: serde_json::Value = request.body_json().unwrap();
                assert_eq!(asked["VisibilityTimeout"], 2);
                renewal.notify_one();
                ResponseTemplate::new(200).set_body_json(serde_json::json!({}))
            })
            .mount(&double)
            .await;

        let queue = Queue::new(Clients::of_stand_in(&double.uri(), "test").sqs, format!("{}/q", double.uri()));
        let visibility = Duration::from_secs(2);
        let consumer = Consumer { queue, at_once: 1, visibility, wait: Duration::ZERO, pulse: Pulse::default() };
        let (stop, finished) = (Stop::new(), Arc::new(AtomicBool::new(false)));
        let (stopping, done) = (stop.clone(), finished.clone());
        let handled = consumer.run(stop, move |_| {
            let (renewed, stop, done) = (renewed.clone(), stopping.clone(), done.clone());
            async move {
                // Twice: once could be a coincidence of the end.
                renewed.notified().await;
                renewed.notified().await;
                done.store(true, Ordering::SeqCst);
                stop.request();
                After::Delete
            }
        });
        tokio::time::timeout(Duration::from_mins(1), handled).await.expect("the message is renewed twice");
        assert!(finished.load(Ordering::SeqCst));
    }
}
