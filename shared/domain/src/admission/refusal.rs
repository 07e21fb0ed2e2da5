//! Why an account does not admit a request, and which of several reasons is named.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::rate::room_beside;
use super::{Demand, needed};
use crate::by_model::{LimitKey, ModelKey};
use crate::estimate::Estimate;
use crate::time::EpochNanos;

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

    /// The same, naming all that a request needs if it never fits, not even lowered.
    #[must_use]
    pub(super) fn naming_all_of(mut self, demand: &Demand) -> Self {
        if let Self::NeverFits { limit, needed: all, .. } = &mut self {
            *all = needed(limit.limit, &demand.estimate);
        }
        self
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
        // A limit that is used up comes before what can never fit, because no smaller request helps; a
        // budget comes before a day, which ends. Of two budgets the one with less left comes first.
        let order = |refusal: &Self| match *refusal {
            Self::Blocked => (0, None, 0),
            Self::Budget { limit, remaining: 0, .. } => (1, Some(limit.quantity()), 0),
            Self::Day { limit, remaining: 0, .. } => (2, Some(limit.quantity()), 0),
            Self::NeverFits { limit, allowed, .. } => (3, Some(limit.quantity()), allowed),
            Self::Budget { limit, remaining, .. } => (4, Some(limit.quantity()), remaining),
            Self::Day { limit, remaining, .. } => (5, Some(limit.quantity()), remaining),
            Self::Rate { .. } | Self::InFlight { .. } => (6, None, 0),
        };
        let ((rank, quantity, left), (other_rank, other_quantity, other_left)) =
            (order(self), order(other));
        match rank.cmp(&other_rank) {
            Ordering::Less => true,
            Ordering::Equal => quantity == other_quantity && left <= other_left,
            Ordering::Greater => false,
        }
    }

    /// What this refusal of a request with one estimate means for another request. `None` unless that
    /// needs as much of the limit, and is for the same model if the limit is on one.
    #[must_use]
    pub fn of_another(
        mut self,
        refused: &Estimate,
        estimate: &Estimate,
        model: Option<ModelKey>,
    ) -> Option<Self> {
        let Some(key) = self.limit() else { return Some(self) };
        let [least, needs] = [refused, estimate].map(|of| needed(key.limit, of));
        if key.model.is_some_and(|of| model != Some(of)) || needs < least {
            return None;
        }
        if let Self::Rate { allowed, retry_at, .. } = &mut self {
            let later = room_beside(least, *allowed).saturating_sub(room_beside(needs, *allowed));
            retry_at.0 = retry_at.0.saturating_add(later);
        }
        Some(self)
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
    use crate::admission::{Guess, Side, lacks, propose, refusal, refusal_by};
    use crate::allowance::Allowance;
    use crate::limit::{Limit, Quantity};
    use crate::unit::{Unit, Units};
    use crate::window::LocalDay;
    use chrono::NaiveDate;

    fn demand(tokens: u64) -> Demand {
        let ends_at = EpochNanos(i64::MAX).to_utc();
        Demand {
            id: "req_1".parse().unwrap(),
            estimate: Estimate::of_tokens(tokens, 0),
            least: None,
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
    fn a_request_that_needs_more_waits_as_long_as_its_own_refusal_says() {
        let allowance = Allowance::from([(Limit::TokensPerMinute, 60)]);
        let account = account(&[(Field::Tat(Quantity::Tokens), 70_000_000_000)]);
        let refused = |tokens| lacks(&allowance, &account, &demand(tokens)).unwrap();
        for (tokens, less) in [(90, 80), (90, 30), (50, 20), (60, 60)] {
            let [more, less] = [tokens, less].map(demand);
            let of_more =
                refused(less.estimate.tokens()).of_another(&less.estimate, &more.estimate, None);
            assert_eq!(of_more, Some(refused(tokens)), "{more:?} {less:?}");
        }
    }

    #[test]
    fn a_budget_below_what_is_spent_is_used_up_for_a_request_of_any_size() {
        let (field, limit) = (Field::Committed, Limit::TokensTotal);
        let allowance = Allowance::from([(limit, 20)]);
        let refused = |used, held, needs| {
            let account = account(&[(field, used), (Field::Held, held)]);
            let refused = refusal(&allowance, &account, &demand(needs));
            // What organisers see of a limit is what the attendee's error says.
            assert_eq!(refused, refusal_by(limit.into(), 20, &account, &demand(needs)));
            refused
        };
        let budget = |remaining, is_held| {
            Some(Refusal::Budget { limit: limit.into(), allowed: 20, remaining, is_held })
        };
        let never = Some(Refusal::NeverFits { limit: limit.into(), allowed: 20, needed: 30 });
        for spent in [20, 90] {
            assert_eq!(refused(spent, 0, 30), budget(0, false), "{spent}");
            assert_eq!(refused(spent, 0, 1), budget(0, false), "{spent}");
        }
        assert_eq!(refused(0, 0, 30), never);
        // A reservation may be released, and then a smaller request fits.
        assert_eq!(refused(20, 10, 30), never);
        assert_eq!(refused(20, 10, 10), budget(0, true));
        // 90 are spent of 100 that are counted: no end of a request makes room.
        assert_eq!(refused(100, 10, 5), budget(0, false));
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
        let dollars = |remaining| of(Limit::UsdTotal, remaining);
        let day = |remaining| Refusal::Day {
            limit: Limit::TokensPerDay.into(),
            allowed: 1_000,
            remaining,
            resets_at: EpochNanos(0).to_utc(),
            is_held: false,
        };
        assert!(budget(0).binds_before(&budget(500)) && budget(0).binds_before(&budget(0)));
        assert!(!budget(500).binds_before(&budget(0)));
        assert!(never(7).binds_before(&never(8)) && !never(8).binds_before(&never(7)));
        assert!(never(8).binds_before(&budget(1)) && !budget(1).binds_before(&never(8)));
        assert!(budget(0).binds_before(&never(8)) && !never(8).binds_before(&budget(0)));
        assert!(dollars(0).binds_before(&budget(500)) && !dollars(1).binds_before(&budget(500)));
        assert!(!dollars(0).binds_before(&budget(0)));
        assert!(!budget(0).binds_before(&Refusal::Blocked));
        assert!(day(0).binds_before(&never(8)) && !never(8).binds_before(&day(0)));
        assert!(never(8).binds_before(&day(1)) && !day(1).binds_before(&never(8)));
        assert!(budget(0).binds_before(&day(0)) && !day(0).binds_before(&budget(0)));
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
        let images = Estimate { units: Units::of(Unit::Images, 1), ..Estimate::of_tokens(0, 30) };
        let is_of = |refusal: Refusal, estimate: &Estimate| {
            refusal.of_another(&refused, estimate, None).is_some()
        };
        assert!(is_of(refusal, &images));
        let less = demand(19).estimate;
        assert!(!is_of(refusal, &less));
        let rate = Refusal::Rate {
            limit: Limit::TokensPerMinute.into(),
            allowed: 10,
            retry_at: EpochNanos(1),
            is_held: false,
        };
        assert!(!is_of(rate, &images), "images take nothing from the minute");
    }
}
