//! What a request may cost at most, before anybody has counted its tokens.

use crate::unit::Units;

/// What a request may use, known before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of what was sent.
    pub prompt_tokens: u64,
    /// Tokens of what may come back.
    pub completion_tokens: u64,
    /// What it may use of other units.
    pub units: Units,
}

impl Estimate {
    /// For what somebody else pays.
    pub const NOTHING: Self = Self { prompt_tokens: 0, completion_tokens: 0, units: Units::NONE };

    /// Tokens alone.
    #[must_use]
    pub fn of_tokens(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { prompt_tokens, completion_tokens, units: Units::NONE }
    }

    /// Prompt and completion tokens together.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// Whether it asks for as much as another in tokens and in every unit.
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        self.tokens() >= other.tokens() && self.units.max(other.units) == self.units
    }

    /// Units alone.
    #[must_use]
    pub fn of_units(units: Units) -> Self {
        Self { units, ..Self::default() }
    }
}
