//! How many tokens a generated image takes: by its size and quality and the rule of the model.
//! `infra/models.py` names the source of each model's figures.

use super::Size;

/// How a model counts the tokens of an image that it generates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawnRule {
    /// Figures for each quality: low, medium and high. Of each the first is for 1024 × 1024 pixels,
    /// the second for any other size.
    Sizes([[u32; 2]; 3]),
    /// A grid of tokens: as many along the longer side as the quality has, along the shorter side in
    /// proportion. It grows with the pixels. The numbers are those of low and medium quality, and of
    /// every other.
    Grid([u32; 3]),
}

/// The most partial images of one image, of 100 tokens each.
const PARTIAL: u64 = 3 * 100;

/// The most pixels of an image that any model makes.
const MOST_PIXELS: u64 = 3_840 * 2_160;

/// The size at which a rule of [`DrawnRule::Grid`] takes the most tokens: a square.
const LARGEST: Size = Size { width: 2_880, height: 2_880 };

/// The most tokens of a generated image of any model, with partial images.
pub const MOST_DRAWN: u64 = DrawnRule::UNKNOWN.most() + PARTIAL;

impl DrawnRule {
    /// The rule for a model whose figures are not known: the highest that any model has.
    pub const UNKNOWN: Self = Self::Grid([16, 48, 96]);

    /// The most tokens of an image, by the size and quality as a request writes them. What it does
    /// not name, or leaves to the model, may be the largest.
    #[must_use]
    pub fn tokens(self, size: Option<&str>, quality: Option<&str>, has_partial: bool) -> u64 {
        let quality = match quality {
            Some("low") => 0,
            Some("medium") => 1,
            Some(_) | None => 2,
        };
        let image = match self {
            Self::Sizes(figures) => u64::from(figures[quality][usize::from(size != Some(SQUARE))]),
            Self::Grid(sides) => {
                grid(sides[quality], size.and_then(read).filter(is_made).unwrap_or(LARGEST))
            }
        };
        image + if has_partial { PARTIAL } else { 0 }
    }

    const fn most(self) -> u64 {
        match self {
            Self::Sizes([_, _, [_, most]]) => most as u64,
            Self::Grid([_, _, side]) => grid(side, LARGEST),
        }
    }
}

const SQUARE: &str = "1024x1024";

/// Width and height of a text such as `1536x1024`.
fn read(text: &str) -> Option<Size> {
    let (width, height) = text.split_once('x')?;
    Some(Size { width: width.parse().ok()?, height: height.parse().ok()? })
}

/// Whether a model makes images of this size, so that it does not choose another.
fn is_made(size: &Size) -> bool {
    let pixels = u64::from(size.width) * u64::from(size.height);
    (1..=MOST_PIXELS).contains(&pixels)
}

/// OpenAI's calculator: the grid, times a half and a quarter for each million pixels.
const fn grid(longer: u32, size: Size) -> u64 {
    let (width, height) = (size.width as u64, size.height as u64);
    let (longest, shortest) = if width > height { (width, height) } else { (height, width) };
    let longer = longer as u64;
    let shorter = (2 * longer * shortest + longest) / (2 * longest);
    (longer * shorter * (2_000_000 + width * height)).div_ceil(4_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ModelFacts;

    fn tokens(model: &str, size: &str, quality: &str) -> u64 {
        let rule = ModelFacts::of(model).unwrap().drawn.unwrap();
        rule.tokens(Some(size), Some(quality), false)
    }

    /// The figures of OpenAI's guide and of its calculator.
    #[test]
    fn a_generated_image_has_the_tokens_that_its_model_publishes() {
        for (model, size, quality, expected) in [
            ("gpt-image-1", "1024x1024", "low", 272),
            ("gpt-image-1", "1024x1536", "high", 6_240),
            ("gpt-image-1.5", "1536x1024", "medium", 1_584),
            ("gpt-image-1-mini", "1024x1024", "high", 4_562),
            ("gpt-image-2", "1024x1024", "high", 7_024),
            ("gpt-image-2", "1536x1024", "high", 5_488),
            ("gpt-image-2", "1792x1024", "high", 5_063),
            ("gpt-image-2", "3584x2048", "high", 12_329),
            ("gpt-image-2-2026-04-21", "3840x2160", "high", 13_342),
            ("gpt-image-2", "2160x3840", "high", 13_342),
            ("gpt-image-2", "2880x2880", "high", 23_719),
            ("gpt-image-2", "1024x1024", "low", 196),
            ("gpt-image-2", "1024x1024", "medium", 1_756),
            // What the model chooses may be the largest.
            ("gpt-image-2", "auto", "high", 23_719),
            ("gpt-image-2", "1024x1024", "auto", 7_024),
            ("gpt-image-2.5-flare", "1024x1024", "max", 7_024),
            ("gpt-image-2.5-sunburst", "1024x1024", "xhigh", 7_024),
            ("mai-image-2.6", "2048x2048", "", 4_096),
        ] {
            assert_eq!(tokens(model, size, quality), expected, "{model} {size} {quality}");
        }
    }

    #[test]
    fn a_size_that_no_model_makes_counts_as_the_largest() {
        for size in ["", "x", "0x0", "0x1024", "-1x5", "99999x99999", "1024X1024", "4294967295x2"] {
            assert_eq!(tokens("gpt-image-2", size, "high"), 23_719, "{size}");
        }
        assert_eq!(DrawnRule::UNKNOWN.tokens(None, None, true), MOST_DRAWN);
    }

    #[test]
    fn every_model_that_counts_the_tokens_of_its_images_has_a_rule() {
        for (name, facts) in crate::models::MODELS {
            assert_eq!(facts.drawn.is_some(), facts.prices.output_image.is_some(), "{name}");
        }
    }
}
