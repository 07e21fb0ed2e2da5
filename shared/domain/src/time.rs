//! Instants in accounts, and the periods by which settlements are reconciled.

use chrono::{DateTime, Utc};

/// Nanoseconds since the Unix epoch, the unit of an account's rate timestamps.
///
/// Nanoseconds keep the cost of one token a whole number up to 60 billion tokens a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochNanos(pub i64);

/// One minute in nanoseconds, the period of every rate.
pub const MINUTE_NS: i64 = 60_000_000_000;

impl EpochNanos {
    /// The nanoseconds from `earlier` to this instant. Never negative.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }

    /// The instant as a date and time. An instant out of range is the last one that fits.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }
}

impl From<DateTime<Utc>> for EpochNanos {
    /// Instants after the year 2262 become the last one that fits.
    fn from(instant: DateTime<Utc>) -> Self {
        Self(instant.timestamp_nanos_opt().unwrap_or(i64::MAX))
    }
}

/// A period of ten minutes in which requests are admitted, numbered from the Unix epoch.
///
/// The event's account counts its open reservations by period. Once every reservation of a period
/// must be settled, the rest of the period's counts was left by crashes. It can be reconciled while
/// later periods keep changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub i64);

impl Period {
    const LENGTH_NS: i64 = 10 * MINUTE_NS;

    /// The period that counts a request admitted at `instant`.
    #[must_use]
    pub fn of(instant: EpochNanos) -> Self {
        Self(instant.0.div_euclid(Self::LENGTH_NS))
    }

    /// The first instant after the period.
    #[must_use]
    pub fn end(self) -> EpochNanos {
        EpochNanos((self.0 + 1).saturating_mul(Self::LENGTH_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_half_open() {
        let period = Period(7);
        assert_eq!(Period::of(EpochNanos(period.end().0 - 1)), period);
        assert_eq!(Period::of(period.end()), Period(8));
    }
}
