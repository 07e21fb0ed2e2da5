//! What an event grants, to each attendee and in all.

use serde::{Deserialize, Serialize};

use crate::unit::Unit;

/// One kind of limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Requests per minute, counted by GCRA.
    RequestsPerMinute,
    /// Tokens per minute, counted by GCRA on the estimate.
    TokensPerMinute,
    /// Requests per local day.
    RequestsPerDay,
    /// Tokens per local day.
    TokensPerDay,
    /// Tokens in all: the budget.
    TokensTotal,
    /// A unit beside tokens in all.
    UnitTotal(Unit),
    /// Requests under way at once.
    InFlight,
}

impl Limit {
    /// Every limit, in the order in which people list them.
    pub const ALL: [Self; 10] = [
        Self::RequestsPerMinute,
        Self::TokensPerMinute,
        Self::RequestsPerDay,
        Self::TokensPerDay,
        Self::TokensTotal,
        Self::UnitTotal(Unit::Images),
        Self::UnitTotal(Unit::AudioSeconds),
        Self::UnitTotal(Unit::Characters),
        Self::UnitTotal(Unit::VideoSeconds),
        Self::InFlight,
    ];

    /// The limit's name in the organisers' API and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests_per_minute",
            Self::TokensPerMinute => "tokens_per_minute",
            Self::RequestsPerDay => "requests_per_day",
            Self::TokensPerDay => "tokens_per_day",
            Self::TokensTotal => "tokens_total",
            Self::UnitTotal(Unit::Images) => "images_total",
            Self::UnitTotal(Unit::AudioSeconds) => "audio_seconds_total",
            Self::UnitTotal(Unit::Characters) => "characters_total",
            Self::UnitTotal(Unit::VideoSeconds) => "video_seconds_total",
            Self::InFlight => "in_flight",
        }
    }

    /// The limit in the words of a message.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests per minute",
            Self::TokensPerMinute => "tokens per minute",
            Self::RequestsPerDay => "requests per day",
            Self::TokensPerDay => "tokens per day",
            Self::TokensTotal => "tokens in all",
            Self::UnitTotal(Unit::Images) => "images in all",
            Self::UnitTotal(Unit::AudioSeconds) => "seconds of audio in all",
            Self::UnitTotal(Unit::Characters) => "characters in all",
            Self::UnitTotal(Unit::VideoSeconds) => "seconds of video in all",
            Self::InFlight => "requests at once",
        }
    }
}

/// The limits of one account. `None` is no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Requests per minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens per minute.
    pub tokens_per_minute: Option<u64>,
    /// Requests per local day.
    pub requests_per_day: Option<u64>,
    /// Tokens per local day.
    pub tokens_per_day: Option<u64>,
    /// Tokens in all.
    pub tokens_total: Option<u64>,
    /// Images in all.
    pub images_total: Option<u64>,
    /// Seconds of audio in all.
    pub audio_seconds_total: Option<u64>,
    /// Characters in all.
    pub characters_total: Option<u64>,
    /// Seconds of video in all.
    pub video_seconds_total: Option<u64>,
    /// Requests under way at once.
    pub in_flight: Option<u64>,
}

impl Allowance {
    /// The limit of one kind.
    #[must_use]
    pub fn limit(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::RequestsPerMinute => self.requests_per_minute,
            Limit::TokensPerMinute => self.tokens_per_minute,
            Limit::RequestsPerDay => self.requests_per_day,
            Limit::TokensPerDay => self.tokens_per_day,
            Limit::TokensTotal => self.tokens_total,
            Limit::UnitTotal(Unit::Images) => self.images_total,
            Limit::UnitTotal(Unit::AudioSeconds) => self.audio_seconds_total,
            Limit::UnitTotal(Unit::Characters) => self.characters_total,
            Limit::UnitTotal(Unit::VideoSeconds) => self.video_seconds_total,
            Limit::InFlight => self.in_flight,
        }
    }

    /// The part that one of several shards owns, each limit by itself. What does not divide evenly
    /// goes to the first ones, so that all parts together are the whole.
    #[must_use]
    pub fn part(&self, shard: u16, of: u16) -> Self {
        let mut part = *self;
        if of <= 1 {
            return part;
        }
        let (shard, of) = (u64::from(shard), u64::from(of));
        for limit in Limit::ALL {
            let piece = |whole| whole / of + u64::from(shard < whole % of);
            part.set(limit, self.limit(limit).map(piece));
        }
        part
    }

    /// The same allowance with one limit set, or lifted.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: Option<u64>) -> Self {
        self.set(limit, value);
        self
    }

    /// Sets one limit, or lifts it.
    pub fn set(&mut self, limit: Limit, value: Option<u64>) {
        let slot = match limit {
            Limit::RequestsPerMinute => &mut self.requests_per_minute,
            Limit::TokensPerMinute => &mut self.tokens_per_minute,
            Limit::RequestsPerDay => &mut self.requests_per_day,
            Limit::TokensPerDay => &mut self.tokens_per_day,
            Limit::TokensTotal => &mut self.tokens_total,
            Limit::UnitTotal(Unit::Images) => &mut self.images_total,
            Limit::UnitTotal(Unit::AudioSeconds) => &mut self.audio_seconds_total,
            Limit::UnitTotal(Unit::Characters) => &mut self.characters_total,
            Limit::UnitTotal(Unit::VideoSeconds) => &mut self.video_seconds_total,
            Limit::InFlight => &mut self.in_flight,
        };
        *slot = value;
    }
}

/// What an attendee may use of each unit unless the organiser says otherwise: what a weekend's
/// project needs, and a few dollars at most.
const USUAL_IMAGES: u64 = 50;
const USUAL_AUDIO_SECONDS: u64 = 3_600;
const USUAL_CHARACTERS: u64 = 100_000;
const USUAL_VIDEO_SECONDS: u64 = 60;

/// Everything an event grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowances {
    /// To each attendee.
    pub attendee: Allowance,
    /// In all, behind the attendees' own limits, because user ids are self-declared.
    pub event: Allowance,
    /// How many attendees may join.
    pub attendees: Option<u64>,
}

impl Allowances {
    /// Sensible limits for an expected crowd, the completion cap and what the deployments can take.
    ///
    /// Attendees share the deployments' tokens per minute four times over, since they read and
    /// think between calls, but each may always make two capped calls a minute. Of each unit, the
    /// event grants what half its attendees may use up.
    #[must_use]
    pub fn for_crowd(attendees: u64, completion_cap: u64, capacity: Capacity) -> Self {
        let attendees = attendees.max(1);
        let two_calls = completion_cap.saturating_add(4_096).saturating_mul(2);
        let share = capacity.tokens_per_minute.map(|tokens| tokens.saturating_mul(4) / attendees);
        let attendee_tokens = match (share, capacity.tokens_per_minute) {
            (Some(share), Some(all)) => share.clamp(two_calls.min(all), all.max(1)),
            (Some(_), None) | (None, _) => two_calls.max(20_000),
        };
        let together = |each: u64| Some(each.saturating_mul(attendees).div_ceil(2).max(each));
        Self {
            attendee: Allowance {
                requests_per_minute: Some(20),
                tokens_per_minute: Some(attendee_tokens),
                requests_per_day: Some(1_000),
                tokens_per_day: None,
                tokens_total: None,
                images_total: Some(USUAL_IMAGES),
                audio_seconds_total: Some(USUAL_AUDIO_SECONDS),
                characters_total: Some(USUAL_CHARACTERS),
                video_seconds_total: Some(USUAL_VIDEO_SECONDS),
                in_flight: Some(4),
            },
            event: Allowance {
                requests_per_minute: capacity
                    .requests_per_minute
                    .or(Some(attendees.saturating_mul(20))),
                tokens_per_minute: capacity.tokens_per_minute,
                requests_per_day: None,
                tokens_per_day: None,
                tokens_total: Some(attendees.saturating_mul(500_000)),
                images_total: together(USUAL_IMAGES),
                audio_seconds_total: together(USUAL_AUDIO_SECONDS),
                characters_total: together(USUAL_CHARACTERS),
                video_seconds_total: together(USUAL_VIDEO_SECONDS),
                in_flight: None,
            },
            attendees: Some(attendees.saturating_mul(3)),
        }
    }
}

/// What an event's deployments can take in a minute; `None` where an organiser did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Requests per minute over all deployments.
    pub requests_per_minute: Option<u64>,
    /// Tokens per minute over all deployments.
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
        let allowances = Allowances::for_crowd(100, 4_096, capacity);
        assert_eq!(allowances.attendee.tokens_per_minute, Some(40_000));
        assert_eq!(allowances.event.requests_per_minute, Some(6_000));
        assert_eq!(allowances.attendees, Some(300));
    }

    #[test]
    fn every_unit_is_limited_unless_the_organiser_lifts_it() {
        let crowd = Allowances::for_crowd(100, 4_096, Capacity::default());
        let alone = Allowances::for_crowd(1, 4_096, Capacity::default());
        for limit in Unit::ALL.iter().copied().map(Limit::UnitTotal) {
            let each = crowd.attendee.limit(limit).unwrap();
            assert_eq!(crowd.event.limit(limit), Some(each * 50), "{limit:?}");
            assert_eq!(alone.event.limit(limit), Some(each), "{limit:?}");
        }
    }

    #[test]
    fn a_limit_reads_what_was_set_under_its_name() {
        for (limit, value) in Limit::ALL.into_iter().zip(1..) {
            let allowance = Allowance::default().with(limit, Some(value));
            let written = serde_json::to_value(allowance).unwrap();
            assert_eq!(written[limit.name()], value, "{limit:?}");
            assert_eq!(allowance.limit(limit), Some(value));
        }
    }

    proptest! {
        #[test]
        fn a_capped_call_fits_wherever_the_deployments_can_take_it(attendees in 0u64..100_000, cap in 1u64..100_000, tokens in 1u64..10_000_000) {
            let capacity = Capacity { requests_per_minute: None, tokens_per_minute: Some(tokens) };
            let granted = Allowances::for_crowd(attendees, cap, capacity).attendee.tokens_per_minute;
            prop_assert!(granted.unwrap() >= cap.min(tokens));
            prop_assert!(granted.unwrap() <= tokens);
        }
    }
}
