//! One SMTP conversation (RFC 5321), as far as a mail client needs it.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

use super::{Mail, Mailbox};
use crate::gate::Gate;

const HELLO: &str = "250-holdpoint-local\r\n250-8BITMIME\r\n250 SMTPUTF8";

/// The mail that is being handed over.
#[derive(Default)]
struct Envelope {
    has_sender: bool,
    recipients: Vec<String>,
}

pub(super) async fn serve(stream: TcpStream, mailbox: watch::Sender<Mailbox>, gate: Gate) {
    if let Err(error) = converse(stream, &mailbox, &gate).await {
        debug!(error = &error as &dyn std::error::Error, "an SMTP conversation ended early");
    }
}

async fn converse(mut stream: TcpStream, mailbox: &watch::Sender<Mailbox>, gate: &Gate) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    let mut envelope = Envelope::default();
    write.write_all(b"220 holdpoint-local keeps what you send\r\n").await?;
    while let Some(line) = next_line(&mut read).await? {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let reply = match verb.as_str() {
            "DATA" if !envelope.recipients.is_empty() => {
                write.write_all(b"354 end with a dot on a line of its own\r\n").await?;
                let Some(raw) = read_message(&mut read).await? else { return Ok(()) };
                let mails: Vec<_> =
                    std::mem::take(&mut envelope).recipients.into_iter().map(|to| Mail::read(to, &raw)).collect();
                gate.pass("DATA", || mailbox.send_modify(|mailbox| mailbox.mails.extend(mails))).await;
                "250 kept".to_owned()
            }
            "QUIT" => return write.write_all(b"221 goodbye\r\n").await,
            verb => envelope.take(verb, &line, mailbox),
        };
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}

impl Envelope {
    /// The reply to every command that is no more than a line.
    fn take(&mut self, verb: &str, line: &str, mailbox: &watch::Sender<Mailbox>) -> String {
        match (verb, address(line)) {
            ("EHLO", _) => HELLO.to_owned(),
            ("HELO" | "NOOP", _) => "250 holdpoint-local".to_owned(),
            ("RSET", _) => {
                *self = Self::default();
                "250 forgotten".to_owned()
            }
            ("MAIL", Some(_)) if !self.has_sender => {
                self.has_sender = true;
                "250 and to whom".to_owned()
            }
            ("RCPT", Some(recipient)) if self.has_sender => {
                if let Some(code) = next_refusal(mailbox) {
                    return format!("{code} refused by a test");
                }
                self.recipients.push(recipient.to_owned());
                "250 known here".to_owned()
            }
            ("MAIL" | "RCPT", None) => "501 an address in <> is missing".to_owned(),
            ("MAIL" | "RCPT" | "DATA", _) => "503 out of order".to_owned(),
            _ => "502 not known here".to_owned(),
        }
    }
}

fn next_refusal(mailbox: &watch::Sender<Mailbox>) -> Option<u16> {
    let mut refusal = None;
    mailbox.send_modify(|mailbox| refusal = mailbox.refusals.pop_front());
    refusal
}

/// `MAIL FROM:<dana@example.com> BODY=8BITMIME`
fn address(line: &str) -> Option<&str> {
    Some(line.split_once('<')?.1.split_once('>')?.0)
}

/// What comes before the dot, with the dots that the client doubled made single; `None` when the client went away.
async fn read_message(read: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut raw = Vec::new();
    while let Some(line) = next_line(read).await? {
        match line.strip_prefix(b".") {
            Some(b"\r\n" | b"\n") => return Ok(Some(raw)),
            Some(unstuffed) => raw.extend(unstuffed),
            None => raw.extend(line),
        }
    }
    Ok(None)
}

async fn next_line(read: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read_bytes = read.read_until(b'\n', &mut line).await?;
    Ok((read_bytes > 0).then_some(line))
}
