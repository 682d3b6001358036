//! Links: sealed, expiring addresses of a review round, personal or of a channel.
//!
//! A link shows nothing to who cannot unseal it, cannot be forged or changed, and dies with its key. The environment's
//! name is authenticated with it, so that a link made in a test environment opens nothing in production. It names the
//! reviewer by place in the round's list, not by address: a link stays short and gives nobody away.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use jiff::{SignedDuration, Timestamp};

use crate::{Channel, ReviewId, Round, Who};

const NONCE_BYTES: usize = 24;
const BODY_BYTES: usize = 1 + 16 + 4 + 4 + 8;
/// An old link still shows how it ended for so long after the deadline.
const AFTER_DEADLINE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The review.
    pub review_id: ReviewId,
    /// The round.
    pub round: u32,
    /// Whose it is.
    pub holder: Holder,
    /// From then on it opens nothing.
    pub expires_at: Timestamp,
}

/// Whom a link was made for, by place in the round's route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The reviewer at this place.
    Reviewer(u32),
    /// The Slack channel at this place.
    SlackChannel(u32),
    /// Who only looks: an escalation channel, the submitter.
    Viewer,
}

impl Holder {
    /// The holder of a link in a message on this channel.
    pub fn of(round: &Round, channel: &Channel) -> Self {
        let place = |found: Option<usize>| found.and_then(|place| u32::try_from(place).ok());
        match channel {
            Channel::Mail(address) => {
                let found = round.route.reviewers.iter().position(|reviewer| reviewer.mail.as_ref() == Some(address));
                place(found).map_or(Self::Viewer, Self::Reviewer)
            }
            Channel::Slack(name) => {
                let found = round.route.slack.iter().position(|channel| channel == name);
                place(found).map_or(Self::Viewer, Self::SlackChannel)
            }
        }
    }

    /// Who that is in a round; none for who only looks.
    pub fn who(self, round: &Round) -> Option<Who> {
        match self {
            Self::Reviewer(place) => {
                let reviewer = round.route.reviewers.get(place as usize)?;
                reviewer.mail.clone().map(Who::MailOwner)
            }
            Self::SlackChannel(place) => {
                let channel = round.route.slack.get(place as usize)?;
                Some(Who::ChannelMember(Channel::Slack(channel.clone())))
            }
            Self::Viewer => None,
        }
    }
}

/// The secret under which links are sealed. The first key seals; all unseal, so that keys can be rotated.
#[derive(Clone)]
pub struct LinkKeys {
    environment: String,
    keys: Vec<(u8, XChaCha20Poly1305)>,
}

/// Why a set of link keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a link key is written as its number (0 to 255), a colon and 64 hex digits; several, each with a number of its own, are separated by commas"
)]
pub struct BadKeys;

impl std::fmt::Debug for LinkKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers: Vec<_> = self.keys.iter().map(|(number, _)| number).collect();
        f.debug_struct("LinkKeys").field("environment", &self.environment).field("keys", &numbers).finish()
    }
}

impl LinkKeys {
    /// Reads keys like `2:0123…,1:89ab…`.
    ///
    /// # Errors
    /// [`BadKeys`] says the form; it repeats nothing of the secret.
    pub fn parse(environment: &str, text: &str) -> Result<Self, BadKeys> {
        let keys = text.split(',').map(|part| {
            let (number, secret) = part.trim().split_once(':').ok_or(BadKeys)?;
            let cipher = XChaCha20Poly1305::new_from_slice(&from_hex(secret)?).map_err(|_| BadKeys)?;
            Ok((number.parse().map_err(|_| BadKeys)?, cipher))
        });
        let keys = keys.collect::<Result<Vec<(u8, _)>, _>>()?;
        let numbers: BTreeSet<_> = keys.iter().map(|(number, _)| number).collect();
        if numbers.len() < keys.len() {
            return Err(BadKeys);
        }
        Ok(Self { environment: environment.to_owned(), keys })
    }

    /// Seals a link: 99 characters of URL-safe text. `nonce` must come from a secure source and be used once.
    pub fn seal(&self, link: &Link, nonce: [u8; NONCE_BYTES]) -> String {
        self.seal_as("link", &link.to_bytes(), nonce)
    }

    /// Unseals a link.
    ///
    /// None for whatever is wrong with it — tampered with, truncated, of another environment, of an unknown key — so
    /// that nobody learns which. Whether it has expired is for the caller to see.
    pub fn unseal(&self, text: &str) -> Option<Link> {
        Link::from_bytes(&self.unseal_as("link", text)?)
    }

    /// Seals a proof that a form was shown for a link at a time, to be sent back with the form.
    pub fn seal_form(&self, link: &str, shown_at: Timestamp, nonce: [u8; NONCE_BYTES]) -> String {
        self.seal_as(&format!("form {link}"), &shown_at.as_second().to_be_bytes(), nonce)
    }

    /// When the form was shown; none where the proof is not of this link.
    pub fn unseal_form(&self, link: &str, text: &str) -> Option<Timestamp> {
        let seconds = self.unseal_as(&format!("form {link}"), text)?;
        Timestamp::from_second(i64::from_be_bytes(seconds.try_into().ok()?)).ok()
    }

    fn seal_as(&self, purpose: &str, body: &[u8], nonce: [u8; NONCE_BYTES]) -> String {
        let (number, cipher) = self.keys.first().expect("parse leaves at least one key");
        let payload = Payload { msg: body, aad: &self.context(purpose, *number) };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).expect("a short message can be sealed");
        BASE64_URL_SAFE_NO_PAD.encode([&[*number], &nonce[..], &sealed].concat())
    }

    fn unseal_as(&self, purpose: &str, text: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (number, rest) = bytes.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (_, cipher) = self.keys.iter().find(|(known, _)| known == number)?;
        let payload = Payload { msg: sealed, aad: &self.context(purpose, *number) };
        cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }

    fn context(&self, purpose: &str, key: u8) -> Vec<u8> {
        format!("holdpoint\0{purpose}\0{}\0{key}", self.environment).into_bytes()
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, BadKeys> {
    if text.len() != 64 || !text.is_ascii() {
        return Err(BadKeys);
    }
    (0..32).map(|place| u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).map_err(|_| BadKeys)).collect()
}

impl Link {
    /// The link for whoever reads a message about a round on this channel.
    pub fn of(round: &Round, channel: &Channel) -> Self {
        Self {
            review_id: round.review_id.clone(),
            round: round.round,
            holder: Holder::of(round, channel),
            expires_at: round.deadline + AFTER_DEADLINE,
        }
    }

    fn to_bytes(&self) -> [u8; BODY_BYTES] {
        let (kind, place) = match self.holder {
            Holder::Reviewer(place) => (0, place),
            Holder::SlackChannel(place) => (1, place),
            Holder::Viewer => (2, 0),
        };
        let mut bytes = [0; BODY_BYTES];
        bytes[0] = kind;
        bytes[1..17].copy_from_slice(&self.review_id.to_bytes());
        bytes[17..21].copy_from_slice(&self.round.to_be_bytes());
        bytes[21..25].copy_from_slice(&place.to_be_bytes());
        bytes[25..].copy_from_slice(&self.expires_at.as_second().to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (review, rest) = rest.split_first_chunk::<16>()?;
        let (round, rest) = rest.split_first_chunk::<4>()?;
        let (place, expires) = rest.split_first_chunk::<4>()?;
        let place = u32::from_be_bytes(*place);
        let holder = match kind {
            0 => Holder::Reviewer(place),
            1 => Holder::SlackChannel(place),
            2 => Holder::Viewer,
            _ => return None,
        };
        Some(Self {
            review_id: ReviewId::from_bytes(*review),
            round: u32::from_be_bytes(*round),
            holder,
            expires_at: Timestamp::from_second(i64::from_be_bytes(expires.try_into().ok()?)).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: &str = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const TWO: &str = "2:ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn keys(environment: &str, text: &str) -> LinkKeys {
        LinkKeys::parse(environment, text).unwrap()
    }

    fn link() -> Link {
        Link {
            review_id: ReviewId::of("e", "s", "k"),
            round: 3,
            holder: Holder::Reviewer(1),
            expires_at: Timestamp::from_second(1_800_000_000).unwrap(),
        }
    }

    #[test]
    fn a_link_opens_where_it_was_made_and_nowhere_else() {
        let sealed = keys("production", ONE).seal(&link(), [7; 24]);
        assert_eq!(sealed.len(), 99, "the URL around it has 101 characters left of 200");
        assert_eq!(keys("production", ONE).unseal(&sealed), Some(link()));
        assert_eq!(keys("uat", ONE).unseal(&sealed), None);
        assert_eq!(keys("production", TWO).unseal(&sealed), None);
        assert_eq!(keys("production", ONE).unseal(&sealed[..sealed.len() - 2]), None);
        assert_eq!(keys("production", ONE).unseal(""), None);
    }

    #[test]
    fn b22_old_links_work_until_their_key_is_taken_away() {
        let old = keys("production", ONE).seal(&link(), [7; 24]);
        let rotated = keys("production", &format!("{TWO},{ONE}"));
        assert_eq!(rotated.unseal(&old), Some(link()));
        assert_eq!(keys("production", TWO).unseal(&old), None, "a revoked key's links die at once");
        assert_eq!(keys("production", TWO).unseal(&rotated.seal(&link(), [8; 24])), Some(link()));
    }

    #[test]
    fn a_form_proves_its_own_link_only() {
        let keys = keys("production", ONE);
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let form = keys.seal_form("link-a", at, [9; 24]);
        assert_eq!(keys.unseal_form("link-a", &form), Some(at));
        assert_eq!(keys.unseal_form("link-b", &form), None);
        assert_eq!(keys.unseal(&form), None, "a form's proof is no link");
    }

    #[test]
    fn bad_keys_are_refused_without_repeating_them() {
        let twice = format!("{ONE},{}", TWO.replacen('2', "1", 1));
        for text in ["", "1", "1:", "1:zz", "x:00", &ONE[..20], "256:00", &twice] {
            let error = LinkKeys::parse("e", text).unwrap_err();
            assert!(error.to_string().contains("64 hex digits"));
        }
        assert!(!format!("{:?}", keys("e", ONE)).contains("0001"));
    }

    proptest! {
        #[test]
        fn no_changed_character_goes_unnoticed(place in 0usize..99, flip in 1u8..64) {
            let keys = keys("production", ONE);
            let sealed = keys.seal(&link(), [7; 24]);
            let mut changed = sealed.clone().into_bytes();
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let at = alphabet.iter().position(|c| *c == changed[place]).unwrap();
            changed[place] = alphabet[(at + flip as usize) % 64];
            prop_assert_eq!(keys.unseal(std::str::from_utf8(&changed).unwrap()), None);
        }
    }
}
