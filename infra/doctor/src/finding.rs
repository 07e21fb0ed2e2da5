//! What a check found.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and an event may still suffer from it.
    Warn,
    /// Attendees or organisers will be refused.
    Fail,
    /// Not looked at, and why.
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

/// A number as people write it: 2,000,000.
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

/// One line of the report. It holds no secret, and nothing that a foreign server said in free text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// How it is.
    pub level: Level,
    /// What was seen, as a plain sentence.
    pub seen: String,
    /// What to do next; always there when something failed.
    #[serde(rename = "next")]
    pub mend: Option<String>,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { check: check.into(), level: Level::Ok, seen: seen.into(), mend: None }
    }

    /// Something to know before the event, and what helps.
    #[must_use]
    pub fn warn(
        check: impl Into<String>,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (check, seen) = (check.into(), seen.into());
        Self { check, level: Level::Warn, seen, mend: Some(mend.into()) }
    }

    /// Something that must be mended, and how.
    #[must_use]
    pub fn fail(
        check: impl Into<String>,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (check, seen) = (check.into(), seen.into());
        Self { check, level: Level::Fail, seen, mend: Some(mend.into()) }
    }

    /// Something that could not be looked at.
    #[must_use]
    pub fn skip(check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { check: check.into(), level: Level::Skip, seen: seen.into(), mend: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn next(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
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
