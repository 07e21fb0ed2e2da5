//! What the shards of an event's account together have room for.

use super::{MOST, MOVE_NS, free, is_recent, rates, sum, total};
use crate::account::Account;
use crate::admission::{Demand, Rejection, Room, needed};
use crate::allowance::Allowance;
use crate::limit::Quantity;

/// Like [`super::never_fits`], with what there is room for if the request may be lowered.
#[must_use]
pub fn reject(
    allowance: &Allowance,
    of: u16,
    bound: Option<u16>,
    demand: &Demand,
) -> Option<Rejection> {
    let never = |demand: &Demand| super::never_fits(allowance, of, bound, &demand.estimate);
    Rejection::of(demand, never, || Room::of(allowance, &Account::default(), demand))
}

/// The most that a request may need to be in no shard's way: one shard's part of each minute.
#[must_use]
pub fn room_of_part(allowance: &Allowance, of: u16) -> Room {
    let part = allowance.part(of.saturating_sub(1), of);
    let tokens = rates(&part).filter(|(limit, _)| limit.quantity() == Quantity::Tokens);
    tokens.map(|(_, allowed)| Room::of_tokens(allowed)).fold(Room::UNLIMITED, Room::and)
}

/// What all shards together have room for if [`super::plan`] refuses a request.
#[must_use]
pub fn room(allowance: &Allowance, shards: &[Account], demand: &Demand, may_wait: bool) -> Room {
    let of = u16::try_from(shards.len()).unwrap_or(MOST);
    let is_moving = may_wait && shards.iter().any(|shard| is_recent(shard, demand.now, MOVE_NS));
    let all = if is_moving { total(shards) } else { sum(shards) };
    let of_rate = |(limit, _)| {
        let parts = (0..of).zip(shards);
        let free = parts.map(|(at, shard)| free(limit, &allowance.part(at, of), shard, demand));
        let free = u64::try_from(free.sum::<i64>()).unwrap_or_default();
        match limit.quantity() == Quantity::Tokens && free < needed(limit.limit, &demand.estimate) {
            true => Room::of_tokens(free),
            false => Room::UNLIMITED,
        }
    };
    rates(allowance).map(of_rate).fold(Room::of(allowance, &all, demand), Room::and)
}
