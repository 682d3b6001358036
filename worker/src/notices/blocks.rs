//! Slack messages as blocks.
//!
//! Everything that came from outside is escaped and cut *after* escaping, in bytes, so that no report whatever makes a
//! message larger than Slack takes: the sum of the limits below is the proof, and a property test the check. Texts are
//! `verbatim`, which makes of no plain word a link or a mention; escaping leaves none either.

use holdpoint_review::{Round, words::slack_text};
use serde_json::{Value, json};

use super::{
    content::{Asking, Ended},
    digest::Digest,
    links::SealedLink,
};

/// Slack allows 3,000 characters in a section.
const LINE_BYTES: usize = 700;
/// Slack allows 300 characters in a dialog's text.
const DIALOG_BYTES: usize = 280;
const REASON_BYTES: usize = 2_000;
/// Eleven lines of these stay below a section's 3,000 characters.
const DIGEST_LINE_BYTES: usize = 250;

/// What is posted: the blocks, and the text for notifications.
pub(crate) struct SlackMessage {
    pub(crate) text: String,
    pub(crate) blocks: Value,
}

/// A question. With `decides` it has the buttons that decide; else only the way to the page.
pub(crate) fn asking(asking: &Asking, link: &SealedLink, decides: bool) -> SlackMessage {
    let head = [
        asking.lead.map(str::to_owned),
        asking.replaced.map(|text| format!("*{text}*")),
        Some(format!("*{}*", slack_text(&asking.title, LINE_BYTES))),
        Some(slack_text(&asking.about, LINE_BYTES)),
        asking.measure.as_deref().map(|text| slack_text(text, LINE_BYTES)),
    ];
    let mut blocks = vec![section(&lines(head))];
    if !asking.findings.is_empty() {
        let findings = asking.findings.iter().map(|text| Some(format!("• {}", slack_text(text, LINE_BYTES))));
        blocks.push(section(&lines(findings)));
    }
    blocks.push(section(&lines([
        Some(format!("*Approve:* {}", slack_text(&asking.if_approved, LINE_BYTES))),
        Some(format!("*Reject:* {}", slack_text(&asking.if_rejected, LINE_BYTES))),
        Some(slack_text(&asking.until, LINE_BYTES)),
        asking.progress.as_deref().map(|text| slack_text(text, LINE_BYTES)),
    ])));
    blocks.push(json!({ "type": "actions", "elements": buttons(asking, link, decides) }));
    SlackMessage { text: slack_text(&asking.title, LINE_BYTES), blocks: blocks.into() }
}

/// How it ended: what takes the place of the question. No button is left.
pub(crate) fn ended(ended: &Ended, round: &Round, link: &SealedLink) -> SlackMessage {
    let head = format!("*{}*\n{}", slack_text(&ended.title, LINE_BYTES), slack_text(&ended.about, LINE_BYTES));
    let outcome = outcome(ended, round);
    let said = lines([
        Some(format!("*{outcome}*")),
        ended.reason.as_deref().map(|reason| format!("Reason: {}", slack_text(reason, REASON_BYTES))),
    ]);
    let blocks = json!([section(&head), section(&said), section(&format!("<{}|See the review>", link.url))]);
    SlackMessage { text: outcome, blocks }
}

/// Many questions at once: no button, and one link to all of them.
pub(crate) fn digest(digest: &Digest<'_>, url: &str, lead: Option<&str>) -> SlackMessage {
    let head = lines([
        lead.map(str::to_owned),
        Some(format!("*{}*", slack_text(&digest.title, LINE_BYTES))),
        Some(slack_text(&digest.about, LINE_BYTES)),
    ]);
    let listed = |title: &str, texts: &[String]| {
        let lead = (!texts.is_empty()).then(|| format!("*{title}*"));
        let texts = texts.iter().map(|text| Some(format!("• {}", slack_text(text, DIGEST_LINE_BYTES))));
        lead.map(|lead| section(&lines(std::iter::once(Some(lead)).chain(texts))))
    };
    let look = json!({ "type": "button", "action_id": "look", "text": { "type": "plain_text", "text": digest.call }, "url": url });
    let actions = json!({ "type": "actions", "elements": [look] });
    let listed = [listed("What is wrong", &digest.causes), listed("The largest", &digest.largest)];
    let blocks: Vec<_> = [Some(section(&head))].into_iter().chain(listed).chain([Some(actions)]).flatten().collect();
    SlackMessage { text: slack_text(&digest.title, LINE_BYTES), blocks: blocks.into() }
}

/// A line in the thread of the question.
pub(crate) fn line(text: &str) -> SlackMessage {
    SlackMessage { text: text.to_owned(), blocks: json!([section(text)]) }
}

/// Why a reminder comes, and until when it is open.
pub(crate) fn reminder(asking: &Asking) -> String {
    lines([
        asking.lead.map(str::to_owned),
        asking.replaced.map(str::to_owned),
        Some(slack_text(&asking.until, LINE_BYTES)),
        asking.progress.as_deref().map(|text| slack_text(text, LINE_BYTES)),
    ])
}

/// The outcome as Slack shows it: the one mention that it may hold is that of the voter whom Slack itself named.
pub(crate) fn outcome(ended: &Ended, round: &Round) -> String {
    let escaped = slack_text(&ended.outcome, LINE_BYTES);
    let voter = round.votes().last().and_then(|(voter, ..)| voter.id.strip_prefix("slack:"));
    match voter.filter(|user| !user.is_empty() && user.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Some(user) => escaped.replacen(&format!("&lt;@{user}&gt;"), &format!("<@{user}>"), 1),
        None => escaped,
    }
}

fn buttons(asking: &Asking, link: &SealedLink, decides: bool) -> Value {
    let plain = |text: &str| json!({ "type": "plain_text", "text": text });
    let look = json!({ "type": "button", "action_id": "look", "text": plain("Look at the evidence"), "url": link.url });
    if !decides {
        return json!([look]);
    }
    let confirm = json!({
        "title": plain("Approve?"),
        "text": plain(&slack_text(&asking.if_approved, DIALOG_BYTES)),
        "confirm": plain("Approve"),
        "deny": plain("Back"),
    });
    json!([
        { "type": "button", "action_id": "approve", "style": "primary", "text": plain("Approve"), "value": link.sealed, "confirm": confirm },
        { "type": "button", "action_id": "reject", "style": "danger", "text": plain("Reject"), "value": link.sealed },
        look,
    ])
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

fn lines(lines: impl IntoIterator<Item = Option<String>>) -> String {
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
