//! What one request cost, line by line: how many of each kind, and the price of one.

use std::borrow::Cow;

use enum_map::EnumMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::VariantArray;

use crate::named;

/// Pico-dollars in a nano-dollar.
pub(crate) const PICO_PER_NANO: u128 = 1_000;

/// What has a price of its own. The names are those of stored records.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    enum_map::Enum,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Priced {
    /// A prompt token.
    Input,
    /// A prompt token that was read from the cache.
    CachedInput,
    /// A prompt token that was written to the cache.
    CacheWrite,
    /// A prompt token that was written to the cache for an hour.
    CacheWriteHour,
    /// An audio token of the prompt.
    InputAudio,
    /// An image token of the prompt.
    InputImage,
    /// A completion token, reasoning included.
    Output,
    /// An audio token of the completion.
    OutputAudio,
    /// An image token of the completion.
    OutputImage,
    /// A generated image.
    Image,
    /// A second of audio.
    Second,
    /// A character of text-to-speech.
    Character,
    /// A second of video.
    VideoSecond,
    /// A prompt token for which a model router chose the model.
    Routing,
    /// A search in the web by a tool of Azure's.
    WebSearch,
    /// A page that such a tool reads.
    WebFetch,
    /// A search in vector stores.
    FileSearch,
    /// A call of the code interpreter.
    CodeInterpreter,
}

impl Priced {
    /// The name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// How many of a kind, and what one costs in pico-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line(pub u64, pub u64);

/// The lines of a request that was paid, and the version of the prices.
///
/// The JSON form has the lines that are not empty: `{"input": [1200, 150000]}` is 1,200 tokens at
/// 150,000 pico-dollars each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// The month of the table of prices, or `organiser` for prices of the organiser's own.
    pub version: Cow<'static, str>,
    /// The lines.
    #[serde(serialize_with = "write_lines", deserialize_with = "read_lines")]
    lines: EnumMap<Priced, Line>,
}

impl Bill {
    /// A bill without lines.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        Self { version: Cow::Borrowed(version), lines: EnumMap::default() }
    }

    /// Adds to a line. One request has one price for each kind.
    pub(crate) fn add(&mut self, kind: Priced, count: u64, pico: u64) {
        if count > 0 {
            let line = &mut self.lines[kind];
            *line = Line(line.0.saturating_add(count), pico);
        }
    }

    /// The lines that are not empty.
    pub fn lines(&self) -> impl Iterator<Item = (Priced, Line)> {
        Priced::VARIANTS
            .iter()
            .map(|kind| (*kind, self.lines[*kind]))
            .filter(|(_, line)| line.0 > 0)
    }

    /// How many of a kind were paid.
    #[must_use]
    pub fn count(&self, kind: Priced) -> u64 {
        self.lines[kind].0
    }

    /// The sum in nano-dollars: added up exactly, and rounded up once.
    #[must_use]
    pub fn nano_usd(&self) -> u64 {
        let cost = |(_, Line(count, pico)): (_, Line)| u128::from(count) * u128::from(pico);
        let sum = self.lines().map(cost).fold(0, u128::saturating_add);
        nano(sum)
    }
}

/// Pico-dollars in nano-dollars, rounded up.
pub(crate) fn nano(pico: u128) -> u64 {
    u64::try_from(pico.div_ceil(PICO_PER_NANO)).unwrap_or(u64::MAX)
}

fn write_lines<S: Serializer>(
    lines: &EnumMap<Priced, Line>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let filled = lines.iter().filter(|(_, line)| line.0 > 0);
    serializer.collect_map(filled.map(|(kind, line)| (kind.name(), line)))
}

fn read_lines<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<EnumMap<Priced, Line>, D::Error> {
    named::read(deserializer, |_, line: Line| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_added_up_exactly_and_rounded_up_once() {
        let mut bill = Bill::new("2026-11");
        bill.add(Priced::Input, 1, 150);
        bill.add(Priced::Output, 1, 600);
        bill.add(Priced::OutputAudio, 0, 1_000_000);
        // 750 pico-dollars are less than a nano-dollar.
        assert_eq!(bill.nano_usd(), 1);
        bill.add(Priced::Input, 1, 150);
        bill.add(Priced::Output, 1, 600);
        assert_eq!(bill.nano_usd(), 2);
        bill.add(Priced::Image, 3, 40_000_000_000);
        assert_eq!(bill.nano_usd(), 120_000_002);
    }

    #[test]
    fn a_bill_is_stored_with_the_lines_that_it_has() {
        let mut bill = Bill::new("2026-11");
        bill.add(Priced::CachedInput, 1_200, 75_000);
        bill.add(Priced::Output, 5, 600_000);
        let json =
            r#"{"version":"2026-11","lines":{"cached_input":[1200,75000],"output":[5,600000]}}"#;
        assert_eq!(serde_json::to_string(&bill).unwrap(), json);
        assert_eq!(serde_json::from_str::<Bill>(json).unwrap(), bill);
        let newer = r#"{"version":"x","lines":{"of_a_newer_release":[1,2]}}"#;
        assert_eq!(serde_json::from_str::<Bill>(newer).unwrap().nano_usd(), 0);
    }
}
