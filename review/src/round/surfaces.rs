//! What each channel was told and shows now, and whether that is still true.

use super::{Event, Newer, Round};
use crate::{Channel, Outcome, Purpose};

impl Round {
    /// The newer version that was seen last, of what this round is about.
    pub fn replaced_by(&self) -> Option<&Newer> {
        self.events.iter().rev().find_map(|entry| match &entry.event {
            Event::Replaced(newer) => Some(newer),
            _ => None,
        })
    }

    /// How many newer versions were noted.
    pub(crate) fn replacements(&self) -> usize {
        self.events.iter().filter(|entry| matches!(entry.event, Event::Replaced(_))).count()
    }

    /// How often the question has changed since it was put, as far as this channel has to say it: votes and newer versions
    /// in a message that can be edited; in mails, which cannot, only newer versions.
    pub fn changes_for(&self, channel: &Channel) -> u32 {
        let counted = |event: &Event| match channel {
            Channel::Slack(_) => matches!(event, Event::Vote { .. } | Event::Replaced(_)),
            Channel::Mail(_) => matches!(event, Event::Replaced(_)),
        };
        let changes = self.events.iter().filter(|entry| counted(&entry.event)).count();
        u32::try_from(changes).unwrap_or(u32::MAX)
    }

    /// Whether a question stands in this channel, as far as the ledger knows.
    pub fn is_asked_in(&self, channel: &Channel) -> bool {
        self.events.iter().any(|entry| match &entry.event {
            Event::Notified { channel: to, purpose, receipt } => {
                let asks = matches!(purpose, Purpose::Request | Purpose::Reminder(_) | Purpose::Escalation);
                asks && to == channel && receipt.is_some()
            }
            _ => false,
        })
    }

    /// Whether a channel was asked, but in digests only: without a message of its own while the round was open.
    pub fn is_in_digests_only(&self, channel: &Channel) -> bool {
        let mut while_open = self.events.iter().take_while(|entry| self.closing_by(&entry.event).is_none());
        let is_left = |event: &Event| matches!(event, Event::Notified { channel: to, purpose: Purpose::Request | Purpose::Escalation, receipt: None } if to == channel);
        while_open.any(|entry| is_left(&entry.event)) && !self.is_asked_in(channel)
    }

    /// Whether it is noted that such a notice could not be delivered.
    pub fn is_undelivered(&self, to: &Channel, what_for: Purpose) -> bool {
        self.events.iter().any(|entry| {
            matches!(&entry.event, Event::Undelivered { channel, purpose, .. } if channel == to && *purpose == what_for)
        })
    }

    /// The receipt of the message that was sent to a channel; `Some(None)` where nothing had to be sent any more.
    pub fn receipt(&self, to: &Channel, what_for: Purpose) -> Option<Option<&str>> {
        self.events.iter().find_map(|entry| match &entry.event {
            Event::Notified { channel, purpose, receipt } if channel == to && *purpose == what_for => {
                Some(receipt.as_deref())
            }
            _ => None,
        })
    }

    /// What a channel finally shows.
    pub fn said(&self, to: &Channel) -> Option<Outcome> {
        self.events.iter().rev().find_map(|entry| match &entry.event {
            Event::NoticeFinal { channel, says, .. } if channel == to => Some(*says),
            _ => None,
        })
    }

    /// Everyone who is asked from the start: the route's Slack channels, and the reviewers with an address.
    pub fn asked(&self) -> impl Iterator<Item = Channel> {
        let mails = self.route.reviewers.iter().filter_map(|reviewer| reviewer.mail.clone());
        self.route.slack.iter().cloned().map(Channel::Slack).chain(mails.map(Channel::Mail))
    }

    /// Everyone who must hear the outcome: who is asked, may be woken, or is only told.
    ///
    /// Who may be woken belongs to it from the start: a slow tick may queue the escalation after the round was closed, and
    /// its buttons must not outlive the clock message. Where nothing was posted there is nothing to edit.
    pub fn told(&self) -> Vec<Channel> {
        let woken = self.route.escalate.iter().flat_map(|escalation| escalation.slack.iter().cloned());
        let told = self.route.tell.iter().cloned();
        let mut channels: Vec<_> =
            self.asked().chain(woken.map(Channel::Slack)).chain(told.map(Channel::Mail)).collect();
        channels.sort();
        channels.dedup();
        channels
    }

    /// Whether nothing is left to do: closed, resolved or not applied, and every channel shows the present outcome.
    pub fn is_finished(&self) -> bool {
        let Some(outcome) = self.outcome() else { return false };
        self.resolved().is_some() && self.told().iter().all(|channel| self.said(channel) == Some(outcome))
    }
}
