//! The names of all settings of all services.
//!
//! One list, because services are often started from one file of variables: what another service reads is no mistake.
//! Whatever else begins with `HOLDPOINT_` is one, and a misspelt name must not leave a limit or a lock silently unset.
//! A test keeps this list, the README's table and what the services read the same.

/// Everything that Holdpoint itself defines begins so.
const OURS: &str = "HOLDPOINT_";

const PLAIN: [&str; 29] = [
    "HOLDPOINT_ACTIVITY_ARN",
    "HOLDPOINT_BUCKET",
    "HOLDPOINT_BURST",
    "HOLDPOINT_CLOCK_QUEUE_URL",
    "HOLDPOINT_CUSTOMER_COLUMN",
    "HOLDPOINT_ENVIRONMENT",
    "HOLDPOINT_HOLD_FIRST",
    "HOLDPOINT_KEY_PATTERN",
    "HOLDPOINT_LISTEN",
    "HOLDPOINT_LOG",
    "HOLDPOINT_LOG_FORMAT",
    "HOLDPOINT_MAIL_FROM",
    "HOLDPOINT_METRICS_LISTEN",
    "HOLDPOINT_MIN_ANOMALOUS",
    "HOLDPOINT_NOTICES_QUEUE_URL",
    "HOLDPOINT_OIDC_KEYS_URL",
    "HOLDPOINT_OIDC_SIGNER",
    "HOLDPOINT_OIDC_TRUST_EMAIL",
    "HOLDPOINT_POLLERS",
    "HOLDPOINT_PUBLIC_URL",
    "HOLDPOINT_PUSHES_QUEUE_URL",
    "HOLDPOINT_ROUTES",
    "HOLDPOINT_ROW_RATE_ALONE",
    "HOLDPOINT_RULES",
    "HOLDPOINT_SLACK_API_URL",
    "HOLDPOINT_SLACK_FALLBACK_CHANNEL",
    "HOLDPOINT_SLACK_TEAM",
    "HOLDPOINT_STATE_MACHINE_ARN",
    "HOLDPOINT_TICK",
];

/// Each may also come from a file that `NAME_FILE` names.
const SECRET: [&str; 5] = [
    "HOLDPOINT_LINK_KEYS",
    "HOLDPOINT_SLACK_BOT_TOKEN",
    "HOLDPOINT_SLACK_SIGNING_SECRET",
    "HOLDPOINT_SLACK_WEBHOOKS",
    "HOLDPOINT_SMTP_URL",
];

/// The names that no service reads, of those that look like ours.
pub(super) fn unknown(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut unknown: Vec<_> = names.filter(|name| name.starts_with(OURS) && !is_known(name)).collect();
    unknown.sort();
    unknown
}

fn is_known(name: &str) -> bool {
    PLAIN.contains(&name) || SECRET.contains(&name.strip_suffix("_FILE").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn b49_a_name_that_nobody_reads_is_found_among_those_that_are() {
        let names = ["HOLDPOINT_BUKET", "HOLDPOINT_LINK_KEYS_FILE", "HOLDPOINT_BUCKET_FILE", "HOLDPOINT_TICK", "HOME"];
        let unknown = unknown(names.map(str::to_owned).into_iter());
        assert_eq!(unknown, ["HOLDPOINT_BUCKET_FILE", "HOLDPOINT_BUKET"]);
    }

    #[test]
    fn the_readme_lists_exactly_these() {
        let readme = include_str!("../../../README.md");
        let table = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
        let listed: BTreeSet<_> =
            table.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`')).collect();
        let ours: BTreeSet<_> = listed.into_iter().filter(|name| name.starts_with(OURS)).collect();
        assert_eq!(ours, PLAIN.into_iter().chain(SECRET).collect());
    }
}
