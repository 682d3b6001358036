//! What happened to a round so far, for people: who was asked, who said what. The ledger has more, for operators.

use holdpoint_review::{Channel, Event, Purpose, Round, Verdict, Way, words};
use maud::{Markup, html};

use super::time;

pub(super) fn section(round: &Round) -> Markup {
    let told: Vec<_> = round.events.iter().filter_map(|entry| Some((entry.at, told(round, &entry.event)?))).collect();
    html! {
        @if !told.is_empty() {
            details {
                summary { "What happened so far" }
                ul.items { @for (at, text) in told { li { p { span.soft { (time(at)) } " " span.value { (text) } } } } }
            }
        }
    }
}

fn told(round: &Round, event: &Event) -> Option<String> {
    Some(match event {
        Event::Notified { channel, purpose, receipt: Some(_) } => {
            let what = match purpose {
                Purpose::Request => "asked",
                Purpose::Reminder(_) => "reminded",
                Purpose::Escalation => "asked, because nobody had decided",
                Purpose::Digest(_) | Purpose::Change(_) | Purpose::Link(_) | Purpose::Outcome => return None,
            };
            format!("{} was {what}", place(round, channel))
        }
        Event::Vote { voter, verdict, decides, .. } => {
            let name = words::without_mentions(&words::visible(&voter.name, 80));
            let verdict = if *verdict == Verdict::Approve { "approved" } else { "rejected" };
            let how = if voter.way == Some(Way::Command) { " by an operator's command" } else { "" };
            format!("{name} {verdict} it{how}{}", if *decides { ", which decided" } else { "" })
        }
        Event::Replaced(_) => "a newer version was delivered".to_owned(),
        Event::Refused { .. } => "somebody without the right to it wanted to decide, and was refused".to_owned(),
        Event::Undelivered { channel, .. } => format!("{} could not be reached", place(round, channel)),
        Event::Expired => "the deadline passed".to_owned(),
        Event::Withdrawn => "the workflow asked no more".to_owned(),
        Event::Resolved { applied: true } => "the workflow heard it".to_owned(),
        Event::Resolved { applied: false } => "the workflow had ended already".to_owned(),
        _ => return None,
    })
}

/// Nobody's address: a reviewer by name, a channel by what Slack calls it.
fn place(round: &Round, channel: &Channel) -> String {
    match channel {
        Channel::Slack(name) => format!("Slack {}", words::visible(name, 80)),
        Channel::Mail(address) => {
            let reviewer = round.route.reviewers.iter().find(|reviewer| reviewer.mail.as_ref() == Some(address));
            reviewer.map_or_else(|| "somebody by mail".to_owned(), |reviewer| words::visible(&reviewer.name, 80))
        }
    }
}
