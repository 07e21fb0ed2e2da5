//! The credential of a deployment, which Azure may repeat in an error.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use memchr::memmem;

/// What stands for a key.
const HIDDEN: &str = "[redacted]";

/// Shorter keys are parts of words.
const LEAST: usize = 4;

/// The key or token with which a deployment was called, as the value of its header. Keys that look
/// like keys are hidden by their form; an organiser's own gateway may have others.
#[derive(Clone)]
pub struct Secret(HeaderValue);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Secret {
    /// The secret in a header.
    #[must_use]
    pub fn of(value: HeaderValue) -> Self {
        Self(value)
    }

    fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(self.0.as_bytes()).ok()?;
        let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
        (text.len() >= LEAST).then_some(text)
    }

    /// Whether a text has it.
    #[must_use]
    pub fn is_in(&self, text: &[u8]) -> bool {
        self.text().is_some_and(|secret| memmem::find(text, secret.as_bytes()).is_some())
    }

    /// The body of an error without it.
    #[must_use]
    pub fn hide_in(&self, body: Bytes) -> Bytes {
        match self.is_in(&body) {
            true => self.hide(&String::from_utf8_lossy(&body)).into(),
            false => body,
        }
    }

    pub(super) fn hide(&self, text: &str) -> String {
        self.text().map_or_else(|| text.to_owned(), |secret| text.replace(secret, HIDDEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_any_form_is_hidden() {
        for (value, said) in [
            ("kurz7", "The key kurz7 is wrong."),
            ("Bearer abc.d", "The key abc.d is wrong."),
            ("a/b=c+", "The key a/b=c+ is wrong."),
        ] {
            let secret = Secret::of(HeaderValue::from_static(value));
            assert!(secret.is_in(said.as_bytes()));
            assert_eq!(secret.hide_in(Bytes::from(said)), "The key [redacted] is wrong.");
            assert_eq!(format!("{secret:?}"), HIDDEN);
        }
        let short = Secret::of(HeaderValue::from_static("key"));
        assert_eq!(short.hide_in(Bytes::from_static(b"a key")), "a key");
    }
}
