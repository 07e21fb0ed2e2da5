//! Limits per minute, by the generic cell rate algorithm (GCRA): one timestamp for each limit.
//!
//! A request that needs more than a full minute fits once the bucket is full. It leaves the bucket in
//! debt: its full cost delays the requests that follow. So the long-term rate is exact, and at most
//! one such request is ahead of it.

use crate::account::{Account, Change, Condition, Field, Write, signed};
use crate::time::{EpochNanos, MINUTE_NS};

/// The nanoseconds of a minute that one unit takes, at least one.
///
/// GCRA admits a cost if the theoretical arrival time stays within `allowed` units of `now`. Cost
/// and bound are multiples of the same whole number. So an idle account admits exactly `allowed`
/// units at once, whatever the rounding.
fn unit_ns(allowed: u64) -> i64 {
    (MINUTE_NS / signed(allowed).max(1)).max(1)
}

/// The nanoseconds that `units` of a limit per minute take.
pub(crate) fn cost_ns(units: u64, allowed: u64) -> i64 {
    signed(units).saturating_mul(unit_ns(allowed))
}

/// The nanoseconds of a full bucket that a request leaves to others.
pub(super) fn room_beside(needed: u64, allowed: u64) -> i64 {
    cost_ns(allowed, allowed).saturating_sub(cost_ns(needed, allowed)).max(0)
}

/// The amount that a request needs of a limit per minute.
pub(super) struct Rate {
    pub(super) field: Field,
    pub(super) allowed: u64,
    pub(super) needed: u64,
}

impl Rate {
    fn cost(&self) -> i64 {
        cost_ns(self.needed, self.allowed)
    }

    /// The latest theoretical arrival time at which the request still fits. It is never before
    /// `now`: a full bucket admits a request of any size.
    pub(super) fn latest(&self, now: EpochNanos) -> i64 {
        now.0.saturating_add(room_beside(self.needed, self.allowed))
    }

    /// Adds the condition and the change. `is_busy` is the guess whether the bucket is not full.
    pub(super) fn admit(&self, now: EpochNanos, is_busy: bool, write: &mut Write) {
        if is_busy {
            write.conditions.push(Condition::AtLeast(self.field, now.0));
            write.conditions.push(Condition::AtMost(self.field, self.latest(now)));
            write.changes.push(Change::Add(self.field, self.cost()));
        } else {
            write.conditions.push(Condition::Below(self.field, now.0));
            write.changes.push(Change::Set(self.field, now.0.saturating_add(self.cost())));
        }
    }
}

/// The rest of a limit per minute, and when it is full again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Units that could be admitted now.
    pub units: u64,
    /// Nanoseconds until the limit is full again.
    pub resets_in_ns: i64,
}

/// The rest of a limit per minute at an instant.
#[must_use]
pub fn remaining(account: &Account, field: Field, allowed: u64, now: EpochNanos) -> Remaining {
    let ahead = EpochNanos(account.get(field)).since(now);
    let free = cost_ns(allowed, allowed).saturating_sub(ahead).max(0);
    Remaining {
        units: u64::try_from(free / unit_ns(allowed)).unwrap_or_default().min(allowed),
        resets_in_ns: ahead,
    }
}

/// The most that one request may need of a limit per minute to fit now. A full bucket admits any.
pub(super) fn room(account: &Account, field: Field, allowed: u64, now: EpochNanos) -> u64 {
    let rest = remaining(account, field, allowed, now);
    if rest.resets_in_ns <= 0 && allowed > 0 { u64::MAX } else { rest.units }
}
