//! One round: what was asked, and the ledger's list of what happened, in words. Never its token.

use std::io::Write;

use holdpoint_review::{Channel, Event, Purpose, Round, Verdict, words};

use super::OperationError;

pub(super) fn show(round: &Round, out: &mut impl Write) -> Result<(), OperationError> {
    let request = &round.request;
    writeln!(out, "{}", words::visible(&request.title, 300))?;
    writeln!(out, "review {}, round {}, key {}", round.review_id, round.round, words::visible(&request.key, 256))?;
    writeln!(out, "execution {}", words::visible(&round.visit().execution, 300))?;
    if let Some(measure) = &request.measure {
        writeln!(out, "{}", words::measure(measure))?;
    }
    for finding in &request.findings {
        writeln!(out, "  {}: {}", finding.share, words::visible(&finding.text, 300))?;
    }
    for entry in &round.events {
        writeln!(out, "{}  {}", words::moment(entry.at), told(&entry.event))?;
    }
    writeln!(out, "{}", stands(round))?;
    Ok(())
}

/// How it stands, in one sentence.
pub(super) fn stands(round: &Round) -> String {
    let open =
        || [words::progress(round), Some(words::if_nobody(round))].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let ended =
        words::outcome(round).map(|outcome| format!("{outcome} {}", words::delivery(round).unwrap_or_default()));
    ended.map_or_else(|| format!("Open. {}", open()), |ended| ended.trim_end().to_owned())
}

fn told(event: &Event) -> String {
    match event {
        Event::TokenReceived { fingerprint, generation, .. } => {
            format!("task token {fingerprint}, generation {generation}")
        }
        Event::ClockRenewed { generation } => format!("clock renewed, generation {generation}"),
        Event::Notified { channel, purpose, receipt: Some(_) } => {
            format!("{} sent to {}", what(*purpose), place(channel))
        }
        Event::Notified { channel, purpose, receipt: None } => {
            format!("{} for {}: no message of its own", what(*purpose), place(channel))
        }
        Event::Vote { voter, verdict, reason, decides } => {
            let verdict = if *verdict == Verdict::Approve { "approved" } else { "rejected" };
            let reason = reason.as_deref().map(|text| format!(": {}", words::visible(text, 2_000))).unwrap_or_default();
            let decides = if *decides { ", which decides" } else { "" };
            let name = words::visible(&words::without_mentions(&voter.name), 80);
            let way = voter.way.map(|way| format!(" ({})", way.as_str())).unwrap_or_default();
            format!("{verdict} by {name}{way}{decides}{reason}")
        }
        Event::Expired => "expired".to_owned(),
        Event::Withdrawn => "withdrawn: the workflow asks no more".to_owned(),
        Event::Replaced(newer) => format!("replaced by push {} (review {}, if it is held)", newer.push, newer.review),
        Event::Refused { who, why } => {
            format!("refused: {} – {why}", words::visible(&words::without_mentions(who), 80))
        }
        Event::Undelivered { channel, purpose, reason } => {
            format!("{} for {} not delivered, in the dead letters: {reason}", what(*purpose), place(channel))
        }
        Event::Resolved { applied: true } => "the workflow heard it".to_owned(),
        Event::Resolved { applied: false } => "not applied: the workflow had ended".to_owned(),
        Event::NoticeFinal { channel, says, .. } => format!("{} shows: {}", place(channel), says.as_str()),
    }
}

/// A purpose in words.
pub(super) fn what(purpose: Purpose) -> String {
    match purpose {
        Purpose::Request => "request".to_owned(),
        Purpose::Reminder(_) => "reminder".to_owned(),
        Purpose::Escalation => "escalation".to_owned(),
        Purpose::Digest(_) => "digest".to_owned(),
        Purpose::Change(number) => format!("change {number}"),
        Purpose::Link(_) => "link".to_owned(),
        Purpose::Outcome => "outcome".to_owned(),
    }
}

/// A channel in words; an operator may see addresses.
pub(super) fn place(channel: &Channel) -> String {
    match channel {
        Channel::Slack(name) => format!("Slack {}", words::visible(name, 80)),
        Channel::Mail(address) => words::visible(address, 80),
    }
}
