//! Organiser tokens: random, shown once, kept as a hash.

use std::fmt;

use chrono::{DateTime, Utc};
use lanyard_domain::ids::OrganiserId;
use lanyard_gateway::hex;
use lanyard_gateway::ports::Cause;
use sha2::{Digest, Sha256};

use super::{OrganiserFault, Organisers, away, unreadable};
use crate::shell::random;
use crate::table::{Key, get_text, text};

const PREFIX: &str = "lanyard_";
/// 43 characters of 62 hold 256 bits.
const CHARACTERS: usize = 43;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What an organiser proves themselves with. It never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct OrganiserToken(String);

impl OrganiserToken {
    /// A new token.
    ///
    /// # Errors
    ///
    /// If the machine has no randomness.
    pub fn draw() -> Result<Self, Cause> {
        let mut token = PREFIX.to_owned();
        while token.len() < PREFIX.len() + CHARACTERS {
            // Bytes past the last multiple of 62 would favour the first letters.
            let fair = random::<64>()?.into_iter().filter(|byte| *byte < 248);
            let missing = PREFIX.len() + CHARACTERS - token.len();
            token.extend(
                fair.take(missing).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])),
            );
        }
        Ok(Self(token))
    }

    /// A token as somebody sent it; `None` unless it looks like one.
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

    fn sha256_hex(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for OrganiserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Organisers {
    /// Makes a token for an organiser, who need not have one yet and keeps those there are.
    ///
    /// # Errors
    ///
    /// If the table does not answer or the machine has no randomness.
    pub async fn create_organiser(
        &self,
        organiser: &OrganiserId,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<OrganiserToken, OrganiserFault> {
        let token = OrganiserToken::draw().map_err(away)?;
        let mut item = Key::token(&token.sha256_hex()).attributes();
        item.insert("organiser".to_owned(), text(organiser.as_str()));
        item.insert("name".to_owned(), text(name));
        item.insert("created_at".to_owned(), text(now.to_rfc3339()));
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item));
        put.send().await.map_err(away)?;
        Ok(token)
    }

    /// The organiser whom a token names, if any.
    ///
    /// # Errors
    ///
    /// If the table does not answer or the item is malformed.
    pub async fn organiser_of(
        &self,
        token: &OrganiserToken,
    ) -> Result<Option<OrganiserId>, OrganiserFault> {
        let key = Key::token(&token.sha256_hex());
        let Some(item) = self.table.get(key, true).await.map_err(away)? else {
            return Ok(None);
        };
        let organiser = get_text(&item, "organiser").map_err(unreadable)?;
        organiser.parse().map(Some).map_err(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_random_and_reads_back() {
        let token = OrganiserToken::draw().unwrap();
        assert_eq!(OrganiserToken::read(token.reveal()), Some(token.clone()));
        assert_ne!(OrganiserToken::draw().unwrap(), token);
        assert_eq!(format!("{token:?}"), "[redacted]");
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let long = format!("lanyard_{}", "a".repeat(44));
        for text in ["", "lanyard_", "hackathon/ada", &long, &long.replace("aa", "a-")] {
            assert_eq!(OrganiserToken::read(text), None, "{text}");
        }
    }
}
