//! SQS: standard and FIFO queues in memory, spoken to in AWS's JSON protocol.
//!
//! One lock holds all queues, so that a message moves to its dead-letter queue in one step; what is done under it takes
//! microseconds. A long poll sleeps until its queue rings or its next message comes out of hiding: nothing ticks.
//!
//! Stricter than AWS in one place: a receipt handle that is not the newest deletes nothing. AWS promises no more than that.
//! Deliberately absent: policies (kept, not applied), encryption, tags, MD5 of message attributes.

mod actions;
mod batch;
mod message;
mod names;
mod queue;
mod settings;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use self::actions::{
    Batch, ChangeMessageVisibility, CreateQueue, DeleteMessage, GetQueueAttributes, ListQueues, ReceiveMessage,
    SendMessage, SetQueueAttributes, StartMessageMoveTask,
};
use self::message::{Delivery, Message, Wanted, md5_hex};
pub(crate) use self::names::{arn, query_code, queue_named_in};
use self::names::{name_in_arn, queue_name};
use self::queue::{Now, Outgoing, Queue};
use self::settings::{Redrive, Settings};
use super::{ACCOUNT, ServiceError};

/// How many messages of one queue are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Could be received now.
    pub visible: usize,
    /// Received and neither deleted nor visible again.
    pub in_flight: usize,
    /// Sent with a delay that still runs.
    pub delayed: usize,
}

/// All queues of one stand-in.
pub(crate) struct Sqs {
    endpoint: String,
    /// Guards every queue and its messages; never held over an await.
    queues: Mutex<Queues>,
}

type Queues = BTreeMap<String, Entry>;

struct Entry {
    queue: Queue,
    /// Rung when a message may have become receivable.
    bell: Arc<Notify>,
}

impl Sqs {
    pub(crate) fn new(endpoint: String) -> Self {
        Self { endpoint, queues: Mutex::default() }
    }

    /// Serves one action. Dropped while a long poll waits, it has taken no message.
    pub(crate) async fn handle(&self, action: &str, body: &[u8]) -> Result<Value, ServiceError> {
        let input: Value = read(serde_json::from_slice(body).unwrap_or_default())?;
        let name = queue_name(&input);
        match action {
            "CreateQueue" => self.create(read(input)?),
            "DeleteQueue" => self.delete_queue(&name),
            "ListQueues" => Ok(self.list(&read::<ListQueues>(input)?.queue_name_prefix)),
            "GetQueueUrl" => self.with(&name, |entry| Ok(json!({ "QueueUrl": self.url(&entry.queue.name) }))),
            "GetQueueAttributes" => self.attributes(&name, &read::<GetQueueAttributes>(input)?.attribute_names),
            "SetQueueAttributes" => self.set_attributes(&name, read(input)?),
            "PurgeQueue" => self.purge(&name),
            "StartMessageMoveTask" => self.move_back(&read::<StartMessageMoveTask>(input)?.source_arn),
            "ReceiveMessage" => self.receive(&name, &read(input)?).await,
            _ => self.with(&name, |entry| match action.strip_suffix("Batch") {
                Some(action) => batch::for_each(read::<Batch>(input)?.entries, |one| entry.act(action, one)),
                None => entry.act(action, input),
            }),
        }
    }

    /// A message from another service of the stand-in; false when the queue is not there.
    pub(crate) fn deliver(&self, queue_arn: &str, body: String) -> bool {
        let outgoing = Outgoing { body, ..Outgoing::default() };
        self.with(name_in_arn(queue_arn), |entry| entry.send(outgoing)).is_ok()
    }

    pub(crate) fn exists(&self, queue_arn: &str) -> bool {
        self.lock().contains_key(name_in_arn(queue_arn))
    }

    pub(crate) fn depth(&self, name: &str) -> Option<Depth> {
        self.lock().get(name).map(|entry| entry.queue.depth(Now::read()))
    }

    /// The queues whose dead letters go there.
    pub(crate) fn arns_before(&self, dead_arn: &str) -> Vec<String> {
        let sends = |entry: &Entry| entry.queue.settings.redrive.as_ref().is_some_and(|to| to.target_arn == dead_arn);
        self.lock().iter().filter(|(_, entry)| sends(entry)).map(|(name, _)| arn(name)).collect()
    }

    pub(crate) fn deliver_next_twice(&self, name: &str) -> bool {
        self.lock().get_mut(name).map(|entry| entry.queue.delivers_next_twice = true).is_some()
    }

    pub(crate) fn end_visibility(&self) {
        for entry in self.lock().values_mut() {
            entry.queue.end_visibility(Now::read());
            entry.bell.notify_waiters();
        }
    }

    fn create(&self, input: CreateQueue) -> Result<Value, ServiceError> {
        let CreateQueue { queue_name: name, attributes } = input;
        let settings = Settings::new(&attributes)?;
        let is_name = |c: u8| c.is_ascii_alphanumeric() || b"-_".contains(&c);
        let stem = if settings.fifo { name.strip_suffix(".fifo") } else { Some(name.as_str()) };
        if name.len() > 80 || !stem.is_some_and(|stem| !stem.is_empty() && stem.bytes().all(is_name)) {
            let message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length; \
                           a FIFO queue's name ends in .fifo";
            return Err(ServiceError::bad_request("InvalidParameterValue", message));
        }
        let mut queues = self.lock();
        check_redrive(&queues, &settings)?;
        let reply = json!({ "QueueUrl": self.url(&name) });
        match queues.get(&name) {
            Some(entry) if !entry.queue.settings.agree_with(&attributes) => {
                let message = format!("A queue already exists with the same name and a different value: {name}");
                return Err(ServiceError::bad_request("QueueNameExists", message));
            }
            Some(_) => {}
            None => {
                let queue = Queue::new(name.clone(), settings, Now::read());
                queues.insert(name, Entry { queue, bell: Arc::default() });
            }
        }
        Ok(reply)
    }

    fn delete_queue(&self, name: &str) -> Result<Value, ServiceError> {
        self.lock().remove(name).map(|_| json!({})).ok_or_else(no_queue)
    }

    fn list(&self, prefix: &str) -> Value {
        let queues = self.lock();
        let names = queues.keys().filter(|name| name.starts_with(prefix));
        json!({ "QueueUrls": names.map(|name| self.url(name)).collect::<Vec<_>>() })
    }

    fn attributes(&self, name: &str, wanted: &[String]) -> Result<Value, ServiceError> {
        self.with(name, |entry| {
            let queue = &entry.queue;
            let depth = queue.depth(Now::read());
            let mut attributes = queue.settings.attributes().clone();
            attributes.extend([
                ("QueueArn".to_owned(), arn(&queue.name)),
                ("CreatedTimestamp".to_owned(), queue.created.as_second().to_string()),
                ("ApproximateNumberOfMessages".to_owned(), depth.visible.to_string()),
                ("ApproximateNumberOfMessagesNotVisible".to_owned(), depth.in_flight.to_string()),
                ("ApproximateNumberOfMessagesDelayed".to_owned(), depth.delayed.to_string()),
            ]);
            attributes.retain(|name, _| wanted.iter().any(|wanted| wanted == "All" || wanted == name));
            Ok(json!({ "Attributes": attributes }))
        })
    }

    fn set_attributes(&self, name: &str, input: SetQueueAttributes) -> Result<Value, ServiceError> {
        let mut queues = self.lock();
        let settings = queues.get(name).ok_or_else(no_queue)?.queue.settings.with(input.attributes)?;
        check_redrive(&queues, &settings)?;
        let entry = queues.get_mut(name).ok_or_else(no_queue)?;
        entry.queue.settings = settings;
        Ok(json!({}))
    }

    fn purge(&self, name: &str) -> Result<Value, ServiceError> {
        self.with(name, |entry| {
            entry.queue.purge();
            Ok(json!({}))
        })
    }

    /// Sends all dead letters that nobody is looking at back to the queues that they came from, at once; AWS does it as a task of its own.
    fn move_back(&self, source_arn: &str) -> Result<Value, ServiceError> {
        let mut queues = self.lock();
        let letters = queues.get_mut(name_in_arn(source_arn)).ok_or_else(no_queue)?.queue.take_visible(0, Now::read());
        for letter in letters {
            let home = letter.source_arn.clone().unwrap_or_else(|| source_arn.to_owned());
            let letter = Message { source_arn: None, receives: 0, hold: None, ..letter };
            queues.entry(name_in_arn(&home).to_owned()).and_modify(|entry| entry.accept(letter));
        }
        Ok(json!({ "TaskHandle": super::uuid() }))
    }

    /// Cancellation: messages are taken in the same step in which the future ends, so a dropped one has taken none.
    async fn receive(&self, name: &str, input: &ReceiveMessage) -> Result<Value, ServiceError> {
        let (max, visibility, wait) = (input.max()?, input.visibility()?, input.wait()?);
        let wanted = Wanted {
            system: [&input.attribute_names[..], &input.message_system_attribute_names].concat(),
            own: input.message_attribute_names.clone(),
        };
        let (bell, default_wait) = self.with(name, |entry| Ok((entry.bell.clone(), entry.queue.settings.wait)))?;
        let wait = wait.unwrap_or(default_wait);
        let deadline = Instant::now() + wait;
        loop {
            let mut ring = std::pin::pin!(bell.notified());
            ring.as_mut().enable(); // before the look, so that nothing sent after it is missed
            let now = Now::read();
            let (deliveries, next_visible) = self.take(name, max, visibility, now)?;
            if !deliveries.is_empty() || now.steady >= deadline {
                return Ok(show(&deliveries, &wanted));
            }
            let wake = next_visible.map_or(deadline, |next| next.min(deadline));
            let _ = tokio::time::timeout_at(wake, ring).await; // either way it is time for another look
        }
    }

    /// What can be received at this moment, and when the next hidden message shows.
    fn take(
        &self,
        name: &str,
        max: usize,
        visibility: Option<Duration>,
        now: Now,
    ) -> Result<(Vec<Delivery>, Option<Instant>), ServiceError> {
        let mut queues = self.lock();
        bury_dead(&mut queues, name, now);
        let queue = &mut queues.get_mut(name).ok_or_else(no_queue)?.queue;
        let deliveries = queue.receive(max, visibility.unwrap_or(queue.settings.visibility), now);
        Ok((deliveries, queue.next_visible(now)))
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Entry) -> Result<T, ServiceError>) -> Result<T, ServiceError> {
        act(self.lock().get_mut(name).ok_or_else(no_queue)?)
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.endpoint)
    }

    /// No code under this lock leaves a queue half changed where it could panic.
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The actions that also come in batches.
    fn act(&mut self, action: &str, input: Value) -> Result<Value, ServiceError> {
        match action {
            "SendMessage" => {
                let outgoing = read::<SendMessage>(input)?.check(&self.queue.settings)?;
                self.send(outgoing)
            }
            "DeleteMessage" => {
                let receipt = read::<DeleteMessage>(input)?.receipt(&self.queue.name)?;
                self.queue.delete(&receipt, Now::read())?;
                if self.queue.settings.fifo {
                    self.bell.notify_waiters(); // the group may be free again
                }
                Ok(json!({}))
            }
            "ChangeMessageVisibility" => {
                let input: ChangeMessageVisibility = read(input)?;
                self.queue.change_visibility(&input.receipt(&self.queue.name)?, input.hide()?, Now::read())?;
                self.bell.notify_waiters();
                Ok(json!({}))
            }
            _ => {
                let message = format!("the stand-in has no SQS action {action}");
                Err(ServiceError::bad_request("UnsupportedOperation", message))
            }
        }
    }

    fn send(&mut self, outgoing: Outgoing) -> Result<Value, ServiceError> {
        let md5 = md5_hex(&outgoing.body);
        let sent = self.queue.send(outgoing, Now::read())?;
        self.bell.notify_waiters();
        let mut reply = json!({ "MessageId": sent.id, "MD5OfMessageBody": md5 });
        if let Some(sequence) = sent.sequence {
            reply["SequenceNumber"] = json!(sequence);
        }
        Ok(reply)
    }

    fn accept(&mut self, message: Message) {
        self.queue.accept(message);
        self.bell.notify_waiters();
    }
}

fn show(deliveries: &[Delivery], wanted: &Wanted) -> Value {
    let messages: Vec<Value> = deliveries.iter().map(|delivery| delivery.show(wanted)).collect();
    if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) }
}

/// Moves what was received too often to the dead-letter queue.
fn bury_dead(queues: &mut Queues, name: &str, now: Now) {
    let Some(Entry { queue, .. }) = queues.get_mut(name) else { return };
    let dead = queue.take_dead(now);
    let Some(target_arn) = queue.settings.redrive.as_ref().map(|redrive| redrive.target_arn.clone()) else { return };
    for letter in dead {
        let Some(grave) = queues.get_mut(name_in_arn(&target_arn)) else { continue };
        grave.accept(Message { source_arn: Some(arn(name)), receives: 0, hold: None, ..letter });
    }
}

fn check_redrive(queues: &Queues, settings: &Settings) -> Result<(), ServiceError> {
    let Some(Redrive { target_arn, .. }) = &settings.redrive else { return Ok(()) };
    match queues.get(name_in_arn(target_arn)) {
        Some(target) if target.queue.settings.fifo == settings.fifo => Ok(()),
        Some(_) => Err(invalid_value(
            "RedrivePolicy",
            target_arn,
            "Dead-letter queue must be same type of queue as the source.",
        )),
        None => Err(invalid_value("RedrivePolicy", target_arn, "Dead letter target does not exist.")),
    }
}

fn read<T: DeserializeOwned>(input: Value) -> Result<T, ServiceError> {
    serde_json::from_value(input)
        .map_err(|error| ServiceError::bad_request("SerializationException", error.to_string()))
}

fn no_queue() -> ServiceError {
    ServiceError::bad_request("QueueDoesNotExist", "The specified queue does not exist.")
}

fn invalid_value(name: &str, value: &str, reason: &str) -> ServiceError {
    let message = format!("Value {value} for parameter {name} is invalid. Reason: {reason}");
    ServiceError::bad_request("InvalidParameterValue", message)
}

#[cfg(test)]
mod tests;
