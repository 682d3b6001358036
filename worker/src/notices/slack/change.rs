//! A question that stands otherwise than when it was put: a vote that did not decide, a newer version. It is edited where
//! it stands, buttons and all; an edit wakes nobody.

use holdpoint_review::{Channel, Purpose, Round};
use tracing::warn;

use super::{
    INSTEAD, Place, SlackDesk, WEBHOOK_RECEIPT,
    api::{Mark, SlackError},
    questions,
};
use crate::notices::{
    Undelivered, blocks,
    content::{self, Asking},
};

impl SlackDesk {
    /// Puts what is true now in the place of each question that was put to a channel. Harmless when repeated.
    pub(crate) async fn show_change(&self, round: &Round, home: &Channel) -> Result<(), Undelivered> {
        for (purpose, (place, ts)) in questions(round, home).filter(|(_, (_, ts))| *ts != WEBHOOK_RECEIPT) {
            match self.put_again(round, home, purpose, place, ts).await {
                Ok(()) => {}
                Err(SlackError::Gone) => warn!("a question could not be edited: it is gone"),
                Err(SlackError::Rejected(code)) => {
                    warn!(slack.error = code, "a question cannot be edited; its page says how it stands");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn put_again(
        &self,
        round: &Round,
        home: &Channel,
        purpose: Purpose,
        place: &str,
        ts: &str,
    ) -> Result<(), SlackError> {
        // A channel that was served by the bot when it was asked, and is by a webhook now.
        let Place::Bot { api, channel } = self.place(place)? else { return Ok(()) };
        let here = Channel::Slack(place.to_owned());
        let mut asking = Asking::of(round, purpose, &self.environment);
        if here != *home {
            asking.lead = Some(INSTEAD);
        }
        let decides = here == *home && !matches!(purpose, Purpose::Reminder(_));
        let message = blocks::asking(&asking, &self.links.for_channel(round, &here), decides);
        api.update(channel, ts, &message, &Mark::of(round, home, content::word(purpose, None))).await
    }
}
