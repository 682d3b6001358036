//! A queue under a clock that only the test moves.

use super::*;
use crate::aws::sqs::settings::Attributes;

const SECOND: Duration = Duration::from_secs(1);

fn queue(name: &str, attributes: &[(&str, &str)]) -> (Queue, Now) {
    let attributes: Attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let now = Now::read();
    (Queue::new(name.to_owned(), Settings::new(&attributes).unwrap(), now), now)
}

fn fifo() -> (Queue, Now) {
    queue("q.fifo", &[("FifoQueue", "true")])
}

fn after(now: Now, elapsed: Duration) -> Now {
    Now { wall: now.wall + elapsed, steady: now.steady + elapsed }
}

fn send(queue: &mut Queue, body: &str, now: Now) -> Sent {
    queue.send(Outgoing { body: body.to_owned(), ..Outgoing::default() }, now).unwrap()
}

/// `group/body`, deduplicated by the body.
fn send_to_group(queue: &mut Queue, text: &str, now: Now) -> Sent {
    let (group, body) = text.split_once('/').unwrap();
    let (group, deduplication_id) = (Some(group.to_owned()), Some(body.to_owned()));
    queue.send(Outgoing { body: body.to_owned(), group, deduplication_id, ..Outgoing::default() }, now).unwrap()
}

fn receive(queue: &mut Queue, max: usize, now: Now) -> Vec<Delivery> {
    queue.receive(max, queue.settings.visibility, now)
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.message.body.as_str()).collect()
}

fn code<T>(outcome: Result<T, ServiceError>) -> Option<String> {
    outcome.err().map(|error| error.code)
}

#[test]
fn a_received_message_is_hidden_until_its_visibility_ends() {
    let (mut queue, now) = queue("q", &[]);
    send(&mut queue, "a", now);
    assert_eq!(bodies(&receive(&mut queue, 10, now)), ["a"]);
    assert!(receive(&mut queue, 10, after(now, 29 * SECOND)).is_empty());
    assert_eq!(queue.next_visible(now), Some(now.steady + 30 * SECOND));
    let again = receive(&mut queue, 10, after(now, 30 * SECOND));
    assert_eq!(again[0].message.receives, 2);
}

#[test]
fn only_the_newest_receipt_deletes() {
    let (mut queue, now) = queue("q", &[]);
    send(&mut queue, "a", now);
    let first = receive(&mut queue, 1, now).remove(0).receipt;
    let later = after(now, 30 * SECOND);
    let second = receive(&mut queue, 1, later).remove(0).receipt;
    queue.delete(&first, later).unwrap();
    assert_eq!(queue.depth(later).in_flight, 1);
    queue.delete(&second, later).unwrap();
    queue.delete(&second, later).unwrap();
    assert_eq!(queue.depth(later), Depth::default());
}

#[test]
fn a_receipt_still_deletes_after_its_visibility_ended_but_not_in_a_fifo_queue() {
    let (mut standard, now) = queue("q", &[]);
    send(&mut standard, "a", now);
    let receipt = receive(&mut standard, 1, now).remove(0).receipt;
    assert_eq!(standard.delete(&receipt, after(now, 31 * SECOND)), Ok(()));
    assert_eq!(standard.depth(now), Depth::default());

    let (mut fifo, now) = fifo();
    send_to_group(&mut fifo, "g/a", now);
    let receipt = receive(&mut fifo, 1, now).remove(0).receipt;
    assert_eq!(code(fifo.delete(&receipt, after(now, 31 * SECOND))).as_deref(), Some("InvalidParameterValue"));
}

#[test]
fn a_delayed_message_is_counted_and_comes_later() {
    let (mut queue, now) = queue("q", &[("DelaySeconds", "5")]);
    send(&mut queue, "a", now);
    assert_eq!(queue.depth(now), Depth { delayed: 1, ..Depth::default() });
    assert!(receive(&mut queue, 1, after(now, 4 * SECOND)).is_empty());
    assert_eq!(bodies(&receive(&mut queue, 1, after(now, 5 * SECOND))), ["a"]);
}

#[test]
fn a_fifo_group_is_blocked_while_one_of_its_messages_is_in_flight_and_others_are_not() {
    let (mut queue, now) = fifo();
    for text in ["a/1", "a/2", "b/3", "a/4"] {
        send_to_group(&mut queue, text, now);
    }
    let first = receive(&mut queue, 2, now);
    assert_eq!(bodies(&first), ["1", "2"]);
    assert_eq!(bodies(&receive(&mut queue, 10, now)), ["3"]);
    queue.delete(&first[0].receipt, now).unwrap();
    assert!(receive(&mut queue, 10, now).is_empty(), "the second of the group is still out");
    queue.delete(&first[1].receipt, now).unwrap();
    assert_eq!(bodies(&receive(&mut queue, 10, now)), ["4"]);
}

#[test]
fn a_fifo_message_that_comes_back_comes_before_its_successors() {
    let (mut queue, now) = fifo();
    send_to_group(&mut queue, "a/1", now);
    send_to_group(&mut queue, "a/2", now);
    let first = receive(&mut queue, 1, now).remove(0).receipt;
    queue.change_visibility(&first, Duration::ZERO, now).unwrap();
    assert_eq!(bodies(&receive(&mut queue, 10, now)), ["1", "2"]);
}

#[test]
fn fifo_deduplicates_for_five_minutes_even_what_is_gone() {
    let (mut queue, now) = fifo();
    let sent = send_to_group(&mut queue, "a/1", now);
    let receipt = receive(&mut queue, 1, now).remove(0).receipt;
    queue.delete(&receipt, now).unwrap();
    assert_eq!(send_to_group(&mut queue, "a/1", after(now, 299 * SECOND)), sent);
    assert_eq!(queue.depth(now), Depth::default());
    let anew = send_to_group(&mut queue, "a/1", after(now, 300 * SECOND));
    assert_ne!(anew.id, sent.id);
    let nameless = Outgoing { group: Some("a".to_owned()), ..Outgoing::default() };
    assert_eq!(code(queue.send(nameless, now)).as_deref(), Some("InvalidParameterValue"));
}

#[test]
fn visibility_can_be_changed_in_flight_only_and_not_beyond_twelve_hours() {
    let (mut queue, now) = queue("q", &[]);
    send(&mut queue, "a", now);
    let receipt = receive(&mut queue, 1, now).remove(0).receipt;
    let hour = Duration::from_hours(1);
    queue.change_visibility(&receipt, 12 * hour, now).unwrap();
    let later = after(now, hour);
    assert_eq!(code(queue.change_visibility(&receipt, 12 * hour, later)).as_deref(), Some("InvalidParameterValue"));
    queue.change_visibility(&receipt, Duration::ZERO, later).unwrap();
    assert_eq!(code(queue.change_visibility(&receipt, hour, later)).as_deref(), Some("MessageNotInflight"));
    let receipt = receive(&mut queue, 1, later).remove(0).receipt;
    queue.delete(&receipt, later).unwrap();
    assert_eq!(code(queue.change_visibility(&receipt, hour, later)).as_deref(), Some("InvalidParameterValue"));
}

#[test]
fn what_was_received_too_often_is_taken_out_by_the_next_receive_only() {
    let policy = r#"{"deadLetterTargetArn":"arn:dead","maxReceiveCount":2}"#;
    let (mut queue, now) = queue("q", &[("RedrivePolicy", policy), ("VisibilityTimeout", "1")]);
    send(&mut queue, "a", now);
    for receives in 1..=2 {
        let now = after(now, receives * SECOND);
        assert!(queue.take_dead(now).is_empty());
        assert_eq!(receive(&mut queue, 1, now).len(), 1);
    }
    assert!(queue.take_dead(after(now, 2 * SECOND)).is_empty(), "it is still in flight");
    let dead = queue.take_dead(after(now, 3 * SECOND));
    assert_eq!(dead.into_iter().map(|message| message.body).collect::<Vec<_>>(), ["a"]);
    assert_eq!(queue.depth(now), Depth::default());
}

#[test]
fn a_duplicate_is_delivered_once_and_must_be_deleted_on_its_own() {
    let (mut queue, now) = queue("q", &[]);
    let sent = send(&mut queue, "a", now);
    queue.delivers_next_twice = true;
    let first = receive(&mut queue, 1, now).remove(0);
    queue.delete(&first.receipt, now).unwrap();
    let second = receive(&mut queue, 1, now).remove(0);
    assert_eq!((first.message.id, second.message.id), (sent.id.clone(), sent.id));
    queue.delete(&second.receipt, now).unwrap();
    assert_eq!(queue.depth(now), Depth::default());
}

#[test]
fn ending_visibility_brings_back_what_was_received_and_not_what_is_delayed() {
    let (mut queue, now) = queue("q", &[]);
    send(&mut queue, "received", now);
    receive(&mut queue, 1, now);
    queue.settings.delay = SECOND;
    send(&mut queue, "delayed", now);
    queue.end_visibility(now);
    assert_eq!(bodies(&receive(&mut queue, 10, now)), ["received"]);
}

#[test]
fn a_message_is_gone_after_its_retention() {
    let (mut queue, now) = queue("q", &[("MessageRetentionPeriod", "60")]);
    send(&mut queue, "a", now);
    queue.take_dead(after(now, 60 * SECOND));
    assert_eq!(queue.depth(now), Depth::default());
}
