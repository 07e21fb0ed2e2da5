//! Units of usage other than tokens: images, seconds, characters and money.

use enum_map::EnumMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{EnumCount, VariantArray};

use crate::amount::{Amount, JsonAmount};
use crate::named;

/// A unit of usage other than tokens. Its name in responses, in records and in the table is derived
/// from the variant.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    enum_map::Enum,
    strum::Display,
    strum::EnumCount,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Unit {
    /// Generated images.
    Images,
    /// Seconds of audio input, rounded up.
    AudioSeconds,
    /// Unicode characters of text-to-speech.
    Characters,
    /// Seconds of generated video.
    VideoSeconds,
    /// Money, counted in nano-dollars: what all that a request used costs.
    Usd,
}

impl Unit {
    /// Every unit.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Whether a request brings the unit with it, so that a model has used it once it has read the
    /// request.
    #[must_use]
    pub fn is_of_prompt(self) -> bool {
        match self {
            Self::AudioSeconds | Self::Characters => true,
            Self::Images | Self::VideoSeconds | Self::Usd => false,
        }
    }

    /// The unit's name in responses, in records and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// A count of the unit as people and JSON have it.
    #[must_use]
    pub fn amount(self, count: u64) -> Amount {
        match self {
            Self::Usd => Amount::NanoUsd(count),
            Self::Images | Self::AudioSeconds | Self::Characters | Self::VideoSeconds => {
                Amount::Whole(count)
            }
        }
    }

    /// The count of an amount in JSON.
    #[must_use]
    pub fn count_of(self, amount: JsonAmount) -> u64 {
        match self {
            Self::Usd => amount.nano_usd(),
            Self::Images | Self::AudioSeconds | Self::Characters | Self::VideoSeconds => {
                amount.whole()
            }
        }
    }

    /// The unit as text for messages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::AudioSeconds => "audio seconds",
            Self::Characters => "text-to-speech characters",
            Self::VideoSeconds => "video seconds",
            Self::Usd => "US dollars",
        }
    }
}

/// Amounts of units. Most requests have none, and the others have one.
///
/// The JSON form is an object of the amounts that are not zero, money in dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units(EnumMap<Unit, u64>);

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let amount = |(unit, count): (Unit, u64)| (unit.name(), unit.amount(count));
        serializer.collect_map(self.iter().map(amount))
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        named::read(deserializer, Unit::count_of).map(Self)
    }
}

impl Units {
    /// No amount of any unit.
    pub const NONE: Self = Self(EnumMap::from_array([0; Unit::COUNT]));

    /// An amount of one unit.
    #[must_use]
    pub fn of(unit: Unit, count: u64) -> Self {
        Self::NONE.with(unit, count)
    }

    /// The amount of a unit.
    #[must_use]
    pub fn get(&self, unit: Unit) -> u64 {
        self.0[unit]
    }

    /// The same amounts with one unit replaced.
    #[must_use]
    pub fn with(mut self, unit: Unit, count: u64) -> Self {
        self.0[unit] = count;
        self
    }

    /// Whether all amounts are zero.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Whether they are those of a request that is counted in tokens alone.
    #[must_use]
    pub fn are_of_text(&self) -> bool {
        self.with(Unit::Usd, 0).is_none()
    }

    /// The amounts that a model has used once it has read a request.
    #[must_use]
    pub fn of_prompt(&self) -> Self {
        Self(EnumMap::from_fn(|unit: Unit| if unit.is_of_prompt() { self.get(unit) } else { 0 }))
    }

    /// The units with an amount other than zero, and their amounts.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, u64)> {
        self.0.into_iter().filter(|(_, count)| *count > 0)
    }

    /// The sum, unit by unit.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.merge(other, u64::saturating_add)
    }

    /// The maximum for each unit.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.merge(other, u64::max)
    }

    fn merge(self, other: Self, pick: fn(u64, u64) -> u64) -> Self {
        Self(self.0.map(|unit, count| pick(count, other.0[unit])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_table_and_the_api_have() {
        let names: Vec<_> = Unit::ALL.iter().map(|unit| unit.name()).collect();
        assert_eq!(names, ["images", "audio_seconds", "characters", "video_seconds", "usd"]);
        for unit in Unit::ALL {
            assert_eq!(unit.name().parse(), Ok(*unit));
            assert_eq!(unit.to_string(), unit.name());
        }
        assert!("tokens".parse::<Unit>().is_err());
    }

    #[test]
    fn amounts_are_written_without_zeros_and_read_without_them() {
        let amounts = Units::of(Unit::Images, 3).plus(Units::of(Unit::AudioSeconds, 61));
        let written = serde_json::to_string(&amounts).unwrap();
        assert_eq!(written, r#"{"images":3,"audio_seconds":61}"#);
        assert_eq!(serde_json::from_str::<Units>(&written).unwrap(), amounts);
        assert_eq!(serde_json::from_str::<Units>("{}").unwrap(), Units::NONE);
    }

    #[test]
    fn units_do_not_mix() {
        let (three, two) = (Units::of(Unit::Images, 3), Units::of(Unit::Characters, 2));
        assert_eq!(
            three.plus(two).iter().collect::<Vec<_>>(),
            [(Unit::Images, 3), (Unit::Characters, 2)]
        );
        assert_eq!(three.max(Units::of(Unit::Images, 1)), three);
    }
}
