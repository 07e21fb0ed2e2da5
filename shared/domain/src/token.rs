//! The credential that an attendee sends: an event code and a user id of their own choice.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::EventId;
use crate::text::holds_text;
use crate::transliteration::spelling;

/// The short code that attendees share, often shown on a slide. It is a bearer secret.
///
/// Codes are compared without regard to case, because people type them from a projector.
// `Debug` and `Display` never show it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline, with = "String", extend("minLength" = 4, "maxLength" = 64)))]
pub struct EventCode(String);

/// Why a text is not an event code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventCode {
    /// Shorter than 4 or longer than 64 characters.
    #[error("must be 4 to 64 characters")]
    Length,
    /// It has a character that people would mistype or that a header cannot carry.
    #[error("may only hold A-Z a-z 0-9 - _ .")]
    Character,
}

impl EventCode {
    const LENGTH: RangeInclusive<usize> = 4..=64;

    /// The code in lower case, as in the table's key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the code could be guessed by trying. A generated code ends in eight random Crockford
    /// base32 characters (40 bits). A chosen code rarely does.
    #[must_use]
    pub fn is_guessable(&self) -> bool {
        let suffix = self.0.rsplit('-').next().unwrap_or_default();
        let is_random = suffix.len() >= 8
            && suffix.bytes().all(|b| CROCKFORD.contains(&b))
            && suffix.bytes().any(|b| b.is_ascii_digit())
            && suffix.bytes().any(|b| b.is_ascii_alphabetic());
        !is_random
    }

    /// A code from a name and a random number: the name's slug, then eight characters from
    /// `random`. Letters outside ASCII are spelt as in user names.
    #[must_use]
    pub fn generate(name: &str, random: [u8; 8]) -> Self {
        let mut plain = String::new();
        for letter in name.chars().flat_map(char::to_lowercase) {
            match letter.is_ascii() {
                true => plain.push(letter),
                false => plain.push_str(spelling(letter).unwrap_or("-")),
            }
        }
        let mut slug = String::new();
        for c in plain.chars() {
            if slug.len() >= 24 {
                break;
            }
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug = slug.trim_matches('-');
        let mut places = random.map(|b| usize::from(b % 32));
        // In one code of twenty, all characters are letters or all are digits. Such a code would
        // look like a chosen one.
        if places.iter().all(|place| *place >= DIGITS) {
            places[7] %= DIGITS;
        } else if places.iter().all(|place| *place < DIGITS) {
            places[7] += DIGITS;
        }
        let suffix: String = places.iter().map(|place| char::from(CROCKFORD[*place])).collect();
        if slug.is_empty() {
            Self(format!("event-{suffix}"))
        } else {
            Self(format!("{slug}-{suffix}"))
        }
    }
}

/// Crockford's base32 alphabet in lower case: no i, l, o, u.
const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// How many of the alphabet's first characters are digits.
const DIGITS: usize = 10;

impl FromStr for EventCode {
    type Err = InvalidEventCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !Self::LENGTH.contains(&text.len()) {
            return Err(InvalidEventCode::Length);
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(InvalidEventCode::Character);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl TryFrom<String> for EventCode {
    type Error = InvalidEventCode;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EventCode> for String {
    fn from(code: EventCode) -> Self {
        code.0
    }
}

impl fmt::Debug for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The name that an attendee chooses, such as a GitHub user name. It is not verified.
///
/// User ids are compared without regard to case. They have 1 to 128 printable ASCII characters.
/// Outer spaces are trimmed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(Arc<str>);

/// The text is not a user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 printable ASCII characters")]
pub struct InvalidUserId;

holds_text! {
    /// The id in lower case.
    UserId, InvalidUserId
}

impl FromStr for UserId {
    type Err = InvalidUserId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_matches(' ');
        if !(1..=128).contains(&text.len()) || !text.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
            return Err(InvalidUserId);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

/// `CODE/USER` as received, or `EVENT@CODE/USER`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttendeeToken {
    /// The event that the code must belong to, if the credential names one.
    pub event: Option<EventId>,
    /// Everything before the first `/`.
    pub code: EventCode,
    /// Everything after it.
    pub user: UserId,
}

/// The credential is missing or malformed. The error does not say which, or how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no event code of the form CODE/USER")]
pub struct InvalidToken;

impl AttendeeToken {
    /// Reads `CODE/USER`, or `CODE` or `CODE/` with the user in a separate field.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] if either part is missing or malformed.
    pub fn parse(credential: &str, user_apart: Option<&str>) -> Result<Self, InvalidToken> {
        let (code, user) = match credential.split_once('/') {
            Some((code, user)) if user_apart.is_none() || !user.trim_matches(' ').is_empty() => {
                (code, user)
            }
            Some((code, _)) => (code, user_apart.ok_or(InvalidToken)?),
            None => (credential, user_apart.ok_or(InvalidToken)?),
        };
        let (event, code) = match code.split_once('@') {
            Some((event, code)) => (Some(event), code),
            None => (None, code),
        };
        Ok(Self {
            event: event
                .map(|id| id.trim_matches(' ').parse())
                .transpose()
                .map_err(|_| InvalidToken)?,
            code: code.trim_matches(' ').parse().map_err(|_| InvalidToken)?,
            user: user.parse().map_err(|_| InvalidToken)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Option<(String, String)> {
        let token = AttendeeToken::parse(text, None).ok()?;
        Some((token.code.as_str().to_owned(), token.user.as_str().to_owned()))
    }

    fn pair(code: &str, user: &str) -> Option<(String, String)> {
        Some((code.to_owned(), user.to_owned()))
    }

    #[test]
    fn code_and_user_are_split_at_the_first_slash_and_folded() {
        assert_eq!(parse("hackathon/githubuser"), pair("hackathon", "githubuser"));
        assert_eq!(parse("HackaThon/ GitHubUser "), pair("hackathon", "githubuser"));
        assert_eq!(parse("build.2026/team/ada"), pair("build.2026", "team/ada"));
        assert_eq!(parse("hackathon/x' or '1'='1"), pair("hackathon", "x' or '1'='1"));
    }

    #[test]
    fn hostile_credentials_are_rejected() {
        let long = "a".repeat(10_000);
        for text in [
            "",
            "/",
            "hackathon",
            "hackathon/",
            "/ada",
            "abc/ada",
            "hack thon/ada",
            "x' or '/ada",
            "hackathon/\u{430}lice",
            "h\u{430}ckathon/ada",
            "hackathon/a\tb",
            "hackathon/   ",
            &long,
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_code_without_a_user_uses_the_user_of_the_request() {
        let token = AttendeeToken::parse("hackathon", Some("Ada")).unwrap();
        assert_eq!(token.user.as_str(), "ada");
        let token = AttendeeToken::parse("hackathon/ ", Some("Ada")).unwrap();
        assert_eq!((token.code.as_str(), token.user.as_str()), ("hackathon", "ada"));
        assert!(AttendeeToken::parse("hackathon/bob", Some("ada")).unwrap().user.as_str() == "bob");
    }

    #[test]
    fn the_event_id_may_precede_its_code() {
        let token = AttendeeToken::parse("evt_1@hackathon/ada@example.org", None).unwrap();
        assert_eq!(token.event.unwrap().as_str(), "evt_1");
        assert_eq!((token.code.as_str(), token.user.as_str()), ("hackathon", "ada@example.org"));
        for text in ["@hackathon/ada", "evt_1@/ada", "a@b@hackathon/ada", "e t@hackathon/ada"] {
            assert!(AttendeeToken::parse(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_code_never_prints_itself() {
        let token = AttendeeToken::parse("hackathon/ada", None).unwrap();
        assert!(!format!("{token:?}").contains("hackathon"));
    }

    #[test]
    fn a_generated_code_is_readable_and_not_guessable() {
        let code = EventCode::generate("Oslo  Hack & Tell!", [1, 12, 3, 14, 5, 16, 7, 30]);
        assert_eq!(code.as_str(), "oslo-hack-tell-1c3e5g7y");
        assert!(!code.is_guessable());
        assert!("hackathon".parse::<EventCode>().unwrap().is_guessable());
        for (name, slug) in [
            ("Ålesund Öffentlich", "aalesund-oeffentlich-"),
            ("Zoë’s Kurs für Ärzte", "zoe-s-kurs-fuer-aerzte-"),
            ("Хакатон", "khakaton-"),
            ("日本 2026", "2026-"),
        ] {
            let code = EventCode::generate(name, [0; 8]);
            assert_eq!(code.as_str(), format!("{slug}0000000a"), "{name}");
        }
        assert_eq!(EventCode::generate("日本", [0; 8]).as_str(), "event-0000000a");
        assert_eq!(EventCode::generate("日本", [10; 8]).as_str(), "event-aaaaaaa0");
    }

    proptest! {
        #[test]
        fn generated_codes_are_codes(name in ".{0,80}", random: [u8; 8]) {
            let code = EventCode::generate(&name, random);
            prop_assert_eq!(code.as_str().parse::<EventCode>(), Ok(code.clone()));
            prop_assert!(!code.is_guessable());
        }

        #[test]
        fn a_token_reads_as_its_parts(
            event in prop::option::of("[a-z0-9][a-z0-9-]{3,20}"),
            code in "[A-Za-z0-9._-]{4,64}",
            user in "[!-~]([ -~]{0,126}[!-~])?",
            spaces in " {0,2}",
        ) {
            let before = event.as_ref().map(|id| format!("{id}{spaces}@")).unwrap_or_default();
            let text = format!("{spaces}{before}{spaces}{code}{spaces}/{spaces}{user}{spaces}");
            let token = AttendeeToken::parse(&text, None).unwrap();
            prop_assert_eq!(token.event.as_ref().map(EventId::as_str), event.as_deref());
            prop_assert_eq!(token.code.as_str(), code.to_ascii_lowercase());
            prop_assert_eq!(token.user.as_str(), user.to_ascii_lowercase());
        }

        /// What was read holds all that was written but spaces and case, so nothing was passed over.
        #[test]
        fn any_text_is_a_token_or_refused(
            text in prop_oneof![
                ".{0,200}",
                "([a-z ]{1,9}@)?[A-Za-z0-9._é -]{3,9}/[ -~]{0,20}",
                "[A-Za-z0-9@/._é -]{0,80}",
            ],
        ) {
            if let Ok(token) = AttendeeToken::parse(&text, None) {
                let event = token.event.iter().map(|id| format!("{id}@")).collect::<String>();
                let read = format!("{event}{}/{}", token.code.as_str(), token.user);
                let plain = |text: &str| text.to_ascii_lowercase().replace(' ', "");
                prop_assert_eq!(plain(&read), plain(&text));
                prop_assert_eq!(AttendeeToken::parse(&read, None), Ok(token));
            }
        }
    }
}
