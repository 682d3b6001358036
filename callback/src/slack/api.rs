//! Our calls to Slack: open a form, and say something to one person.

use std::{error::Error, time::Duration};

use holdpoint_platform::{Secret, SlackApi};
use holdpoint_review::{ReviewRequest, words};
use serde_json::{Value, json};
use tracing::warn;

use crate::Config;

/// Slack wants its own answer within three seconds.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Far less than Slack takes, and more than we ever say.
const TEXT_BYTES: usize = 3_000;

/// Slack, as the callback knows it.
pub(crate) struct Slack {
    signing_secret: Secret,
    api: SlackApi,
    team: String,
    http: reqwest::Client,
}

impl Slack {
    /// None where no signing secret is set: then nothing that claims to come from Slack is answered.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        Some(Self {
            signing_secret: config.slack.signing_secret.clone()?,
            api: config.common.slack.clone(),
            team: config.slack.team.clone()?,
            http: http.expect("the TLS provider is compiled in"),
        })
    }

    pub(super) fn signing_secret(&self) -> &str {
        self.signing_secret.expose()
    }

    /// Whether a workspace is named, and none but our own.
    pub(super) fn is_ours<'a>(&self, teams: impl Iterator<Item = &'a str>) -> bool {
        let mut teams = teams.peekable();
        teams.peek().is_some() && teams.all(|team| team == self.team)
    }

    /// Whether Slack takes our token, and whether it is of the workspace whose members may decide.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let Some(token) = &self.api.token else {
            return Err("HOLDPOINT_SLACK_BOT_TOKEN is not set: no form for a reason can be opened".to_owned());
        };
        let asked = self.http.post(self.api.url.with("auth.test")).bearer_auth(token.expose()).send().await;
        let reply = asked.map_err(|error| error.without_url().to_string())?;
        let reply = reply.json::<Value>().await.map_err(|error| error.without_url().to_string())?;
        match (&reply["ok"], reply["team_id"].as_str()) {
            (Value::Bool(true), Some(team)) if team == self.team => Ok(()),
            (Value::Bool(true), team) => Err(format!(
                "the token is of {}, and HOLDPOINT_SLACK_TEAM is {}",
                team.unwrap_or("no workspace"),
                self.team
            )),
            _ => Err(reply["error"].as_str().unwrap_or("no answer").to_owned()),
        }
    }

    /// Opens the form that asks for a reason; whether it opened.
    pub(super) async fn open_form(&self, trigger_id: &str, metadata: &str, request: &ReviewRequest) -> bool {
        let Some(token) = &self.api.token else {
            warn!("no form can be opened in Slack: HOLDPOINT_SLACK_BOT_TOKEN is not set");
            return false;
        };
        let body = json!({ "trigger_id": trigger_id, "view": form(metadata, request) });
        let reply =
            self.http.post(self.api.url.with("views.open")).bearer_auth(token.expose()).json(&body).send().await;
        let reply = match reply {
            Ok(reply) => reply.json::<Value>().await,
            Err(error) => Err(error),
        };
        match reply {
            Ok(reply) if reply["ok"] == true => true,
            Ok(reply) => {
                warn!(slack.error = reply["error"].as_str(), "Slack did not open the form for a reason");
                false
            }
            Err(error) => {
                warn!(error = &error.without_url() as &dyn Error, "Slack did not open the form for a reason");
                false
            }
        }
    }

    /// Says something to the person who pressed a button, and to nobody else.
    pub(super) async fn tell_privately(&self, response_url: &str, text: &str) {
        let body = json!({ "response_type": "ephemeral", "replace_original": false, "text": words::slack_text(text, TEXT_BYTES) });
        let sent = self.http.post(response_url).json(&body).send().await;
        if let Err(error) = sent.and_then(reqwest::Response::error_for_status) {
            warn!(error = &error.without_url() as &dyn Error, "Slack did not take a private answer");
        }
    }
}

fn form(metadata: &str, request: &ReviewRequest) -> Value {
    let plain = |text: &str| json!({ "type": "plain_text", "text": text, "emoji": false });
    let what = format!("{}\n{}", words::visible(&request.title, 500), words::visible(&request.if_rejected, 500));
    json!({
        "type": "modal",
        "callback_id": "reject",
        "private_metadata": metadata,
        "title": plain("Reject"),
        "submit": plain("Reject"),
        "close": plain("Cancel"),
        "blocks": [
            { "type": "section", "text": plain(&what) },
            {
                "type": "input",
                "block_id": "reason",
                "label": plain("Reason"),
                "element": { "type": "plain_text_input", "action_id": "reason", "multiline": true, "max_length": 3000 },
            },
        ],
    })
}
