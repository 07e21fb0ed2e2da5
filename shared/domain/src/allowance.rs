//! What an event grants, to each attendee and in all.

use serde::{Deserialize, Serialize};

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
    /// Requests under way at once.
    InFlight,
}

impl Limit {
    /// Every limit, in the order in which people list them.
    pub const ALL: [Self; 6] = [
        Self::RequestsPerMinute,
        Self::TokensPerMinute,
        Self::RequestsPerDay,
        Self::TokensPerDay,
        Self::TokensTotal,
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
            Limit::InFlight => self.in_flight,
        }
    }

    /// The same allowance with one limit set, or lifted.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: Option<u64>) -> Self {
        let slot = match limit {
            Limit::RequestsPerMinute => &mut self.requests_per_minute,
            Limit::TokensPerMinute => &mut self.tokens_per_minute,
            Limit::RequestsPerDay => &mut self.requests_per_day,
            Limit::TokensPerDay => &mut self.tokens_per_day,
            Limit::TokensTotal => &mut self.tokens_total,
            Limit::InFlight => &mut self.in_flight,
        };
        *slot = value;
        self
    }
}

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
    /// think between calls, but each may always make two capped calls a minute.
    #[must_use]
    pub fn for_crowd(attendees: u64, completion_cap: u64, capacity: Capacity) -> Self {
        let attendees = attendees.max(1);
        let two_calls = completion_cap.saturating_add(4_096).saturating_mul(2);
        let share = capacity.tokens_per_minute.map(|tokens| tokens.saturating_mul(4) / attendees);
        let attendee_tokens = match (share, capacity.tokens_per_minute) {
            (Some(share), Some(all)) => share.clamp(two_calls.min(all), all.max(1)),
            (Some(_), None) | (None, _) => two_calls.max(20_000),
        };
        Self {
            attendee: Allowance {
                requests_per_minute: Some(20),
                tokens_per_minute: Some(attendee_tokens),
                requests_per_day: Some(1_000),
                tokens_per_day: None,
                tokens_total: None,
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
