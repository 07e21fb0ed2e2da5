//! The most that a request may use, estimated before it is sent.

use crate::unit::Units;

/// The most that a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// The most completion tokens.
    pub completion_tokens: u64,
    /// The most of other units.
    pub units: Units,
    /// Whether it is a video that may have the price of large ones.
    pub is_large_video: bool,
}

impl Estimate {
    /// No usage. For requests that the attendee pays for.
    pub const NOTHING: Self =
        Self { prompt_tokens: 0, completion_tokens: 0, units: Units::NONE, is_large_video: false };

    /// An estimate of tokens alone.
    #[must_use]
    pub fn of_tokens(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { prompt_tokens, completion_tokens, ..Self::NOTHING }
    }

    /// The sum of prompt and completion tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// An estimate of units alone.
    #[must_use]
    pub fn of_units(units: Units) -> Self {
        Self { units, ..Self::default() }
    }
}
