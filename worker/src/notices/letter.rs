//! Mails: one per reader, with a personal link, as text and as HTML.
//!
//! The `Message-ID` follows from review, round, purpose and reader, so that a mail that is sent twice is one to whoever
//! sorts mails by it; and from it later mails know what they answer, without having read it anywhere.

use holdpoint_review::{Channel, Holder, Purpose, Round, words};
use jiff::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use maud::{DOCTYPE, Markup, html};

use super::{
    content::{self, Asking, Ended},
    digest::Digest,
    links::Links,
};
use crate::Config;

/// Makes letters.
pub(crate) struct Letters {
    from: Option<Mailbox>,
    links: Links,
    environment: String,
}

/// A letter cannot be made: the address is none.
#[derive(Debug, thiserror::Error)]
#[error("no mail can be made for this address")]
pub(crate) struct NoLetter;

/// What a letter says, before it is text or HTML.
struct Page {
    subject: String,
    title: String,
    about: String,
    /// Lines before the findings: why it comes, how it ended, how bad it is.
    lines: Vec<String>,
    findings: Vec<String>,
    /// Lines after them: what each choice does, until when.
    after: Vec<String>,
    /// What the link is for.
    call: &'static str,
    url: String,
    /// What to know about the link.
    foot: Option<&'static str>,
}

impl Letters {
    pub(crate) fn new(config: &Config, links: Links) -> Self {
        let from = config.mail.as_ref().map(|mail| mail.from.clone());
        Self { from, links, environment: config.common.environment.clone() }
    }

    /// A question to a reviewer.
    ///
    /// # Errors
    /// [`NoLetter`].
    pub(crate) fn asking(
        &self,
        round: &Round,
        to: &str,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Message, NoLetter> {
        let asking = Asking::of(round, purpose, &self.environment);
        let channel = Channel::Mail(to.to_owned());
        let again = if purpose == Purpose::Request { "" } else { "Re: " };
        let page = Page {
            subject: format!("{again}Please review: {}", asking.title),
            title: asking.title,
            about: asking.about,
            lines: [asking.lead, asking.replaced]
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .chain(asking.measure)
                .collect(),
            findings: asking.findings,
            after: [
                format!("Approve: {}", asking.if_approved),
                format!("Reject: {}", asking.if_rejected),
                asking.until,
            ]
            .into_iter()
            .chain(asking.progress)
            .collect(),
            call: "Look at the evidence and decide",
            url: self.links.for_channel(round, &channel).url,
            foot: Some("This link is yours alone: whoever has it can decide in your name."),
        };
        let request = (purpose != Purpose::Request)
            .then(|| self.message_id(round, &channel, &content::word(Purpose::Request, None)));
        self.letter(round, to, &content::word(purpose, None), request, &page, now)
    }

    /// How it ended. None while the round is open.
    ///
    /// # Errors
    /// [`NoLetter`].
    pub(crate) fn ended(&self, round: &Round, to: &str, now: Timestamp) -> Result<Option<Message>, NoLetter> {
        let (Some(ended), Some(outcome)) = (Ended::of(round, &self.environment), round.outcome()) else {
            return Ok(None);
        };
        let channel = Channel::Mail(to.to_owned());
        let said = words::without_mentions(&ended.outcome);
        let was_asked = matches!(Holder::of(round, &channel), Holder::Reviewer(_));
        let page = Page {
            // The subject of the question, or mail programs would show two threads.
            subject: if was_asked {
                format!("Re: Please review: {}", ended.title)
            } else {
                format!("Reviewed: {}", ended.title)
            },
            title: ended.title,
            about: ended.about,
            lines: vec![said],
            findings: Vec::new(),
            after: ended.reason.map(|reason| format!("Reason: {reason}")).into_iter().collect(),
            call: "See the review",
            url: self.links.for_looking(round, &channel).url,
            foot: None,
        };
        let request = was_asked.then(|| self.message_id(round, &channel, &content::word(Purpose::Request, None)));
        self.letter(round, to, &content::word(Purpose::Outcome, Some(outcome)), request, &page, now).map(Some)
    }

    /// Many questions at once.
    ///
    /// # Errors
    /// [`NoLetter`].
    pub(crate) fn digest(
        &self,
        round: &Round,
        to: &str,
        word: &str,
        digest: &Digest<'_>,
        now: Timestamp,
    ) -> Result<Message, NoLetter> {
        let page = Page {
            subject: format!("{}{}", if digest.causes.is_empty() { "" } else { "Please review: " }, digest.title),
            title: digest.title.clone(),
            about: digest.about.clone(),
            lines: Vec::new(),
            findings: digest.causes.clone(),
            after: digest.largest.clone(),
            call: digest.call,
            url: self.links.for_all(digest.newest, &Channel::Mail(to.to_owned())),
            foot: Some("This link is yours alone: whoever has it can decide in your name."),
        };
        self.letter(round, to, word, None, &page, now)
    }

    /// The id of the mail with which a reader was, or would have been, told something.
    pub(crate) fn message_id(&self, round: &Round, channel: &Channel, word: &str) -> String {
        let domain = self.from.as_ref().map_or("localhost", |from| from.email.domain());
        format!("<{}.{}.{word}.{}@{domain}>", round.review_id, round.round, channel.id())
    }

    fn letter(
        &self,
        round: &Round,
        to: &str,
        word: &str,
        answers: Option<String>,
        page: &Page,
        now: Timestamp,
    ) -> Result<Message, NoLetter> {
        let address: Address = to.parse().map_err(|_| NoLetter)?;
        let id = self.message_id(round, &Channel::Mail(to.to_owned()), word);
        let mut letter = Message::builder()
            .from(self.from.clone().ok_or(NoLetter)?)
            .to(Mailbox::new(None, address))
            .subject(&page.subject)
            .date(now.into())
            .message_id(Some(id))
            // RFC 3834: out-of-office programs do not answer such mails.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if let Some(request) = answers {
            letter = letter.in_reply_to(request.clone()).references(request);
        }
        let body = MultiPart::alternative_plain_html(page.text(), page.html().into_string());
        letter.multipart(body).map_err(|_| NoLetter)
    }
}

impl Page {
    fn text(&self) -> String {
        let findings = self.findings.iter().map(|finding| format!("- {finding}")).collect::<Vec<_>>().join("\n");
        let parts = [
            format!("{}\n{}", self.title, self.about),
            self.lines.join("\n"),
            findings,
            self.after.join("\n"),
            format!("{}:\n{}", self.call, self.url),
            self.foot.unwrap_or_default().to_owned(),
        ];
        let mut text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        text.push('\n');
        text
    }

    fn html(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head { meta charset="utf-8"; title { (self.subject) } }
                body style="font:16px/1.5 system-ui,sans-serif;max-width:40rem" {
                    h1 style="font-size:1.2rem;margin:0" { (self.title) }
                    p style="color:#5b6577;margin:0 0 1rem" { (self.about) }
                    @for line in &self.lines { p { b { (line) } } }
                    @if !self.findings.is_empty() { ul { @for finding in &self.findings { li { (finding) } } } }
                    @for line in &self.after { p { (line) } }
                    p { a href=(self.url) { (self.call) } }
                    @if let Some(foot) = self.foot { p style="color:#5b6577" { (foot) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
