//! Tokens and codes that are sent but never printed.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use serde::Deserialize;

/// An organiser token or an attendee's credential. Its `Debug` output is redacted.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself. Use it only to send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The secret as a header value with a prefix; `None` if it has invalid characters.
    #[must_use]
    pub fn header(&self, before: &str) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("{before}{}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The same credential. A code without a user gets this one.
    #[must_use]
    pub fn with_user(&self, user: &str) -> Self {
        match self.0.contains('/') {
            true => self.clone(),
            false => Self(format!("{}/{user}", self.0)),
        }
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        let secret: Secret = " org_canary \n".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(format!("{:?}", secret.header("Bearer ").unwrap()), "Sensitive");
        assert_eq!(secret.reveal(), "org_canary");
    }

    #[test]
    fn a_code_alone_gets_a_user() {
        let credential = |text: &str| text.parse::<Secret>().unwrap().with_user("doctor");
        assert_eq!(credential("hackathon").reveal(), "hackathon/doctor");
        assert_eq!(credential("hackathon/ada").reveal(), "hackathon/ada");
    }
}
