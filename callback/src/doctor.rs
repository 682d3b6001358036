//! `doctor`: what the callback needs, tried before the first push.

use std::io::{self, Write};

use holdpoint_platform::{Clients, doctor::Checkup};

use crate::{Config, slack::api::Slack};

/// Looks at everything that the callback's settings name; whether all is well.
///
/// # Errors
/// Nobody reads it.
pub async fn doctor(config: &Config, clients: &Clients, out: &mut impl Write) -> io::Result<bool> {
    let mut checkup = Checkup::default();
    checkup.look_at_common(&config.common, clients).await;
    if let Some(slack) = Slack::new(config) {
        checkup.note("Slack", slack.check().await);
    }
    checkup.write(out)
}
