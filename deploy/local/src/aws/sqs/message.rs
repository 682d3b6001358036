//! One message, the hold a receiver has on it, and what a receiver is shown.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::aws::hex;

/// A message in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    /// Message attributes as they were sent.
    pub(crate) attributes: Map<String, Value>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication_id: Option<String>,
    pub(crate) sequence: Option<String>,
    pub(crate) sent: Timestamp,
    pub(crate) expires: Instant,
    pub(crate) visible: Instant,
    pub(crate) hold: Option<Hold>,
    pub(crate) receives: u64,
    pub(crate) first_received: Option<Timestamp>,
    /// The queue it came from, once it is a dead letter.
    pub(crate) source_arn: Option<String>,
}

/// The newest reception of a message.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) nonce: u64,
    pub(crate) since: Instant,
}

/// A receipt handle: which message of which queue, received when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) queue: String,
    pub(crate) serial: u64,
    pub(crate) nonce: u64,
}

/// A message handed out, with the only handle that may delete it.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) message: Message,
    pub(crate) receipt: Receipt,
}

/// Which attributes a receiver asked for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) system: Vec<String>,
    pub(crate) own: Vec<String>,
}

impl Message {
    pub(crate) fn is_visible(&self, now: Instant) -> bool {
        self.visible <= now
    }

    pub(crate) fn is_in_flight(&self, now: Instant) -> bool {
        self.hold.is_some() && !self.is_visible(now)
    }

    fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let millis = |time: Timestamp| time.as_millisecond().to_string();
        let optional = [
            ("ApproximateFirstReceiveTimestamp", self.first_received.map(millis)),
            ("MessageGroupId", self.group.clone()),
            ("MessageDeduplicationId", self.deduplication_id.clone()),
            ("SequenceNumber", self.sequence.clone()),
            ("DeadLetterQueueSourceArn", self.source_arn.clone()),
        ];
        let mut attributes = BTreeMap::from([
            ("SenderId", "000000000000".to_owned()),
            ("SentTimestamp", millis(self.sent)),
            ("ApproximateReceiveCount", self.receives.to_string()),
        ]);
        attributes.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        attributes
    }
}

impl Receipt {
    pub(crate) fn handle(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}/{}/{}", self.queue, self.serial, self.nonce))
    }

    pub(crate) fn parse(handle: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
        let mut parts = text.split('/');
        let (queue, serial, nonce) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { queue: queue.to_owned(), serial, nonce })
    }
}

impl Delivery {
    /// As `ReceiveMessage` shows it.
    pub(crate) fn show(&self, wanted: &Wanted) -> Value {
        let Self { message, receipt } = self;
        let mut shown = json!({
            "MessageId": message.id,
            "ReceiptHandle": receipt.handle(),
            "Body": message.body,
            "MD5OfBody": md5_hex(&message.body),
        });
        let mut system = message.system_attributes();
        system.retain(|name, _| wanted.system.iter().any(|wanted| wanted == "All" || wanted == name));
        let mut own = message.attributes.clone();
        own.retain(|name, _| wanted.own.iter().any(|wanted| matches_name(wanted, name)));
        if !system.is_empty() {
            shown["Attributes"] = json!(system);
        }
        if !own.is_empty() {
            shown["MessageAttributes"] = Value::Object(own);
        }
        shown
    }
}

/// SDKs compare it with the body that they sent or got.
pub(crate) fn md5_hex(body: &str) -> String {
    hex(&Md5::digest(body))
}

/// `All`, `.*`, a name, or the start of one with `.*` behind it.
fn matches_name(wanted: &str, name: &str) -> bool {
    wanted == "All" || wanted == name || wanted.strip_suffix(".*").is_some_and(|start| name.starts_with(start))
}
