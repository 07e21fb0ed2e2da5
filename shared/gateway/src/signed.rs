//! Signed tokens: JSON Web Tokens of one algorithm, HS256, that name an event and one of its users.
//!
//! Written by hand because it is less than a library would need for its choices: there is one
//! header, byte for byte, and five claims. Any other form is not a token. A personal key is such a
//! token too; its id names the claim of the user's name.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use lanyard_domain::access::Proof;
use lanyard_domain::event::Signing;
use lanyard_domain::ids::{EventId, TokenId};
use lanyard_domain::token::UserId;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// `{"alg":"HS256","typ":"JWT"}`, the only header there is.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
/// Longer than any token of ours: ids of 64 characters and a user of 128, as base64.
const LONGEST: usize = 1_024;
/// The prefix of the ids of personal keys.
const KEY_PREFIX: &str = "key_";

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The event.
    #[serde(rename = "sub")]
    pub event: EventId,
    /// The user.
    pub user: UserId,
    /// When it was made, in Unix seconds.
    #[serde(rename = "iat")]
    pub issued_at: i64,
    /// From when on it no longer works, in Unix seconds.
    #[serde(rename = "exp")]
    pub expires_at: i64,
    /// Which token it is.
    #[serde(rename = "jti")]
    pub id: TokenId,
}

impl Claims {
    /// The id of the personal key with this number.
    #[must_use]
    pub fn key_id(number: i64) -> Option<TokenId> {
        format!("{KEY_PREFIX}{number:016x}").parse().ok()
    }

    /// What the token proves: that the organiser issued it for its user, or the possession of a
    /// key.
    #[must_use]
    pub fn proof(&self) -> Option<Proof> {
        match self.id.as_str().strip_prefix(KEY_PREFIX) {
            None => Some(Proof::Token),
            Some(digits) => i64::from_str_radix(digits, 16).ok().map(Proof::Key),
        }
    }

    /// The token itself, to be shown and for nothing else.
    #[must_use]
    pub fn sign(&self, signing: &Signing) -> Option<String> {
        let claims = serde_json::to_vec(self).ok()?;
        let mut token = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = mac(signing, &token)?.finalize().into_bytes();
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Some(token)
    }
}

/// A token as it was sent. Its claims must not be trusted before [`SignedToken::verify`].
pub struct SignedToken {
    claims: Claims,
    message: String,
    signature: Vec<u8>,
}

impl fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl SignedToken {
    /// Whether a credential is meant as a token. A code of this length and form cannot exist.
    #[must_use]
    pub fn is_meant_by(credential: &str) -> bool {
        credential.starts_with(HEADER)
    }

    /// Reads a token; `None` unless it is one to the letter.
    #[must_use]
    pub fn read(credential: &str) -> Option<Self> {
        if credential.len() > LONGEST {
            return None;
        }
        let (message, signature) = credential.rsplit_once('.')?;
        let claims = message.strip_prefix(HEADER)?.strip_prefix('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        Some(Self {
            claims: serde_json::from_slice(&claims).ok()?,
            message: message.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// The event that it claims to be of; only good for finding the secret.
    #[must_use]
    pub fn event(&self) -> &EventId {
        &self.claims.event
    }

    /// The claims of the token, if the event signed it and it is still valid. Signatures are
    /// compared in constant time.
    #[must_use]
    pub fn verify(self, signing: &Signing, now: DateTime<Utc>) -> Option<Claims> {
        mac(signing, &self.message)?.verify_slice(&self.signature).ok()?;
        let works = now.timestamp() < self.claims.expires_at
            && !signing.revoked.contains_key(&self.claims.id);
        works.then_some(self.claims)
    }
}

/// An event that never signed anything has an empty secret, with which nothing is signed.
fn mac(signing: &Signing, message: &str) -> Option<Hmac<Sha256>> {
    if signing.secret.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(signing.secret.as_bytes()).ok()?;
    mac.update(message.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn signing(secret: &str) -> Signing {
        Signing { secret: secret.to_owned(), ..Signing::default() }
    }

    fn claims() -> Claims {
        Claims {
            event: "evt_1".parse().unwrap(),
            user: "ada".parse().unwrap(),
            issued_at: -60,
            expires_at: 1,
            id: "tok_1".parse().unwrap(),
        }
    }

    fn verified(token: &str, signing: &Signing) -> Option<Claims> {
        SignedToken::read(token)?.verify(signing, NOW)
    }

    #[test]
    fn a_token_is_valid_until_it_expires_or_is_revoked() {
        let mut signing = signing("secret");
        let token = claims().sign(&signing).unwrap();
        assert_eq!(verified(&token, &signing), Some(claims()));
        let at_end = DateTime::from_timestamp(1, 0).unwrap();
        assert_eq!(SignedToken::read(&token).unwrap().verify(&signing, at_end), None);
        signing.revoked.insert(claims().id, at_end);
        assert_eq!(verified(&token, &signing), None);
    }

    #[test]
    fn the_header_is_the_one_that_everybody_writes() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        assert_eq!(header, HEADER);
    }

    #[test]
    fn a_token_with_any_changed_character_is_rejected() {
        let signing = signing("secret");
        let token = claims().sign(&signing).unwrap();
        for index in 0..token.len() {
            for other in ['A', 'B', '.', '='] {
                let mut forged: Vec<char> = token.chars().collect();
                if std::mem::replace(&mut forged[index], other) != other {
                    let forged: String = forged.into_iter().collect();
                    assert_eq!(verified(&forged, &signing), None, "{index} {other}");
                }
            }
        }
    }

    #[test]
    fn tokens_of_other_secrets_algorithms_and_formats_are_rejected() {
        let ours = signing("secret");
        let token = claims().sign(&ours).unwrap();
        assert_eq!(verified(&token, &signing("other")), None);
        assert_eq!(verified(&token, &Signing::default()), None);
        assert!(claims().sign(&Signing::default()).is_none());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (_, payload) = message.split_once('.').unwrap();
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let forged = |header: &str, payload: &str| {
            let message = format!("{header}.{payload}");
            let signature = mac(&ours, &message).unwrap().finalize().into_bytes();
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
        };
        assert!(verified(&forged(HEADER, payload), &ours).is_some());
        let full = r#"{"sub":"evt_1","user":"ada","iat":0,"exp":1,"jti":"t"}"#;
        assert!(verified(&forged(HEADER, &encoded(full)), &ours).is_some());
        for odd in [
            format!("{}.{payload}.", encoded(r#"{"alg":"none","typ":"JWT"}"#)),
            format!("{message}."),
            format!("{message}.{signature}="),
            format!("{message}.{signature}.{signature}"),
            format!("{token}{}", "A".repeat(LONGEST)),
            forged(&encoded(r#"{"typ":"JWT","alg":"HS256"}"#), payload),
            forged(&encoded(r#"{"alg":"HS512","typ":"JWT"}"#), payload),
            forged(HEADER, &encoded("{}")),
            forged(HEADER, &encoded(&full.replace("\"t\"", "\"t\",\"jti\":\"u\""))),
            forged(HEADER, &encoded(&full.replace("\"iat\"", "\"nbf\":0,\"iat\""))),
            forged(HEADER, &encoded(&full.replace(":1,", ":\"1\","))),
            forged(HEADER, &encoded(&full.replace(":1,", ":1e99,"))),
            forged(HEADER, &encoded(&full.replace("ada", ""))),
            forged(HEADER, &encoded(&full.replace("evt_1", "evt/1"))),
        ] {
            assert_eq!(verified(&odd, &ours), None, "{odd}");
        }
    }

    #[test]
    fn a_personal_key_proves_its_number() {
        let key = Claims { id: Claims::key_id(77).unwrap(), ..claims() };
        assert_eq!(key.proof(), Some(Proof::Key(77)));
        assert_eq!(claims().proof(), Some(Proof::Token));
        assert_eq!(Claims { id: "key_x".parse().unwrap(), ..claims() }.proof(), None);
    }
}
