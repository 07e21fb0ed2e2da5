//! The secret of one run. It opens the listeners that stand in for AWS to the processes of that run.
//!
//! Signatures are not checked there, so without it every program on this machine, and every web page
//! open in a browser on it, could write events and organiser tokens. SDKs send it as their session
//! token.

use std::fmt;

use anyhow::Result;
use http::HeaderMap;
use http::header::ORIGIN;

/// The header in which AWS's SDKs send their session token.
pub const SESSION_TOKEN: &str = "x-amz-security-token";

/// 32 random bytes in hexadecimal, or the text that another process of the run passed on.
#[derive(Clone)]
pub struct RunSecret(String);

impl RunSecret {
    /// A new secret.
    ///
    /// # Errors
    ///
    /// If the system has no randomness.
    pub fn new() -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|fault| anyhow::anyhow!("no randomness: {fault}"))?;
        Ok(Self(lanyard_gateway::hex(&bytes)))
    }

    /// The secret of a run that another process began.
    #[must_use]
    pub fn of_run(text: String) -> Self {
        Self(text)
    }

    /// The text, for the environment of a process.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether a request comes from a process of this run. Browsers name the page that asks in
    /// `Origin`; no SDK sends it, so a request with it is refused even if it knows the secret.
    #[must_use]
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(SESSION_TOKEN).map(http::HeaderValue::as_bytes).unwrap_or_default();
        let secret = self.0.as_bytes();
        let differences = sent.iter().zip(secret).fold(0, |sum, (a, b)| sum | (a ^ b));
        !headers.contains_key(ORIGIN)
            && !secret.is_empty()
            && sent.len() == secret.len()
            && differences == 0
    }
}

impl fmt::Debug for RunSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_the_secret_without_an_origin_is_admitted() {
        let secret = RunSecret::new().unwrap();
        let text = secret.reveal();
        assert!(secret.admits(&headers(&[(SESSION_TOKEN, text)])));
        for refused in [
            &[][..],
            &[(SESSION_TOKEN, "")],
            &[(SESSION_TOKEN, &text[1..])],
            &[(SESSION_TOKEN, RunSecret::new().unwrap().reveal())],
            &[(SESSION_TOKEN, text), ("origin", "http://127.0.0.1:8787")],
            &[(SESSION_TOKEN, text), ("origin", "null")],
        ] {
            assert!(!secret.admits(&headers(refused)), "{refused:?}");
        }
        assert!(!RunSecret::of_run(String::new()).admits(&headers(&[(SESSION_TOKEN, "")])));
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }
}
