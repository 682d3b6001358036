//! The sender: tells people, on Slack and by mail, what a review asks and how it ended.
//!
//! Works from the notices queue, whose groups keep each channel's messages one at a time and in order; so a channel that
//! is slow, limited or down delays nobody else: there is room for every channel at once, and one that has to wait gives its
//! message back to the queue for so long. What is queued only says that something is to be told: what is told is what
//! the ledger says at that moment. The orders of effects come from the model:
//!
//! - *asking:* read the ledger → look back → post → write the receipt → delete. A round that is closed by then gets no
//!   post; who finds another receipt written deletes its own message.
//! - *outcome:* edit → write that the channel is final → delete; a refused write reads and edits again.

mod blocks;
mod content;
mod digest;
mod letter;
mod links;
mod mail;
mod pace;
mod slack;

use std::{error::Error, sync::Arc, time::Duration};

use holdpoint_platform::{
    After, Consumer, Interrupted, Message, Pulse, ReadError, Reviews, Stop, Stored, WriteError, metrics, now,
};
use holdpoint_review::{Channel, Input, Notice, Outcome, Purpose, step, words};
use tracing::{Instrument, error, info, info_span, warn};

use self::{letter::Letters, links::Links, mail::Mailer, pace::Pace, slack::SlackDesk};
use crate::Config;

pub(crate) use self::{mail::check as check_mail, slack::check as check_slack};

/// How often a notice is received before the queue gives it to the dead-letter queue: its `maxReceiveCount`. With the
/// pauses between tries that is an hour, so that an hour without Slack loses nothing.
pub const NOTICE_RECEIVES: u32 = 20;

/// Channels served at once: more than there are, since a channel that hangs keeps its place until it times out. It only
/// bounds memory.
const CHANNELS_AT_ONCE: usize = 256;
/// How long SQS holds an empty receive, its maximum.
const WAIT: Duration = Duration::from_secs(20);
/// Longest pause between two tries; a channel that works again is served within it.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Writes of one receipt: beyond that the message had better come again.
const WRITES: u32 = 5;

/// Sends until asked to stop.
pub(crate) async fn run(sender: Sender, stop: &Stop, pulse: Pulse) {
    // As long as a tick: whatever a crash left is taken up again in about the same time, here as there.
    let visibility = sender.reviews.tick.max(Duration::from_secs(5));
    let queue = sender.reviews.notices.clone();
    let consumer = Consumer { queue, at_once: CHANNELS_AT_ONCE, visibility, wait: WAIT, pulse };
    let sender = Arc::new(Sender { patience: visibility.mul_f64(0.75), ..sender });
    let send = |message| {
        let sender = sender.clone();
        async move { sender.send(message).await }
    };
    consumer.run(stop.clone(), send).await;
}

/// Everything that a notice needs on its way.
pub(crate) struct Sender {
    reviews: Reviews,
    slack: SlackDesk,
    mail: Option<Mailer>,
    letters: Letters,
    environment: String,
    pace: Pace,
    /// For one try; shorter than the message is invisible, which makes all timeouts together shorter than that.
    patience: Duration,
}

/// Why a notice is not with its reader yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undelivered {
    /// The channel takes no more for so long.
    #[error("the channel's rate limit is reached")]
    Limited(Duration),
    /// It failed and may work later; it may even have arrived.
    #[error("it failed for now")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// It will not work until an operator changes something.
    #[error("it was refused: {0}")]
    Refused(String),
}

impl Undelivered {
    /// With its causes: none of them names an address.
    fn in_full(&self) -> String {
        let causes = std::iter::successors(Some(self as &(dyn Error + 'static)), |error| (**error).source());
        words::visible(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": "), 300)
    }
}

impl Sender {
    /// # Errors
    /// The system's certificates cannot be read.
    pub(crate) fn new(config: &Config, reviews: Reviews) -> Result<Self, reqwest::Error> {
        let links = Links::new(config);
        Ok(Self {
            reviews,
            slack: SlackDesk::new(config, links.clone())?,
            mail: config.mail.as_ref().map(Mailer::new),
            letters: Letters::new(config, links),
            environment: config.common.environment.clone(),
            pace: Pace::new(config.burst.0.into()),
            patience: Duration::from_secs(45),
        })
    }

    async fn send(&self, message: Message) -> After {
        let Ok(notice) = serde_json::from_str::<Notice>(&message.body) else {
            error!("a message in the notices queue is no notice; it was deleted");
            return After::Delete;
        };
        let (channel, purpose) = (notice.channel.id(), content::purpose_word(&notice));
        let span = info_span!("notice", review.id = %notice.review_id, review.round = notice.round, channel, purpose);
        async {
            // Cut off in the middle it is as after a crash: the next try looks back.
            match tokio::time::timeout(self.patience, self.deliver(&notice, message.receives)).await {
                Ok(Ok(())) => {
                    let kind = if matches!(notice.channel, Channel::Slack(_)) { "slack" } else { "mail" };
                    let lag = metrics::seconds_between(message.sent_at, now());
                    metrics::NOTICE_LAG.get_or_create(&[("channel", kind)]).observe(lag);
                    After::Delete
                }
                Ok(Err(undelivered)) => self.after_failure(&notice, &undelivered, message.receives).await,
                Err(elapsed) => {
                    let late = Undelivered::Failed(elapsed.into());
                    self.after_failure(&notice, &late, message.receives).await
                }
            }
        }
        .instrument(span)
        .await
    }

    async fn after_failure(&self, notice: &Notice, undelivered: &Undelivered, receives: u32) -> After {
        let then = if receives >= NOTICE_RECEIVES { "dead" } else { "again" };
        metrics::NOTICES_FAILED.get_or_create(&[("then", then)]).inc();
        if receives >= NOTICE_RECEIVES && !matches!(notice.purpose, Purpose::Link(_)) {
            self.record_undelivered(notice, undelivered).await;
        }
        after_failure(undelivered, receives)
    }

    /// Writes into the ledger why a notice went to the dead-letter queue: its message there cannot say it. The log has it in
    /// any case.
    async fn record_undelivered(&self, notice: &Notice, undelivered: &Undelivered) {
        for _ in 0..WRITES {
            let Ok(Some(stored)) = self.reviews.ledger.read(&notice.review_id, notice.round).await else { return };
            let (channel, purpose) = (notice.channel.clone(), notice.purpose);
            let noted = Input::Undelivered { channel, purpose, reason: undelivered.in_full() };
            let noted = step(&stored.round, noted, now());
            match Box::pin(self.reviews.carry_out(stored, noted)).await {
                Ok(_) => return,
                Err(error) => {
                    warn!(error = &error as &dyn Error, "why a notice could not be delivered was not written");
                }
            }
        }
    }

    async fn deliver(&self, notice: &Notice, receives: u32) -> Result<(), Undelivered> {
        let Some(stored) = self.reviews.ledger.read(&notice.review_id, notice.round).await? else {
            warn!("a notice of a round that the ledger does not have; it was deleted");
            return Ok(());
        };
        match notice.purpose {
            Purpose::Outcome => self.tell_outcome(stored, &notice.channel).await,
            Purpose::Change(_) if matches!(notice.channel, Channel::Slack(_)) => self.show_change(stored, notice).await,
            Purpose::Digest(_) => self.send_digest(stored, notice, receives).await,
            Purpose::Link(_) => self.mail_link(&stored.round, notice).await,
            // A mail cannot be edited: another one follows it.
            Purpose::Request | Purpose::Reminder(_) | Purpose::Escalation | Purpose::Change(_) => {
                self.ask(stored, notice, receives).await
            }
        }
    }

    async fn ask(&self, stored: Stored, notice: &Notice, receives: u32) -> Result<(), Undelivered> {
        let round = &stored.round;
        if round.receipt(&notice.channel, notice.purpose).is_some() {
            return Ok(());
        }
        // A later receipt may follow a post whose reply was lost: it looks back, and posts whatever the pace.
        if receives == 1 && round.is_open() && !self.pace.allows(&notice.channel) {
            return self.leave_to_digest(stored, notice).await;
        }
        let receipt = match &notice.channel {
            Channel::Slack(name) => self.slack.ask(round, notice, name, receives, None).await?,
            Channel::Mail(address) => self.ask_by_mail(round, notice, address, receives).await?,
        };
        info!(posted = receipt.is_some(), "a notice was dealt with");
        self.record(stored, notice, receipt).await
    }

    /// Writes the receipt, unless somebody did before: then our own message is one too many.
    async fn record(&self, mut stored: Stored, notice: &Notice, receipt: Option<String>) -> Result<(), Undelivered> {
        let mut failure = None;
        for _ in 0..WRITES {
            match (stored.round.receipt(&notice.channel, notice.purpose), &receipt) {
                (Some(known), own) if known == own.as_deref() => return Ok(()),
                (Some(_), Some(own)) => {
                    warn!("another sender told this before; the second message is deleted");
                    return self.slack.take_back(&notice.channel, own).await;
                }
                (Some(_), None) => return Ok(()),
                (None, _) => {}
            }
            let (channel, purpose) = (notice.channel.clone(), notice.purpose);
            let notified = Input::Notified { channel, purpose, receipt: receipt.clone() };
            let notified = step(&stored.round, notified, now());
            match Box::pin(self.reviews.carry_out(stored.clone(), notified)).await {
                Ok(_) => return Ok(()),
                Err(Interrupted::Write(error)) => failure = Some(error),
                Err(error) => return Err(error.into()),
            }
            stored = self.read_again(stored).await?;
        }
        Err(Undelivered::Failed(failure.map_or("no write".into(), Into::into)))
    }

    async fn tell_outcome(&self, mut stored: Stored, channel: &Channel) -> Result<(), Undelivered> {
        let mut told: Option<Outcome> = None;
        let mut in_thread_only = false;
        for _ in 0..WRITES {
            let Some(outcome) = stored.round.outcome() else { return Ok(()) };
            if stored.round.said(channel) == Some(outcome) {
                return Ok(());
            }
            if told.is_none() && stored.round.is_in_digests_only(channel) {
                self.queue_digest(&stored.round, channel).await?;
            }
            match channel {
                // Edits may be repeated, and must: the refused write may have been the receipt of one more message.
                Channel::Slack(name) => {
                    let again = told == Some(outcome);
                    in_thread_only = self.slack.show_outcome(&stored.round, name, again).await?;
                }
                Channel::Mail(_) if told == Some(outcome) => {}
                Channel::Mail(address) => self.tell_by_mail(&stored.round, channel, address, outcome).await?,
            }
            told = Some(outcome);
            let final_now = Input::NoticeFinal { channel: channel.clone(), says: outcome, in_thread_only };
            let final_now = step(&stored.round, final_now, now());
            match Box::pin(self.reviews.carry_out(stored.clone(), final_now)).await {
                Ok(_) => {
                    info!(outcome = outcome.as_str(), "a channel shows how the review ended");
                    return Ok(());
                }
                Err(Interrupted::Write(WriteError::Refused | WriteError::Unknown(_))) => {}
                Err(error) => return Err(error.into()),
            }
            stored = self.read_again(stored).await?;
        }
        Err(Undelivered::Failed("the ledger could not be written".into()))
    }

    /// Edit → write that it was → delete; a refused write reads and edits again. Should the round be closed by then, the
    /// outcome's edit may have come before ours, and is made again.
    async fn show_change(&self, mut stored: Stored, notice: &Notice) -> Result<(), Undelivered> {
        let Notice { channel, purpose, .. } = notice;
        let mut edited = false;
        for _ in 0..WRITES {
            let round = &stored.round;
            match channel {
                Channel::Slack(name) if edited && !round.is_open() => {
                    return self.slack.show_outcome(round, name, true).await.map(drop);
                }
                _ if !round.is_open() || round.receipt(channel, *purpose).is_some() => return Ok(()),
                _ => self.slack.show_change(round, channel).await?,
            }
            edited = true;
            let shown = Input::Notified { channel: channel.clone(), purpose: *purpose, receipt: None };
            let shown = step(round, shown, now());
            match Box::pin(self.reviews.carry_out(stored.clone(), shown)).await {
                Ok(_) => return Ok(()),
                Err(Interrupted::Write(WriteError::Refused | WriteError::Unknown(_))) => {}
                Err(error) => return Err(error.into()),
            }
            stored = self.read_again(stored).await?;
        }
        Err(Undelivered::Failed("the ledger could not be written".into()))
    }

    async fn read_again(&self, stored: Stored) -> Result<Stored, ReadError> {
        let again = self.reviews.ledger.read(&stored.round.review_id, stored.round.round).await?;
        Ok(again.unwrap_or(stored))
    }
}

/// When to try again, and what to say about it: the last try says that the queue gives up.
fn after_failure(undelivered: &Undelivered, receives: u32) -> After {
    let cause = undelivered as &dyn Error;
    if receives >= NOTICE_RECEIVES {
        error!(error = cause, "a notice goes to the dead-letter queue");
        return After::Leave;
    }
    let pause = Duration::from_secs(1 << receives.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    match undelivered {
        Undelivered::Limited(wait) => {
            info!(wait.seconds = wait.as_secs(), "a channel's rate limit is reached; its notices wait");
            After::Again(*wait)
        }
        Undelivered::Failed(_) => {
            warn!(error = cause, "a notice could not be sent; it is tried again");
            After::Again(pause)
        }
        Undelivered::Refused(_) => {
            error!(error = cause, "a notice cannot be sent until an operator acts; it is tried again");
            After::Again(pause)
        }
    }
}

impl From<ReadError> for Undelivered {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Interrupted> for Undelivered {
    fn from(error: Interrupted) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(test)]
mod tests;
