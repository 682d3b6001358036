//! What worker and callback must both be told, and must be told alike: where reviews are kept, and how links are made.

use std::net::SocketAddr;

use holdpoint_review::{LinkKeys, Seconds};

use crate::{LogFormat, Secret, Settings, WebUrl};

/// Characters of the public address: with the sealed link behind it, a link stays below 200.
const PUBLIC_URL_LIMIT: usize = 96;

/// The settings of every service that touches reviews.
#[derive(Debug, Clone)]
pub struct Common {
    /// Which log lines are written, in the form of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Where metrics are fetched; not at all without.
    pub metrics_listen: Option<SocketAddr>,
    /// The environment's name, sealed into links.
    pub environment: String,
    /// The ledger's bucket.
    pub bucket: String,
    /// The queue that makes open reviews tick.
    pub clock_queue_url: String,
    /// The queue of messages to people.
    pub notices_queue_url: String,
    /// From one tick to the next.
    pub tick: Seconds,
    /// What links are sealed with.
    pub link_keys: LinkKeys,
    /// Where people reach the callback.
    pub public_url: WebUrl,
    /// Slack's Web API.
    pub slack: SlackApi,
}

/// How Slack's Web API is called.
#[derive(Debug, Clone)]
pub struct SlackApi {
    /// Its address.
    pub url: WebUrl,
    /// The bot's token; without it Slack is not called.
    pub token: Option<Secret>,
}

impl Common {
    /// Reads them; none where a required one is missing or wrong, which is noted.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let log = settings.or("HOLDPOINT_LOG", "info".to_owned());
        let log_format = settings.or("HOLDPOINT_LOG_FORMAT", LogFormat::default());
        let metrics_listen = settings.optional("HOLDPOINT_METRICS_LISTEN");
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
        let public_url = public_url(settings);
        let slack = SlackApi::read(settings);
        Some(Self {
            log,
            log_format,
            metrics_listen,
            environment: environment?,
            bucket: bucket?,
            clock_queue_url: clock_queue_url?,
            notices_queue_url: notices_queue_url?,
            tick,
            link_keys: link_keys?,
            public_url: public_url?,
            slack,
        })
    }
}

impl SlackApi {
    fn read(settings: &mut Settings<'_>) -> Self {
        let usual = "https://slack.com/api".parse().expect("it is an address");
        Self { url: settings.or("HOLDPOINT_SLACK_API_URL", usual), token: settings.hidden("HOLDPOINT_SLACK_BOT_TOKEN") }
    }
}

fn public_url(settings: &mut Settings<'_>) -> Option<WebUrl> {
    let url = settings.required::<WebUrl>("HOLDPOINT_PUBLIC_URL")?;
    if url.as_str().len() > PUBLIC_URL_LIMIT {
        settings.refuse(format!("HOLDPOINT_PUBLIC_URL: must have at most {PUBLIC_URL_LIMIT} characters"));
    }
    // `https://host` has two slashes.
    if url.as_str().contains(['?', '#']) || url.as_str().matches('/').count() > 2 {
        settings.refuse("HOLDPOINT_PUBLIC_URL: must have no path; the pages are served at the root");
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn read(changed: &[(&str, &str)]) -> Result<Common, String> {
        let usual = [
            ("HOLDPOINT_ENVIRONMENT", "test"),
            ("HOLDPOINT_BUCKET", "bucket"),
            ("HOLDPOINT_CLOCK_QUEUE_URL", "http://127.0.0.1/clock"),
            ("HOLDPOINT_NOTICES_QUEUE_URL", "http://127.0.0.1/notices.fifo"),
            ("HOLDPOINT_LINK_KEYS", KEY),
            ("HOLDPOINT_PUBLIC_URL", "https://review.example.com/"),
        ];
        let lookup = |name: &str| {
            let found = changed.iter().chain(&usual).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut settings = Settings::new(&lookup);
        let common = Common::read(&mut settings);
        settings.finish(|| common).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let common = read(&[]).unwrap();
        assert_eq!(common.tick, Seconds(60));
        assert_eq!(common.public_url.with("r/x"), "https://review.example.com/r/x");
        assert_eq!(common.slack.url.with("chat.update"), "https://slack.com/api/chat.update");
        assert_eq!(common.slack.token, None);
    }

    #[test]
    fn a_wrong_setting_is_refused_by_name() {
        let check = |name: &str, value: &str| {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{name} in {error}");
        };
        check("HOLDPOINT_PUBLIC_URL", "review.example.com");
        check("HOLDPOINT_PUBLIC_URL", "https://review.example.com/reviews");
        check("HOLDPOINT_PUBLIC_URL", "https://review.example.com?a=b");
        check("HOLDPOINT_PUBLIC_URL", &format!("https://{}.example.com", "a".repeat(100)));
        check("HOLDPOINT_TICK", "20m");
        check("HOLDPOINT_LINK_KEYS", &format!("{KEY},{KEY}"));
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let common = read(&[("HOLDPOINT_SLACK_BOT_TOKEN", "hunter2")]).unwrap();
        assert_eq!(common.slack.token.as_ref().map(Secret::expose), Some("hunter2"));
        assert!(!format!("{common:?}").contains("hunter2"));
    }
}
