//! All limits that an event can set, in one table.
//!
//! A limit is a variant of [`Limit`] and its row in [`Limit::counting`]. Everything else follows
//! from the two: its name, its text in messages and the number of the account that it bounds. So
//! does how requests are admitted, settled and moved between shards.

use std::fmt;

use strum::VariantArray;

use crate::amount::{Amount, JsonAmount};
use crate::unit::{Unit, Units};

/// One kind of limit. Its name in the organisers' API and in the table is derived from the variant.
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
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Limit {
    /// Requests per minute.
    RequestsPerMinute,
    /// Tokens per minute.
    TokensPerMinute,
    /// Requests per local day.
    RequestsPerDay,
    /// Tokens per local day.
    TokensPerDay,
    /// Tokens in total: the budget.
    TokensTotal,
    /// Images in total.
    ImagesTotal,
    /// Seconds of audio in total.
    AudioSecondsTotal,
    /// Characters of text-to-speech in total.
    CharactersTotal,
    /// Seconds of video in total.
    VideoSecondsTotal,
    /// Money per local day, counted in nano-dollars.
    UsdPerDay,
    /// Money in total, counted in nano-dollars.
    UsdTotal,
    /// Requests in flight.
    InFlight,
    /// Requests in total. By model only: an account as a whole counts requests once they are settled.
    RequestsTotal,
}

/// How a limit counts, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// A rate of what requests may need, by GCRA: one timestamp.
    PerMinute(Quantity),
    /// A counter for the event's local date.
    PerDay(Quantity),
    /// Tokens used and reserved.
    TokensTotal,
    /// The amount used and reserved of another unit.
    UnitTotal(Unit),
    /// Requests that are admitted and not yet settled.
    InFlight,
    /// Requests that were admitted and not released.
    RequestsTotal,
}

/// A quantity that a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// The request itself.
    Requests,
    /// Prompt and completion tokens.
    Tokens,
    /// Another unit.
    Unit(Unit),
}

impl Limit {
    /// Every limit that an account can have for all models together, in the order of display.
    pub const ALL: &'static [Self] = match Self::VARIANTS {
        [all @ .., Self::RequestsTotal] => all,
        all => all,
    };

    /// Every limit that an account can have for one model, in the order of display.
    pub const BY_MODEL: &'static [Self] = Self::VARIANTS;

    /// The table of limits.
    #[must_use]
    pub const fn counting(self) -> Counting {
        match self {
            Self::RequestsPerMinute => Counting::PerMinute(Quantity::Requests),
            Self::TokensPerMinute => Counting::PerMinute(Quantity::Tokens),
            Self::RequestsPerDay => Counting::PerDay(Quantity::Requests),
            Self::TokensPerDay => Counting::PerDay(Quantity::Tokens),
            Self::TokensTotal => Counting::TokensTotal,
            Self::ImagesTotal => Counting::UnitTotal(Unit::Images),
            Self::AudioSecondsTotal => Counting::UnitTotal(Unit::AudioSeconds),
            Self::CharactersTotal => Counting::UnitTotal(Unit::Characters),
            Self::VideoSecondsTotal => Counting::UnitTotal(Unit::VideoSeconds),
            Self::UsdPerDay => Counting::PerDay(Quantity::Unit(Unit::Usd)),
            Self::UsdTotal => Counting::UnitTotal(Unit::Usd),
            Self::InFlight => Counting::InFlight,
            Self::RequestsTotal => Counting::RequestsTotal,
        }
    }

    /// The letter that stands for the limit in the table, where a name would take too much room.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::RequestsPerMinute => 'r',
            Self::TokensPerMinute => 't',
            Self::RequestsPerDay => 'R',
            Self::TokensPerDay => 'T',
            Self::TokensTotal => 'B',
            Self::ImagesTotal => 'I',
            Self::AudioSecondsTotal => 'A',
            Self::CharactersTotal => 'C',
            Self::VideoSecondsTotal => 'V',
            Self::UsdPerDay => 'u',
            Self::UsdTotal => 'U',
            Self::InFlight => 'F',
            Self::RequestsTotal => 'N',
        }
    }

    /// The limit of a letter.
    #[must_use]
    pub fn of_letter(letter: char) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|limit| limit.letter() == letter)
    }

    /// The limit on the total of a unit.
    #[must_use]
    pub const fn total_of(unit: Unit) -> Self {
        match unit {
            Unit::Images => Self::ImagesTotal,
            Unit::AudioSeconds => Self::AudioSecondsTotal,
            Unit::Characters => Self::CharactersTotal,
            Unit::VideoSeconds => Self::VideoSecondsTotal,
            Unit::Usd => Self::UsdTotal,
        }
    }

    /// The limits per minute, and the quantity that each counts.
    pub fn rates() -> impl Iterator<Item = (Self, Quantity)> {
        Self::ALL.iter().filter_map(|limit| Some((*limit, limit.rate()?)))
    }

    /// The quantity that a limit per minute counts. `None` for other limits.
    #[must_use]
    pub const fn rate(self) -> Option<Quantity> {
        match self.counting() {
            Counting::PerMinute(quantity) => Some(quantity),
            Counting::PerDay(_)
            | Counting::TokensTotal
            | Counting::UnitTotal(_)
            | Counting::InFlight
            | Counting::RequestsTotal => None,
        }
    }

    /// The quantity that the limit counts.
    #[must_use]
    pub const fn quantity(self) -> Quantity {
        match self.counting() {
            Counting::PerMinute(quantity) | Counting::PerDay(quantity) => quantity,
            Counting::TokensTotal => Quantity::Tokens,
            Counting::UnitTotal(unit) => Quantity::Unit(unit),
            Counting::InFlight | Counting::RequestsTotal => Quantity::Requests,
        }
    }

    /// What one request counts against the limit. `reserved` says what kind of request it is.
    ///
    /// Tokens per minute are those of models for text. Models for images and audio have another quota
    /// at Azure, so the tokens of requests that reserve such a unit count in totals and days only.
    #[must_use]
    pub fn count(self, reserved: &Units, tokens: u64, units: &Units) -> u64 {
        match self.rate() == Some(Quantity::Tokens) && !reserved.are_of_text() {
            true => 0,
            false => self.quantity().among(1, tokens, units),
        }
    }

    /// The limit's name in the organisers' API and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The limit as text for messages.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.quantity().words();
        match self.counting() {
            Counting::PerMinute(_) => write!(f, "{words} per minute"),
            Counting::PerDay(_) => write!(f, "{words} per day"),
            Counting::TokensTotal | Counting::UnitTotal(_) | Counting::RequestsTotal => {
                write!(f, "total {words}")
            }
            Counting::InFlight => write!(f, "{words} at once"),
        }
    }
}

impl Quantity {
    /// The amount of this quantity in a reservation or a charge.
    pub(crate) fn among(self, requests: u64, tokens: u64, units: &Units) -> u64 {
        match self {
            Self::Requests => requests,
            Self::Tokens => tokens,
            Self::Unit(unit) => units.get(unit),
        }
    }

    /// A count of the quantity as people and JSON have it.
    #[must_use]
    pub fn amount(self, count: u64) -> Amount {
        match self {
            Self::Unit(unit) => unit.amount(count),
            Self::Requests | Self::Tokens => Amount::Whole(count),
        }
    }

    /// The count of an amount in JSON.
    #[must_use]
    pub fn count_of(self, amount: JsonAmount) -> u64 {
        match self {
            Self::Unit(unit) => unit.count_of(amount),
            Self::Requests | Self::Tokens => amount.whole(),
        }
    }

    /// The quantity as text for messages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Unit(unit) => unit.words(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn stored_names_and_labels_do_not_change() {
        let all: Vec<_> =
            Limit::BY_MODEL.iter().map(|limit| format!("{}: {limit}", limit.name())).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        requests_per_minute: requests per minute
        tokens_per_minute: tokens per minute
        requests_per_day: requests per day
        tokens_per_day: tokens per day
        tokens_total: total tokens
        images_total: total images
        audio_seconds_total: total audio seconds
        characters_total: total text-to-speech characters
        video_seconds_total: total video seconds
        usd_per_day: US dollars per day
        usd_total: total US dollars
        in_flight: requests at once
        requests_total: total requests
        ");
        for limit in Limit::BY_MODEL {
            assert_eq!(limit.name().parse(), Ok(*limit));
            assert_eq!(Limit::of_letter(limit.letter()), Some(*limit));
        }
        let letters: String = Limit::BY_MODEL.iter().map(|limit| limit.letter()).collect();
        assert_eq!(letters, "rtRTBIACVuUFN");
    }

    #[test]
    fn only_a_model_can_have_a_limit_on_requests_in_total() {
        let by_model: Vec<_> = Limit::ALL.iter().chain([&Limit::RequestsTotal]).collect();
        assert_eq!(by_model, Limit::BY_MODEL.iter().collect::<Vec<_>>());
    }

    #[test]
    fn every_limit_counts_something_different() {
        let different: HashSet<_> =
            Limit::BY_MODEL.iter().map(|limit| format!("{:?}", limit.counting())).collect();
        assert_eq!(different.len(), Limit::BY_MODEL.len());
    }

    #[test]
    fn tokens_per_minute_are_those_of_text_and_totals_those_of_everything() {
        for unit in Unit::ALL.iter().copied() {
            let units = Units::of(unit, 3);
            let counted = |limit: Limit| limit.count(&units, 6_240, &units);
            let per_minute = if unit == Unit::Usd { 6_240 } else { 0 };
            assert_eq!(counted(Limit::TokensPerMinute), per_minute, "{unit}");
            for limit in [Limit::TokensPerDay, Limit::TokensTotal] {
                assert_eq!(counted(limit), 6_240, "{unit}");
            }
            assert_eq!(counted(Limit::RequestsPerMinute), 1, "{unit}");
            assert_eq!(counted(Limit::total_of(unit)), 3, "{unit}");
        }
    }

    #[test]
    fn every_unit_has_a_total() {
        for unit in Unit::ALL {
            assert_eq!(Limit::total_of(*unit).counting(), Counting::UnitTotal(*unit));
        }
    }
}
