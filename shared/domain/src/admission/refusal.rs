//! Why an account does not admit a request, and which of several reasons is named.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::{Demand, needed, rate};
use crate::by_model::LimitKey;
use crate::estimate::Estimate;
use crate::limit::Quantity;
use crate::models::ModelPrices;
use crate::time::EpochNanos;
use crate::unit::Unit;

/// Why an account does not admit a request, and when to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A limit per minute is used up.
    Rate {
        /// The limit per minute.
        limit: LimitKey,
        /// The limit's value.
        allowed: u64,
        /// The first instant at which the same request fits if no other request comes.
        retry_at: EpochNanos,
        /// Whether requests in flight stand in its way as well.
        is_held: bool,
    },
    /// A limit per day is used up.
    Day {
        /// The limit per day.
        limit: LimitKey,
        /// The limit's value.
        allowed: u64,
        /// The amount that is left.
        remaining: u64,
        /// The end of the local day.
        resets_at: DateTime<Utc>,
        /// Whether the request would fit if the open reservations were released.
        is_held: bool,
    },
    /// Too little of the budget is left.
    Budget {
        /// The limit in total.
        limit: LimitKey,
        /// The limit's value.
        allowed: u64,
        /// The amount that is left.
        remaining: u64,
        /// Whether the request would fit if the open reservations were released.
        is_held: bool,
    },
    /// Too many requests are in flight.
    InFlight {
        /// The limit: on all models or on one.
        limit: LimitKey,
        /// The limit's value.
        allowed: u64,
    },
    /// The request needs more than a limit per day or in total, or a limit is zero. A retry does not
    /// help.
    NeverFits {
        /// The limit.
        limit: LimitKey,
        /// The limit's value.
        allowed: u64,
        /// The amount that the request may need.
        needed: u64,
    },
    /// The organiser blocks the attendee.
    Blocked,
}

impl Refusal {
    /// The limit that it names.
    #[must_use]
    pub fn limit(&self) -> Option<LimitKey> {
        match self {
            Self::Rate { limit, .. }
            | Self::Day { limit, .. }
            | Self::Budget { limit, .. }
            | Self::InFlight { limit, .. }
            | Self::NeverFits { limit, .. } => Some(*limit),
            Self::Blocked => None,
        }
    }

    /// The nano-dollars that are left, if it is for lack of money.
    #[must_use]
    pub fn money_left(&self) -> Option<u64> {
        match *self {
            Self::Day { limit, remaining: left, .. }
            | Self::Budget { limit, remaining: left, .. }
            | Self::NeverFits { limit, allowed: left, .. }
                if limit.quantity() == Quantity::Unit(Unit::Usd) =>
            {
                Some(left)
            }
            Self::Rate { .. }
            | Self::Day { .. }
            | Self::Budget { .. }
            | Self::NeverFits { .. }
            | Self::InFlight { .. }
            | Self::Blocked => None,
        }
    }

    /// The tokens that would fit now, if a request asks too many of them, or too much for its money.
    #[must_use]
    pub fn fitting_tokens(&self, demand: &Demand, prices: &ModelPrices) -> Option<u64> {
        let of_tokens = |limit: LimitKey| limit.quantity() == Quantity::Tokens;
        let estimate = &demand.estimate;
        let for_money = |remaining: u64| {
            let missing = estimate.units.get(Unit::Usd).saturating_sub(remaining);
            let too_many = prices.completion_tokens_for(missing, estimate);
            estimate.tokens().saturating_sub(too_many)
        };
        if let Some(left) = self.money_left() {
            return Some(for_money(left));
        }
        match *self {
            Self::Rate { limit, allowed, retry_at, .. } if of_tokens(limit) => {
                let missing = rate::units_in(retry_at.since(demand.now), allowed);
                Some(demand.estimate.tokens().min(allowed).saturating_sub(missing))
            }
            Self::Day { limit, remaining, .. } | Self::Budget { limit, remaining, .. }
                if of_tokens(limit) =>
            {
                Some(remaining)
            }
            Self::NeverFits { limit, allowed, .. } if of_tokens(limit) => Some(allowed),
            Self::Rate { .. }
            | Self::Day { .. }
            | Self::Budget { .. }
            | Self::NeverFits { .. }
            | Self::InFlight { .. }
            | Self::Blocked => None,
        }
    }

    /// The same for a request that needs fewer tokens and does not fit either: it has to wait for a
    /// shorter time.
    #[must_use]
    pub fn with_less(mut self, tokens: u64, less: u64) -> Self {
        if let Self::Rate { limit, allowed, retry_at, .. } = &mut self
            && limit.quantity() == Quantity::Tokens
        {
            let sooner = rate::room_beside(less, *allowed) - rate::room_beside(tokens, *allowed);
            retry_at.0 = retry_at.0.saturating_sub(sooner.max(0));
        }
        self
    }

    /// Whether it ends by itself: by the time that it names, or with a request in flight.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.may_end_with_a_request() || matches!(self, Self::Rate { .. })
    }

    /// Whether the end of a request in flight can end it.
    #[must_use]
    pub fn may_end_with_a_request(&self) -> bool {
        match self {
            Self::InFlight { .. } => true,
            Self::Day { is_held, .. } | Self::Budget { is_held, .. } => *is_held,
            Self::Rate { .. } | Self::NeverFits { .. } | Self::Blocked => false,
        }
    }

    /// The one of two refusals of an account that lasts longer.
    #[must_use]
    pub(crate) fn longer(self, other: Self) -> Self {
        let mut longer = if other.outlasts(&self) { other } else { self };
        if let Self::Rate { is_held, .. } = &mut longer {
            *is_held = [self, other].iter().any(|refusal| {
                refusal.may_end_with_a_request()
                    || matches!(refusal, Self::Rate { is_held: true, .. })
            });
        }
        longer
    }

    /// Whether a refusal of one account is to be named rather than one of another account, where no
    /// wait ends either: a change of the other account's limit alone would not help.
    #[must_use]
    pub fn binds_before(&self, other: &Self) -> bool {
        // What can never fit comes before what is used up, and of two budgets the one with less left.
        let order = |refusal: &Self| match *refusal {
            Self::Blocked => (0, None, 0),
            Self::NeverFits { limit, allowed, .. } => (1, Some(limit.quantity()), allowed),
            Self::Budget { limit, remaining, .. } => (2, Some(limit.quantity()), remaining),
            Self::Day { limit, remaining, .. } => (3, Some(limit.quantity()), remaining),
            Self::Rate { .. } | Self::InFlight { .. } => (4, None, 0),
        };
        let ((rank, quantity, left), (other_rank, other_quantity, other_left)) =
            (order(self), order(other));
        match rank.cmp(&other_rank) {
            Ordering::Less => true,
            Ordering::Equal => quantity == other_quantity && left <= other_left,
            Ordering::Greater => false,
        }
    }

    /// Whether a refusal of a request with one estimate is also that of another request: one that
    /// needs as much of the limit, and for the same model if the limit is on one.
    #[must_use]
    pub fn is_also_of(&self, refused: &Estimate, demand: &Demand) -> bool {
        let Some(LimitKey { limit, model }) = self.limit() else { return true };
        let is_of_model = model.is_none() || model == demand.model_key();
        is_of_model && needed(limit, &demand.estimate) >= needed(limit, refused)
    }

    /// Whether this refusal lasts longer than another one. Two rates of equal length count as
    /// longer.
    #[must_use]
    pub(crate) fn outlasts(&self, other: &Self) -> bool {
        let rank = |refusal: &Self| match refusal {
            Self::InFlight { .. }
            | Self::Day { is_held: true, .. }
            | Self::Budget { is_held: true, .. } => 0,
            Self::Rate { .. } => 1,
            Self::Day { .. } => 2,
            Self::Budget { .. } | Self::NeverFits { .. } | Self::Blocked => 3,
        };
        match (self, other) {
            (Self::Rate { retry_at, .. }, Self::Rate { retry_at: other, .. }) => retry_at >= other,
            _ => rank(self) > rank(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Account, Field};
    use crate::admission::{Guess, Side, lacks, propose};
    use crate::allowance::Allowance;
    use crate::limit::Limit;
    use crate::unit::Units;
    use crate::window::LocalDay;
    use chrono::NaiveDate;

    fn demand(tokens: u64) -> Demand {
        let ends_at = EpochNanos(i64::MAX).to_utc();
        Demand {
            id: "req_1".parse().unwrap(),
            estimate: Estimate::of_tokens(tokens, 0),
            now: EpochNanos(0),
            day: LocalDay { date: NaiveDate::MIN, ends_at },
            expires_at: EpochNanos(0),
            is_recorded: true,
            model: None,
        }
    }

    fn account(numbers: &[(Field, i64)]) -> Account {
        Account { numbers: numbers.iter().copied().collect(), ..Account::default() }
    }

    #[test]
    fn a_rate_says_whether_requests_in_flight_are_in_the_way_as_well() {
        let allowance = Allowance::from([(Limit::TokensPerMinute, 60), (Limit::InFlight, 2)]);
        let tat = Field::Tat(Quantity::Tokens);
        let refused = |open| {
            let account = account(&[(tat, 70_000_000_000), (Field::Open, open)]);
            lacks(&allowance, &account, &demand(30)).unwrap()
        };
        for (open, expected) in [(1, false), (2, true)] {
            let Refusal::Rate { retry_at, is_held, .. } = refused(open) else { panic!() };
            assert_eq!((retry_at, is_held), (EpochNanos(40_000_000_000), expected));
        }
    }

    #[test]
    fn a_request_that_needs_less_waits_as_long_as_its_own_refusal_says() {
        let allowance = Allowance::from([(Limit::TokensPerMinute, 60)]);
        let account = account(&[(Field::Tat(Quantity::Tokens), 70_000_000_000)]);
        let refused = |tokens| lacks(&allowance, &account, &demand(tokens)).unwrap();
        for (tokens, less) in [(90, 80), (90, 30), (50, 20), (60, 60)] {
            assert_eq!(refused(tokens).with_less(tokens, less), refused(less), "{tokens} {less}");
        }
    }

    #[test]
    fn of_two_accounts_the_one_is_named_whose_limit_binds() {
        let of = |limit: Limit, remaining| Refusal::Budget {
            limit: limit.into(),
            allowed: 1_000,
            remaining,
            is_held: false,
        };
        let budget = |remaining| of(Limit::TokensTotal, remaining);
        let never =
            |allowed| Refusal::NeverFits { limit: Limit::TokensTotal.into(), allowed, needed: 9 };
        let dollars = of(Limit::UsdTotal, 0);
        assert!(budget(0).binds_before(&budget(500)) && budget(0).binds_before(&budget(0)));
        assert!(!budget(500).binds_before(&budget(0)));
        assert!(never(7).binds_before(&never(8)) && !never(8).binds_before(&never(7)));
        assert!(never(8).binds_before(&budget(0)) && !budget(0).binds_before(&never(8)));
        assert!(!dollars.binds_before(&budget(500)) && !budget(0).binds_before(&Refusal::Blocked));
    }

    #[test]
    fn a_refusal_is_that_of_every_request_that_needs_as_much_of_the_same_limit() {
        let Err(refusal) = propose(
            Side::Event,
            &Allowance::from([(Limit::TokensTotal, 10)]),
            &demand(20),
            &Guess::default(),
        ) else {
            panic!()
        };
        let refused = demand(20).estimate;
        let estimate = Estimate { units: Units::of(Unit::Images, 1), ..Estimate::of_tokens(0, 30) };
        let images = Demand { estimate, ..demand(0) };
        assert!(refusal.is_also_of(&refused, &images));
        assert!(!refusal.is_also_of(&refused, &demand(19)));
        let rate = Refusal::Rate {
            limit: Limit::TokensPerMinute.into(),
            allowed: 10,
            retry_at: EpochNanos(1),
            is_held: false,
        };
        assert!(!rate.is_also_of(&refused, &images), "images take nothing from the minute");
    }
}
