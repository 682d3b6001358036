//! Who logged in at the load balancer: its `x-amzn-oidc-data` header, a signed claim about one person.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html>: a JWT, signed by
//! ES256 with a key that AWS publishes per region under the id in its header, and with padding, which JWTs do not have. Two
//! things are checked beside the signature: that our own load balancer signed, since another account's has its keys at the
//! same place, and that it did so just now. Off unless the load balancer is named.
//!
//! The claims are what the login's user-info endpoint answered, and the load balancer signs them as they are: it vouches that
//! somebody logged in, not that the address is theirs. Where people type in their own address only `email_verified` says
//! that it was tried, so that an address without it counts for nobody. Some directories (Entra ID) never send it; where an
//! administrator sets the addresses that is no loss, and `HOLDPOINT_OIDC_TRUST_EMAIL` says so. What is said to be unverified
//! counts in neither case.
//!
//! A key is fetched when it is first seen, without holding up anybody whose key is known; one that could not be fetched is
//! not asked for again for some seconds. Anybody can name keys that there are not, so that few are fetched at once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::http::HeaderMap;
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use holdpoint_platform::WebUrl;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{sync::Semaphore, time::Instant};

const HEADER: &str = "x-amzn-oidc-data";
/// The key is small and near.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Keys are rotated now and then; a handful is in use.
const KEYS: usize = 16;
/// Keys that are fetched at once: a rotation brings one.
const FETCHES: usize = 4;
/// A key that could not be fetched is not asked for again for so long.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_TEXT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
const PEM_TEXT: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// The load balancer whose word counts.
#[derive(Debug, Clone)]
pub(crate) struct OidcConfig {
    /// Its ARN.
    pub(crate) signer: String,
    /// Where its keys are published.
    pub(crate) keys_url: WebUrl,
    /// Whether an address counts of which the login does not say that it was verified.
    pub(crate) trust_email: bool,
}

/// Checks what the load balancer says.
pub(crate) struct Oidc {
    config: OidcConfig,
    http: reqwest::Client,
    /// Guards the keys; never held while one is fetched.
    keys: Mutex<Keys>,
    fetches: Semaphore,
}

/// By their ids.
#[derive(Default)]
struct Keys {
    /// In DER.
    known: HashMap<String, Vec<u8>>,
    /// When it was asked for in vain.
    failed: HashMap<String, Timestamp>,
}

/// Nobody who can be believed is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotLoggedIn {
    #[error("no word of the load balancer")]
    Missing,
    #[error("not a claim that it makes")]
    Form,
    #[error("another load balancer's claim")]
    Signer,
    #[error("the claim is too old")]
    Expired,
    #[error("the key that signed it is not published")]
    Key,
    #[error("the signature is not good")]
    Signature,
    #[error("no mail address that the login vouches for")]
    Address,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: String,
    signer: String,
    /// Where the load balancer says how long it vouches.
    exp: Option<i64>,
}

#[derive(Deserialize)]
struct Claims {
    exp: Option<i64>,
    email: Option<String>,
    /// Some providers send a text.
    email_verified: Option<serde_json::Value>,
}

impl OidcConfig {
    /// The load balancer of this ARN, with AWS's own place of its region's keys unless another is named.
    pub(crate) fn new(signer: String, keys_url: Option<WebUrl>, trust_email: bool) -> Result<Self, &'static str> {
        const FORM: &str = "write the ARN of the load balancer, arn:aws:elasticloadbalancing:…";
        let region = signer.strip_prefix("arn:aws:elasticloadbalancing:").and_then(|rest| rest.split(':').next());
        let published = region.map(|region| format!("https://public-keys.auth.elb.{region}.amazonaws.com"));
        let published = published.and_then(|url| url.parse().ok());
        Ok(Self { keys_url: keys_url.or(published).ok_or(FORM)?, signer, trust_email })
    }
}

impl Oidc {
    pub(crate) fn new(config: OidcConfig) -> Self {
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        Self {
            config,
            http: http.expect("the TLS provider is compiled in"),
            keys: Mutex::default(),
            fetches: Semaphore::new(FETCHES),
        }
    }

    /// The mail address of who is logged in.
    pub(crate) async fn address(&self, headers: &HeaderMap, now: Timestamp) -> Result<String, NotLoggedIn> {
        let token = headers.get(HEADER).ok_or(NotLoggedIn::Missing)?.to_str().map_err(|_| NotLoggedIn::Form)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(NotLoggedIn::Form)?;
        let (head, claims) = signed.split_once('.').ok_or(NotLoggedIn::Form)?;
        let (head, claims) = (part::<Head>(head)?, part::<Claims>(claims)?);
        if head.alg != "ES256" || !is_key_id(&head.kid) {
            return Err(NotLoggedIn::Form);
        }
        if head.signer != self.config.signer {
            return Err(NotLoggedIn::Signer);
        }
        let signature = URL_TEXT.decode(signature).map_err(|_| NotLoggedIn::Form)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key(&head.kid, now).await?);
        key.verify(signed.as_bytes(), &signature).map_err(|_| NotLoggedIn::Signature)?;
        let until = head.exp.into_iter().chain(claims.exp).min().ok_or(NotLoggedIn::Form)?;
        if now.as_second() >= until {
            return Err(NotLoggedIn::Expired);
        }
        let believed = match claims.email_verified {
            Some(verified) => verified == true || verified == "true",
            None => self.config.trust_email,
        };
        claims.email.filter(|address| believed && !address.is_empty()).ok_or(NotLoggedIn::Address)
    }

    /// Who waits longer for a turn than a fetch may take is refused.
    async fn key(&self, id: &str, now: Timestamp) -> Result<Vec<u8>, NotLoggedIn> {
        if let Some(known) = self.known(id, now) {
            return known;
        }
        let began = Instant::now();
        let turn = tokio::time::timeout(TIMEOUT, self.fetches.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(NotLoggedIn::Key) };
        let later = || now + began.elapsed();
        // Whoever had the turn before may have fetched the same.
        if let Some(known) = self.known(id, later()) {
            return known;
        }
        let fetched = self.fetch(id).await;
        let mut keys = self.keys();
        match &fetched {
            Some(key) => keep(&mut keys.known, id, key.clone()),
            None => keep(&mut keys.failed, id, later()),
        }
        fetched.ok_or(NotLoggedIn::Key)
    }

    /// A key that was fetched, or that it cannot be fetched now; none where that is to be tried.
    fn known(&self, id: &str, now: Timestamp) -> Option<Result<Vec<u8>, NotLoggedIn>> {
        let keys = self.keys();
        if let Some(key) = keys.known.get(id) {
            return Some(Ok(key.clone()));
        }
        let failed = keys.failed.get(id).is_some_and(|at| now.duration_since(*at) < AGAIN);
        failed.then_some(Err(NotLoggedIn::Key))
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, id: &str) -> Option<Vec<u8>> {
        let reply = self.http.get(self.config.keys_url.with(id)).send().await.ok()?.error_for_status().ok()?;
        let pem = reply.text().await.ok()?;
        let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
        let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
        PEM_TEXT.decode(body.split_whitespace().collect::<String>()).ok()
    }
}

fn keep<T>(kept: &mut HashMap<String, T>, id: &str, value: T) {
    if kept.len() >= KEYS {
        kept.clear();
    }
    kept.insert(id.to_owned(), value);
}

/// It becomes part of an address.
fn is_key_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, NotLoggedIn> {
    let json = URL_TEXT.decode(text).map_err(|_| NotLoggedIn::Form)?;
    serde_json::from_slice(&json).map_err(|_| NotLoggedIn::Form)
}

#[cfg(test)]
mod tests;
