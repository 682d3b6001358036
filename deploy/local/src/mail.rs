//! A mail catcher: an SMTP server on loopback that keeps every mail and sends none on.
//!
//! It serves people, who look at the mails on the outbox page, and tests, which wait for a mail and follow its link. Plaintext,
//! since it is loopback. Deliberately absent: TLS, logins, limits, persistence.

mod smtp;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mail_parser::{MessageParser, PartType};
use tokio::sync::watch;

use crate::gate::Gate;
use crate::loopback::Loopback;

/// One mail in one recipient's inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whose inbox: the address of `RCPT TO`, not what the headers say.
    pub recipient: String,
    /// Decoded; empty when there is none.
    pub subject: String,
    /// The plain part, decoded; empty when there is none.
    pub text: String,
    /// The HTML part, decoded; empty when there is none.
    pub html: String,
    /// Name and value as sent, unfolded, in order.
    pub headers: Vec<(String, String)>,
    /// When it came.
    pub at: Timestamp,
}

impl Mail {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn read(recipient: String, raw: &[u8]) -> Self {
        let parsed = MessageParser::default().parse(raw).unwrap_or_default();
        let body =
            |wanted: fn(&PartType<'_>) -> Option<String>| parsed.parts.iter().find_map(|part| wanted(&part.body));
        Self {
            recipient,
            subject: parsed.subject().unwrap_or_default().to_owned(),
            text: body(|part| if let PartType::Text(text) = part { Some(text.to_string()) } else { None })
                .unwrap_or_default(),
            html: body(|part| if let PartType::Html(html) = part { Some(html.to_string()) } else { None })
                .unwrap_or_default(),
            headers: parsed.headers_raw().map(|(name, value)| (name.to_owned(), unfolded(value))).collect(),
            at: holdpoint_platform::now(),
        }
    }
}

/// A running catcher. A clone is another hold on it; when the last one is dropped, it stops.
#[derive(Debug, Clone)]
pub struct MailCatcher {
    mailbox: watch::Sender<Mailbox>,
    gate: Gate,
    port: Arc<Loopback>,
}

#[derive(Debug, Default)]
struct Mailbox {
    mails: Vec<Mail>,
    refusals: VecDeque<u16>,
}

impl MailCatcher {
    /// Listens; when this returns, mail is taken. Port 0 takes any that is free.
    ///
    /// # Errors
    /// When the address is not on loopback or cannot be listened on.
    pub async fn start(addr: SocketAddr) -> io::Result<Self> {
        let mailbox = watch::Sender::new(Mailbox::default());
        let gate = Gate::default();
        let (sessions, guarded) = (mailbox.clone(), gate.clone());
        let serve = move |stream| smtp::serve(stream, sessions.clone(), guarded.clone());
        let port = Loopback::listen(addr, serve).await?;
        Ok(Self { mailbox, gate, port: Arc::new(port) })
    }

    /// `smtp://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("smtp://{}", self.port.addr())
    }

    /// All mails, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.mailbox.borrow().mails.clone()
    }

    /// The first mail that fits, which may have come already; `None` when none came in time.
    pub async fn wait_for(&self, fits: impl Fn(&Mail) -> bool, deadline: Duration) -> Option<Mail> {
        let mut arrivals = self.mailbox.subscribe();
        let arrived = arrivals.wait_for(|mailbox| mailbox.mails.iter().any(&fits));
        let mailbox = tokio::time::timeout(deadline, arrived).await.ok()?.ok()?;
        mailbox.mails.iter().find(|mail| fits(mail)).cloned()
    }

    /// The next `times` recipients are refused with this code: 4xx "try later", 5xx "never".
    pub fn refuse_next(&self, times: usize, code: u16) {
        self.mailbox.send_modify(|mailbox| mailbox.refusals.extend(std::iter::repeat_n(code, times)));
    }

    /// Sees each message, as `DATA`, when all of it is there and before it is taken.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Cuts every connection until [`Self::up`].
    pub fn down(&self) {
        self.port.down();
    }

    /// Takes mail again.
    pub fn up(&self) {
        self.port.up();
    }
}

fn unfolded(value: &str) -> String {
    value.replace("\r\n", "").trim().to_owned()
}
