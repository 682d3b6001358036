//! Names of things that outlive a process: pushes, reviews, contents.
//!
//! Each is a hash, so that every service derives the same name from the same facts and nobody has to hand out numbers.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Hex digits of a short id: 128 bits, enough that two never meet.
const SHORT: usize = 32;

/// SHA-256 over the parts, each preceded by its length, so that `("ab", "c")` and `("a", "bc")` differ.
fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("a nibble is below 16");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// One object version that one customer delivered.
///
/// It is also the name of the push's execution: 32 characters, of the 80 that Step Functions allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct PushId(String);

impl PushId {
    /// The id of an object version.
    pub fn of(bucket: &str, key: &str, version_id: &str) -> Self {
        Self(digest(&["push", bucket, key, version_id])[..SHORT].to_owned())
    }

    /// The id as text: 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PushId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The human step for one key of one execution; its rounds share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewId(String);

impl ReviewId {
    /// The id of the review that a state of an execution asks for under a key (inside a Map, the item's own key).
    pub fn of(execution: &str, state: &str, key: &str) -> Self {
        Self(digest(&["review", execution, state, key])[..SHORT].to_owned())
    }

    /// The id as text: 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 16 bytes behind the hex digits, for a link that must stay short.
    pub(crate) fn to_bytes(&self) -> [u8; SHORT / 2] {
        let mut bytes = [0; SHORT / 2];
        for (byte, pair) in bytes.iter_mut().zip(self.0.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).expect("an id is ASCII");
            *byte = u8::from_str_radix(pair, 16).expect("an id is hex");
        }
        bytes
    }

    pub(crate) fn from_bytes(bytes: [u8; SHORT / 2]) -> Self {
        Self(hex(&bytes))
    }
}

impl std::str::FromStr for ReviewId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let is_id = text.len() == SHORT && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if is_id { Ok(Self(text.to_owned())) } else { Err(NotAnId) }
    }
}

impl std::fmt::Display for ReviewId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of 32 hex digits")]
pub struct NotAnId;

/// SHA-256 of a content, 64 hex digits: what was approved is what goes on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct ContentHash(String);

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }

    /// From a SHA-256 that was computed piece by piece.
    pub fn of_sha256(digest: [u8; 32]) -> Self {
        Self(hex(&digest))
    }

    /// The hash as text: 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// BLAKE3 of a push's bytes, 64 hex digits as `b3sum` prints them: what was delivered before is known again.
///
/// A push may have gigabytes, and SHA-256 of them is a tenth of the work of judging it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct PushHash(String);

impl PushHash {
    /// From a BLAKE3 that was computed piece by piece.
    pub fn of_blake3(digest: [u8; 32]) -> Self {
        Self(hex(&digest))
    }
}

impl std::fmt::Display for PushHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_do_not_run_their_parts_together() {
        assert_ne!(PushId::of("ab", "c", "1"), PushId::of("a", "bc", "1"));
        assert_ne!(ReviewId::of("e", "s", "k").as_str(), PushId::of("e", "s", "k").as_str());
    }

    #[test]
    fn a_review_id_survives_its_sixteen_bytes_and_its_text() {
        let id = ReviewId::of("execution", "state", "key");
        assert_eq!(ReviewId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_eq!("../../etc".parse::<ReviewId>(), Err(NotAnId));
    }
}
