//! `doctor`: what the worker needs, tried before the first push.

use std::io::{self, Write};

use holdpoint_platform::{
    Clients, Objects,
    doctor::{Checkup, find_activity},
};

use holdpoint_review::ObjectVersion;

use crate::{
    Config,
    notices::{check_mail, check_slack},
    routes::{RouteBook, reach::Reach},
};

/// A key that no customer delivers.
const NOTHING_DELIVERED: &str = "incoming/doctor";

/// Looks at everything that the worker's settings name; whether all is well.
///
/// # Errors
/// Nobody reads it.
pub async fn doctor(config: &Config, clients: &Clients, out: &mut impl Write) -> io::Result<bool> {
    let mut checkup = Checkup::default();
    checkup.look_at_common(&config.common, clients).await;
    let delivered = ObjectVersion {
        bucket: config.common.bucket.clone(),
        key: NOTHING_DELIVERED.to_owned(),
        version_id: String::new(),
    };
    let newer = Objects::new(clients.s3.clone(), &config.common.bucket).newer_than(&delivered).await;
    checkup.note("newer versions of what was delivered are seen", newer.map(drop));
    checkup.note("the activity", find_activity(clients, &config.activity_arn).await);
    let book = RouteBook::open(config.routes.clone(), clients.clone(), Reach::of(config)).await;
    checkup.note(format!("the routes {}", config.routes), book.map(drop));
    if config.common.slack.token.is_some() {
        checkup.note("Slack", check_slack(config).await);
    }
    if let Some(mail) = &config.mail {
        checkup.note("the mail server", check_mail(mail).await);
    }
    checkup.write(out)
}
