//! The prices that an organiser gives a deployment, instead of those of the table.

use serde::{Deserialize, Serialize};

use crate::models::ModelPrices;
use crate::money::in_proportion;

/// The version of bills by an organiser's prices.
const VERSION: &str = "organiser";

/// An organiser's prices: micro-dollars per million tokens, nano-dollars per unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// For prompt tokens.
    pub prompt: u64,
    /// For completion tokens.
    pub completion: u64,
    /// For prompt tokens that are read from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_prompt: Option<u64>,
    /// For prompt tokens that are written to the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// For a generated image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u64>,
    /// For a second of audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_second: Option<u64>,
    /// For a character of text-to-speech.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character: Option<u64>,
    /// For a second of video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_second: Option<u64>,
}

impl Prices {
    /// Whether an image, a second or a character has a price of its own.
    #[must_use]
    pub fn names_a_unit(&self) -> bool {
        [self.image, self.audio_second, self.character, self.video_second]
            .iter()
            .any(Option::is_some)
    }

    /// These prices, and for what they do not name the table's: those of other kinds of tokens in
    /// proportion to the two main prices. An image or a second with a price of its own is paid by that
    /// alone.
    #[must_use]
    pub fn over(&self, of_model: &ModelPrices) -> ModelPrices {
        let as_prompt = |price: Option<u64>| {
            price.zip(of_model.input).map(|(price, old)| in_proportion(price, self.prompt, old))
        };
        let as_completion = |price: Option<u64>| {
            let scaled = |price| match of_model.output {
                Some(old) => in_proportion(price, self.completion, old),
                None => self.completion,
            };
            price.map(scaled)
        };
        ModelPrices {
            version: VERSION,
            // The organiser's price of a model router is all that it costs.
            surcharge: None,
            input: Some(self.prompt),
            cached_input: self.cached_prompt.or(as_prompt(of_model.cached_input)),
            cache_write: self.cache_write.or(as_prompt(of_model.cache_write)),
            cache_write_hour: as_prompt(of_model.cache_write_hour).max(self.cache_write),
            output: Some(self.completion),
            input_audio: as_prompt(of_model.input_audio),
            output_audio: as_completion(of_model.output_audio),
            input_image: as_prompt(of_model.input_image),
            output_image: as_completion(of_model.output_image).filter(|_| self.image.is_none()),
            long_input: as_prompt(of_model.long_input),
            long_cached_input: as_prompt(of_model.long_cached_input),
            long_output: as_completion(of_model.long_output),
            image: self.image.or(of_model.image),
            second: self.audio_second.or(of_model.second),
            character: self.character.or(of_model.character),
            video_second: self.video_second.or(of_model.video_second),
            large_video_second: self.video_second.or(of_model.large_video_second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ModelFacts;
    use crate::unit::{Unit, Units};
    use crate::usage::Usage;

    #[test]
    fn prices_that_are_not_named_follow_the_table_in_proportion() {
        let claude = ModelFacts::of("claude-haiku-4-5").unwrap().prices;
        let regional = Prices { prompt: 1_100_000, completion: 5_500_000, ..Prices::default() };
        let prices = regional.over(&claude);
        assert_eq!((prices.input, prices.output), (Some(1_100_000), Some(5_500_000)));
        assert_eq!(prices.cached_input, Some(110_000));
        assert_eq!(
            (prices.cache_write, prices.cache_write_hour),
            (Some(1_375_000), Some(2_200_000))
        );
        let named = Prices { cached_prompt: Some(7), cache_write: Some(9), ..regional };
        let prices = named.over(&claude);
        assert_eq!((prices.cached_input, prices.cache_write), (Some(7), Some(9)));
    }

    #[test]
    fn a_model_that_is_not_in_the_table_has_the_named_prices() {
        let named = Prices { prompt: 3, completion: 5, ..Prices::default() };
        let prices = named.over(&ModelFacts::UNKNOWN.prices);
        let bill = prices.bill(&Usage::of_tokens(1_000, 1_000)).unwrap();
        assert_eq!((bill.nano_usd(), &*bill.version), (8, "organiser"));
        assert_eq!(prices.cached_input, None);
    }

    #[test]
    fn an_image_with_a_price_of_its_own_is_paid_by_that_alone() {
        let drawn = Usage { units: Units::of(Unit::Images, 2), ..Usage::of_tokens(100, 6_000) };
        for model in ["gpt-image-1", "flux.2-flex", "mai-image-2.5"] {
            let named = Prices { image: Some(40_000_000), ..Prices::default() };
            let prices = named.over(&ModelFacts::of(model).unwrap().prices);
            assert_eq!(prices.bill(&drawn).unwrap().nano_usd(), 80_000_000, "{model}");
        }
    }
}
