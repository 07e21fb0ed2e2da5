//! Organiser tokens: random, shown once, stored as a hash.

use std::fmt;

use chrono::{DateTime, Utc};
use lanyard_domain::ids::{InvalidId, TokenId};
use lanyard_gateway::hex;
use lanyard_gateway::ports::Cause;
use sha2::{Digest, Sha256};

use crate::random::SecureRandom;

const PREFIX: &str = "lanyard_";
/// 43 characters of 62 hold 256 bits.
const CHARACTERS: usize = 43;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An organiser's bearer token. It never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct OrganiserToken(String);

impl OrganiserToken {
    /// A new token.
    ///
    /// # Errors
    ///
    /// If the machine has no randomness.
    pub fn draw(random: &dyn SecureRandom) -> Result<Self, Cause> {
        let mut token = PREFIX.to_owned();
        while token.len() < PREFIX.len() + CHARACTERS {
            // Bytes past the last multiple of 62 would favour the first letters.
            let fair = random.bytes::<64>()?.into_iter().filter(|byte| *byte < 248);
            let missing = PREFIX.len() + CHARACTERS - token.len();
            token.extend(
                fair.take(missing).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])),
            );
        }
        Ok(Self(token))
    }

    /// A token as it was sent; `None` unless it looks like one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_token = rest.len() == CHARACTERS && rest.bytes().all(|b| b.is_ascii_alphanumeric());
        is_token.then(|| Self(text.to_owned()))
    }

    /// The token itself, to be shown once and for nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The id by which the token is listed and revoked.
    ///
    /// It begins with the time, so that lists are in the order of creation. The rest is 64 bits of
    /// the token's hash, so that the id is the same each time.
    ///
    /// # Errors
    ///
    /// For an instant that no id can name.
    pub fn id(&self, created_at: DateTime<Utc>) -> Result<TokenId, InvalidId> {
        let hash = self.sha256_hex();
        let digits = hash.get(..16).unwrap_or_default();
        format!("org_{:012x}{digits}", created_at.timestamp_millis().max(0)).parse()
    }

    /// The hash under which the token is stored.
    #[must_use]
    pub fn sha256_hex(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for OrganiserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts up, so that every token differs.
    struct Counter(std::sync::atomic::AtomicU8);

    impl SecureRandom for Counter {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Cause> {
            let next =
                |byte: &mut u8| *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            bytes.iter_mut().for_each(next);
            Ok(())
        }
    }

    #[test]
    fn a_token_is_random_and_reads_back() {
        let random = Counter(0.into());
        let token = OrganiserToken::draw(&random).unwrap();
        assert_eq!(OrganiserToken::read(token.reveal()), Some(token.clone()));
        assert_ne!(OrganiserToken::draw(&random).unwrap(), token);
        assert_eq!(format!("{token:?}"), "[redacted]");
    }

    #[test]
    fn other_texts_are_not_tokens() {
        let long = format!("lanyard_{}", "a".repeat(44));
        for text in ["", "lanyard_", "hackathon/ada", &long, &long.replace("aa", "a-")] {
            assert_eq!(OrganiserToken::read(text), None, "{text}");
        }
    }
}
