//! Whether this worker can reach everybody whom a routes file names.
//!
//! Found out at start, not when the first review waits in vain: a channel needs its webhook or the bot's token, a reviewer's
//! address needs a mail server. Works on the file's text, because the rules of `holdpoint-review` ask for a route by request
//! and do not list them all.

use serde::Deserialize;

use crate::config::{Config, Webhooks};

/// What a worker can send with.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) slack_bot: bool,
    pub(crate) webhooks: Webhooks,
    pub(crate) mail: bool,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    reviewer: Vec<NamedReviewer>,
    #[serde(default)]
    route: Vec<NamedRoute>,
}

#[derive(Deserialize)]
struct NamedReviewer {
    name: String,
    mail: Option<String>,
}

#[derive(Deserialize)]
struct NamedRoute {
    #[serde(default)]
    slack: Vec<String>,
    #[serde(default)]
    reviewers: Vec<String>,
    #[serde(default)]
    tell: Vec<String>,
    escalate: Option<NamedEscalation>,
}

#[derive(Deserialize)]
struct NamedEscalation {
    #[serde(default)]
    slack: Vec<String>,
}

impl Reach {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            slack_bot: config.slack.bot_token.is_some(),
            webhooks: config.slack.webhooks.clone(),
            mail: config.mail.is_some(),
        }
    }

    /// A sentence on the first route that names somebody out of reach. The text has passed `Routes::parse` before.
    pub(crate) fn check(&self, text: &str) -> Result<(), String> {
        let named: Named = toml::from_str(text).map_err(|error| error.to_string())?;
        for (number, route) in (1..).zip(&named.route) {
            self.check_route(route, &named.reviewer).map_err(|problem| format!("route {number}: {problem}"))?;
        }
        Ok(())
    }

    fn check_route(&self, route: &NamedRoute, people: &[NamedReviewer]) -> Result<(), String> {
        let woken = route.escalate.iter().flat_map(|escalation| &escalation.slack);
        let unserved = |name: &&String| !self.slack_bot && self.webhooks.find(name).is_none();
        if let Some(name) = route.slack.iter().chain(woken).find(unserved) {
            return Err(format!(
                "nothing serves the Slack channel {name:?}; set HOLDPOINT_SLACK_BOT_TOKEN, or name its webhook in HOLDPOINT_SLACK_WEBHOOKS"
            ));
        }
        let has_address = |name: &String| people.iter().any(|person| person.name == *name && person.mail.is_some());
        if !self.mail && (!route.tell.is_empty() || route.reviewers.iter().any(has_address)) {
            return Err("it names people by mail address; set HOLDPOINT_SMTP_URL".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_named_must_be_reachable() {
        let check = |slack_bot, mail, text: &str| {
            Reach { slack_bot, webhooks: Webhooks::of("ops", "https://hooks.example.com/x"), mail }.check(text)
        };
        let people = "[[reviewer]]\nname='dana'\nmail='d@e'\n[[reviewer]]\nname='lee'\n";
        assert_eq!(check(false, false, "[[route]]\nslack=['ops']"), Ok(()));
        assert_eq!(check(true, false, "[[route]]\nslack=['C1']"), Ok(()));
        assert_eq!(check(false, true, &format!("{people}[[route]]\nreviewers=['dana']")), Ok(()));
        assert_eq!(check(true, false, &format!("{people}[[route]]\nslack=['C1']\nreviewers=['lee']")), Ok(()));

        let refused = |slack_bot, mail, text: &str, part: &str| {
            let problem = check(slack_bot, mail, text).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        };
        refused(false, false, "[[route]]\nslack=['ops']\n[[route]]\nslack=['C1']", "route 2: nothing serves");
        refused(false, false, "[[route]]\nslack=['ops']\nescalate={after='1h', slack=['C9']}", "\"C9\"");
        refused(true, false, &format!("{people}[[route]]\nslack=['C1']\nreviewers=['dana']"), "HOLDPOINT_SMTP_URL");
        refused(true, false, "[[route]]\nslack=['C1']\ntell=['a@b']", "HOLDPOINT_SMTP_URL");
    }
}
