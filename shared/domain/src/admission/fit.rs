//! Whether a request fits into an account, and by which limit it does not.

use super::rate::Rate;
use super::{Demand, Refusal, needed};
use crate::account::{Account, Field, Hold, signed};
use crate::allowance::Allowance;
use crate::by_model::{LimitKey, ModelKey};
use crate::estimate::Estimate;
use crate::limit::{Counting, Limit, Quantity};
use crate::time::EpochNanos;
use crate::window::LocalDay;

/// Why a request can never be admitted under an allowance, even by an empty account.
///
/// Limits per day and in total are strict. A limit per minute admits a larger request when its
/// bucket is full, unless it is zero.
#[must_use]
pub(crate) fn never_fits(allowance: &Allowance, estimate: &Estimate) -> Option<Refusal> {
    allowance.each().find_map(|(limit, allowed)| too_small(limit, allowed, estimate))
}

/// The refusal of a request by a limit that is smaller than the request itself.
fn too_small(limit: LimitKey, allowed: u64, estimate: &Estimate) -> Option<Refusal> {
    let needed = needed(limit.limit, estimate);
    let most = if limit.is_rate() && allowed > 0 { u64::MAX } else { allowed };
    (needed > most).then_some(Refusal::NeverFits { limit, allowed, needed })
}

/// Whether an allowance is large enough for a request, whatever is used of it.
#[must_use]
pub fn may_fit(allowance: &Allowance, demand: &Demand) -> bool {
    never_fits(allowance, &demand.estimate).is_none()
}

/// Why an account does not admit a request. `None` if it does.
///
/// The refusal with the longest wait comes first. An attendee without budget gains nothing from a
/// retry after a second, nor from a smaller request.
#[must_use]
pub fn refusal(allowance: &Allowance, account: &Account, demand: &Demand) -> Option<Refusal> {
    if account.get(Field::Blocked) != 0 {
        return Some(Refusal::Blocked);
    }
    match never_fits(allowance, &demand.estimate) {
        Some(never) => Some(used_up(allowance, account, demand).unwrap_or(never)),
        None => lacks(allowance, account, demand),
    }
}

/// Why an account admits no request of any size, if what is spent of a limit per day or in total is
/// all of it or more. A limit can be set below what was spent before.
#[must_use]
pub fn used_up(allowance: &Allowance, account: &Account, demand: &Demand) -> Option<Refusal> {
    let spent = |(limit, allowed)| spent_by(limit, allowed, account, demand);
    allowance.each().filter_map(spent).reduce(Refusal::longer)
}

/// The refusal by one limit per day or in total of which all, or more, is spent.
fn spent_by(limit: LimitKey, allowed: u64, account: &Account, demand: &Demand) -> Option<Refusal> {
    let is_strict = !limit.is_rate() && limit.limit != Limit::InFlight;
    // A limit of nothing at all is too small for any request, used or not.
    let is_spent = is_strict && allowed > 0 && unspent(limit, allowed, account, demand.day) <= 0;
    is_spent.then(|| lack(limit, allowed, account, demand)).flatten()
}

/// What of a limit per day or in total is not spent, though it may be reserved. It is negative if
/// more was spent than the limit allows now.
#[must_use]
pub fn unspent(limit: LimitKey, allowed: u64, account: &Account, day: LocalDay) -> i64 {
    let taken = account.get(Field::of_limit(limit, day.date));
    let spent = taken.saturating_sub(signed(held(limit, account)));
    signed(allowed).saturating_sub(spent)
}

/// Like [`refusal`], but without the check that the request is no larger than the allowance. A
/// shard needs this: its allowance is only a part of the event's.
#[must_use]
pub fn lacks(allowance: &Allowance, account: &Account, demand: &Demand) -> Option<Refusal> {
    let lacks = |(limit, allowed)| lack(limit, allowed, account, demand);
    allowance.each().filter_map(lacks).reduce(Refusal::longer)
}

/// The reserved amount of a limit's quantity.
fn held(limit: LimitKey, account: &Account) -> u64 {
    if let Some(model) = limit.model {
        return held_of_model(model, limit.limit, account);
    }
    match limit.quantity() {
        Quantity::Requests => account.count(Field::Open),
        Quantity::Tokens => account.count(Field::Held),
        Quantity::Unit(unit) => account.count(Field::UnitHeld(unit)),
    }
}

/// What an attendee's reservations, or the periods of an event, hold of a limit on a model.
fn held_of_model(model: ModelKey, limit: Limit, account: &Account) -> u64 {
    let counts = |hold: &&Hold| {
        hold.model.is_some_and(|held| held.key == model && held.attendee.contains(limit))
    };
    let holds = account.holds.values().filter(counts).map(|hold| hold.amount(limit));
    let is_its = |field: &Field| matches!(field, Field::PeriodModelHeld(_, of, by) if *of == model && *by == limit);
    let periods = account.numbers.iter().filter(|(field, _)| is_its(field));
    let periods = periods.map(|(_, held)| u64::try_from(*held).unwrap_or_default());
    holds.chain(periods).fold(0, u64::saturating_add)
}

/// What is left of a limit that is no rate.
pub(super) fn remaining_amount(account: &Account, field: Field, allowed: u64) -> u64 {
    // A shard that gave room to other shards may count less than zero.
    let left = signed(allowed).saturating_sub(account.get(field)).max(0);
    u64::try_from(left).unwrap_or_default()
}

/// Why one limit of an account does not admit a request. `None` if it does. As in [`refusal`], a limit
/// that is used up comes before one that is too small.
#[must_use]
pub fn refusal_by(
    limit: LimitKey,
    allowed: u64,
    account: &Account,
    demand: &Demand,
) -> Option<Refusal> {
    spent_by(limit, allowed, account, demand)
        .or_else(|| too_small(limit, allowed, &demand.estimate))
        .or_else(|| lack(limit, allowed, account, demand))
}

fn lack(limit: LimitKey, allowed: u64, account: &Account, demand: &Demand) -> Option<Refusal> {
    let (field, now) = (Field::of_limit(limit, demand.day.date), demand.now);
    let needed = needed(limit.limit, &demand.estimate);
    if limit.is_rate() && needed > 0 {
        let tat = account.get(field).max(now.0);
        let over = tat.saturating_sub(Rate { field, allowed, needed }.latest(now));
        let retry_at = EpochNanos(now.0.saturating_add(over));
        return (over > 0).then_some(Refusal::Rate { limit, allowed, retry_at, is_held: false });
    }
    let remaining = remaining_amount(account, field, allowed);
    if needed <= remaining {
        return None;
    }
    let is_held = signed(needed) <= unspent(limit, allowed, account, demand.day);
    match limit.limit.counting() {
        Counting::PerMinute(_) => None,
        Counting::PerDay(_) => {
            let resets_at = demand.day.ends_at;
            Some(Refusal::Day { limit, allowed, remaining, resets_at, is_held })
        }
        Counting::TokensTotal | Counting::UnitTotal(_) | Counting::RequestsTotal => {
            Some(Refusal::Budget { limit, allowed, remaining, is_held })
        }
        Counting::InFlight => Some(Refusal::InFlight { limit, allowed }),
    }
}
