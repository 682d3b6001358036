//! Dead letters: what a queue gave up, for operators.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy;
use serde::Deserialize;

use super::{After, Message, Queue, QueueError};

/// How long a letter stays out of sight while the others are looked at.
const LOOKED_AT_SECONDS: i32 = 30;
/// Letters that are looked at; there may be more.
const LOOK: usize = 200;

/// The queue that takes what another gives up.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    arn: String,
    queue: Queue,
}

#[derive(Deserialize)]
struct Policy {
    #[serde(rename = "deadLetterTargetArn")]
    target: String,
}

impl Queue {
    /// The queue that takes what this one gives up; none where there is no such queue.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn dead_letters(&self) -> Result<Option<DeadLetters>, QueueError> {
        let get = self.sqs.get_queue_attributes().queue_url(&self.url).attribute_names(RedrivePolicy);
        let reply = get.send().await.map_err(|error| QueueError(error.into()))?;
        let policy = reply.attributes.and_then(|attributes| attributes.get(&RedrivePolicy).cloned());
        let Some(policy) = policy.and_then(|text| serde_json::from_str::<Policy>(&text).ok()) else { return Ok(None) };
        let name = policy.target.rsplit(':').next().unwrap_or_default();
        let reply = self.sqs.get_queue_url().queue_name(name).send().await;
        let url = reply.map_err(|error| QueueError(error.into()))?.queue_url.unwrap_or_default();
        Ok(Some(DeadLetters { arn: policy.target, queue: Self { sqs: self.sqs.clone(), url } }))
    }
}

impl DeadLetters {
    /// The bodies of some letters, which stay where they are.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn look(&self) -> Result<Vec<String>, QueueError> {
        let mut letters = Vec::new();
        while letters.len() < LOOK {
            let receive = self.queue.sqs.receive_message().queue_url(&self.queue.url).max_number_of_messages(10);
            let received = receive.visibility_timeout(LOOKED_AT_SECONDS).send().await;
            let messages = received.map_err(|error| QueueError(error.into()))?.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            letters.extend(messages.into_iter().filter_map(Message::read));
        }
        // Back into sight at once: what is out of sight cannot be moved back.
        for letter in &letters {
            self.queue.settle(letter, After::Again(Duration::ZERO)).await?;
        }
        Ok(letters.into_iter().map(|letter| letter.body).collect())
    }

    /// Moves all letters back to where they came from, to be tried as often as new ones.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn move_back(&self) -> Result<(), QueueError> {
        let start = self.queue.sqs.start_message_move_task().source_arn(&self.arn);
        start.send().await.map(drop).map_err(|error| QueueError(error.into()))
    }
}
