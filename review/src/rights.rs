//! Who may decide: allow-list and four eyes in one function, called on every path (page, mail link, Slack).

use serde::{Deserialize, Serialize};

use crate::{Channel, ReviewRequest, Reviewer, Route};

/// Who stands before us, as far as the path proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Holds a personal link that was mailed to this address.
    MailOwner(String),
    /// Holds a link that was posted in this channel.
    ChannelMember(Channel),
    /// Pressed a button in Slack; Slack vouches for the user id and the channel.
    SlackUser {
        /// `U…`.
        user: String,
        /// `C…`.
        channel: String,
    },
}

/// Someone with the right to decide. Two votes with one id are one person's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voter {
    /// Same for the same person through whatever channel.
    pub id: String,
    /// As shown on every surface.
    pub name: String,
}

/// Why somebody may not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Not on the list, or not identified where the route asks for named reviewers.
    #[error("only the reviewers named for this dataset may decide")]
    NotAReviewer,
    /// Four eyes: the submitter may not decide.
    #[error("whoever submitted the data may not decide on it")]
    Submitter,
}

/// The one rule for rights.
///
/// # Errors
/// [`NotAllowed`] is told to the person in private; nothing else changes.
pub fn may_decide(route: &Route, request: &ReviewRequest, who: &Who) -> Result<Voter, NotAllowed> {
    let voter = match (named_reviewer(route, who), who) {
        (Some(reviewer), _) => {
            if is_submitter(request, reviewer) {
                return Err(NotAllowed::Submitter);
            }
            Voter { id: format!("reviewer:{}", reviewer.name), name: reviewer.name.clone() }
        }
        (None, Who::MailOwner(_)) => return Err(NotAllowed::NotAReviewer),
        (None, _) if route.named_only => return Err(NotAllowed::NotAReviewer),
        (None, Who::ChannelMember(channel)) => anybody_in(channel),
        (None, Who::SlackUser { user, channel }) => {
            if !route.slack.contains(channel) && !is_escalated_to(route, channel) {
                return Err(NotAllowed::NotAReviewer);
            }
            Voter { id: format!("slack:{user}"), name: format!("<@{user}>") }
        }
    };
    match &request.submitter {
        Some(submitter) if voter.id.split_once(':').is_some_and(|(_, id)| id == submitter) => {
            Err(NotAllowed::Submitter)
        }
        _ => Ok(voter),
    }
}

fn named_reviewer<'a>(route: &'a Route, who: &Who) -> Option<&'a Reviewer> {
    route.reviewers.iter().find(|reviewer| match who {
        Who::MailOwner(address) => reviewer.mail.as_ref() == Some(address),
        Who::SlackUser { user, .. } => reviewer.slack.as_ref() == Some(user),
        Who::ChannelMember(_) => false,
    })
}

fn is_submitter(request: &ReviewRequest, reviewer: &Reviewer) -> bool {
    let names = [Some(&reviewer.name), reviewer.mail.as_ref(), reviewer.slack.as_ref()];
    request.submitter.is_some() && names.contains(&request.submitter.as_ref())
}

fn is_escalated_to(route: &Route, channel: &str) -> bool {
    route.escalate.as_ref().is_some_and(|escalation| escalation.slack.iter().any(|name| name == channel))
}

/// A channel link proves membership and nothing more, so that all its holders count as one.
fn anybody_in(channel: &Channel) -> Voter {
    let name = match channel {
        Channel::Slack(name) => format!("a member of {name}"),
        Channel::Mail(_) => "a holder of the link".to_owned(),
    };
    Voter { id: format!("channel:{}", channel.id()), name }
}
