//! Estimates of what a body may cost, before anybody has counted its tokens.
//!
//! English runs at 5.6 bytes a token, Norwegian at 3.9, Chinese at 4.1, code at 2.5 and base64 at
//! 1.5. Three bytes a token are therefore high for prose and may be low for dense data. What is
//! used above the estimate is charged all the same.

use lanyard_domain::estimate::Estimate;

/// What an image counts, whatever its size: about a high-detail image of one megapixel on gpt-4o,
/// <https://platform.openai.com/docs/guides/images-vision#calculating-costs>.
pub(crate) const IMAGE_TOKENS: u64 = 1_500;

/// What so many bytes of text count.
pub(crate) fn text_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(3)
}

/// A text that is read, and nothing that is written.
pub(crate) fn prompt(text_bytes: u64) -> Estimate {
    Estimate::of_tokens(text_tokens(text_bytes), 0)
}

/// A text with images that is read, and the cap for each choice.
pub(crate) fn completion(text_bytes: u64, images: u64, cap: u64, choices: u64) -> Estimate {
    let images = images.saturating_mul(IMAGE_TOKENS);
    Estimate::of_tokens(text_tokens(text_bytes).saturating_add(images), cap.saturating_mul(choices))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_images_and_choices_add_up() {
        let estimate = completion(100, 2, 256, 3);
        assert_eq!((estimate.prompt_tokens, estimate.completion_tokens), (34 + 3_000, 768));
    }
}
