//! What every request shares: settings, clients, and the little that is remembered between two requests.

use holdpoint_platform::{Clients, Reviews};
use tokio_util::task::TaskTracker;

use crate::{Config, oidc::Oidc, seen::Seen, slack::api::Slack};

/// What every request shares.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) reviews: Reviews,
    pub(crate) slack: Option<Slack>,
    pub(crate) oidc: Option<Oidc>,
    pub(crate) seen: Seen,
    /// Work that goes on when its client is gone: a decision that was begun is carried to its end.
    pub(crate) begun: TaskTracker,
}

impl App {
    pub(crate) fn new(config: Config, clients: Clients) -> Self {
        Self {
            reviews: Reviews::new(&config.common, &clients),
            s3: clients.s3,
            slack: Slack::new(&config),
            oidc: config.oidc.clone().map(Oidc::new),
            seen: Seen::default(),
            begun: TaskTracker::new(),
            config,
        }
    }
}
