//! Task tokens: a task's number under a seal, so that a token used up is told from rubbish without remembering either.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The key is this process's own: after a restart every token is rubbish, as everything else is gone.
#[derive(Debug)]
pub(crate) struct Tokens {
    key: [u8; 16],
}

const NUMBER_BYTES: usize = 8;
/// AWS's tokens are some 600 characters of Base64; who has no room for that must notice here, not there.
const TOKEN_BYTES: usize = 456;

impl Tokens {
    pub(crate) fn new() -> Self {
        Self { key: fastrand::u128(..).to_be_bytes() }
    }

    pub(crate) fn issue(&self, number: u64) -> String {
        let mut seal = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        seal.update(&number.to_be_bytes());
        let mut bytes = [&seal.finalize().into_bytes()[..], &number.to_be_bytes()].concat();
        bytes.resize(TOKEN_BYTES, 0);
        STANDARD.encode(bytes)
    }

    /// The number of the task that this token was issued for; `None` for what was never issued.
    pub(crate) fn read(&self, token: &str) -> Option<u64> {
        let bytes = STANDARD.decode(token).ok()?;
        let (_, rest) = bytes.split_at_checked(32)?;
        let number = u64::from_be_bytes(rest.get(..NUMBER_BYTES)?.try_into().ok()?);
        (self.issue(number) == token).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_issued_is_read() {
        let tokens = Tokens::new();
        let token = tokens.issue(7);
        assert_eq!(tokens.read(&token), Some(7));
        assert_ne!(tokens.issue(8), token);
        assert!((600..=2048).contains(&token.len()));
        for rubbish in
            ["", "garbage", &token[4..], &format!("{token}AAAA"), &token.to_lowercase(), &Tokens::new().issue(7)]
        {
            assert_eq!(tokens.read(rubbish), None, "{rubbish}");
        }
    }
}
