//! What can be seen of a world: executions, rounds, mails, messages.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sfn::types::HistoryEventType;
use holdpoint_local::{local::SLACK_CHANNEL, slack::SlackMessage};
use holdpoint_platform::Ledger;
use holdpoint_review::{Channel, ObjectVersion, Purpose, ReviewId, Round};

use super::{Held, World, link_in};
use crate::ended::{Ended, eventually};

impl World {
    /// How an execution ended, once it has.
    pub async fn ended(&self, execution: &str) -> Ended {
        eventually("the execution ends", || async {
            let described = self.clients.sfn.describe_execution().execution_arn(execution).send().await.ok()?;
            if matches!(described.status, aws_sdk_sfn::types::ExecutionStatus::Running) {
                return None;
            }
            let output: serde_json::Value = serde_json::from_str(described.output().unwrap_or("null")).ok()?;
            let cause = serde_json::from_str(described.cause().unwrap_or("null")).unwrap_or_default();
            let decision = if output.is_null() { cause } else { output["decision"].clone() };
            Some(Ended { status: described.status, error: described.error, decision })
        })
        .await
    }

    /// A round as the ledger has it; none before it is opened.
    pub async fn round(&self, held: &Held, number: u32) -> Option<Round> {
        self.round_of(&held.review_id(), number).await
    }

    /// Waits until a round is finished: closed, told, and every surface true; and its clock has stopped.
    pub async fn finished(&self, held: &Held) -> Round {
        let round =
            eventually("the round is finished", || async { self.round(held, 1).await.filter(Round::is_finished) })
                .await;
        eventually("its clock stops", || async { self.is_drained("clock").await.then_some(()) }).await;
        round
    }

    /// Whether no clock ticks any more, nobody is still to be told, and no review stands in the index of open ones.
    pub async fn is_quiet(&self) -> bool {
        let list = self.clients.s3.list_objects_v2().bucket(&self.local.deployment.bucket).prefix("open/");
        let open = list.send().await.expect("S3 lists").contents().len();
        open == 0 && self.is_drained("clock").await && self.is_drained("notices.fifo").await
    }

    /// How many mails ask dana. One that was sent twice, because its sender did not hear the first `250`, has one `Message-ID`
    /// and is one mail to whoever reads it.
    pub fn request_mails(&self) -> usize {
        let mails = self.local.mail.mails();
        let asking = mails.iter().filter(|mail| mail.header("In-Reply-To").is_none());
        asking.map(|mail| mail.header("Message-ID").expect("each has one")).collect::<BTreeSet<_>>().len()
    }

    /// The messages in the channel that still stand and are no replies.
    pub fn slack_requests(&self) -> Vec<SlackMessage> {
        let messages = self.local.slack.messages(SLACK_CHANNEL);
        messages.into_iter().filter(|message| !message.deleted && message.thread_ts.is_none()).collect()
    }

    /// The tags of the version that was analyzed.
    pub async fn tags(&self, source: &ObjectVersion) -> BTreeMap<String, String> {
        let get =
            self.clients.s3.get_object_tagging().bucket(&source.bucket).key(&source.key).version_id(&source.version_id);
        let tags = get.send().await.expect("the version is there").tag_set;
        tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
    }

    /// A round of any review; none before it is opened.
    pub async fn round_of(&self, review: &ReviewId, number: u32) -> Option<Round> {
        let ledger = Ledger::new(self.clients.s3.clone(), &self.local.deployment.bucket);
        ledger.read(review, number).await.expect("the ledger answers").map(|stored| stored.round)
    }

    /// The first round once everybody who is asked was notified, so that nothing more is written until somebody acts.
    pub async fn settled_round(&self, held: &Held) -> Round {
        eventually("everybody is notified", || async { self.round(held, 1).await.filter(is_settled) }).await
    }

    /// How often an execution's history holds such an event.
    pub async fn happened(&self, execution: &str, kind: HistoryEventType) -> usize {
        let history = self.clients.sfn.get_execution_history().execution_arn(execution).max_results(1000).send().await;
        let events = history.expect("it has a history").events;
        events.iter().filter(|event| *event.r#type() == kind).count()
    }

    /// The link in the mail that is noted as a round's request.
    pub fn link_of(&self, round: &Round) -> String {
        let asked = Channel::Mail("dana@example.com".to_owned());
        let id = round.receipt(&asked, Purpose::Request).flatten();
        let mails = self.local.mail.mails();
        let mail = mails.iter().find(|mail| mail.header("Message-ID") == id);
        link_in(mail.expect("the mail was sent"))
    }

    /// The link in the request whose subject or text speaks of this.
    pub async fn link_in_mail_about(&self, title: &str) -> String {
        link_in(&self.mail(|mail| mail.subject.contains(title) || mail.text.contains(title)).await)
    }

    /// The links of all requests, once there are so many.
    pub async fn links_once(&self, requests: usize) -> Vec<String> {
        eventually("so many requests", || async { (self.request_mails() == requests).then_some(()) }).await;
        let mails = self.local.mail.mails();
        mails.iter().filter(|mail| mail.header("In-Reply-To").is_none()).map(link_in).collect()
    }
}

/// Whether everybody who is asked was notified.
pub fn is_settled(round: &Round) -> bool {
    round.asked().all(|channel| round.receipt(&channel, Purpose::Request).is_some())
}

/// The link in a Slack message, be it a button's or in its text.
pub fn link_in_message(message: &SlackMessage) -> Option<String> {
    shown(message).split(['"', '<', '|']).find(|part| part.contains("/r/")).map(str::to_owned)
}

/// A Slack message's blocks as text.
pub fn shown(message: &SlackMessage) -> String {
    serde_json::to_string(&message.blocks).expect("blocks are JSON")
}
