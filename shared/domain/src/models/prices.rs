//! The prices of a model.

/// Prices: micro-dollars per million tokens, nano-dollars per unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelPrices {
    /// Which prices these are: the month of the table, or that they are the organiser's.
    pub version: &'static str,
    /// What a model router takes for each prompt token, beside the price of the model that it chooses.
    pub surcharge: Option<u64>,
    /// Prompt tokens.
    pub input: Option<u64>,
    /// Cached prompt tokens.
    pub cached_input: Option<u64>,
    /// Prompt tokens that are written to the cache.
    pub cache_write: Option<u64>,
    /// Prompt tokens that are written to the cache for an hour.
    pub cache_write_hour: Option<u64>,
    /// Completion tokens.
    pub output: Option<u64>,
    /// Audio tokens of prompts.
    pub input_audio: Option<u64>,
    /// Audio tokens of completions.
    pub output_audio: Option<u64>,
    /// Image tokens of prompts, where they cost more than text.
    pub input_image: Option<u64>,
    /// Image tokens of completions.
    pub output_image: Option<u64>,
    /// Prompt tokens of a prompt of more than 272,000 tokens.
    pub long_input: Option<u64>,
    /// Cached tokens of such a prompt.
    pub long_cached_input: Option<u64>,
    /// Completion tokens after such a prompt.
    pub long_output: Option<u64>,
    /// A generated image.
    pub image: Option<u64>,
    /// A second of audio.
    pub second: Option<u64>,
    /// A character of text-to-speech.
    pub character: Option<u64>,
    /// A second of video.
    pub video_second: Option<u64>,
    /// A second of a video of more than 1280 × 720 pixels, where it costs more.
    pub large_video_second: Option<u64>,
}

impl ModelPrices {
    /// No price is known.
    pub const UNKNOWN: Self = Self {
        version: "",
        surcharge: None,
        input: None,
        cached_input: None,
        cache_write: None,
        cache_write_hour: None,
        output: None,
        input_audio: None,
        output_audio: None,
        input_image: None,
        output_image: None,
        long_input: None,
        long_cached_input: None,
        long_output: None,
        image: None,
        second: None,
        character: None,
        video_second: None,
        large_video_second: None,
    };
}
