//! How amounts are written: dollars for money, whole numbers for everything else.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// Nano-dollars in a dollar.
pub const NANO_PER_USD: u64 = 1_000_000_000;

/// An amount as people and JSON have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A count.
    Whole(u64),
    /// Money in nano-dollars, written in dollars.
    NanoUsd(u64),
}

impl Amount {
    /// It as a number: dollars, or the count.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "amounts are below 2^53")]
    pub fn number(self) -> f64 {
        match self {
            Self::Whole(count) => count as f64,
            Self::NanoUsd(nano) => dollars(nano),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Whole(count) => serializer.serialize_u64(count),
            Self::NanoUsd(nano) => serializer.serialize_f64(dollars(nano)),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Whole(count) => count.fmt(f),
            Self::NanoUsd(nano) => {
                let (dollars, mut fraction) = (nano / NANO_PER_USD, nano % NANO_PER_USD);
                if fraction == 0 {
                    return dollars.fmt(f);
                }
                let mut digits = 9;
                while fraction % 10 == 0 {
                    (fraction, digits) = (fraction / 10, digits - 1);
                }
                write!(f, "{dollars}.{fraction:0digits$}")
            }
        }
    }
}

/// An amount as JSON says it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum JsonAmount {
    /// A whole number.
    Whole(u64),
    /// A number with a fraction, which only money may have.
    Fraction(f64),
}

impl JsonAmount {
    /// The count.
    #[must_use]
    pub fn whole(self) -> u64 {
        match self {
            Self::Whole(count) => count,
            Self::Fraction(count) => rounded(count),
        }
    }

    /// The nano-dollars of a number of dollars.
    #[must_use]
    pub fn nano_usd(self) -> u64 {
        match self {
            Self::Whole(dollars) => dollars.saturating_mul(NANO_PER_USD),
            Self::Fraction(dollars) => nano_dollars(dollars),
        }
    }
}

/// Dollars of nano-dollars: the nearest number, exact to the nano-dollar up to nine million dollars.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^53 nano-dollars")]
fn dollars(nano: u64) -> f64 {
    nano as f64 / NANO_PER_USD as f64
}

/// The nano-dollars nearest to a number of dollars.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a billion is exact")]
pub fn nano_dollars(dollars: f64) -> u64 {
    rounded(dollars * NANO_PER_USD as f64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and no amount is negative"
)]
fn rounded(count: f64) -> u64 {
    count.round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn money_is_written_in_dollars_and_read_in_nano_dollars() {
        for (nano, json) in [(50 * NANO_PER_USD, "50.0"), (1, "1e-9"), (12_500_000_000, "12.5")] {
            assert_eq!(serde_json::to_string(&Amount::NanoUsd(nano)).unwrap(), json);
            assert_eq!(serde_json::from_str::<JsonAmount>(json).unwrap().nano_usd(), nano);
        }
        let fifty: JsonAmount = serde_json::from_str("50").unwrap();
        assert_eq!((fifty.nano_usd(), fifty.whole()), (50 * NANO_PER_USD, 50));
        assert_eq!(Amount::NanoUsd(50 * NANO_PER_USD).to_string(), "50");
        assert_eq!(Amount::NanoUsd(12_500_000_001).to_string(), "12.500000001");
        assert_eq!(Amount::NanoUsd(20_300).to_string(), "0.0000203");
        assert_eq!(Amount::Whole(50).to_string(), "50");
    }

    proptest! {
        #[test]
        fn an_amount_of_money_survives_json_and_text(nano in 0u64..1_000_000 * NANO_PER_USD) {
            let json = serde_json::to_string(&Amount::NanoUsd(nano)).unwrap();
            prop_assert_eq!(serde_json::from_str::<JsonAmount>(&json).unwrap().nano_usd(), nano);
            let text = Amount::NanoUsd(nano).to_string();
            prop_assert_eq!(nano_dollars(text.parse().unwrap()), nano);
        }
    }
}
