//! Which notices a round still owes: each is owed until the ledger says that it was dealt with.

use jiff::{SignedDuration, Timestamp};

use crate::{Channel, Notice, Purpose, Round};

pub(super) fn missing_requests(round: &Round) -> impl Iterator<Item = Notice> {
    let missing = round.asked().filter(|channel| round.receipt(channel, Purpose::Request).is_none());
    missing.map(|channel| notice(round, channel, Purpose::Request))
}

/// The latest reminder that is due (earlier ones are not made up for), and the escalation.
pub(super) fn due_reminders(round: &Round, now: Timestamp) -> impl Iterator<Item = Notice> {
    let open_for = now.duration_since(round.opened_at());
    let due =
        (0u32..).zip(&round.route.remind_after).filter(|(_, after)| SignedDuration::from(**after) <= open_for).last();
    let reminders = due.into_iter().flat_map(move |(number, _)| {
        let purpose = Purpose::Reminder(number);
        round.asked().filter(move |to| round.receipt(to, purpose).is_none()).map(move |to| notice(round, to, purpose))
    });
    let woken =
        round.route.escalate.iter().filter(move |escalation| SignedDuration::from(escalation.after) <= open_for);
    let channels = woken.flat_map(|escalation| escalation.slack.iter().cloned().map(Channel::Slack));
    let escalations = channels
        .filter(|channel| round.receipt(channel, Purpose::Escalation).is_none())
        .map(|channel| notice(round, channel, Purpose::Escalation));
    reminders.chain(escalations)
}

/// Channels whose question does not say yet how it stands since the latest vote or newer version.
pub(super) fn missing_changes(round: &Round) -> impl Iterator<Item = Notice> {
    let channels = round.told().into_iter().filter(|channel| round.is_asked_in(channel));
    let changed = channels.map(|channel| (Purpose::Change(round.changes_for(&channel)), channel));
    let missing = changed
        .filter(|(purpose, channel)| *purpose != Purpose::Change(0) && round.receipt(channel, *purpose).is_none());
    missing.map(|(purpose, channel)| notice(round, channel, purpose))
}

pub(super) fn missing_outcomes(round: &Round) -> impl Iterator<Item = Notice> {
    let outcome = round.outcome();
    let missing = round.told().into_iter().filter(move |channel| round.said(channel) != outcome);
    missing.map(|channel| notice(round, channel, Purpose::Outcome))
}

fn notice(round: &Round, channel: Channel, purpose: Purpose) -> Notice {
    let says = if purpose == Purpose::Outcome { round.outcome() } else { None };
    Notice { review_id: round.review_id.clone(), round: round.round, channel, purpose, says }
}
