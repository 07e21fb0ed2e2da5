//! What a request costs in money.
//!
//! Prices are whole pico-dollars per token (a micro-dollar per million tokens) and whole nano-dollars
//! per unit. A cost is added up exactly and rounded up to nano-dollars once. What is reserved is never
//! less than what the same request costs later, if it uses no more than was estimated.

use crate::bill::{Bill, PICO_PER_NANO, Priced, nano};
use crate::estimate::Estimate;
use crate::images::drawn::MOST_DRAWN;
use crate::models::ModelPrices;
use crate::unit::Unit;
use crate::usage::Usage;

/// A prompt of more tokens has the prices of long prompts:
/// <https://openai.com/api/pricing>.
const LONG_PROMPT: u64 = 272_000;

/// A prompt whose estimate is larger may turn out to be long, because an estimate of text may be 5 %
/// too low.
const MAYBE_LONG_PROMPT: u64 = LONG_PROMPT / 20 * 19;

/// The tokens of a second of recorded speech: one for each 100 ms.
/// <https://platform.openai.com/docs/guides/realtime-costs>
const TOKENS_OF_RECORDED_SECOND: u64 = 10;

/// The most tokens of the text that is spoken in a second.
const TEXT_TOKENS_OF_SECOND: u64 = 10;

/// The most audio tokens of a character that is spoken: one for each 50 ms, and slow speech has eight
/// characters a second.
const TOKENS_OF_SPOKEN_CHARACTER: u64 = 3;

impl ModelPrices {
    /// The most that a request can cost within its estimate, in nano-dollars. `None` if a price that
    /// it needs is not known.
    ///
    /// Every token has the highest price that a token of its kind can have: nothing is cached, and
    /// all of it may be written to the cache.
    #[must_use]
    pub fn most(&self, estimate: &Estimate) -> Option<u64> {
        let is_long = estimate.prompt_tokens > MAYBE_LONG_PROMPT;
        let long_input = self.long_input.filter(|_| is_long);
        let prompt_prices = [
            self.input,
            self.cached_input,
            self.cache_write(is_long),
            self.cache_write_hour,
            self.input_audio,
            self.input_image,
            long_input,
        ];
        let prompt_price = highest(prompt_prices).map(|price| {
            let surcharge = self.surcharge.unwrap_or_default();
            price.saturating_add(surcharge)
        });
        let prompt = self.tokens(estimate.prompt_tokens, prompt_price)?;
        let completion =
            self.tokens(estimate.completion_tokens, self.of_completion_token(is_long))?;
        // The tokens of images are those of the completion, if the estimate has any.
        let mut drawn = 0_u128;
        let units = estimate.units.iter().try_fold(0_u128, |sum, (unit, count)| {
            let count = u128::from(count);
            let own = self.of_unit(unit, estimate.is_large_video);
            let by_tokens = self.tokens_of_unit(unit);
            let one = match unit {
                Unit::Images => {
                    drawn = count.checked_mul(by_tokens.unwrap_or_default())?;
                    own.or(by_tokens.and(Some(0)))?
                }
                Unit::AudioSeconds | Unit::Characters | Unit::VideoSeconds | Unit::Usd => {
                    own.max(by_tokens)?
                }
            };
            sum.checked_add(count.checked_mul(one)?)
        })?;
        Some(nano(
            prompt
                .checked_add(if completion > 0 { completion } else { drawn })?
                .checked_add(units)?,
        ))
    }

    /// What a request cost. `None` if a price that it needs is not known.
    ///
    /// Images, seconds and characters are paid by the tokens that the model reports for them, or else
    /// by their own price.
    #[must_use]
    pub fn bill(&self, usage: &Usage) -> Option<Bill> {
        let mut bill = Bill::new(self.version);
        let is_long = usage.prompt_tokens > LONG_PROMPT;
        let tier = |long: Option<u64>, usual| if is_long { long.or(usual) } else { usual };
        let of = usage.details;
        let has = |unit| usage.units.get(unit) > 0;
        if !self.is_by_unit() {
            // A model that only speaks or draws has no price for text.
            let text = tier(self.long_output, self.output).or(self.output_audio);
            let output = (Priced::Output, text.or(self.output_image));
            // Without details, all may be of the dearest kind.
            let audio = (Priced::InputAudio, self.input_audio);
            let image = (Priced::InputImage, self.input_image);
            let drawn = (Priced::OutputImage, self.output_image);
            let speech = (Priced::OutputAudio, self.output_audio);
            let input = match of.has_prompt_kinds {
                false if has(Unit::AudioSeconds) && audio.1.is_some() => audio,
                false if has(Unit::Images) && image.1.is_some() => image,
                true | false => (Priced::Input, tier(self.long_input, self.input)),
            };
            let output = match of.has_completion_kinds {
                false if has(Unit::Images) && drawn.1.is_some() => drawn,
                false if !has(Unit::AudioSeconds) && speech.1.is_some() => speech,
                true | false => output,
            };
            let cached = tier(self.long_cached_input, self.cached_input);
            let prompt = [
                (of.cached, Priced::CachedInput, cached),
                (of.cache_write_hour, Priced::CacheWriteHour, self.cache_write_hour),
                (of.cache_write, Priced::CacheWrite, self.cache_write(is_long)),
                (of.input_audio, audio.0, audio.1),
                (of.input_image, image.0, image.1),
            ];
            parts(&mut bill, usage.prompt_tokens, input, prompt)?;
            if let Some(surcharge) = self.surcharge {
                bill.add(Priced::Routing, usage.prompt_tokens, surcharge);
            }
            let completion =
                [(of.output_audio, speech.0, speech.1), (of.output_image, drawn.0, drawn.1)];
            parts(&mut bill, usage.completion_tokens, output, completion)?;
        }
        for (tool, calls) in usage.calls.iter() {
            let pico = u64::try_from(PICO_PER_NANO).ok()?.checked_mul(tool.nano_usd())?;
            bill.add(tool.line(), calls, pico);
        }
        let has_tokens = usage.prompt_tokens > 0 || usage.completion_tokens > 0;
        for (unit, count) in usage.units.iter() {
            let by_tokens = self.tokens_of_unit(unit).filter(|tokens| *tokens > 0);
            if has_tokens && by_tokens.is_some() {
                continue;
            }
            let own = self.of_unit(unit, usage.is_large_video);
            let one = u64::try_from(own.or(by_tokens)?).ok()?;
            if let Some(kind) = kind_of(unit) {
                bill.add(kind, count, one);
            }
        }
        Some(bill)
    }

    /// The highest price of a completion token, in pico-dollars.
    fn of_completion_token(&self, is_long: bool) -> Option<u64> {
        let long_output = self.long_output.filter(|_| is_long);
        highest([self.output, self.output_audio, self.output_image, long_output])
    }

    /// The price of a token that is written to the cache. That of a long prompt is higher in the same
    /// proportion as its other tokens.
    fn cache_write(&self, is_long: bool) -> Option<u64> {
        match (self.long_input.filter(|_| is_long), self.input) {
            (Some(long), Some(usual)) => Some(in_proportion(self.cache_write?, long, usual)),
            _ => self.cache_write,
        }
    }

    /// The price of tokens in pico-dollars. Tokens are free where the unit has the price.
    fn tokens(&self, tokens: u64, price: Option<u64>) -> Option<u128> {
        let price = if self.is_by_unit() { 0 } else { price.or((tokens == 0).then_some(0))? };
        u128::from(tokens).checked_mul(price.into())
    }

    fn is_by_unit(&self) -> bool {
        let has = |prices: &[Option<u64>]| prices.iter().any(Option::is_some);
        has(&[self.image, self.second, self.character, self.video_second])
            && !has(&[self.input, self.output, self.output_audio, self.output_image])
    }

    /// The price of a unit, in pico-dollars.
    fn of_unit(&self, unit: Unit, is_large_video: bool) -> Option<u128> {
        let nano = match unit {
            Unit::Images => self.image,
            Unit::AudioSeconds => self.second,
            Unit::Characters => self.character,
            Unit::VideoSeconds if is_large_video => self.large_video_second.or(self.video_second),
            Unit::VideoSeconds => self.video_second,
            Unit::Usd => Some(0),
        };
        u128::from(nano?).checked_mul(PICO_PER_NANO)
    }

    /// The price of the most tokens that one unit can have, in pico-dollars.
    fn tokens_of_unit(&self, unit: Unit) -> Option<u128> {
        let tokens = |count: u64, price: Option<u64>| u128::from(count).checked_mul(price?.into());
        match unit {
            Unit::Images => tokens(MOST_DRAWN, self.output_image),
            Unit::AudioSeconds => {
                tokens(TOKENS_OF_RECORDED_SECOND, self.input_audio.or(self.input))?
                    .checked_add(tokens(TEXT_TOKENS_OF_SECOND, self.output)?)
            }
            Unit::Characters => tokens(1, self.input)?
                .checked_add(tokens(TOKENS_OF_SPOKEN_CHARACTER, self.output_audio)?),
            Unit::VideoSeconds | Unit::Usd => None,
        }
    }

    /// In each of its prices, the higher of two. For replicas, of which either may respond.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        Self {
            // Of two versions the one that is a price of somebody.
            version: self.version.max(other.version),
            surcharge: self.surcharge.max(other.surcharge),
            input: self.input.max(other.input),
            cached_input: self.cached_input.max(other.cached_input),
            cache_write: self.cache_write.max(other.cache_write),
            cache_write_hour: self.cache_write_hour.max(other.cache_write_hour),
            output: self.output.max(other.output),
            input_audio: self.input_audio.max(other.input_audio),
            output_audio: self.output_audio.max(other.output_audio),
            input_image: self.input_image.max(other.input_image),
            output_image: self.output_image.max(other.output_image),
            long_input: self.long_input.max(other.long_input),
            long_cached_input: self.long_cached_input.max(other.long_cached_input),
            long_output: self.long_output.max(other.long_output),
            image: self.image.max(other.image),
            second: self.second.max(other.second),
            character: self.character.max(other.character),
            video_second: self.video_second.max(other.video_second),
            large_video_second: self.large_video_second.max(other.large_video_second),
        }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let Self { input, output, output_audio, output_image, .. } = *self;
        let Self { image, second, character, video_second, .. } = *self;
        let known = [input, output, output_audio, output_image];
        let of_units = [image, second, character, video_second];
        known.iter().chain(&of_units).all(Option::is_none)
    }
}

/// A price that rises as another one does, rounded up.
pub(crate) fn in_proportion(price: u64, new: u64, old: u64) -> u64 {
    if old == 0 {
        return price;
    }
    let scaled = (u128::from(price) * u128::from(new)).div_ceil(u128::from(old));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// The line on which a unit is paid.
fn kind_of(unit: Unit) -> Option<Priced> {
    match unit {
        Unit::Images => Some(Priced::Image),
        Unit::AudioSeconds => Some(Priced::Second),
        Unit::Characters => Some(Priced::Character),
        Unit::VideoSeconds => Some(Priced::VideoSecond),
        Unit::Usd => None,
    }
}

/// Bills tokens of which some are of another kind. A kind without a price of its own has the price of
/// the others. `None` if there are tokens whose price is not known.
fn parts<const N: usize>(
    bill: &mut Bill,
    tokens: u64,
    (others, price): (Priced, Option<u64>),
    kinds: [(u64, Priced, Option<u64>); N],
) -> Option<()> {
    let mut left = tokens;
    for (count, kind, own) in kinds {
        let count = count.min(left);
        left -= count;
        if count > 0 {
            bill.add(kind, count, own.or(price)?);
        }
    }
    if left > 0 {
        bill.add(others, left, price?);
    }
    Some(())
}

fn highest<const N: usize>(prices: [Option<u64>; N]) -> Option<u64> {
    prices.into_iter().max().flatten()
}

#[cfg(test)]
mod tests;
