//! The Slack app's manifest against what the code calls.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// What each method asks of a bot: the page of each under <https://docs.slack.dev/reference/methods>. `views.open` and
/// `auth.test` ask for none; reading back asks for the kinds of channel in which we are.
const SCOPES: [(&str, &[&str]); 7] = [
    ("auth.test", &[]),
    ("chat.delete", &["chat:write"]),
    ("chat.postMessage", &["chat:write"]),
    ("chat.update", &["chat:write"]),
    ("conversations.history", &["channels:history", "groups:history"]),
    ("conversations.replies", &["channels:history", "groups:history"]),
    ("views.open", &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest() -> Value {
    let text = fs::read_to_string(root().join("deploy/slack/manifest.json")).expect("it is in the repository");
    serde_json::from_str(&text).expect("it is JSON")
}

/// The Web API's methods that a crate's code names, its tests aside.
fn methods(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be listed").path();
        let is_tests = path.file_stem().is_some_and(|stem| stem == "tests" || stem == "doubles");
        if path.is_dir() && !is_tests {
            methods(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests {
            let text = fs::read_to_string(&path).expect("it is text");
            let quoted = text.split('"').skip(1).step_by(2);
            let families = ["auth.", "chat.", "conversations.", "files.", "reactions.", "users.", "views."];
            found.extend(
                quoted.filter(|word| families.iter().any(|family| word.starts_with(family))).map(str::to_owned),
            );
        }
    }
}

#[test]
fn the_slack_apps_scopes_are_those_of_the_methods_that_are_called() {
    let mut called = BTreeSet::new();
    for crate_name in ["worker", "callback", "platform"] {
        methods(&root().join(crate_name).join("src"), &mut called);
    }
    let known: BTreeSet<_> = SCOPES.iter().map(|(method, _)| (*method).to_owned()).collect();
    assert_eq!(called, known, "a method came or went: say here which scopes it needs");
    let needed: BTreeSet<_> = SCOPES.iter().flat_map(|(_, scopes)| *scopes).copied().collect();
    let manifest = manifest();
    let asked = manifest["oauth_config"]["scopes"]["bot"].as_array().expect("a list");
    let asked: BTreeSet<_> = asked.iter().filter_map(Value::as_str).collect();
    assert_eq!(asked, needed, "no scope is missing, and none is asked for in vain");
}

#[test]
fn slack_sends_the_app_presses_and_nothing_else() {
    let manifest = manifest();
    let settings = &manifest["settings"];
    assert_eq!(settings["interactivity"]["is_enabled"], true);
    let url = settings["interactivity"]["request_url"].as_str().expect("an address");
    assert!(url.starts_with("https://") && url.ends_with("/slack/interactions"), "{url}");
    for absent in ["event_subscriptions", "slash_commands"] {
        assert!(settings.get(absent).is_none() && manifest["features"].get(absent).is_none(), "{absent}");
    }
    assert_eq!(settings["socket_mode_enabled"], false);
}
