//! Settings of the callback.

use std::{fmt, net::SocketAddr};

use holdpoint_platform::{LogFormat, Settings, SettingsError};
use holdpoint_review::{LinkKeys, Seconds};
use url::Url;

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 8080);

/// Everything that the callback can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// A filter in the form of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    pub(crate) environment: String,
    pub(crate) bucket: String,
    pub(crate) clock_queue_url: String,
    pub(crate) notices_queue_url: String,
    pub(crate) tick: Seconds,
    pub(crate) link_keys: LinkKeys,
    pub(crate) public_url: Url,
    pub(crate) listen: SocketAddr,
    pub(crate) slack: SlackConfig,
}

/// What the callback needs for buttons in Slack; without a signing secret they are not answered at all.
#[derive(Debug, Clone)]
pub(crate) struct SlackConfig {
    pub(crate) signing_secret: Option<Secret>,
    pub(crate) bot_token: Option<Secret>,
    pub(crate) api_url: Url,
    pub(crate) team: Option<String>,
}

/// A secret that shows itself to nobody.
#[derive(Clone)]
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

impl Config {
    /// Reads the settings through a lookup by name.
    ///
    /// # Errors
    /// [`SettingsError`] names everything that is wrong, at once.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(lookup);
        let log = settings.or("HOLDPOINT_LOG", "info".to_owned());
        let log_format = settings.or("HOLDPOINT_LOG_FORMAT", LogFormat::default());
        let environment = settings.required::<String>("HOLDPOINT_ENVIRONMENT");
        let bucket = settings.required("HOLDPOINT_BUCKET");
        let clock_queue_url = settings.required("HOLDPOINT_CLOCK_QUEUE_URL");
        let notices_queue_url = settings.required("HOLDPOINT_NOTICES_QUEUE_URL");
        let tick = settings.or("HOLDPOINT_TICK", Seconds(60));
        let name = environment.clone().unwrap_or_default();
        let link_keys = settings.required_secret("HOLDPOINT_LINK_KEYS", |text| LinkKeys::parse(&name, text));
        let public_url = settings.required::<Url>("HOLDPOINT_PUBLIC_URL");
        if public_url.as_ref().is_some_and(|url| url.path() != "/") {
            settings.refuse("HOLDPOINT_PUBLIC_URL: must have no path; the pages are served at the root");
        }
        let listen = settings.or("HOLDPOINT_LISTEN", LISTEN);
        let slack = SlackConfig::read(&mut settings);
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
                listen,
                slack,
            })
        })
    }
}

impl SlackConfig {
    fn read(settings: &mut Settings<'_>) -> Self {
        let keep = |text: &str| Ok::<_, std::convert::Infallible>(Secret(text.to_owned()));
        let default = Url::parse("https://slack.com/api/").expect("it is a URL");
        Self {
            signing_secret: settings.secret("HOLDPOINT_SLACK_SIGNING_SECRET", keep),
            bot_token: settings.secret("HOLDPOINT_SLACK_BOT_TOKEN", keep),
            api_url: as_folder(settings.or("HOLDPOINT_SLACK_API_URL", default)),
            team: settings.optional("HOLDPOINT_SLACK_TEAM"),
        }
    }
}

/// With a slash at its end, so that a method's name joined to it does not replace the last part.
fn as_folder(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_setting_is_named_and_no_secret_is_shown() {
        let error = Config::read(&|_| None).unwrap_err().to_string();
        for name in ["ENVIRONMENT", "BUCKET", "CLOCK_QUEUE_URL", "NOTICES_QUEUE_URL", "LINK_KEYS", "PUBLIC_URL"] {
            assert!(error.contains(&format!("HOLDPOINT_{name}")), "{name} in {error}");
        }
        assert!(!format!("{:?}", Secret("hunter2".to_owned())).contains("hunter2"));
    }
}
