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

/// What an image part counts, whatever its size: about a high-detail image of one megapixel on
/// gpt-4o, <https://platform.openai.com/docs/guides/images-vision#calculating-costs>.
pub const IMAGE_TOKENS: u64 = 1_500;

/// What so many bytes of text count.
#[must_use]
pub fn tokens_of(text_bytes: u64) -> u64 {
    text_bytes.div_ceil(3)
}

impl Estimate {
    /// For what somebody else pays.
    pub const NOTHING: Self = Self { prompt_tokens: 0, completion_tokens: 0, units: Units::NONE };

    /// `ceil(bytes / 3)` for text, a fixed figure per image, the cap for each choice.
    ///
    /// English runs at 5.6 bytes a token, Norwegian at 3.9, Chinese at 4.1, code at 2.5 and base64
    /// at 1.5, so the estimate is high for prose and may be low for dense data; what is used above
    /// it is charged all the same.
    #[must_use]
    pub fn new(text_bytes: u64, images: u64, completion_cap: u64, choices: u64) -> Self {
        Self {
            prompt_tokens: tokens_of(text_bytes)
                .saturating_add(images.saturating_mul(IMAGE_TOKENS)),
            completion_tokens: completion_cap.saturating_mul(choices),
            units: Units::NONE,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_images_and_choices_add_up() {
        let estimate = Estimate::new(100, 2, 256, 3);
        assert_eq!((estimate.prompt_tokens, estimate.completion_tokens), (34 + 3_000, 768));
    }
}
