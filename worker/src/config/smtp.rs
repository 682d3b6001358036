//! The mail server's address.

use std::{fmt, net::IpAddr};

use lettre::{AsyncSmtpTransport, Tokio1Executor, transport::smtp::AsyncSmtpTransportBuilder};
use url::Url;

/// A mail server, and how it is spoken to. Shows itself to nobody: it may hold a password.
#[derive(Clone)]
pub(crate) struct SmtpUrl(AsyncSmtpTransportBuilder);

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpUrl(…)")
    }
}

impl SmtpUrl {
    /// Reads `smtps://user:password@host`, or `smtp://…?tls=required`; without TLS only for this machine.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write smtps://user:password@host, or smtp://user:password@host?tls=required";
        let url = Url::parse(text).map_err(|_| FORM)?;
        let starts_tls = url.query_pairs().any(|(name, value)| name == "tls" && value == "required");
        let plaintext = match url.scheme() {
            "smtps" => false,
            "smtp" => !starts_tls,
            _ => return Err(FORM),
        };
        if plaintext && !url.host_str().is_some_and(is_this_machine) {
            return Err(
                "without TLS mails may only go to a server on this machine; add ?tls=required, or use smtps://",
            );
        }
        AsyncSmtpTransport::<Tokio1Executor>::from_url(text).map(Self).map_err(|_| FORM)
    }

    /// What speaks to it, to be built.
    pub(crate) fn transport(&self) -> AsyncSmtpTransportBuilder {
        self.0.clone()
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
