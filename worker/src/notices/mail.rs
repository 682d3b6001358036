//! Notices by mail: SMTP, with TLS or not at all.
//!
//! A mail that the server puts off comes again under the same `Message-ID`. An address that it refuses for good is noted as
//! told, with an error for the operator: a wrong address must not hold up the other readers, nor the review's end. There is
//! no looking back: a mail that is sent twice after a crash is one by its id.

use std::time::Duration;

use holdpoint_platform::now;
use holdpoint_review::{Channel, Notice, Outcome, Purpose, Round};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, transport::smtp::Error as SmtpError};
use tracing::error;

use super::{Sender, Undelivered, content, digest::Digest};
use crate::config::MailConfig;

/// For each command of a conversation.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);
/// RFC 4954 and 3207: the server wants other credentials, or TLS. Nothing is wrong with the address.
const OURS_TO_MEND: [u16; 4] = [530, 534, 535, 538];

/// Sends mails.
pub(crate) struct Mailer(AsyncSmtpTransport<Tokio1Executor>);

/// What a failure asks for.
enum MailError {
    /// This mail will never be taken.
    Rejected(u16),
    /// Try again.
    Failed(SmtpError),
}

impl Mailer {
    pub(crate) fn new(config: &MailConfig) -> Self {
        Self(config.smtp.transport().timeout(Some(COMMAND_TIMEOUT)).build())
    }

    async fn send(&self, letter: Message) -> Result<(), MailError> {
        match self.0.send(letter).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let code = error.status().map(u16::from);
                Err(match code.filter(|code| error.is_permanent() && !OURS_TO_MEND.contains(code)) {
                    Some(code) => MailError::Rejected(code),
                    None => MailError::Failed(error),
                })
            }
        }
    }
}

/// Whether the mail server speaks to us as set up: TLS, and the password if there is one.
pub(crate) async fn check(config: &MailConfig) -> Result<(), String> {
    match Mailer::new(config).0.test_connection().await {
        Ok(true) => Ok(()),
        Ok(false) => Err("it hangs up".to_owned()),
        Err(error) => Err(without_address(&error)),
    }
}

impl Sender {
    /// Asks by mail. The receipt is the `Message-ID`; none where the round is closed, or the address takes no mail.
    ///
    /// Where the round was closed since an earlier try, that try may have sent the mail and died before it could say so:
    /// then it counts as sent, and its thread hears how the review ended.
    pub(super) async fn ask_by_mail(
        &self,
        round: &Round,
        notice: &Notice,
        to: &str,
        receives: u32,
    ) -> Result<Option<String>, Undelivered> {
        let id = self.letters.message_id(round, &notice.channel, &content::purpose_word(notice));
        if !round.is_open() {
            return Ok((receives > 1).then_some(id));
        }
        let letter = self.letters.asking(round, to, notice.purpose, now()).ok();
        Ok(self.mail_to(letter).await?.then_some(id))
    }

    /// Mails a reviewer the link that was asked for on a channel's page, while it is open. Nothing of it is written: anybody
    /// with the channel's link could make a document grow.
    pub(super) async fn mail_link(&self, round: &Round, notice: &Notice) -> Result<(), Undelivered> {
        let Channel::Mail(to) = &notice.channel else { return Ok(()) };
        self.ask_by_mail(round, notice, to, 1).await.map(drop)
    }

    /// Sends a digest by mail.
    pub(super) async fn mail_digest(
        &self,
        round: &Round,
        notice: &Notice,
        to: &str,
        digest: &Digest<'_>,
    ) -> Result<Option<String>, Undelivered> {
        let word = content::purpose_word(notice);
        let letter = self.letters.digest(round, to, &word, digest, now()).ok();
        let sent = self.mail_to(letter).await?;
        Ok(sent.then(|| self.letters.message_id(round, &notice.channel, &word)))
    }

    /// Tells the outcome by mail to who was asked, or is only to be told.
    pub(super) async fn tell_by_mail(
        &self,
        round: &Round,
        channel: &Channel,
        to: &str,
        outcome: Outcome,
    ) -> Result<(), Undelivered> {
        // What was left to a digest, or had no address that takes mail, may have been asked by a reminder.
        let never_asked = round.receipt(channel, Purpose::Request) == Some(None) && !round.is_asked_in(channel);
        if never_asked && !round.route.tell.iter().any(|told| told == to) {
            return Ok(());
        }
        let Some(letter) = self.letters.ended(round, to, now()).transpose() else { return Ok(()) };
        let sent = self.mail_to(letter.ok()).await?;
        if !sent {
            error!(outcome = outcome.as_str(), "somebody cannot be told how a review ended");
        }
        Ok(())
    }

    /// Whether it went out; no where it never will.
    async fn mail_to(&self, letter: Option<Message>) -> Result<bool, Undelivered> {
        let mailer = self.mail.as_ref().ok_or_else(|| Undelivered::Refused("no mail server is set".to_owned()))?;
        let Some(letter) = letter else {
            error!("an address in the routes is no mail address; its reader is not told");
            return Ok(false);
        };
        match mailer.send(letter).await {
            Ok(()) => Ok(true),
            Err(MailError::Rejected(code)) => {
                error!(smtp.code = code, "the mail server refuses a mail for good; its reader is not told");
                Ok(false)
            }
            Err(MailError::Failed(error)) => Err(Undelivered::Failed(without_address(&error).into())),
        }
    }
}

/// What went wrong, without the server's own words: they like to repeat addresses.
fn without_address(error: &SmtpError) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None if error.is_tls() => format!("no TLS with the mail server: {error}"),
        None if error.is_client() => error.to_string(),
        None => "the mail server cannot be reached".to_owned(),
    }
}

#[cfg(test)]
mod tests;
