//! Every end edits: the question, wherever it stands, is replaced by how it ended, and its thread says so.
//!
//! Not only the recorded message: all that looking back finds, because a second one may have been posted and never
//! recorded, and its buttons would stay.

use std::collections::BTreeSet;

use holdpoint_platform::now;
use holdpoint_review::{Channel, Event, Outcome, Purpose, Round};
use jiff::SignedDuration;
use tracing::{error, warn};

use super::{
    Place, SlackDesk, WEBHOOK_RECEIPT,
    api::{Api, Mark, SlackError},
    split_receipt,
};
use crate::notices::{
    Undelivered,
    blocks::{self, SlackMessage},
    content::{self, Ended},
};

/// A message that cannot be edited for so long is left as it is: its buttons are refused anyway.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

impl SlackDesk {
    /// Makes a channel show how a round ended. `posted`: this outcome was told just now, and only edits are to be repeated.
    pub(crate) async fn show_outcome(&self, round: &Round, name: &str, posted: bool) -> Result<(), Undelivered> {
        let home = Channel::Slack(name.to_owned());
        let (Some(ended), Some(outcome)) = (Ended::of(round, &self.environment), round.outcome()) else {
            return Ok(());
        };
        let message = blocks::ended(&ended, round, &self.links.for_channel(round, &home));
        let shown = match self.place(name) {
            Ok(Place::Bot { api, channel }) => self.edit(api, round, channel, outcome, &message).await,
            Ok(Place::Webhook { .. }) if posted || nothing_was_asked(round, &home) => Ok(()),
            Ok(Place::Webhook { address }) => self.post_by_webhook(address, &message).await,
            Err(error) => Err(error),
        };
        match shown {
            Err(SlackError::Refused(code)) => self.show_elsewhere(round, &home, outcome, &message, code).await,
            other => Ok(other?),
        }
    }

    async fn edit(
        &self,
        api: &Api,
        round: &Round,
        channel: &str,
        outcome: Outcome,
        message: &SlackMessage,
    ) -> Result<(), SlackError> {
        let home = Channel::Slack(channel.to_owned());
        let mut refused = None;
        let mut edited = recorded(round, &home);
        match api.look_back(channel, round.opened_at(), None).await {
            Ok(found) => {
                let asks = found.into_iter().filter(|found| found.mark.is_of(round, &home) && !is_outcome(&found.mark));
                edited.extend(asks.map(|found| (channel.to_owned(), found.ts)));
            }
            Err(error) => refused = Some(only_refusal(error)?),
        }
        let mark = Mark::of(round, &home, content::word(Purpose::Request, None));
        for (place, ts) in &edited {
            match api.update(place, ts, message, &mark).await {
                Ok(()) => {}
                Err(SlackError::Gone) => warn!("a message could not be edited: it is gone"),
                Err(error) => refused = Some(only_refusal(error)?),
            }
        }
        if let Some(code) = refused {
            return Err(SlackError::Refused(code));
        }
        match edited.first() {
            Some((place, ts)) => reply_once(api, round, place, ts, &home, outcome, message).await,
            None => Ok(()),
        }
    }

    /// Slack refuses the channel: the fallback channel hears of it. What can never be told ends nevertheless, with an
    /// error for the operator, or its clock would tick for ever.
    async fn show_elsewhere(
        &self,
        round: &Round,
        home: &Channel,
        outcome: Outcome,
        message: &SlackMessage,
        code: String,
    ) -> Result<(), Undelivered> {
        error!(slack.error = code, "Slack refuses a channel that should show how a review ended; an operator must act");
        let fallback = self.fallback.as_deref().filter(|name| Channel::Slack((*name).to_owned()) != *home);
        match fallback.map(|name| self.place(name)).transpose()? {
            Some(Place::Bot { api, channel }) => {
                let mark = Mark::of(round, home, content::word(Purpose::Outcome, Some(outcome)));
                if api.find(channel, round.opened_at(), None, &mark).await?.is_none() {
                    api.post(channel, None, message, &mark).await?;
                }
                Ok(())
            }
            Some(Place::Webhook { address }) => Ok(self.post_by_webhook(address, message).await?),
            None if recorded(round, home).is_empty() || is_long_closed(round) => Ok(()),
            None => Err(Undelivered::Refused(code)),
        }
    }
}

/// The messages that asked, as the ledger knows them.
fn recorded(round: &Round, home: &Channel) -> BTreeSet<(String, String)> {
    let Channel::Slack(name) = home else { return BTreeSet::new() };
    let receipts = round.events.iter().filter_map(|entry| match &entry.event {
        // A reminder in the thread decides nothing, and is history.
        Event::Notified { channel, purpose: Purpose::Request | Purpose::Escalation, receipt } if channel == home => {
            receipt.as_deref()
        }
        _ => None,
    });
    let places = receipts.map(|receipt| split_receipt(name, receipt)).filter(|(_, ts)| *ts != WEBHOOK_RECEIPT);
    places.map(|(place, ts)| (place.to_owned(), ts.to_owned())).collect()
}

fn nothing_was_asked(round: &Round, home: &Channel) -> bool {
    round.receipt(home, Purpose::Request).is_none_or(|receipt| receipt.is_none())
        && round.receipt(home, Purpose::Escalation).is_none_or(|receipt| receipt.is_none())
}

fn is_long_closed(round: &Round) -> bool {
    round.closing().is_some_and(|(_, at)| now().duration_since(at) > GIVE_UP_AFTER)
}

fn is_outcome(mark: &Mark) -> bool {
    mark.purpose.starts_with("outcome")
}

fn only_refusal(error: SlackError) -> Result<String, SlackError> {
    match error {
        SlackError::Refused(code) => Ok(code),
        other => Err(other),
    }
}

/// An edit wakes nobody; a reply in the thread reaches who follows it.
async fn reply_once(
    api: &Api,
    round: &Round,
    place: &str,
    ts: &str,
    home: &Channel,
    outcome: Outcome,
    message: &SlackMessage,
) -> Result<(), SlackError> {
    let mark = Mark::of(round, home, content::word(Purpose::Outcome, Some(outcome)));
    let found = match api.find(place, round.opened_at(), Some(ts), &mark).await {
        // Whoever deleted the question wants no answer to it.
        Err(SlackError::Gone) => return Ok(()),
        found => found?,
    };
    if found.is_none() {
        api.post(place, Some(ts), &blocks::line(&message.text), &mark).await?;
    }
    Ok(())
}
