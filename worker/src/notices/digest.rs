//! One message for many reviews: how many are open, what they have in common, the ten largest, and the way to all of them.
//!
//! A review that comes in a burst has no message of its own: its notice is recorded as dealt with, once a digest is queued.
//! The queue takes one digest a minute and channel, whoever asks for it, and it is sent when its minute is over: what is left
//! to it stood in the index of open reviews before that, and whoever asks after it was sent asks for the next one. What it
//! says is read when it is sent, from that index, and it names that moment: nothing in it decides, so that nothing in it has
//! to be taken back. When a review ends whose question stood in digests only, another digest follows, by the same rule: the
//! channel hears how many are left, at last that none is, and never more than once a minute.

use std::{collections::BTreeMap, error::Error, time::Duration};

use holdpoint_platform::{OpenRounds, Stored, now};
use holdpoint_review::{Channel, Notice, Purpose, Round, cause, words};
use jiff::Timestamp;
use tracing::{info, warn};

use super::{Sender, Undelivered};

/// Rounds that are read for one digest; of more it says "more than".
const READ: usize = 2_000;
const LARGEST: usize = 10;
const CAUSES: usize = 5;
const MINUTE_SECONDS: i64 = 60;
/// Workers' clocks differ: a digest waits so much longer than its minute.
const GRACE_SECONDS: i64 = 5;

/// What a digest says.
pub(crate) struct Digest<'a> {
    /// How many there are.
    pub(crate) title: String,
    /// Since when that is so, and where.
    pub(crate) about: String,
    /// `612 × amount is … times what it was`.
    pub(crate) causes: Vec<String>,
    /// The largest rates, one line each.
    pub(crate) largest: Vec<String>,
    /// What its link is for.
    pub(crate) call: &'static str,
    /// The one with the latest deadline: its link, which leads to all of them, lives longest.
    pub(crate) newest: &'a Round,
}

impl Sender {
    /// Leaves a notice to the next digest. The digest is queued first: a crash in between asks for it again.
    pub(super) async fn leave_to_digest(&self, stored: Stored, notice: &Notice) -> Result<(), Undelivered> {
        self.queue_digest(&stored.round, &notice.channel).await?;
        info!("too many notices for one channel: a digest speaks for this one");
        self.record(stored, notice, None).await
    }

    /// Queues this minute's digest for a channel, once.
    pub(super) async fn queue_digest(&self, round: &Round, channel: &Channel) -> Result<(), Undelivered> {
        let minute = u32::try_from(now().as_second() / MINUTE_SECONDS).unwrap_or_default();
        if self.pace.is_digest_queued(channel, minute) {
            return Ok(());
        }
        let digest = Notice {
            review_id: round.review_id.clone(),
            round: round.round,
            channel: channel.clone(),
            purpose: Purpose::Digest(minute),
            says: None,
        };
        self.reviews.notify(&digest).await.map_err(|error| Undelivered::Failed(error.into()))?;
        self.pace.digest_queued(channel, minute);
        Ok(())
    }

    /// Tells a channel what is open, at most once a minute. What was left to it need not be new: a reminder is of an old review.
    pub(super) async fn send_digest(&self, stored: Stored, notice: &Notice, receives: u32) -> Result<(), Undelivered> {
        let channel = &notice.channel;
        if stored.round.receipt(channel, notice.purpose).is_some() {
            return Ok(());
        }
        let wait = self.pace.before_digest(channel).max(until_sent(notice.purpose, now()));
        if !wait.is_zero() {
            return Err(Undelivered::Limited(wait));
        }
        let at = now();
        let open = self.reviews.ledger.open_rounds(READ).await?;
        let mut concerned: Vec<_> = open.rounds.iter().filter(|round| is_asked(round, channel)).collect();
        if concerned.is_empty() && open.more && stored.round.is_open() {
            // Those that were read are all other channels': of one it is known.
            concerned.push(&stored.round);
        }
        let newest = match concerned.iter().max_by_key(|round| round.deadline) {
            Some(newest) => newest,
            // Its own among those that were not read are known to nobody.
            None if open.more => return self.record(stored, notice, None).await,
            None => &stored.round,
        };
        let digest = digest(&concerned, &open, at, &self.environment, newest);
        let receipt = match channel {
            Channel::Slack(name) => self.slack.ask(&stored.round, notice, name, receives, Some(&digest)).await?,
            Channel::Mail(address) => self.mail_digest(&stored.round, notice, address, &digest).await?,
        };
        self.pace.digest_sent(channel);
        info!(reviews = concerned.len(), posted = receipt.is_some(), "a digest was dealt with");
        if let Err(error) = self.record(stored, notice, receipt).await {
            // It is told; told again it would be one message too many.
            warn!(error = &error as &dyn Error, "that a digest was sent is not in the ledger");
        }
        Ok(())
    }
}

/// How long a digest waits for the end of its minute.
fn until_sent(purpose: Purpose, now: Timestamp) -> Duration {
    let Purpose::Digest(minute) = purpose else { return Duration::ZERO };
    let second = (i64::from(minute) + 1) * MINUTE_SECONDS + GRACE_SECONDS;
    let wait = Timestamp::from_second(second).map(|at| at.duration_since(now)).unwrap_or_default();
    // None for a minute that is long over.
    wait.try_into().unwrap_or_default()
}

/// Asked from the start, or woken by now.
fn is_asked(round: &Round, channel: &Channel) -> bool {
    round.asked().any(|asked| asked == *channel) || round.receipt(channel, Purpose::Escalation).is_some()
}

fn digest<'a>(
    concerned: &[&Round],
    open: &OpenRounds,
    at: Timestamp,
    environment: &str,
    newest: &'a Round,
) -> Digest<'a> {
    let mut causes = BTreeMap::<String, usize>::new();
    for round in concerned {
        *causes.entry(cause(&round.request)).or_default() += 1;
    }
    let mut causes: Vec<_> = causes.into_iter().collect();
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut largest = concerned.to_vec();
    largest.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
    let more = if open.more { "More than " } else { "" };
    let number = words::grouped(concerned.len() as u64);
    let (title, call) = match concerned.len() {
        0 => ("No review waits for a decision any more".to_owned(), "See the open list"),
        1 => (format!("{more}1 review waits for a decision"), "See and decide it"),
        _ => (format!("{more}{number} reviews wait for a decision"), "See and decide them"),
    };
    Digest {
        title,
        about: format!(
            "As of {}, in {}. Said once a minute, because they came too fast for a message each.",
            words::moment(at),
            words::visible(environment, 40)
        ),
        call,
        causes: causes
            .iter()
            .take(CAUSES)
            .map(|(cause, count)| format!("{} × {cause}", words::grouped(*count as u64)))
            .collect(),
        largest: largest.iter().take(LARGEST).map(|round| in_one_line(round)).collect(),
        newest,
    }
}

fn rate(round: &Round) -> f64 {
    round.request.measure.as_ref().map_or(0.0, |measure| measure.rate.as_f64())
}

fn in_one_line(round: &Round) -> String {
    let rate = round.request.measure.as_ref().map(|measure| format!("{}: ", measure.rate)).unwrap_or_default();
    format!("{rate}{}", words::visible(&round.request.title, 160))
}

#[cfg(test)]
mod tests;
