//! Counters of an event by hour, for charts: requests, errors by kind, and time to first byte. They
//! are not used for limits, so they may be inexact.

use chrono::{DateTime, Utc};

use crate::ids::{DeploymentName, EventId};
use crate::token::UserId;
use crate::usage::{CacheUse, Charge};

/// The counts to add to the hour of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourCount {
    /// The event.
    pub event: EventId,
    /// The shard of the event's account that admitted the requests.
    pub shard: u16,
    /// A time in the hour.
    pub at: DateTime<Utc>,
    /// The model's name. Absent for requests that were rejected before a model was chosen.
    pub model: Option<DeploymentName>,
    /// Requests that were settled with a charge.
    pub requests: u64,
    /// Their total charge.
    pub charge: Charge,
    /// What of their prompts was read from the cache or written to it.
    pub cache: CacheUse,
    /// The time to first byte of a request, in milliseconds, if there was one.
    pub first_byte_ms: Option<u64>,
    /// The number of errors by code. Each code occurs once.
    pub errors: Vec<(&'static str, u64)>,
    /// The last rejected requests, for the organiser who looks at one attendee.
    pub rejected: Vec<Rejected>,
}

/// The last request of an attendee that was rejected for a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The attendee.
    pub user: UserId,
    /// The code of the error.
    pub code: &'static str,
    /// When.
    pub at: DateTime<Utc>,
}

impl Rejected {
    /// How many are kept for an hour of an event.
    pub const SLOTS: u32 = 64;

    /// Which one it replaces: an earlier one of the same attendee with the same reason, or any other
    /// with the same number. So a flood cannot make the hour grow.
    #[must_use]
    pub fn slot(&self) -> u32 {
        let bytes = self.user.as_str().bytes().chain(self.code.bytes());
        // FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>.
        let hash = bytes
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        hash % Self::SLOTS
    }
}

impl HourCount {
    /// Empty counts.
    #[must_use]
    pub fn new(event: EventId, at: DateTime<Utc>, model: Option<DeploymentName>) -> Self {
        Self {
            event,
            shard: 0,
            at,
            model,
            requests: 0,
            charge: Charge::default(),
            cache: CacheUse::default(),
            first_byte_ms: None,
            errors: Vec::new(),
            rejected: Vec::new(),
        }
    }

    /// Whether both counts belong to the same hour and model.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        let hour = |at: DateTime<Utc>| at.timestamp().div_euclid(3_600);
        hour(self.at) == hour(other.at) && self.event == other.event && self.model == other.model
    }

    /// Adds errors of one kind.
    pub fn add_errors(&mut self, code: &'static str, times: u64) {
        match self.errors.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => *count = count.saturating_add(times),
            None => self.errors.push((code, times)),
        }
    }
}

/// What was used in a minute of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinuteUse {
    /// Requests that were settled with a charge.
    pub requests: u64,
    /// Their tokens.
    pub tokens: u64,
}

impl MinuteUse {
    /// More tokens than all models of an organiser process in a minute.
    const TOKENS: u64 = 1_000_000_000_000;

    /// Both counts as one number. Stores add numbers, and one is smaller than two.
    #[must_use]
    pub fn packed(self) -> u64 {
        self.requests.saturating_mul(Self::TOKENS).saturating_add(self.tokens)
    }

    /// Both counts of a number, or of a sum of such numbers.
    #[must_use]
    pub fn unpacked(number: u64) -> Self {
        Self { requests: number / Self::TOKENS, tokens: number % Self::TOKENS }
    }

    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }
}

/// The times to first byte of a minute, as one number that stores add.
///
/// Each bucket has some decimal digits of the number, so that the sum of numbers is the number of the
/// sums. A bucket that overflows adds one to the next slower one. That takes ten thousand requests of
/// one model in a minute on one shard.
#[derive(Clone, Copy, Debug)]
pub struct PackedFirstBytes;

impl PackedFirstBytes {
    /// The slowest bucket of [`FirstBytes`] in each part, and how many digits the part has. In all
    /// they are fewer than the 38 that DynamoDB keeps.
    const PARTS: [(usize, u32); 9] =
        [(1, 4), (2, 4), (3, 4), (4, 4), (5, 4), (6, 4), (7, 4), (8, 4), (10, 5)];

    /// One request that took this long.
    #[must_use]
    pub fn one(ms: u64) -> u128 {
        let bucket = FirstBytes::bucket(ms);
        let mut unit = 1;
        for (slowest, digits) in Self::PARTS {
            if bucket <= slowest {
                return unit;
            }
            unit *= 10_u128.pow(digits);
        }
        // What has no bound counts with the slowest part.
        let (_, digits) = Self::PARTS[Self::PARTS.len() - 1];
        unit / 10_u128.pow(digits)
    }

    /// The histogram of a sum of such numbers.
    #[must_use]
    pub fn unpacked(mut number: u128) -> FirstBytes {
        let mut times = FirstBytes::default();
        for (bucket, digits) in Self::PARTS {
            let size = 10_u128.pow(digits);
            times.add(bucket, u64::try_from(number % size).unwrap_or_default());
            number /= size;
        }
        times
    }
}

/// A histogram of the time to first byte.
///
/// Bucket 0 counts requests of up to 50 ms. The bound of each further bucket is twice as long, up
/// to 51.2 s in bucket 10. The last bucket has no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstBytes([u64; FirstBytes::BUCKETS]);

impl FirstBytes {
    /// The number of buckets.
    pub const BUCKETS: usize = 12;

    const FIRST_BOUND_MS: u64 = 50;

    /// The bucket of a time.
    #[must_use]
    pub fn bucket(ms: u64) -> usize {
        (0..Self::BUCKETS - 1)
            .find(|bucket| ms <= Self::FIRST_BOUND_MS << bucket)
            .unwrap_or(Self::BUCKETS - 1)
    }

    /// The upper bound of a bucket in milliseconds. The last one has none.
    #[must_use]
    pub fn bound_ms(bucket: usize) -> Option<u64> {
        (bucket < Self::BUCKETS - 1).then(|| Self::FIRST_BOUND_MS << bucket)
    }

    /// Adds requests to a bucket.
    pub fn add(&mut self, bucket: usize, requests: u64) {
        if let Some(count) = self.0.get_mut(bucket) {
            *count = count.saturating_add(requests);
        }
    }

    /// The sum of two.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        for (bucket, requests) in other.0.into_iter().enumerate() {
            self.add(bucket, requests);
        }
        self
    }

    /// The total number of requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.iter().fold(0, |sum, requests| sum.saturating_add(*requests))
    }

    /// Every bucket that is not empty: its upper bound and its number of requests.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let filled = self.0.into_iter().enumerate().filter(|(_, requests)| *requests > 0);
        filled.map(|(bucket, requests)| (Self::bound_ms(bucket), requests))
    }

    /// A percentile of the time to first byte, by the nearest-rank method.
    ///
    /// The result lies in the same bucket as the exact value. So it is between half and twice that
    /// value, or both are at most 50 ms. In the last bucket the result is the last bound, which is
    /// too small.
    #[must_use]
    pub fn percentile_ms(&self, percent: u64) -> Option<u64> {
        let rank = self.requests().saturating_mul(percent).div_ceil(100).max(1);
        let mut before = 0_u64;
        for (bucket, requests) in self.0.into_iter().enumerate() {
            if requests > 0 && before.saturating_add(requests) >= rank {
                let from = bucket.checked_sub(1).and_then(Self::bound_ms).unwrap_or_default();
                let width = Self::bound_ms(bucket).unwrap_or(from) - from;
                // Assume that the requests of a bucket are spread evenly, each in the middle of its
                // share.
                let place = (rank - before).saturating_mul(2) - 1;
                return Some(from + width.saturating_mul(place) / requests.saturating_mul(2));
            }
            before = before.saturating_add(requests);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(times: &[u64]) -> FirstBytes {
        let mut all = FirstBytes::default();
        times.iter().for_each(|ms| all.add(FirstBytes::bucket(*ms), 1));
        all
    }

    #[test]
    fn buckets_double_from_50_milliseconds_to_51_seconds() {
        let buckets = [0, 50, 51, 100, 51_200, 51_201, u64::MAX].map(FirstBytes::bucket);
        assert_eq!(buckets, [0, 0, 1, 1, 10, 11, 11]);
        let bounds: Vec<_> = (0..FirstBytes::BUCKETS).map(FirstBytes::bound_ms).collect();
        assert_eq!(
            (bounds[0], bounds[1], bounds[10], bounds[11]),
            (Some(50), Some(100), Some(51_200), None)
        );
    }

    #[test]
    fn no_data_has_no_percentile_and_the_open_bucket_has_the_last_bound() {
        assert_eq!(of(&[]).percentile_ms(50), None);
        assert_eq!(of(&[90_000]).percentile_ms(95), Some(51_200));
        assert_eq!(of(&[60, 80, 90_000]).percentile_ms(50), Some(87));
        assert_eq!(
            of(&[60]).plus(of(&[70, 4_000])).buckets().collect::<Vec<_>>(),
            [(Some(100), 2), (Some(6_400), 1)]
        );
    }

    #[test]
    fn sums_of_packed_minutes_are_minutes() {
        let (one, other) =
            (MinuteUse { requests: 3, tokens: 70 }, MinuteUse { requests: 1, tokens: 999_999 });
        assert_eq!(MinuteUse::unpacked(one.packed() + other.packed()), one.plus(other));
        assert_eq!(MinuteUse::unpacked(0), MinuteUse::default());
    }

    #[test]
    fn sums_of_packed_times_are_histograms_and_fit_a_number_of_the_table() {
        let times = [0, 90, 150, 399, 1_600, 1_601, 25_000, 25_000, 90_000];
        let sum = times.iter().map(|ms| PackedFirstBytes::one(*ms)).sum();
        assert_eq!(
            PackedFirstBytes::unpacked(sum).buckets().collect::<Vec<_>>(),
            [
                (Some(100), 2),
                (Some(200), 1),
                (Some(400), 1),
                (Some(1_600), 1),
                (Some(3_200), 1),
                (Some(51_200), 3)
            ]
        );
        let most: u128 = [0, 150, 300, 700, 1_500, 3_000, 6_000, 12_000, 51_000]
            .map(|ms| PackedFirstBytes::one(ms) * 9_999)
            .iter()
            .sum();
        assert!(most.to_string().len() <= 38, "{most}");
        assert_eq!(PackedFirstBytes::unpacked(most).requests(), 9 * 9_999);
        assert_eq!(PackedFirstBytes::unpacked(0), FirstBytes::default());
    }

    #[test]
    fn errors_of_a_kind_add_up() {
        let at = "2026-12-05T09:59:59Z".parse().unwrap();
        let mut hour = HourCount::new("evt_1".parse().unwrap(), at, None);
        for (code, times) in [("upstream_busy", 1), ("invalid_value", 2), ("upstream_busy", 3)] {
            hour.add_errors(code, times);
        }
        assert_eq!(hour.errors, [("upstream_busy", 4), ("invalid_value", 2)]);
        let later = HourCount { at: at + chrono::TimeDelta::seconds(1), ..hour.clone() };
        assert!(hour.is_beside(&hour) && !hour.is_beside(&later));
    }

    proptest! {
        #[test]
        fn a_percentile_is_between_half_and_twice_the_exact_one(
            mut times in proptest::collection::vec(0..51_200_u64, 1..200),
            percent in 1..=100_u64,
        ) {
            let percentile = of(&times).percentile_ms(percent).unwrap();
            times.sort_unstable();
            let rank = (times.len() as u64 * percent).div_ceil(100).max(1);
            let exact = times[usize::try_from(rank).unwrap() - 1];
            match exact {
                0..=50 => prop_assert!(percentile <= 50),
                _ => prop_assert!(percentile * 2 >= exact && percentile <= exact * 2, "{percentile} for {exact}"),
            }
        }
    }
}
