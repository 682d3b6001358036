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
    /// Pressed a button in Slack as a member of another workspace, with which a channel is shared.
    Outsider {
        /// `U…`.
        user: String,
    },
    /// An operator at the command line decides in the name of the reviewer whom the route calls so.
    InNameOf(String),
}

/// How somebody came to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A personal link, or a login at the load balancer.
    Personal,
    /// A link that was posted in a channel.
    ChannelLink,
    /// A button in Slack.
    Slack,
    /// An operator's command.
    Command,
}

impl Way {
    /// The short name used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal link or login",
            Self::ChannelLink => "channel link",
            Self::Slack => "slack",
            Self::Command => "command",
        }
    }
}

impl Who {
    /// How they came.
    pub fn way(&self) -> Way {
        match self {
            Self::MailOwner(_) => Way::Personal,
            Self::ChannelMember(_) => Way::ChannelLink,
            Self::SlackUser { .. } | Self::Outsider { .. } => Way::Slack,
            Self::InNameOf(_) => Way::Command,
        }
    }

    /// As the ledger names somebody who may not decide; an address there is no secret, the route has them too.
    pub(crate) fn in_ledger(&self) -> String {
        match self {
            Self::MailOwner(address) => address.clone(),
            Self::InNameOf(name) => format!("an operator in the name of {name}"),
            Self::ChannelMember(channel) => anybody_in(channel),
            Self::SlackUser { user, .. } => format!("<@{user}>"),
            Self::Outsider { user } => format!("<@{user}> of another workspace"),
        }
    }
}

/// Someone with the right to decide, and how they came. Two votes with one id are one person's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voter {
    /// Same for the same person through whatever channel.
    pub id: String,
    /// As shown on every surface.
    pub name: String,
    /// How they came; none in a vote that an earlier version took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
}

/// Why somebody may not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NotAllowed {
    /// Not on the list, or not identified where the route asks for named reviewers.
    #[error("only the reviewers named for this dataset may decide")]
    NotAReviewer,
    /// Four eyes: the submitter may not decide.
    #[error("whoever submitted the data may not decide on it")]
    Submitter,
    /// A member of another Slack workspace.
    #[error("only members of our own workspace may decide")]
    AnotherWorkspace,
}

/// The one rule for rights.
///
/// # Errors
/// [`NotAllowed`] is told to the person in private; nothing else changes.
pub fn may_decide(route: &Route, request: &ReviewRequest, who: &Who) -> Result<Voter, NotAllowed> {
    let (id, name) = match (named_reviewer(route, who), who) {
        (Some(reviewer), _) => {
            if is_submitter(request, reviewer) {
                return Err(NotAllowed::Submitter);
            }
            (format!("reviewer:{}", reviewer.name), reviewer.name.clone())
        }
        (None, Who::Outsider { .. }) => return Err(NotAllowed::AnotherWorkspace),
        (None, Who::MailOwner(_) | Who::InNameOf(_)) => return Err(NotAllowed::NotAReviewer),
        (None, _) if route.named_only => return Err(NotAllowed::NotAReviewer),
        // A channel's link says that somebody is a member, not who: it cannot tell the submitter from the others, nor two
        // voters from one.
        (None, Who::ChannelMember(_)) if request.submitter.is_some() || route.quorum > 1 => {
            return Err(NotAllowed::NotAReviewer);
        }
        (None, Who::ChannelMember(channel)) => (format!("channel:{}", channel.id()), anybody_in(channel)),
        (None, Who::SlackUser { user, channel }) => {
            let was_asked = route.slack.contains(channel) || is_escalated_to(route, channel);
            match request.submitter.as_deref() {
                Some(submitter) if submitter == user => return Err(NotAllowed::Submitter),
                // Only the Slack id of this person is known, which says nothing against a name or an address.
                Some(submitter) if !is_slack_id(submitter) => return Err(NotAllowed::NotAReviewer),
                _ if !was_asked => return Err(NotAllowed::NotAReviewer),
                _ => {}
            }
            (format!("slack:{user}"), format!("<@{user}>"))
        }
    };
    Ok(Voter { id, name, way: Some(who.way()) })
}

fn is_slack_id(name: &str) -> bool {
    name.starts_with(['U', 'W']) && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn named_reviewer<'a>(route: &'a Route, who: &Who) -> Option<&'a Reviewer> {
    route.reviewers.iter().find(|reviewer| match who {
        Who::MailOwner(address) => reviewer.mail.as_ref().is_some_and(|mail| mail.eq_ignore_ascii_case(address)),
        Who::SlackUser { user, .. } => reviewer.slack.as_ref() == Some(user),
        Who::InNameOf(name) => reviewer.name == *name,
        Who::ChannelMember(_) | Who::Outsider { .. } => false,
    })
}

fn is_submitter(request: &ReviewRequest, reviewer: &Reviewer) -> bool {
    let names = [Some(&reviewer.name), reviewer.mail.as_ref(), reviewer.slack.as_ref()];
    let is_named = |submitter: &String| names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(submitter));
    request.submitter.as_ref().is_some_and(is_named)
}

fn is_escalated_to(route: &Route, channel: &str) -> bool {
    route.escalate.as_ref().is_some_and(|escalation| escalation.slack.iter().any(|name| name == channel))
}

/// A channel link proves membership and nothing more, so that all its holders count as one.
fn anybody_in(channel: &Channel) -> String {
    match channel {
        Channel::Slack(name) => format!("a member of {name}"),
        Channel::Mail(_) => "a holder of the link".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Routes, trial};

    const ROUTES: &str = r#"
        [[reviewer]]
        name = "dana"
        mail = "Dana@example.com"
        slack = "U1"

        [[route]]
        slack = ["C1"]
        reviewers = ["dana"]
    "#;

    fn request(submitter: Option<&str>) -> ReviewRequest {
        ReviewRequest { submitter: submitter.map(str::to_owned), ..trial::request() }
    }

    fn ask(routes: &str, submitter: Option<&str>, who: &Who) -> Result<String, NotAllowed> {
        let request = request(submitter);
        let routes = Routes::parse(routes).unwrap();
        may_decide(routes.for_request(&request).unwrap(), &request, who).map(|voter| voter.id)
    }

    fn slack(user: &str) -> Who {
        Who::SlackUser { user: user.into(), channel: "C1".into() }
    }

    fn member() -> Who {
        Who::ChannelMember(Channel::Slack("C1".into()))
    }

    #[test]
    fn one_person_is_one_voter_through_whatever_channel() {
        let mailed = ask(ROUTES, None, &Who::MailOwner("dana@example.com".into()));
        assert_eq!(mailed, Ok("reviewer:dana".to_owned()));
        assert_eq!(ask(ROUTES, None, &slack("U1")), mailed);
    }

    #[test]
    fn an_operator_decides_as_the_one_reviewer_of_that_name_and_the_vote_says_so() {
        let shared =
            ROUTES.replace("[[route]]", "[[reviewer]]\nname = \"lee\"\nmail = \"dana@example.com\"\n[[route]]");
        let shared = shared.replace(r#"["dana"]"#, r#"["dana", "lee"]"#);
        let route = Routes::parse(&shared).unwrap().for_request(&request(None)).unwrap().clone();
        let voter = may_decide(&route, &request(None), &Who::InNameOf("lee".into())).unwrap();
        assert_eq!((voter.name.as_str(), voter.way), ("lee", Some(Way::Command)), "not who has the same address");
        assert_eq!(ask(ROUTES, None, &Who::InNameOf("eve".into())), Err(NotAllowed::NotAReviewer));
        assert_eq!(ask(ROUTES, Some("U1"), &Who::InNameOf("dana".into())), Err(NotAllowed::Submitter));
    }

    #[test]
    fn a_vote_that_an_earlier_version_took_can_be_read() {
        let voter: Voter = serde_json::from_str(r#"{ "id": "reviewer:dana", "name": "dana" }"#).unwrap();
        assert_eq!(voter.way, None);
    }

    #[test]
    fn the_submitter_decides_through_no_door() {
        for submitter in ["dana", "DANA@example.com", "U1"] {
            assert_eq!(ask(ROUTES, Some(submitter), &slack("U1")), Err(NotAllowed::Submitter), "{submitter}");
            assert_eq!(ask(ROUTES, Some(submitter), &member()), Err(NotAllowed::NotAReviewer), "{submitter}");
        }
        assert_eq!(ask(ROUTES, Some("U9"), &slack("U9")), Err(NotAllowed::Submitter));
        assert_eq!(ask(ROUTES, Some("lee@example.com"), &slack("U9")), Err(NotAllowed::NotAReviewer), "could be lee");
        assert_eq!(ask(ROUTES, Some("U8"), &slack("U9")), Ok("slack:U9".to_owned()));
    }

    #[test]
    fn b24_a_member_of_another_workspace_decides_nowhere_even_under_a_reviewers_id() {
        let outsider = Who::Outsider { user: "U1".into() };
        assert_eq!(ask(ROUTES, None, &outsider), Err(NotAllowed::AnotherWorkspace));
        assert_eq!(ask("[[route]]\nslack = ['C1']", None, &outsider), Err(NotAllowed::AnotherWorkspace));
    }

    #[test]
    fn a_channels_link_counts_where_it_is_all_that_is_asked_for() {
        let quorum = ROUTES.replace("reviewers", "quorum = 2\n        reviewers");
        let named = ROUTES.replace("reviewers", "named_only = true\n        reviewers");
        assert!(ask(ROUTES, None, &member()).is_ok());
        assert_eq!(ask(&quorum, None, &member()), Err(NotAllowed::NotAReviewer), "it cannot tell two people from one");
        assert_eq!(ask(&named, None, &member()), Err(NotAllowed::NotAReviewer));
        assert_eq!(ask(&named, None, &slack("U9")), Err(NotAllowed::NotAReviewer));
    }
}
