//! An event's account in several shards. Each shard owns a part of every limit.
//!
//! A store accepts only a limited number of writes a second on one item. A request tries its
//! [`choices`] in turn, each with one write, as if the shard were the full account. If none of them
//! has room, all shards are read, and [`plan`] decides. Either the request does not fit, or some
//! shard has room, or room must be moved to the first shard from others. A move is two writes,
//! [`Take`] and then [`give`]. So at every instant the shards together grant too little rather than
//! too much. [`Field::Moved`] shows the amount between the two writes.

mod room;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::NaiveDate;

pub use self::room::{reject, room, room_of_part};
use crate::account::{Account, Change, Condition, Field, Write, signed};
use crate::admission::{self, Demand, Refusal, cost_ns, needed};
use crate::allowance::Allowance;
use crate::by_model::LimitKey;
use crate::estimate::Estimate;
use crate::ids::RequestId;
use crate::limit::{Counting, Limit, Quantity};
use crate::time::{EpochNanos, MINUTE_NS};

/// The most shards of an event. One read returns them all.
pub const MOST: u16 = 64;

/// How long a move may take, in nanoseconds. An amount that is still between two shards after that
/// was lost.
const MOVE_NS: i64 = 5_000_000_000;

/// How long after the last move the sweep may restore a lost amount. No store responds later than
/// that.
const LOST_NS: i64 = 2 * MINUTE_NS;

/// The shards that a request tries in turn: two chosen by its id, and the first one, which room is
/// moved to.
#[must_use]
pub fn choices(id: &RequestId, of: u16) -> [u16; 3] {
    // FNV-1a, followed by a multiplication so that every bit affects the upper half:
    // <http://www.isthe.com/chongo/tech/comp/fnv/>, <https://prng.di.unimi.it/splitmix64.c>.
    let hash = id.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    let of = u64::from(of.max(1));
    let home = (hash >> 16) % of;
    let second = (home + 1 + hash % 0x1_0000 % (of - 1).max(1)) % of;
    [home, second, 0].map(|shard| u16::try_from(shard).unwrap_or_default())
}

/// Why a request can never be admitted to any shard, or to the one that it is `bound` to, however
/// empty they are.
///
/// Tokens per minute cannot be gathered beyond one shard's part; all other limits can. The first
/// shard may go into debt for a request that needs more ([`is_large`]), as a single account does. A
/// request that is bound to another shard may not, or all shards could be in debt at once.
#[must_use]
pub fn never_fits(
    allowance: &Allowance,
    of: u16,
    bound: Option<u16>,
    estimate: &Estimate,
) -> Option<Refusal> {
    let part = allowance.part(bound.unwrap_or_default(), of);
    let is_strict = of > 1 && bound.is_some();
    let beyond_its_part = |(limit, allowed): (LimitKey, u64)| {
        let needed = needed(limit.limit, estimate);
        let is_beyond = is_strict && limit.quantity() != Quantity::Requests && needed > allowed;
        is_beyond.then_some(Refusal::NeverFits { limit, allowed, needed })
    };
    admission::never_fits(allowance, estimate).or_else(|| rates(&part).find_map(beyond_its_part))
}

/// The limits per minute that are set.
fn rates(allowance: &Allowance) -> impl Iterator<Item = (LimitKey, u64)> {
    allowance.each().filter(|(limit, _)| limit.is_rate())
}

/// Whether a request needs more of a limit per minute than a shard's part of it. The first shard
/// takes such a request alone, when its bucket is full.
#[must_use]
pub fn is_large(allowance: &Allowance, of: u16, estimate: &Estimate) -> bool {
    let part = allowance.part(0, of);
    let is_beyond = |(limit, most): (LimitKey, u64)| {
        needed(limit.limit, estimate) > most && limit.quantity() != Quantity::Requests
    };
    of > 1 && rates(&part).any(is_beyond)
}

/// What the other shards take over of the first one's debt after it has admitted a large request, so
/// that all shards together have used the minute as one account would have.
#[must_use]
pub fn repay(allowance: &Allowance, shards: &[Account], demand: &Demand) -> Vec<Take> {
    let of = u16::try_from(shards.len()).unwrap_or(MOST);
    let first = allowance.part(0, of);
    let owed = |(limit, part): (LimitKey, u64)| {
        let needed = needed(limit.limit, &demand.estimate);
        (needed > part).then_some((limit, signed(needed)))
    };
    let mut owed: Vec<_> = rates(&first).filter_map(owed).collect();
    let mut takes = Vec::new();
    for shard in 1..of {
        let (part, account) = (allowance.part(shard, of), &shards[usize::from(shard)]);
        let mut amounts = Vec::new();
        for (limit, owed) in &mut owed {
            let some = free(*limit, &part, account, demand).min(*owed).max(0);
            *owed = owed.saturating_sub(some);
            amounts.extend((some > 0).then_some((*limit, u64::try_from(some).unwrap_or_default())));
        }
        if !amounts.is_empty() {
            takes.push(Take { shard, write: take(&part, account, &amounts, demand), amounts });
        }
    }
    takes
}

/// Whether a shard's rates allow at once what a request needs.
#[must_use]
pub fn bears(part: &Allowance, estimate: &Estimate) -> bool {
    rates(part).all(|(limit, most)| needed(limit.limit, estimate) <= most)
}

/// The most shards for which each one still admits what one attendee may request at once. `None` if
/// there is no such bound.
#[must_use]
pub fn most_shards(attendee: &Allowance, event: &Allowance) -> Option<u64> {
    let event = event.limit(Limit::TokensPerMinute)?;
    let each = attendee.limit(Limit::TokensPerMinute).unwrap_or(event).clamp(1, event.max(1));
    Some(event / each)
}

/// The reserved and used amounts of all shards together, including amounts that are being moved.
/// Numbers that do not add up, such as a rate's timestamp, are left out.
#[must_use]
pub fn total(shards: &[Account]) -> Account {
    let mut total = sum(shards);
    let moved: Vec<_> = total.numbers.iter().filter_map(|(field, by)| moved(*field, *by)).collect();
    for (limit, day, by) in moved {
        if let Some(number) = total.numbers.get_mut(&Field::of_limit(limit, day)) {
            *number = number.saturating_sub(by);
        }
    }
    total
}

fn moved(field: Field, by: i64) -> Option<(LimitKey, NaiveDate, i64)> {
    let Field::Moved(limit, day) = field else { return None };
    Some((limit, day.unwrap_or_default(), by))
}

/// The sums of all numbers that can be added.
fn sum(shards: &[Account]) -> Account {
    let is_rate =
        |field: &Field| matches!(field, Field::OfModel(_, limit) if limit.rate().is_some());
    let is_time =
        |field: &Field| matches!(field, Field::Tat(_) | Field::MovedAt | Field::ReconciledThrough);
    let is_sum = |field: &Field| !is_time(field) && !is_rate(field);
    let mut sum = Account::default();
    for (field, number) in shards.iter().flat_map(|shard| &shard.numbers) {
        if is_sum(field) {
            let all = sum.numbers.entry(*field).or_default();
            *all = all.saturating_add(*number);
        }
    }
    sum
}

/// What to do with a request for which the tried shards had no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Reject it: all shards together have no room.
    Refuse(Refusal),
    /// Try this shard, which has room.
    Try(u16),
    /// Take room from these shards and give it to one shard.
    Gather(Vec<Take>),
    /// Wait and read again: another request is moving what this one needs.
    Wait,
}

impl Plan {
    /// Why all shards together have no room.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refuse(refusal) => Some(*refusal),
            Self::Try(_) | Self::Gather(_) | Self::Wait => None,
        }
    }
}

/// An amount of room that is taken from a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// The shard to take it from.
    pub shard: u16,
    /// The write that takes it.
    pub write: Write,
    /// The amounts that the write takes.
    pub amounts: Vec<(LimitKey, u64)>,
}

/// Decides about a request from the accounts of all shards. They need not be read at the same
/// instant.
///
/// Missing room is gathered at the first shard. A request that is `bound` to a shard gathers it
/// there and may use only that shard. Without `may_wait`, an amount between two shards counts as
/// used.
#[must_use]
pub fn plan(
    allowance: &Allowance,
    shards: &[Account],
    demand: &Demand,
    bound: Option<u16>,
    may_wait: bool,
) -> Plan {
    let of = u16::try_from(shards.len()).unwrap_or(MOST);
    let parts: Vec<Allowance> = (0..of).map(|shard| allowance.part(shard, of)).collect();
    let free = |limit, shard: usize| free(limit, &parts[shard], &shards[shard], demand);
    let limits = || {
        let needs = |limit: &LimitKey| needed(limit.limit, &demand.estimate) > 0;
        allowance.each().map(|(limit, _)| limit).filter(needs)
    };
    let is_moving = may_wait && shards.iter().any(|shard| is_recent(shard, demand.now, MOVE_NS));
    let all = if is_moving { total(shards) } else { sum(shards) };
    let mut is_waiting = false;
    let mut refusal = admission::lacks(allowance, &all, demand);
    for limit in limits().filter(|limit| limit.is_rate()) {
        let free: i64 = (0..shards.len()).map(|shard| free(limit, shard)).sum();
        let missing = signed(needed(limit.limit, &demand.estimate)).saturating_sub(free);
        let allowed = allowance.get(limit).unwrap_or_default();
        if missing <= 0 {
            continue;
        }
        if is_moving && all.get(Field::Moved(limit, None)) > 0 {
            is_waiting = true;
            continue;
        }
        // A fraction of a token at each shard is of no use, so one token is added for each.
        let flows = u64::try_from(missing).unwrap_or_default().saturating_add(of.into());
        let flows_ns = cost_ns(flows, allowed);
        let retry_at = EpochNanos(demand.now.0.saturating_add(flows_ns));
        let rate = Refusal::Rate { limit, allowed, retry_at, is_held: false };
        refusal = Some(refusal.map_or(rate, |refusal| refusal.longer(rate)));
    }
    if let Some(refusal) = refusal {
        return Plan::Refuse(refusal);
    }
    if is_waiting {
        return Plan::Wait;
    }
    // Start at different shards, so that concurrent requests do not all use the same one.
    let [home, ..] = choices(&demand.id, of);
    let order = || (0..of).map(|step| (home + step) % of);
    let missing = |limit: LimitKey, shard| {
        let needed = signed(needed(limit.limit, &demand.estimate));
        needed.saturating_sub(free(limit, usize::from(shard)))
    };
    let has_room = |shard: &u16| limits().all(|limit| missing(limit, *shard) <= 0);
    let may_take = |shard: &u16| bound.is_none_or(|bound| bound == *shard);
    if let Some(shard) = order().filter(may_take).find(has_room) {
        return Plan::Try(shard);
    }
    let at = bound.unwrap_or_default();
    let mut lacks: Vec<(LimitKey, i64)> =
        limits().map(|limit| (limit, missing(limit, at))).collect();
    let mut takes = Vec::new();
    for shard in order().filter(|shard| *shard != at) {
        let mut amounts = Vec::new();
        for (limit, lack) in &mut lacks {
            let some = free(*limit, usize::from(shard)).min(*lack).max(0);
            *lack = lack.saturating_sub(some);
            amounts.extend((some > 0).then_some((*limit, u64::try_from(some).unwrap_or_default())));
        }
        if !amounts.is_empty() {
            let (part, account) = (&parts[usize::from(shard)], &shards[usize::from(shard)]);
            takes.push(Take { shard, write: take(part, account, &amounts, demand), amounts });
        }
    }
    match lacks.iter().all(|(_, lack)| *lack <= 0) && !takes.is_empty() {
        true => Plan::Gather(takes),
        false => Plan::Wait,
    }
}

fn moves(limit: LimitKey, day: NaiveDate) -> Field {
    let is_daily = matches!(limit.limit.counting(), Counting::PerDay(_));
    Field::Moved(limit, is_daily.then_some(day))
}

/// The amount of a limit that a shard can still admit. It is negative if the shard has admitted
/// more than its part.
fn free(limit: LimitKey, part: &Allowance, shard: &Account, demand: &Demand) -> i64 {
    let Some(allowed) = part.get(limit) else { return i64::MAX };
    let field = Field::of_limit(limit, demand.day.date);
    match limit.is_rate() {
        true => signed(admission::remaining(shard, field, allowed, demand.now).units),
        false => signed(allowed).saturating_sub(shard.get(field)),
    }
}

fn is_recent(shard: &Account, now: EpochNanos, within_ns: i64) -> bool {
    let moved_at = shard.numbers.get(&Field::MovedAt);
    moved_at.is_some_and(|at| now.since(EpochNanos(*at)) < within_ns)
}

/// Takes room from a shard like a request does, but without a request.
fn take(part: &Allowance, shard: &Account, amounts: &[(LimitKey, u64)], demand: &Demand) -> Write {
    let (day, now) = (demand.day.date, demand.now);
    let mut conditions = Vec::new();
    let mut changes = vec![Change::Set(Field::MovedAt, now.0)];
    for (limit, amount) in amounts {
        let field = Field::of_limit(*limit, day);
        let allowed = part.get(*limit).unwrap_or_default();
        let cost = cost_ns(*amount, allowed);
        let latest = now.0.saturating_add(cost_ns(allowed, allowed)).saturating_sub(cost);
        match limit.is_rate() {
            true if shard.get(field) >= now.0 => {
                conditions.push(Condition::AtLeast(field, now.0));
                conditions.push(Condition::AtMost(field, latest));
                changes.push(Change::Add(field, cost));
            }
            true => {
                conditions.push(Condition::Below(field, now.0));
                changes.push(Change::Set(field, now.0.saturating_add(cost)));
            }
            false => {
                let most = signed(allowed).saturating_sub(signed(*amount));
                conditions.push(Condition::AtMost(field, most));
                changes.push(Change::Add(field, signed(*amount)));
            }
        }
        changes.push(Change::Add(moves(*limit, day), signed(*amount)));
    }
    Write { conditions, changes }
}

/// Gives a shard the room that was taken from others, or restores its own. `part` is the shard's
/// own part. The write must not be repeated, because it would give twice. `None` if nothing was
/// taken.
///
/// A rate's bucket that is almost full cannot take more. In that case the write is not made.
#[must_use]
pub fn give(part: &Allowance, taken: &[(LimitKey, u64)], demand: &Demand) -> Option<Write> {
    let (day, now) = (demand.day.date, demand.now);
    let mut conditions = Vec::new();
    let mut changes = vec![Change::Set(Field::MovedAt, now.0)];
    let mut amounts = BTreeMap::<LimitKey, u64>::new();
    for (limit, amount) in taken {
        let sum = amounts.entry(*limit).or_default();
        *sum = sum.saturating_add(*amount);
    }
    for (limit, amount) in amounts {
        if amount > 0 {
            let field = Field::of_limit(limit, day);
            let by = match limit.is_rate() {
                true => {
                    let cost = cost_ns(amount, part.get(limit).unwrap_or_default());
                    conditions.push(Condition::AtLeast(field, now.0.saturating_add(cost)));
                    cost
                }
                false => signed(amount),
            };
            changes.push(Change::Add(field, -by));
            changes.push(Change::Add(moves(limit, day), -signed(amount)));
        }
    }
    (changes.len() > 1).then_some(Write { conditions, changes })
}

/// The write by which the sweep restores at the first shard what was lost in a move. The write
/// needs the first shard's own moves to be unchanged since they were read. `None` if nothing was
/// lost, or if the last move is too recent.
///
/// A lost amount of a rate refills by itself.
#[must_use]
pub fn restore(shards: &[Account], now: EpochNanos) -> Option<Write> {
    let first = shards.first()?;
    if shards.iter().any(|shard| is_recent(shard, now, LOST_NS)) {
        return None;
    }
    let mut write = Write::default();
    for (field, lost) in sum(shards).numbers {
        let Some((limit, day, _)) = moved(field, lost).filter(|_| lost != 0) else { continue };
        write.conditions.push(match first.numbers.get(&field) {
            Some(by) => Condition::Is(field, *by),
            None => Condition::Absent(field),
        });
        write.changes.push(Change::Add(field, -lost));
        if !limit.is_rate() {
            write.changes.push(Change::Add(Field::of_limit(limit, day), -lost));
        }
    }
    (!write.changes.is_empty()).then_some(write)
}
