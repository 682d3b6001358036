//! Notices on Slack: where a channel is served (bot or webhook), looking back before posting, and what every end edits.
//!
//! A bot's message carries the review, round and purpose as metadata, by which it is found again: a post whose reply was
//! lost may have arrived. A webhook can neither look back nor edit, so that nothing posted through one decides. A channel
//! that Slack refuses is spoken for in the fallback channel, without buttons, and with a link of the channel where it
//! stands: in one that the route does not ask, it only shows. Where Slack refuses our token, a fallback channel that the
//! bot serves is refused as well; one of a webhook is not, and mail goes its own way.

mod api;
mod change;
mod outcome;

use std::{error::Error, time::Duration};

use holdpoint_platform::Secret;
use holdpoint_review::{Channel, Event, Notice, Purpose, Round};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, redirect};
use tracing::error;

use self::api::{Api, Mark, SlackError};
use super::{
    Undelivered, blocks,
    content::{Asking, purpose_word},
    digest::Digest,
    links::Links,
};
use crate::{Config, config::Webhooks};

/// Slack answers within seconds or not at all.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Said in the fallback channel.
const INSTEAD: &str = "Slack refuses the channel that should be asked, so you hear of it here.";
/// What is noted as the receipt of a post that cannot be found again.
const WEBHOOK_RECEIPT: &str = "webhook";
/// Receipt of a notice from which a word of Slack's that is not known is taken for final: the first may be a passing fault.
const BELIEVED_FROM: u32 = 3;

/// Everything that Slack needs.
pub(crate) struct SlackDesk {
    http: Client,
    api: Option<Api>,
    webhooks: Webhooks,
    fallback: Option<String>,
    links: Links,
    environment: String,
}

/// How a channel is served.
#[derive(Clone, Copy)]
enum Place<'a> {
    Bot { api: &'a Api, channel: &'a str },
    Webhook { address: &'a Secret },
}

impl SlackDesk {
    pub(crate) fn new(config: &Config, links: Links) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        let http = http.redirect(redirect::Policy::none()).build()?;
        let (slack, bot) = (&config.slack, &config.common.slack);
        let api = bot.token.clone().map(|token| Api::new(http.clone(), bot.url.clone(), token));
        Ok(Self {
            http,
            api,
            webhooks: slack.webhooks.clone(),
            fallback: slack.fallback_channel.clone(),
            links,
            environment: config.common.environment.clone(),
        })
    }

    /// Looks back, then posts what asks, or the digest if there is one, unless it is there or the round is closed. The
    /// receipt is where it is now; none, too, for a message that Slack will not have anywhere: as with an address that
    /// takes no mail, the channel's other messages must not wait for it.
    pub(crate) async fn ask(
        &self,
        round: &Round,
        notice: &Notice,
        name: &str,
        receives: u32,
        digest: Option<&Digest<'_>>,
    ) -> Result<Option<String>, Undelivered> {
        let refused = match self.put_in(name, round, notice, digest, true).await {
            Err(SlackError::Rejected(code)) if receives < BELIEVED_FROM => {
                return Err(Undelivered::Failed(code.into()));
            }
            Err(error @ (SlackError::Refused(_) | SlackError::Rejected(_))) => error,
            other => return Ok(other?),
        };
        if !round.is_open() && digest.is_none() {
            // Nobody is asked any more. Where an earlier try did ask, the outcome finds it.
            return Ok(None);
        }
        error!(error = &refused as &dyn Error, "a Slack channel cannot be asked; an operator must act");
        if let Some(fallback) = self.fallback.as_deref().filter(|fallback| *fallback != name) {
            match self.put_in(fallback, round, notice, digest, false).await {
                Err(SlackError::Refused(_) | SlackError::Rejected(_)) => {}
                other => return Ok(other?.map(|ts| format!("{fallback}/{ts}"))),
            }
        }
        match refused {
            SlackError::Rejected(_) => Ok(None),
            refused => Err(refused.into()),
        }
    }

    async fn put_in(
        &self,
        name: &str,
        round: &Round,
        notice: &Notice,
        digest: Option<&Digest<'_>>,
        at_home: bool,
    ) -> Result<Option<String>, SlackError> {
        match digest {
            Some(digest) => self.digest_in(name, round, notice, digest, at_home).await,
            None => self.ask_in(name, round, notice, at_home).await,
        }
    }

    async fn ask_in(
        &self,
        name: &str,
        round: &Round,
        notice: &Notice,
        at_home: bool,
    ) -> Result<Option<String>, SlackError> {
        let mut asking = Asking::of(round, notice.purpose, &self.environment);
        if !at_home && !matches!(notice.purpose, Purpose::Reminder(_)) {
            asking.lead = Some(INSTEAD);
        }
        let link = self.links.for_channel(round, &Channel::Slack(name.to_owned()));
        let since = posted_from(round, notice.purpose);
        match self.place(name)? {
            Place::Webhook { .. } if !round.is_open() => Ok(None),
            Place::Webhook { address } => {
                self.post_by_webhook(address, &blocks::asking(&asking, &link, false)).await?;
                Ok(Some(WEBHOOK_RECEIPT.to_owned()))
            }
            Place::Bot { api, channel } => {
                let mark = Mark::of(round, &notice.channel, purpose_word(notice));
                let thread = thread_of(round, notice, channel, at_home);
                let (thread, found) = match api.find(channel, since, thread, &mark).await {
                    // Somebody deleted the question; what would be a reply stands by itself.
                    Err(SlackError::Gone) if thread.is_some() => (None, api.find(channel, since, None, &mark).await?),
                    found => (thread, found?),
                };
                let is_reminder = matches!(notice.purpose, Purpose::Reminder(_));
                let ts = match found {
                    Some(ts) => ts,
                    None if !round.is_open() => return Ok(None),
                    None => {
                        let message = match thread {
                            Some(_) => blocks::line(&blocks::reminder(&asking)),
                            // A second message with buttons beside the question would be one too many.
                            None => blocks::asking(&asking, &link, at_home && !is_reminder),
                        };
                        api.post(channel, thread, &message, &mark).await?
                    }
                };
                let is_alone = at_home && is_reminder && thread.is_none();
                Ok(Some(if is_alone { format!("{name}/{ts}") } else { ts }))
            }
        }
    }

    /// Looks back, then posts a digest. No buttons: it decides nothing.
    async fn digest_in(
        &self,
        name: &str,
        round: &Round,
        notice: &Notice,
        digest: &Digest<'_>,
        at_home: bool,
    ) -> Result<Option<String>, SlackError> {
        let url = self.links.for_all(digest.newest, &Channel::Slack(name.to_owned()));
        let message = blocks::digest(digest, &url, (!at_home).then_some(INSTEAD));
        match self.place(name)? {
            Place::Webhook { address } => {
                self.post_by_webhook(address, &message).await?;
                Ok(Some(WEBHOOK_RECEIPT.to_owned()))
            }
            Place::Bot { api, channel } => {
                let mark = Mark::of(round, &notice.channel, purpose_word(notice));
                match api.find(channel, posted_from(round, notice.purpose), None, &mark).await? {
                    Some(ts) => Ok(Some(ts)),
                    None => api.post(channel, None, &message, &mark).await.map(Some),
                }
            }
        }
    }

    /// Deletes our own message, because another one is the recorded one.
    pub(crate) async fn take_back(&self, channel: &Channel, receipt: &str) -> Result<(), Undelivered> {
        let Channel::Slack(home) = channel else { return Ok(()) };
        let (name, ts) = split_receipt(home, receipt);
        match self.place(name)? {
            Place::Bot { api, channel } if ts != WEBHOOK_RECEIPT => Ok(api.delete(channel, ts).await?),
            _ => Ok(()),
        }
    }

    fn place<'a>(&'a self, name: &'a str) -> Result<Place<'a>, SlackError> {
        match (self.webhooks.find(name), &self.api) {
            (Some(address), _) => Ok(Place::Webhook { address }),
            (None, Some(api)) => Ok(Place::Bot { api, channel: name }),
            (None, None) => Err(SlackError::Refused("no bot token and no webhook of that name is set".to_owned())),
        }
    }

    async fn post_by_webhook(&self, address: &Secret, message: &blocks::SlackMessage) -> Result<(), SlackError> {
        api::post_by_webhook(&self.http, address, message).await
    }
}

/// Whether Slack takes our token, and the token may do what we do.
pub(crate) async fn check(config: &Config) -> Result<(), String> {
    let desk = SlackDesk::new(config, Links::new(config)).map_err(|error| error.to_string())?;
    match &desk.api {
        Some(api) => api.check().await.map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// The message that a reminder, or an escalation in a channel that was asked already, is a reply to.
fn thread_of<'a>(round: &'a Round, notice: &Notice, channel: &'a str, at_home: bool) -> Option<&'a str> {
    let request = round.receipt(&notice.channel, Purpose::Request).flatten()?;
    let home = if at_home { channel } else { "" };
    let (name, ts) = split_receipt(home, request);
    (notice.purpose != Purpose::Request && name == channel && ts != WEBHOOK_RECEIPT).then_some(ts)
}

/// The messages that ask a channel, as the ledger knows them: what for, and where. A reminder in the question's thread
/// decides nothing, and is history; one whose question was left to a digest, was deleted, or stands elsewhere, asks by itself.
fn questions<'a>(round: &'a Round, home: &'a Channel) -> impl Iterator<Item = (Purpose, (&'a str, &'a str))> {
    let name = if let Channel::Slack(name) = home { name.as_str() } else { "" };
    let question = round.receipt(home, Purpose::Request).flatten().map(|receipt| split_receipt(name, receipt).0);
    round.events.iter().filter_map(move |entry| match &entry.event {
        Event::Notified { channel, purpose, receipt: Some(receipt) } if channel == home => {
            let (place, ts) = split_receipt(name, receipt);
            let asks = match purpose {
                Purpose::Request | Purpose::Escalation => true,
                Purpose::Reminder(_) => question != Some(place) || is_alone(name, receipt),
                Purpose::Change(_) | Purpose::Digest(_) | Purpose::Link(_) | Purpose::Outcome => false,
            };
            asks.then_some((*purpose, (place, ts)))
        }
        _ => None,
    })
}

/// Nothing of the kind was posted before.
fn posted_from(round: &Round, purpose: Purpose) -> Timestamp {
    let due_after = match purpose {
        Purpose::Outcome => return round.closing().map_or_else(|| round.opened_at(), |(_, at)| at),
        Purpose::Digest(minute) => return Timestamp::from_second(i64::from(minute) * 60).unwrap_or_default(),
        Purpose::Request | Purpose::Change(_) | Purpose::Link(_) => None,
        Purpose::Reminder(number) => round.route.remind_after.get(number as usize).copied(),
        Purpose::Escalation => round.route.escalate.as_ref().map(|escalation| escalation.after),
    };
    round.opened_at() + due_after.map_or(SignedDuration::ZERO, SignedDuration::from)
}

/// A reminder that is no reply, in the channel that was meant: its receipt names the channel nevertheless.
fn is_alone(home: &str, receipt: &str) -> bool {
    receipt.split_once('/').is_some_and(|(place, _)| place == home)
}

/// A receipt is the message's `ts`, with the channel before it where it is not the one that was meant, or where a reminder
/// stands alone.
fn split_receipt<'a>(home: &'a str, receipt: &'a str) -> (&'a str, &'a str) {
    receipt.split_once('/').unwrap_or((home, receipt))
}

impl From<SlackError> for Undelivered {
    fn from(error: SlackError) -> Self {
        match error {
            SlackError::Limited(wait) => Self::Limited(wait),
            SlackError::Refused(code) | SlackError::Rejected(code) => Self::Refused(code),
            SlackError::Gone | SlackError::Failed(_) => Self::Failed(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
