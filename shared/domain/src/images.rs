//! How many tokens an image takes in a prompt: by its size, the requested detail and the model's
//! rule. What a generated one takes is in [`drawn`].
//!
//! The rules are those of OpenAI and Anthropic:
//! <https://platform.openai.com/docs/guides/images-vision#calculating-costs> and
//! <https://docs.claude.com/en/docs/build-with-claude/vision#evaluate-image-size>.

pub mod drawn;

/// How a model counts an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageRule {
    /// A base, and a figure for each tile of 512 × 512 pixels. First the image is scaled to fit
    /// into 2,048 × 2,048, with its shorter side at most 768. Low detail costs the base alone.
    Tiles {
        /// Tokens of every image.
        base: u32,
        /// Tokens of one tile.
        tile: u32,
    },
    /// One token for each patch of 32 × 32 pixels, times a factor. Larger images are scaled down to
    /// the maximum of patches.
    Patches {
        /// The most patches of an image at high detail.
        budget: u32,
        /// The most patches at detail `original`.
        original: u32,
        /// The factor, in hundredths.
        percent: u32,
    },
    /// One token for each 750 pixels, after the image is scaled to the longest side.
    Pixels {
        /// The longest side in pixels.
        longest: u32,
        /// The most tokens of an image.
        most: u32,
    },
}

/// The level of detail at which a model reads an image, the cheapest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Scaled down to 512 × 512 pixels.
    Low,
    /// Chosen by the model: high detail for all but small images.
    #[default]
    High,
    /// The largest size that the model takes.
    Original,
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl ImageRule {
    /// The rule for an unknown model: count the patches, without a factor.
    pub const UNKNOWN: Self = Self::Patches { budget: 10_000, original: 10_000, percent: 100 };

    /// The tokens of an image. An image of unknown size counts as the largest that the model takes.
    #[must_use]
    pub fn tokens(self, size: Option<Size>, detail: Detail) -> u64 {
        match self {
            Self::Tiles { base, tile } => {
                let tiles = match (detail, size) {
                    (Detail::Low, _) => 0,
                    (Detail::High | Detail::Original, None) => 8,
                    (Detail::High | Detail::Original, Some(size)) => tiles(size),
                };
                u64::from(base) + u64::from(tile) * tiles
            }
            Self::Patches { budget, original, percent } => {
                let budget = u64::from(match detail {
                    Detail::Low => budget.min(16 * 16),
                    Detail::High => budget,
                    Detail::Original => original.max(budget),
                });
                let patches = size.map_or(budget, |size| {
                    let side = |pixels: u32| u64::from(pixels.max(1)).div_ceil(32);
                    side(size.width).saturating_mul(side(size.height)).min(budget)
                });
                (patches * u64::from(percent)).div_ceil(100)
            }
            Self::Pixels { longest, most } => {
                let most = u64::from(most);
                size.map_or(most, |size| {
                    let Size { width, height } = size.within(longest);
                    (u64::from(width) * u64::from(height)).div_ceil(750).clamp(1, most)
                })
            }
        }
    }
}

impl Size {
    /// The same proportions with the longer side at most this long.
    fn within(self, longest: u32) -> Self {
        let side = self.width.max(self.height).max(1);
        if side <= longest { self } else { self.scaled(longest, side) }
    }

    fn scaled(self, by: u32, of: u32) -> Self {
        let scale = |pixels: u32| {
            let scaled = (u64::from(pixels) * u64::from(by)).div_ceil(u64::from(of));
            u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
        };
        Self { width: scale(self.width), height: scale(self.height) }
    }
}

/// The number of tiles of an image at high detail.
fn tiles(size: Size) -> u64 {
    let size = size.within(2_048);
    let shorter = size.width.min(size.height);
    let size = if shorter > 768 { size.scaled(768, shorter) } else { size };
    u64::from(size.width.div_ceil(512).max(1)) * u64::from(size.height.div_ceil(512).max(1))
}

/// The tokens that an image of a prompt has beside those of the rule if its details are to be kept
/// (`input_fidelity`): <https://platform.openai.com/docs/guides/image-generation#input-fidelity>.
#[must_use]
pub fn tokens_of_fidelity(size: Option<Size>) -> u64 {
    if size.is_some_and(|size| size.width == size.height) { 4_160 } else { 6_240 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPT_4O: ImageRule = ImageRule::Tiles { base: 85, tile: 170 };
    const MINI: ImageRule = ImageRule::Patches { budget: 1_536, original: 1_536, percent: 162 };

    fn size(width: u32, height: u32) -> Option<Size> {
        Some(Size { width, height })
    }

    /// The examples of OpenAI's guide.
    #[test]
    fn published_examples_count_as_published() {
        assert_eq!(GPT_4O.tokens(size(1_024, 1_024), Detail::High), 765);
        assert_eq!(GPT_4O.tokens(size(2_048, 4_096), Detail::High), 1_105);
        assert_eq!(GPT_4O.tokens(size(4_096, 8_192), Detail::Low), 85);
        let plain = ImageRule::Patches { budget: 1_536, original: 1_536, percent: 100 };
        assert_eq!(plain.tokens(size(1_024, 1_024), Detail::High), 1_024);
        // The guide scales this one to 1,452 patches. The maximum of patches bounds it.
        assert_eq!(plain.tokens(size(1_800, 2_400), Detail::High), 1_536);
        assert_eq!(MINI.tokens(size(1_024, 1_024), Detail::High), 1_659);
    }

    #[test]
    fn an_image_without_a_size_counts_as_the_largest() {
        let sizes =
            [(1, 1), (512, 512), (768, 2_048), (10_000, 10_000), (1, 100_000), (3_000, 500)];
        let pixels = ImageRule::Pixels { longest: 1_568, most: 1_600 };
        for rule in [GPT_4O, MINI, pixels, ImageRule::UNKNOWN] {
            for detail in [Detail::Low, Detail::High, Detail::Original] {
                let most = rule.tokens(None, detail);
                for (width, height) in sizes {
                    let tokens = rule.tokens(size(width, height), detail);
                    assert!((1..=most).contains(&tokens), "{rule:?} {detail:?} {width} {height}");
                }
            }
        }
    }
}
