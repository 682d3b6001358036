//! The worker's settings, read once from environment variables.
//!
//! Everything that can be refused without asking the network is refused here, with all other problems: an operator
//! repairs a deployment once, not once per variable.

mod smtp;

use std::{collections::BTreeMap, str::FromStr};

use holdpoint_platform::{Common, Document, Secret, Settings, SettingsError, WebUrl};
use lettre::message::Mailbox;

use self::smtp::SmtpUrl;

/// The settings of one worker.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it shares with the callback.
    pub common: Common,
    pub(crate) activity_arn: String,
    pub(crate) routes: Document,
    pub(crate) pollers: Pollers,
    pub(crate) burst: Burst,
    pub(crate) slack: SlackConfig,
    pub(crate) mail: Option<MailConfig>,
}

/// How Slack is reached beside the bot.
#[derive(Debug, Clone)]
pub(crate) struct SlackConfig {
    pub(crate) webhooks: Webhooks,
    pub(crate) fallback_channel: Option<String>,
}

/// How mail is sent.
#[derive(Debug, Clone)]
pub(crate) struct MailConfig {
    pub(crate) smtp: SmtpUrl,
    pub(crate) from: Mailbox,
}

/// Webhook addresses by the name that routes use; whoever knows such an address can post.
#[derive(Debug, Clone, Default)]
pub(crate) struct Webhooks(BTreeMap<String, Secret>);

impl Webhooks {
    pub(crate) fn find(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    #[cfg(test)]
    pub(crate) fn of(name: &str, address: &str) -> Self {
        Self([(name.to_owned(), Secret::new(address))].into())
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write name=https://…, several separated by commas";
        let entries = text.split(',').map(|part| {
            let (name, address) = part.trim().split_once('=').ok_or(FORM)?;
            address.parse::<WebUrl>().map_err(|_| FORM)?;
            Ok((name.trim().to_owned(), Secret::new(address.trim())))
        });
        Ok(Self(entries.collect::<Result<_, &'static str>>()?))
    }
}

/// Messages a minute that a channel gets singly; what comes faster is told in digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Burst(pub(crate) u16);

impl FromStr for Burst {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().filter(|number| (1..=1000).contains(number));
        number.map(Self).ok_or("write a number from 1 to 1000")
    }
}

/// How many polls are out at once; each holds at most one task, so it is also how many reviews are opened at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pollers(pub(crate) u16);

impl FromStr for Pollers {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().filter(|number| (1..=1000).contains(number));
        number.map(Self).ok_or("write a number from 1 to 1000, which is what AWS allows per activity")
    }
}

impl Config {
    /// Reads the settings through a lookup of variables by name.
    ///
    /// # Errors
    /// [`SettingsError`] names every variable that is missing or wrong.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(lookup);
        let common = Common::read(&mut settings);
        let activity_arn = settings.required("HOLDPOINT_ACTIVITY_ARN");
        let routes = settings.required("HOLDPOINT_ROUTES");
        let pollers = settings.or("HOLDPOINT_POLLERS", Pollers(4));
        let burst = settings.or("HOLDPOINT_BURST", Burst(10));
        let slack = SlackConfig {
            webhooks: settings.secret("HOLDPOINT_SLACK_WEBHOOKS", Webhooks::parse).unwrap_or_default(),
            fallback_channel: settings.optional("HOLDPOINT_SLACK_FALLBACK_CHANNEL"),
        };
        let mail = mail(&mut settings);
        settings.finish(|| {
            Some(Self { common: common?, activity_arn: activity_arn?, routes: routes?, pollers, burst, slack, mail })
        })
    }
}

fn mail(settings: &mut Settings<'_>) -> Option<MailConfig> {
    let smtp = settings.secret("HOLDPOINT_SMTP_URL", SmtpUrl::parse);
    let from = settings.optional("HOLDPOINT_MAIL_FROM");
    if smtp.is_some() && from.is_none() {
        settings
            .refuse("HOLDPOINT_MAIL_FROM is needed with HOLDPOINT_SMTP_URL, like Holdpoint <holdpoint@example.com>");
    }
    Some(MailConfig { smtp: smtp?, from: from? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn read(changed: &[(&str, &str)]) -> Result<Config, SettingsError> {
        let usual = [
            ("HOLDPOINT_ENVIRONMENT", "test"),
            ("HOLDPOINT_BUCKET", "bucket"),
            ("HOLDPOINT_CLOCK_QUEUE_URL", "http://127.0.0.1/clock"),
            ("HOLDPOINT_NOTICES_QUEUE_URL", "http://127.0.0.1/notices.fifo"),
            ("HOLDPOINT_LINK_KEYS", KEY),
            ("HOLDPOINT_PUBLIC_URL", "https://review.example.com/"),
            ("HOLDPOINT_ACTIVITY_ARN", "arn:aws:states:eu-west-1:1:activity:review"),
            ("HOLDPOINT_ROUTES", "s3://config/routes.toml"),
        ];
        let find = |name: &str| changed.iter().chain(&usual).find(|(known, _)| *known == name);
        Config::read(&|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let config = read(&[]).unwrap();
        assert_eq!(config.pollers, Pollers(4));
        assert!(config.mail.is_none());
    }

    #[test]
    fn every_missing_setting_is_named_at_once() {
        let error = Config::read(&|_| None).unwrap_err().to_string();
        for name in [
            "HOLDPOINT_ENVIRONMENT",
            "HOLDPOINT_BUCKET",
            "HOLDPOINT_CLOCK_QUEUE_URL",
            "HOLDPOINT_NOTICES_QUEUE_URL",
            "HOLDPOINT_LINK_KEYS",
            "HOLDPOINT_PUBLIC_URL",
            "HOLDPOINT_ACTIVITY_ARN",
            "HOLDPOINT_ROUTES",
        ] {
            assert!(error.contains(name), "{name} in {error}");
        }
    }

    #[test]
    fn a_wrong_setting_is_refused_by_name_and_no_secret_is_repeated() {
        let check = |name: &str, value: &str| {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name), "{name} in {error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("HOLDPOINT_POLLERS", "0");
        check("HOLDPOINT_SLACK_WEBHOOKS", "hunter2");
        check("HOLDPOINT_SLACK_WEBHOOKS", "ops=hunter2");
        check("HOLDPOINT_SMTP_URL", "smtp://user:hunter2@mail.example.com");
        check("HOLDPOINT_MAIL_FROM", "nobody");
    }

    #[test]
    fn mail_needs_a_sender_and_plaintext_only_on_this_machine() {
        let from = ("HOLDPOINT_MAIL_FROM", "Holdpoint <holdpoint@example.com>");
        let check = |url: &str| read(&[from, ("HOLDPOINT_SMTP_URL", url)]).map(|config| config.mail.is_some());
        assert_eq!(check("smtp://127.0.0.1:2525"), Ok(true));
        assert_eq!(check("smtps://user:pass@mail.example.com"), Ok(true));
        assert_eq!(check("smtp://user:pass@mail.example.com?tls=required"), Ok(true));
        for refused in ["smtp://mail.example.com", "smtp://mail.example.com?tls=opportunistic", "http://mail"] {
            assert!(check(refused).is_err(), "{refused}");
        }
        assert!(read(&[("HOLDPOINT_SMTP_URL", "smtp://127.0.0.1")]).is_err(), "no sender");
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let config =
            read(&[("HOLDPOINT_SLACK_BOT_TOKEN", "hunter2"), ("HOLDPOINT_SLACK_WEBHOOKS", "a=https://hunter2")]);
        assert!(!format!("{:?}", config.unwrap()).contains("hunter2"));
    }
}
