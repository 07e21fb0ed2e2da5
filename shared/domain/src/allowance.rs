//! The limits of an event: for each attendee, and in total.

use enum_map::EnumMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::limit::Limit;
use crate::named;
use crate::unit::Unit;

/// The limits of one account. `None` means no limit.
///
/// The JSON form is an object with the names of all limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance(EnumMap<Limit, Option<u64>>);

impl Serialize for Allowance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(limit, allowed)| (limit.name(), allowed)))
    }
}

impl<'de> Deserialize<'de> for Allowance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        named::read(deserializer).map(Self)
    }
}

impl FromIterator<(Limit, u64)> for Allowance {
    fn from_iter<I: IntoIterator<Item = (Limit, u64)>>(limits: I) -> Self {
        limits.into_iter().fold(Self::default(), |all, (limit, value)| all.with(limit, Some(value)))
    }
}

impl<const N: usize> From<[(Limit, u64); N]> for Allowance {
    fn from(limits: [(Limit, u64); N]) -> Self {
        limits.into_iter().collect()
    }
}

impl Allowance {
    /// The value of a limit.
    #[must_use]
    pub fn limit(&self, limit: Limit) -> Option<u64> {
        self.0[limit]
    }

    /// Sets a limit or lifts it.
    pub fn set(&mut self, limit: Limit, value: Option<u64>) {
        self.0[limit] = value;
    }

    /// The same allowance with one limit set or lifted.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: Option<u64>) -> Self {
        self.set(limit, value);
        self
    }

    /// The part that one of several shards owns, computed for each limit. The remainder of the
    /// division goes to the first shards, so that the parts add up to the whole.
    #[must_use]
    pub fn part(&self, shard: u16, of: u16) -> Self {
        if of <= 1 {
            return *self;
        }
        let (shard, of) = (u64::from(shard), u64::from(of));
        let piece = |whole| whole / of + u64::from(shard < whole % of);
        Self(self.0.map(|_, whole| whole.map(piece)))
    }
}

/// The default limit of an attendee on a unit. It is enough for a weekend's project and costs a few
/// dollars at most.
fn usual(unit: Unit) -> u64 {
    match unit {
        Unit::Images => 50,
        Unit::AudioSeconds => 3_600,
        Unit::Characters => 100_000,
        Unit::VideoSeconds => 60,
    }
}

/// All limits of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowances {
    /// The limits of each attendee.
    pub attendee: Allowance,
    /// The limits of the event in total. Attendees' own limits are not enough, because user ids are
    /// self-declared.
    pub event: Allowance,
    /// How many attendees may join.
    pub attendees: Option<u64>,
}

impl Allowances {
    /// Default limits from the expected number of attendees, the cap on completions and the quota
    /// of the deployments.
    ///
    /// Attendees read and think between calls. So together they get four times the deployments'
    /// tokens per minute, and each can always make two calls of full length a minute. Of each unit,
    /// the event's limit is half of what all attendees together may use.
    #[must_use]
    pub fn for_attendees(attendees: u64, completion_cap: u64, capacity: Capacity) -> Self {
        let attendees = attendees.max(1);
        let two_calls = completion_cap.saturating_add(4_096).saturating_mul(2);
        let share = capacity.tokens_per_minute.map(|tokens| tokens.saturating_mul(4) / attendees);
        let attendee_tokens = match (share, capacity.tokens_per_minute) {
            (Some(share), Some(all)) => share.clamp(two_calls.min(all), all.max(1)),
            (Some(_), None) | (None, _) => two_calls.max(20_000),
        };
        let mut attendee = Allowance::from([
            (Limit::RequestsPerMinute, 20),
            (Limit::TokensPerMinute, attendee_tokens),
            (Limit::RequestsPerDay, 1_000),
            (Limit::InFlight, 4),
        ]);
        let requests = capacity.requests_per_minute.unwrap_or(attendees.saturating_mul(20));
        let mut event = Allowance::from([
            (Limit::RequestsPerMinute, requests),
            (Limit::TokensTotal, attendees.saturating_mul(500_000)),
        ])
        .with(Limit::TokensPerMinute, capacity.tokens_per_minute);
        for unit in Unit::ALL {
            let (limit, each) = (Limit::total_of(*unit), usual(*unit));
            let together = each.saturating_mul(attendees).div_ceil(2).max(each);
            attendee.set(limit, Some(each));
            event.set(limit, Some(together));
        }
        Self { attendee, event, attendees: Some(attendees.saturating_mul(3)) }
    }
}

/// The quota of an event's deployments per minute. `None` where an organiser gave no figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Requests per minute of all deployments together.
    pub requests_per_minute: Option<u64>,
    /// Tokens per minute of all deployments together.
    pub tokens_per_minute: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hundred_people_on_a_million_tokens_get_forty_thousand_each() {
        let capacity =
            Capacity { requests_per_minute: Some(6_000), tokens_per_minute: Some(1_000_000) };
        let allowances = Allowances::for_attendees(100, 4_096, capacity);
        assert_eq!(allowances.attendee.limit(Limit::TokensPerMinute), Some(40_000));
        assert_eq!(allowances.event.limit(Limit::RequestsPerMinute), Some(6_000));
        assert_eq!(allowances.attendees, Some(300));
    }

    #[test]
    fn every_unit_is_limited_unless_the_organiser_lifts_it() {
        let crowd = Allowances::for_attendees(100, 4_096, Capacity::default());
        let alone = Allowances::for_attendees(1, 4_096, Capacity::default());
        for limit in Unit::ALL.iter().copied().map(Limit::total_of) {
            let each = crowd.attendee.limit(limit).unwrap();
            assert_eq!(crowd.event.limit(limit), Some(each * 50), "{limit:?}");
            assert_eq!(alone.event.limit(limit), Some(each), "{limit:?}");
        }
    }

    #[test]
    fn an_allowance_is_written_with_every_limit_and_read_without() {
        let allowance: Allowance = Limit::ALL.iter().copied().zip(1..).collect();
        let written = serde_json::to_string(&allowance.with(Limit::TokensTotal, None)).unwrap();
        let expected = concat!(
            r#"{"requests_per_minute":1,"tokens_per_minute":2,"requests_per_day":3,"#,
            r#""tokens_per_day":4,"tokens_total":null,"images_total":6,"audio_seconds_total":7,"#,
            r#""characters_total":8,"video_seconds_total":9,"in_flight":10}"#,
        );
        assert_eq!(written, expected);
        for (limit, value) in Limit::ALL.iter().zip(1..) {
            let alone = format!(r#"{{"{}": {value}, "of_a_newer_release": {{}}}}"#, limit.name());
            let read: Allowance = serde_json::from_str(&alone).unwrap();
            assert_eq!(read, Allowance::from([(*limit, value)]));
        }
    }

    proptest! {
        #[test]
        fn a_capped_call_fits_wherever_the_deployments_can_take_it(attendees in 0u64..100_000, cap in 1u64..100_000, tokens in 1u64..10_000_000) {
            let capacity = Capacity { requests_per_minute: None, tokens_per_minute: Some(tokens) };
            let granted = Allowances::for_attendees(attendees, cap, capacity).attendee.limit(Limit::TokensPerMinute);
            prop_assert!(granted.unwrap() >= cap.min(tokens));
            prop_assert!(granted.unwrap() <= tokens);
        }
    }
}
