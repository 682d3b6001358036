//! Settings of the callback.

use std::net::SocketAddr;

use holdpoint_platform::{Common, Secret, Settings, SettingsError};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 8080);

/// Everything that the callback can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it shares with the worker.
    pub common: Common,
    pub(crate) listen: SocketAddr,
    pub(crate) slack: SlackConfig,
}

/// What the callback needs for buttons in Slack; without a signing secret they are not answered at all.
#[derive(Debug, Clone)]
pub(crate) struct SlackConfig {
    pub(crate) signing_secret: Option<Secret>,
    pub(crate) team: Option<String>,
}

impl Config {
    /// Reads the settings through a lookup by name.
    ///
    /// # Errors
    /// [`SettingsError`] names everything that is wrong, at once.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(lookup);
        let common = Common::read(&mut settings);
        let listen = settings.or("HOLDPOINT_LISTEN", LISTEN);
        let slack = SlackConfig {
            signing_secret: settings.hidden("HOLDPOINT_SLACK_SIGNING_SECRET"),
            team: settings.optional("HOLDPOINT_SLACK_TEAM"),
        };
        settings.finish(|| Some(Self { common: common?, listen, slack }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_setting_is_named() {
        let error = Config::read(&|_| None).unwrap_err().to_string();
        for name in ["ENVIRONMENT", "BUCKET", "CLOCK_QUEUE_URL", "NOTICES_QUEUE_URL", "LINK_KEYS", "PUBLIC_URL"] {
            assert!(error.contains(&format!("HOLDPOINT_{name}")), "{name} in {error}");
        }
    }
}
