//! Whether this worker may and can reach everybody whom a routes file names.
//!
//! A file that names its environment serves no other: a development worker with the production file would wake people.
//! Found out at start, not when the first review waits in vain: a channel needs its webhook or the bot's token, a reviewer's
//! address needs a mail server.

use holdpoint_review::{Route, Routes};

use crate::config::{Config, Webhooks};

/// What a worker can send with.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) environment: String,
    pub(crate) slack_bot: bool,
    pub(crate) webhooks: Webhooks,
    pub(crate) mail: bool,
}

impl Reach {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            environment: config.common.environment.clone(),
            slack_bot: config.common.slack.token.is_some(),
            webhooks: config.slack.webhooks.clone(),
            mail: config.mail.is_some(),
        }
    }

    /// A sentence on what forbids these routes, or the first one that names somebody out of reach.
    pub(crate) fn check(&self, routes: &Routes) -> Result<(), String> {
        routes.check_environment(&self.environment).map_err(|theirs| {
            format!("these are the routes of {theirs:?}, and HOLDPOINT_ENVIRONMENT is {:?}", self.environment)
        })?;
        (1..).zip(routes.iter()).try_for_each(|(number, route)| {
            self.check_route(route).map_err(|problem| format!("route {number}: {problem}"))
        })
    }

    fn check_route(&self, route: &Route) -> Result<(), String> {
        let woken = route.escalate.iter().flat_map(|escalation| &escalation.slack);
        let unserved = |name: &&String| !self.slack_bot && self.webhooks.find(name).is_none();
        if let Some(name) = route.slack.iter().chain(woken).find(unserved) {
            return Err(format!(
                "nothing serves the Slack channel {name:?}; set HOLDPOINT_SLACK_BOT_TOKEN, or name its webhook in HOLDPOINT_SLACK_WEBHOOKS"
            ));
        }
        let by_mail = !route.tell.is_empty() || route.reviewers.iter().any(|reviewer| reviewer.mail.is_some());
        if by_mail && !self.mail {
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
            let environment = "test".to_owned();
            let reach =
                Reach { environment, slack_bot, webhooks: Webhooks::of("ops", "https://hooks.example.com/x"), mail };
            reach.check(&Routes::parse(text).unwrap())
        };
        let people = "[[reviewer]]\nname='dana'\nmail='d@e'\n[[reviewer]]\nname='lee'\n";
        assert_eq!(check(false, false, "[[route]]\nslack=['ops']"), Ok(()));
        assert_eq!(check(true, false, "[[route]]\nslack=['C1']"), Ok(()));
        assert_eq!(check(false, true, &format!("{people}[[route]]\nreviewers=['dana']")), Ok(()));
        assert_eq!(check(true, false, &format!("{people}[[route]]\nslack=['C1']\nreviewers=['lee']")), Ok(()));

        assert_eq!(check(true, true, "environment = 'test'\n[[route]]\nslack=['C1']"), Ok(()));

        let refused = |slack_bot, mail, text: &str, part: &str| {
            let problem = check(slack_bot, mail, text).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        };
        refused(false, false, "[[route]]\nslack=['ops']\n[[route]]\nslack=['C1']", "route 2: nothing serves");
        refused(false, false, "[[route]]\nslack=['ops']\nescalate={after='1h', slack=['C9']}", "\"C9\"");
        refused(true, false, &format!("{people}[[route]]\nslack=['C1']\nreviewers=['dana']"), "HOLDPOINT_SMTP_URL");
        refused(true, true, "environment = 'uat'\n[[route]]\nslack=['C1']", "the routes of \"uat\"");
        refused(true, false, "[[route]]\nslack=['C1']\ntell=['a@b']", "HOLDPOINT_SMTP_URL");
    }
}
