//! Why an account does not admit a request, or what there is room for.

use super::fit::remaining_amount;
use super::rate;
use super::{Demand, Refusal, lacks, refusal};
use crate::account::{Account, Field};
use crate::allowance::Allowance;
use crate::by_model::LimitKey;
use crate::estimate::Estimate;
use crate::limit::Quantity;
use crate::unit::Unit;

/// The most that a request may need of what a lower output cap saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Prompt and completion tokens.
    pub tokens: u64,
    /// Money, in nano-dollars.
    pub nano_usd: u64,
}

impl Room {
    /// That of an account without limits.
    pub const UNLIMITED: Self = Self { tokens: u64::MAX, nano_usd: u64::MAX };

    /// What an account has left beside all that is used and reserved, of every limit on tokens and
    /// money.
    #[must_use]
    pub fn of(allowance: &Allowance, account: &Account, demand: &Demand) -> Self {
        let of_limit = |(limit, allowed)| Self::of_limit(limit, allowed, account, demand);
        allowance.each().map(of_limit).fold(Self::UNLIMITED, Self::and)
    }

    fn of_limit(limit: LimitKey, allowed: u64, account: &Account, demand: &Demand) -> Self {
        let field = Field::of_limit(limit, demand.day.date);
        match limit.quantity() {
            Quantity::Tokens if limit.is_rate() => match demand.estimate.units.are_of_text() {
                true => Self::of_tokens(rate::room(account, field, allowed, demand.now)),
                false => Self::UNLIMITED,
            },
            Quantity::Tokens => Self::of_tokens(remaining_amount(account, field, allowed)),
            Quantity::Unit(Unit::Usd) => {
                Self { nano_usd: remaining_amount(account, field, allowed), ..Self::UNLIMITED }
            }
            Quantity::Requests
            | Quantity::Unit(
                Unit::Images | Unit::AudioSeconds | Unit::Characters | Unit::VideoSeconds,
            ) => Self::UNLIMITED,
        }
    }

    /// Room for so many tokens, whatever they cost.
    #[must_use]
    pub fn of_tokens(tokens: u64) -> Self {
        Self { tokens, ..Self::UNLIMITED }
    }

    /// What both have room for.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { tokens: self.tokens.min(other.tokens), nano_usd: self.nano_usd.min(other.nano_usd) }
    }

    /// Whether a request has room.
    #[must_use]
    pub fn has(&self, estimate: &Estimate) -> bool {
        estimate.tokens() <= self.tokens && self.can_pay(estimate)
    }

    /// Whether the money is enough for a request.
    #[must_use]
    pub fn can_pay(&self, estimate: &Estimate) -> bool {
        estimate.units.get(Unit::Usd) <= self.nano_usd
    }
}

/// What an account says to a request that it does not admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The request fits if it is lowered to what there is room for.
    Lower {
        /// Why it does not fit as it is.
        refusal: Refusal,
        /// What there is room for.
        room: Room,
    },
    /// It does not fit, not even lowered as far as it may be.
    Refuse(Refusal),
}

impl Rejection {
    /// What an account says to a request under an allowance, if it does not admit it.
    #[must_use]
    pub fn by_account(allowance: &Allowance, account: &Account, demand: &Demand) -> Option<Self> {
        let refusal = |demand: &Demand| refusal(allowance, account, demand);
        Self::of(demand, refusal, || Room::of(allowance, account, demand))
    }

    /// The same of one shard of an event's account, whose allowance is only a part of the event's.
    #[must_use]
    pub fn by_shard(part: &Allowance, shard: &Account, demand: &Demand) -> Option<Self> {
        Self::of(demand, |demand| lacks(part, shard, demand), || Room::of(part, shard, demand))
    }

    /// What a rule says to a request, if it refuses it. `room` is what there is room for, if the rule
    /// does not refuse the request lowered as far as it may be.
    pub fn of(
        demand: &Demand,
        rule: impl Fn(&Demand) -> Option<Refusal>,
        room: impl FnOnce() -> Room,
    ) -> Option<Self> {
        Some(Self::after(rule(demand)?, demand, rule, room))
    }

    /// The same, if the rule has refused the request already.
    pub fn after(
        refusal: Refusal,
        demand: &Demand,
        rule: impl Fn(&Demand) -> Option<Refusal>,
        room: impl FnOnce() -> Room,
    ) -> Self {
        let Some(least) = demand.with_least() else { return Self::Refuse(refusal) };
        match rule(&least) {
            Some(of_least) => Self::Refuse(of_least.naming_all_of(demand)),
            None => Self::Lower { refusal, room: room() },
        }
    }

    /// Why the request does not fit: lowered as far as it may be, if it does not fit then either.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Lower { refusal, .. } | Self::Refuse(refusal) => *refusal,
        }
    }
}
