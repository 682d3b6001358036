//! Settings of the callback.

use std::net::SocketAddr;

use holdpoint_platform::{Common, Secret, Settings, SettingsError};

use crate::oidc::OidcConfig;

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 8080);

/// Everything that the callback can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it shares with the worker.
    pub common: Common,
    /// Where the pages are served.
    pub listen: SocketAddr,
    pub(crate) slack: SlackConfig,
    /// Without it nobody logs in: reviewers have their links.
    pub(crate) oidc: Option<OidcConfig>,
}

/// What the callback needs for buttons in Slack; without a signing secret they are not answered at all.
#[derive(Debug, Clone)]
pub(crate) struct SlackConfig {
    pub(crate) signing_secret: Option<Secret>,
    /// The only workspace whose members may decide; there where the secret is.
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
        let oidc = oidc(&mut settings);
        if slack.signing_secret.is_some() && slack.team.is_none() {
            settings.refuse(
                "HOLDPOINT_SLACK_TEAM is needed with HOLDPOINT_SLACK_SIGNING_SECRET, or members of any workspace that shares a channel could decide",
            );
        }
        settings.finish(|| Some(Self { common: common?, listen, slack, oidc }))
    }
}

fn oidc(settings: &mut Settings<'_>) -> Option<OidcConfig> {
    let keys_url = settings.optional("HOLDPOINT_OIDC_KEYS_URL");
    let trust_email = settings.or("HOLDPOINT_OIDC_TRUST_EMAIL", false);
    let config = OidcConfig::new(settings.optional("HOLDPOINT_OIDC_SIGNER")?, keys_url, trust_email);
    config.map_err(|form| settings.refuse(format!("HOLDPOINT_OIDC_SIGNER: {form}"))).ok()
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
        assert!(!error.contains("SLACK"), "buttons in Slack are not asked for: {error}");
    }

    #[test]
    fn b24_buttons_in_slack_need_the_name_of_the_one_workspace() {
        let lookup = |name: &str| (name == "HOLDPOINT_SLACK_SIGNING_SECRET").then(|| "shh".to_owned());
        let error = Config::read(&lookup).unwrap_err().to_string();
        assert!(error.contains("HOLDPOINT_SLACK_TEAM is needed"), "{error}");
    }
}
