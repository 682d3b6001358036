//! Every end edits: the question, wherever it stands, is replaced by how it ended, and its thread says so.
//!
//! Where each question stands is recorded; only where that is not known, since it may have been posted and never recorded,
//! is the channel searched. What Slack lets nobody edit keeps its buttons, which are refused: its thread says how it ended,
//! an operator hears of it, and the ledger says so.

use std::collections::BTreeSet;

use holdpoint_platform::now;
use holdpoint_review::{Channel, Outcome, Purpose, Round};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, warn};

use super::{
    Place, SlackDesk, WEBHOOK_RECEIPT,
    api::{Api, CLOCKS_DIFFER_BY, Mark, SlackError},
    posted_from, questions,
};
use crate::notices::{
    Undelivered,
    blocks::{self, SlackMessage},
    content::{self, Ended},
};

/// A channel that refuses us for so long is told no more: the buttons there are refused anyway.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// What is to be shown, of which round, to whom.
struct End<'a> {
    round: &'a Round,
    home: Channel,
    outcome: Outcome,
    message: SlackMessage,
    /// It was told just now, and only edits are to be repeated.
    is_posted: bool,
}

/// A question's channel and `ts`; for one that went through a webhook, its name and [`WEBHOOK_RECEIPT`].
type Spot = (String, String);

impl SlackDesk {
    /// Makes a channel show how a round ended; whether a question there could not be edited, and only its thread says it.
    /// `is_posted`: this outcome was told just now, and only edits are to be repeated.
    pub(crate) async fn show_outcome(&self, round: &Round, name: &str, is_posted: bool) -> Result<bool, Undelivered> {
        let home = Channel::Slack(name.to_owned());
        let (Some(ended), Some(outcome)) = (Ended::of(round, &self.environment), round.outcome()) else {
            return Ok(false);
        };
        let message = blocks::ended(&ended, round, &self.links.for_channel(round, &home));
        let end = End { round, home, outcome, message, is_posted };
        match self.show_where_asked(&end, name).await {
            Err(error @ (SlackError::Refused(_) | SlackError::Rejected(_))) => {
                self.show_elsewhere(&end, error).await?;
                Ok(false)
            }
            other => Ok(other?),
        }
    }

    async fn show_where_asked(&self, end: &End<'_>, name: &str) -> Result<bool, SlackError> {
        let mut refused = None;
        let mut spots = recorded(end.round, &end.home);
        if let (Place::Bot { api, channel }, Some(since)) = (self.place(name)?, unrecorded_since(end.round, name)) {
            match api.look_back(channel, since, None).await {
                Ok(found) => {
                    let asks = found.into_iter().filter(|found| end.is_asked_by(&found.mark));
                    spots.extend(asks.map(|found| (channel.to_owned(), found.ts)));
                }
                Err(error) => refused = Some(only_refusal(error)?),
            }
        }
        let (webhooks, messages): (Vec<_>, Vec<_>) = spots.into_iter().partition(|(_, ts)| ts == WEBHOOK_RECEIPT);
        let mut stuck = Vec::new();
        for (place, ts) in &messages {
            match self.edit(end, place, ts).await {
                Ok(()) => {}
                Err(SlackError::Gone) => warn!("a message could not be edited: it is gone"),
                Err(SlackError::Rejected(code)) => {
                    error!(slack.error = code, "a question cannot be edited: its buttons stay, and are refused");
                    stuck.push((place, ts));
                }
                Err(error) => refused = Some(only_refusal(error)?),
            }
        }
        if let Some(error) = refused {
            return Err(error);
        }
        let first = messages.first().map(|(place, ts)| (place, ts));
        for (place, ts) in first.into_iter().chain(stuck.iter().copied().filter(|spot| Some(*spot) != first)) {
            self.reply_once(end, place, ts).await?;
        }
        for (place, _) in webhooks {
            if let (Place::Webhook { address }, false) = (self.place(&place)?, end.is_posted) {
                self.post_by_webhook(address, &end.message).await?;
            }
        }
        Ok(!stuck.is_empty())
    }

    async fn edit(&self, end: &End<'_>, place: &str, ts: &str) -> Result<(), SlackError> {
        match self.place(place)? {
            Place::Bot { api, channel } => api.update(channel, ts, &end.message, &end.question()).await,
            // A channel that was served by the bot when it was asked.
            Place::Webhook { .. } => Err(SlackError::Rejected("a webhook edits nothing".to_owned())),
        }
    }

    /// An edit wakes nobody; a reply in the thread reaches who follows it.
    async fn reply_once(&self, end: &End<'_>, place: &str, ts: &str) -> Result<(), SlackError> {
        let Place::Bot { api, channel } = self.place(place)? else { return Ok(()) };
        match end.find_told(api, channel, Some(ts)).await {
            // Whoever deleted the question wants no answer to it.
            Err(SlackError::Gone) | Ok(true) => Ok(()),
            Ok(false) => {
                let line = blocks::line(&end.message.text);
                api.post(channel, Some(ts), &line, &end.mark()).await.map(drop)
            }
            Err(error) => Err(error),
        }
    }

    /// Slack refuses the channel, or will not have the message: the fallback channel hears of it. What can never be told
    /// ends nevertheless, with an error for the operator, or its clock would tick for ever.
    async fn show_elsewhere(&self, end: &End<'_>, refused: SlackError) -> Result<(), Undelivered> {
        error!(
            error = &refused as &dyn std::error::Error,
            "a Slack channel cannot be shown how a review ended; an operator must act"
        );
        let fallback = self.fallback.as_deref().filter(|name| Channel::Slack((*name).to_owned()) != end.home);
        let told = match fallback {
            Some(name) => self.tell_in(end, name).await,
            None => Err(refused),
        };
        match told {
            Err(SlackError::Rejected(_)) => Ok(()),
            Err(SlackError::Refused(_)) if recorded(end.round, &end.home).is_empty() || end.is_long_over() => Ok(()),
            other => Ok(other?),
        }
    }

    async fn tell_in(&self, end: &End<'_>, name: &str) -> Result<(), SlackError> {
        match self.place(name)? {
            Place::Webhook { .. } if end.is_posted => Ok(()),
            Place::Webhook { address } => self.post_by_webhook(address, &end.message).await,
            Place::Bot { api, channel } if end.find_told(api, channel, None).await? => Ok(()),
            Place::Bot { api, channel } => api.post(channel, None, &end.message, &end.mark()).await.map(drop),
        }
    }
}

impl End<'_> {
    fn mark(&self) -> Mark {
        Mark::of(self.round, &self.home, content::word(Purpose::Outcome, Some(self.outcome)))
    }

    /// What an edited question is marked with.
    fn question(&self) -> Mark {
        Mark::of(self.round, &self.home, content::word(Purpose::Request, None))
    }

    fn is_asked_by(&self, mark: &Mark) -> bool {
        let asks = ["outcome", "digest"].iter().all(|word| !mark.purpose.starts_with(word));
        mark.is_of(self.round, &self.home) && asks
    }

    async fn find_told(&self, api: &Api, channel: &str, thread: Option<&str>) -> Result<bool, SlackError> {
        let since = posted_from(self.round, Purpose::Outcome);
        Ok(api.find(channel, since, thread, &self.mark()).await?.is_some())
    }

    fn is_long_over(&self) -> bool {
        self.round.closing().is_some_and(|(_, at)| now().duration_since(at) > GIVE_UP_AFTER)
    }
}

/// The messages that asked, as the ledger knows them.
fn recorded(round: &Round, home: &Channel) -> BTreeSet<Spot> {
    questions(round, home).map(|(_, (place, ts))| (place.to_owned(), ts.to_owned())).collect()
}

/// Since when a question may stand in a channel without being recorded; none where each one's place is.
fn unrecorded_since(round: &Round, name: &str) -> Option<Timestamp> {
    let (_, closed_at) = round.closing()?;
    let channel = Channel::Slack(name.to_owned());
    let asked = round.route.slack.iter().any(|asked| asked == name).then_some(Purpose::Request);
    let woken = round.route.escalate.iter().any(|escalation| escalation.slack.iter().any(|woken| woken == name));
    let purposes = asked.into_iter().chain(woken.then_some(Purpose::Escalation));
    let unrecorded = purposes.filter(|purpose| round.receipt(&channel, *purpose).is_none());
    let since = unrecorded.map(|purpose| posted_from(round, purpose));
    // What was not due before the end was never posted.
    since.filter(|since| *since <= closed_at + CLOCKS_DIFFER_BY).min()
}

fn only_refusal(error: SlackError) -> Result<SlackError, SlackError> {
    match error {
        SlackError::Refused(_) | SlackError::Rejected(_) => Ok(error),
        other => Err(other),
    }
}
