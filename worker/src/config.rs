//! The worker's settings, read once from environment variables.
//!
//! Everything that can be refused without asking the network is refused here, with all other problems: an operator
//! repairs a deployment once, not once per variable.

use std::{collections::BTreeMap, fmt, str::FromStr};

use holdpoint_platform::{LogFormat, Settings, SettingsError};
use holdpoint_review::{LinkKeys, Seconds};
use lettre::message::Mailbox;
use url::Url;

use crate::{notices::SmtpUrl, routes::RoutesSource};

/// The settings of one worker.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which log lines are written, in the form of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    pub(crate) environment: String,
    pub(crate) bucket: String,
    pub(crate) clock_queue_url: String,
    pub(crate) notices_queue_url: String,
    pub(crate) tick: Seconds,
    pub(crate) link_keys: LinkKeys,
    pub(crate) public_url: WebUrl,
    pub(crate) activity_arn: String,
    pub(crate) routes: RoutesSource,
    pub(crate) pollers: Pollers,
    pub(crate) slack: SlackConfig,
    pub(crate) mail: Option<MailConfig>,
}

/// How Slack is reached.
#[derive(Debug, Clone)]
pub(crate) struct SlackConfig {
    pub(crate) api_url: WebUrl,
    pub(crate) bot_token: Option<Secret>,
    pub(crate) webhooks: Webhooks,
    pub(crate) fallback_channel: Option<String>,
}

/// How mail is sent.
#[derive(Debug, Clone)]
pub(crate) struct MailConfig {
    pub(crate) smtp: SmtpUrl,
    pub(crate) from: Mailbox,
}

/// A text that is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
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
        Self([(name.to_owned(), Secret(address.to_owned()))].into())
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write name=https://…, several separated by commas";
        let entries = text.split(',').map(|part| {
            let (name, address) = part.trim().split_once('=').ok_or(FORM)?;
            address.parse::<WebUrl>().map_err(|_| FORM)?;
            Ok((name.trim().to_owned(), Secret(address.trim().to_owned())))
        });
        Ok(Self(entries.collect::<Result<_, &'static str>>()?))
    }
}

/// An address of a web server, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebUrl(String);

/// Characters of an address: with the sealed link behind it, a link stays below 200.
const WEB_URL_LIMIT: usize = 96;

impl WebUrl {
    /// The address with a path behind it.
    pub(crate) fn with(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}

impl FromStr for WebUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text.trim()).map_err(|_| "write it like https://review.example.com")?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("write it like https://review.example.com");
        }
        Ok(Self(text.trim().trim_end_matches('/').to_owned()))
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
        let log = settings.or("HOLDPOINT_LOG", "info".to_owned());
        let log_format = settings.or("HOLDPOINT_LOG_FORMAT", LogFormat::default());
        let environment = settings.required::<String>("HOLDPOINT_ENVIRONMENT");
        let bucket = settings.required("HOLDPOINT_BUCKET");
        let clock_queue_url = settings.required("HOLDPOINT_CLOCK_QUEUE_URL");
        let notices_queue_url = settings.required("HOLDPOINT_NOTICES_QUEUE_URL");
        let tick = settings.or("HOLDPOINT_TICK", Seconds(60));
        if !(1..=300).contains(&tick.0) {
            settings.refuse("HOLDPOINT_TICK: write 1s to 300s; a task that is not heard of for longer times out");
        }
        let link_keys = settings.required_secret("HOLDPOINT_LINK_KEYS", |text| {
            LinkKeys::parse(environment.as_deref().unwrap_or_default(), text)
        });
        let public_url = public_url(&mut settings);
        let activity_arn = settings.required("HOLDPOINT_ACTIVITY_ARN");
        let routes = settings.required("HOLDPOINT_ROUTES");
        let pollers = settings.or("HOLDPOINT_POLLERS", Pollers(4));
        let slack = slack(&mut settings);
        let mail = mail(&mut settings);
        settings.finish(|| {
            Some(Self {
                log,
                log_format,
                environment: environment?,
                bucket: bucket?,
                clock_queue_url: clock_queue_url?,
                notices_queue_url: notices_queue_url?,
                tick,
                link_keys: link_keys?,
                public_url: public_url?,
                activity_arn: activity_arn?,
                routes: routes?,
                pollers,
                slack,
                mail,
            })
        })
    }
}

fn public_url(settings: &mut Settings<'_>) -> Option<WebUrl> {
    let url = settings.required::<WebUrl>("HOLDPOINT_PUBLIC_URL")?;
    if url.0.len() > WEB_URL_LIMIT {
        settings.refuse(format!("HOLDPOINT_PUBLIC_URL: must have at most {WEB_URL_LIMIT} characters"));
    }
    Some(url)
}

fn slack(settings: &mut Settings<'_>) -> SlackConfig {
    let any = |text: &str| Ok::<_, std::convert::Infallible>(Secret(text.to_owned()));
    SlackConfig {
        api_url: settings.or("HOLDPOINT_SLACK_API_URL", WebUrl("https://slack.com/api".to_owned())),
        bot_token: settings.secret("HOLDPOINT_SLACK_BOT_TOKEN", any),
        webhooks: settings.secret("HOLDPOINT_SLACK_WEBHOOKS", Webhooks::parse).unwrap_or_default(),
        fallback_channel: settings.optional("HOLDPOINT_SLACK_FALLBACK_CHANNEL"),
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
        assert_eq!(config.tick, Seconds(60));
        assert_eq!(config.pollers, Pollers(4));
        assert_eq!(config.public_url.with("r/x"), "https://review.example.com/r/x");
        assert_eq!(config.slack.api_url.with("chat.update"), "https://slack.com/api/chat.update");
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
        check("HOLDPOINT_PUBLIC_URL", "review.example.com");
        check("HOLDPOINT_PUBLIC_URL", &format!("https://{}.example.com", "a".repeat(100)));
        check("HOLDPOINT_POLLERS", "0");
        check("HOLDPOINT_TICK", "20m");
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
