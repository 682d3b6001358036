//! Notices: one message on one channel, and where messages go.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ContentHash, Outcome, ReviewId};

/// A place where people read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A Slack channel id (`C…`) or the name of a webhook.
    Slack(String),
    /// A mail address.
    Mail(String),
}

impl Channel {
    /// A short name for queues and logs that gives no address away: 16 hex digits.
    pub fn id(&self) -> String {
        let (kind, address) = match self {
            Self::Slack(channel) => ("slack", channel),
            Self::Mail(address) => ("mail", address),
        };
        ContentHash::of(format!("{kind}:{address}").as_bytes()).as_str()[..16].to_owned()
    }
}

impl fmt::Debug for Channel {
    /// Without the address: addresses do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Slack(_) => "Slack",
            Self::Mail(_) => "Mail",
        };
        write!(f, "{kind}({})", self.id())
    }
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Asks for a decision.
    Request,
    /// Asks again; counted from 0, in the route's order.
    Reminder(u32),
    /// Asks somebody else, because nobody decided.
    Escalation,
    /// Speaks for many reviews at once; the minute that it is for, counted from 1970.
    Digest(u32),
    /// Says that the question stands otherwise than when it was put; which change, counted from 1.
    Change(u32),
    /// Brings a reviewer the personal link that somebody asked for; counted by stretches of five minutes from 1970. Stands in
    /// no ledger.
    Link(u32),
    /// Says how it ended.
    Outcome,
}

/// One message to be sent: the body of a message in the notices queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The review.
    pub review_id: ReviewId,
    /// The round.
    pub round: u32,
    /// Where to.
    pub channel: Channel,
    /// What for.
    pub purpose: Purpose,
    /// The outcome that an outcome notice was queued to tell. The sender tells what is true when it sends.
    pub says: Option<Outcome>,
}

impl Notice {
    /// The FIFO queue's message group: a channel's messages go one at a time, in order, and its rate limit delays it alone. Its
    /// digests are a group of their own: one that waits for its minute would hold up how other reviews ended.
    pub fn group(&self) -> String {
        match self.purpose {
            Purpose::Digest(_) => format!("{}-digest", self.channel.id()),
            _ => self.channel.id(),
        }
    }

    /// The FIFO queue's deduplication id: what is said is part of it, so that "approved, not applied" is not swallowed
    /// as a repetition of "approved".
    pub fn deduplication_id(&self) -> String {
        if let Purpose::Digest(minute) = self.purpose {
            // Whichever of its reviews asks for it.
            let text = format!("digest {minute} {}", self.channel.id());
            return ContentHash::of(text.as_bytes()).as_str().to_owned();
        }
        let says = self.says.map_or("", Outcome::as_str);
        let text = format!("{} {} {:?} {says} {}", self.review_id, self.round, self.purpose, self.channel.id());
        ContentHash::of(text.as_bytes()).as_str().to_owned()
    }
}

/// The body of a message in the clock queue: it makes one round tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockMessage {
    /// The review.
    pub review_id: ReviewId,
    /// The round.
    pub round: u32,
    /// The generation it belongs to; lower than the ledger's: stale.
    pub generation: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Closing;

    fn digest(key: &str, minute: u32, channel: &str) -> Notice {
        let channel = Channel::Slack(channel.into());
        let review_id = ReviewId::of("e", "s", key);
        Notice { review_id, round: 1, channel, purpose: Purpose::Digest(minute), says: None }
    }

    #[test]
    fn b39_a_digest_that_waits_for_its_minute_holds_up_no_other_notice() {
        let waiting = digest("a", 1, "C1");
        assert_eq!(waiting.group(), digest("b", 2, "C1").group(), "one digest at a time");
        assert_ne!(waiting.group(), Notice { purpose: Purpose::Outcome, ..waiting.clone() }.group());
    }

    #[test]
    fn b39_there_is_one_digest_a_minute_and_channel_whoever_asks_for_it() {
        let digest = |key: &str, minute, channel: &str| digest(key, minute, channel).deduplication_id();
        assert_eq!(digest("a", 1, "C1"), digest("b", 1, "C1"));
        assert_ne!(digest("a", 1, "C1"), digest("a", 2, "C1"));
        assert_ne!(digest("a", 1, "C1"), digest("a", 1, "C2"));
    }

    #[test]
    fn a_channel_never_shows_its_address_in_logs() {
        let channel = Channel::Mail("dana@example.com".into());
        assert!(!format!("{channel:?}").contains("dana"));
        assert_ne!(channel.id(), Channel::Slack("dana@example.com".into()).id());
    }

    #[test]
    fn what_is_said_makes_another_message() {
        let says = |not_applied| Notice {
            review_id: ReviewId::of("e", "s", "k"),
            round: 1,
            channel: Channel::Slack("C1".into()),
            purpose: Purpose::Outcome,
            says: Some(Outcome { closing: Closing::Approved, not_applied }),
        };
        assert_ne!(says(false).deduplication_id(), says(true).deduplication_id());
        assert_eq!(says(true).deduplication_id(), says(true).deduplication_id());
        assert!(says(true).deduplication_id().len() <= 128, "SQS allows 128 characters");
    }
}
