//! What Slack sends when a button is pressed or a form is submitted; of it, what we need.

use std::collections::HashMap;

use holdpoint_review::{UnknownVerdict, Verdict};
use serde::Deserialize;

/// One interaction: <https://docs.slack.dev/reference/interaction-payloads>.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Payload {
    BlockActions(BlockActions),
    ViewSubmission(Submission),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sender {
    pub(super) user: User,
    team: Option<Named>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: String,
    team_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct BlockActions {
    #[serde(flatten)]
    sender: Sender,
    channel: Option<Named>,
    container: Option<Container>,
    actions: Vec<Action>,
    trigger_id: Option<String>,
    response_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Container {
    channel_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Action {
    action_id: String,
    value: Option<String>,
}

/// One press of one of our two buttons.
#[derive(Debug)]
pub(super) struct Press {
    pub(super) verdict: Verdict,
    pub(super) sealed: String,
    pub(super) sender: Sender,
    pub(super) channel: Option<String>,
    pub(super) trigger_id: Option<String>,
    pub(super) response_url: Option<String>,
}

/// The form with the reason.
#[derive(Debug, Deserialize)]
pub(super) struct Submission {
    #[serde(flatten)]
    pub(super) sender: Sender,
    pub(super) view: View,
}

#[derive(Debug, Deserialize)]
pub(super) struct View {
    pub(super) callback_id: String,
    #[serde(default)]
    private_metadata: String,
    #[serde(default)]
    state: State,
}

#[derive(Debug, Default, Deserialize)]
struct State {
    #[serde(default)]
    values: HashMap<String, HashMap<String, Input>>,
}

#[derive(Debug, Deserialize)]
struct Input {
    value: Option<String>,
}

impl Sender {
    /// The workspaces that are named: where it was pressed, and the person's own. In a channel that is shared with another
    /// workspace they differ; org-wide apps get only the latter.
    pub(super) fn teams(&self) -> impl Iterator<Item = &str> {
        let pressed_in = self.team.as_ref().map(|team| team.id.as_str());
        pressed_in.into_iter().chain(self.user.team_id.as_deref())
    }
}

impl BlockActions {
    /// The button that was pressed; none for one that carries no value, which is a link.
    pub(super) fn press(mut self) -> Result<Option<Press>, UnknownVerdict> {
        let Some(Action { action_id, value: Some(sealed) }) = self.actions.pop() else { return Ok(None) };
        Ok(Some(Press {
            verdict: action_id.parse()?,
            sealed,
            sender: self.sender,
            channel: self
                .channel
                .map(|channel| channel.id)
                .or(self.container.and_then(|container| container.channel_id)),
            trigger_id: self.trigger_id,
            response_url: self.response_url,
        }))
    }
}

impl Submission {
    pub(super) fn reason(&self) -> &str {
        let block = self.view.state.values.get("reason");
        block.and_then(|block| block.get("reason")).and_then(|input| input.value.as_deref()).unwrap_or_default()
    }

    /// The sealed link, and the channel where it does not name one.
    pub(super) fn asked_in(&self) -> (&str, Option<&str>) {
        let metadata = &self.view.private_metadata;
        metadata.split_once(' ').map_or((metadata, None), |(sealed, channel)| (sealed, Some(channel)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(action: &str) -> BlockActions {
        let json = format!(
            r#"{{"type":"block_actions","user":{{"id":"U1","team_id":"T1"}},"team":null,"container":{{"type":"message","channel_id":"C1"}},"actions":[{action}],"message":{{}}}}"#
        );
        match serde_json::from_str(&json).unwrap() {
            Payload::BlockActions(actions) => actions,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn b27_a_button_is_one_of_the_two_or_an_error_that_names_them() {
        let press = actions(r#"{"action_id":"approve","value":"v"}"#).press().unwrap().unwrap();
        assert_eq!(
            (press.verdict, press.sealed.as_str(), press.channel.as_deref()),
            (Verdict::Approve, "v", Some("C1"))
        );
        assert_eq!(press.sender.teams().collect::<Vec<_>>(), ["T1"]);
        let error = actions(r#"{"action_id":"postpone","value":"v"}"#).press().unwrap_err().to_string();
        assert!(error.contains("approve") && error.contains("reject"), "{error}");
        assert!(actions(r#"{"action_id":"look"}"#).press().unwrap().is_none());
    }
}
