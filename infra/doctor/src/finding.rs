//! What a check found.

use serde::Serialize;

/// The severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// No problem.
    Ok,
    /// It works, but may affect an event.
    Warn,
    /// Requests will fail.
    Fail,
    /// Not checked.
    Skip,
}

impl Level {
    /// The level as a word of at most four letters.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// A number with separators: 2,000,000.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One line of the report. It has no secrets and no free text from other servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: String,
    /// The severity.
    pub level: Level,
    /// What was seen, as a sentence.
    pub seen: String,
    /// What to do next; always present if the check failed.
    #[serde(rename = "next")]
    pub advice: Option<String>,
}

impl Finding {
    /// No problem.
    #[must_use]
    pub fn ok(check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { check: check.into(), level: Level::Ok, seen: seen.into(), advice: None }
    }

    /// A warning with advice.
    #[must_use]
    pub fn warn(
        check: impl Into<String>,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (check, seen) = (check.into(), seen.into());
        Self { check, level: Level::Warn, seen, advice: Some(advice.into()) }
    }

    /// A failure with advice.
    #[must_use]
    pub fn fail(
        check: impl Into<String>,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (check, seen) = (check.into(), seen.into());
        Self { check, level: Level::Fail, seen, advice: Some(advice.into()) }
    }

    /// A skipped check.
    #[must_use]
    pub fn skip(check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { check: check.into(), level: Level::Skip, seen: seen.into(), advice: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn next(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        let text = [0, 999, 1_000, 12_345, 2_000_000].map(grouped);
        assert_eq!(text, ["0", "999", "1,000", "12,345", "2,000,000"]);
    }
}
