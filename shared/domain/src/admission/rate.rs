//! Allowances per minute, by the generic cell rate algorithm: one instant for each of them.

use super::Guess;
use crate::account::{Account, Field, signed};
use crate::allowance::{Allowance, Limit};
use crate::time::{EpochNanos, MINUTE_NS};

/// The nanoseconds of a minute that one unit takes up, at least one.
///
/// GCRA admits a cost when the theoretical arrival time stays within `allowed` units of `now`.
/// Cost and bound are multiples of the same whole number, so an idle account admits exactly
/// `allowed` units at once, whatever the rounding.
fn unit_ns(allowed: u64) -> i64 {
    (MINUTE_NS / signed(allowed).max(1)).max(1)
}

/// What `units` of a per-minute allowance take up.
pub(crate) fn cost_ns(units: u64, allowed: u64) -> i64 {
    signed(units).saturating_mul(unit_ns(allowed))
}

pub(super) struct Rate {
    pub(super) limit: Limit,
    pub(super) field: Field,
    pub(super) allowed: u64,
    pub(super) units: u64,
    pub(super) is_busy: bool,
}

impl Rate {
    pub(super) fn cost(&self) -> i64 {
        cost_ns(self.units, self.allowed)
    }

    /// The latest theoretical arrival time at which the request still fits.
    pub(super) fn latest(&self, now: EpochNanos) -> i64 {
        now.0.saturating_add(cost_ns(self.allowed, self.allowed)).saturating_sub(self.cost())
    }
}

pub(super) fn rates(
    allowance: &Allowance,
    tokens: u64,
    guess: &Guess,
) -> impl Iterator<Item = Rate> {
    let requests = allowance.requests_per_minute.map(|allowed| Rate {
        limit: Limit::RequestsPerMinute,
        field: Field::RequestTat,
        allowed,
        units: 1,
        is_busy: guess.requests_are_busy,
    });
    let tokens = allowance.tokens_per_minute.map(|allowed| Rate {
        limit: Limit::TokensPerMinute,
        field: Field::TokenTat,
        allowed,
        units: tokens,
        is_busy: guess.tokens_are_busy,
    });
    // What costs no tokens is not kept waiting for any.
    requests.into_iter().chain(tokens.filter(|rate| rate.units > 0))
}

/// What is left of a per-minute allowance, and when it is whole again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Units that could be admitted at once.
    pub units: u64,
    /// Nanoseconds until the whole allowance is back.
    pub resets_in_ns: i64,
}

/// What is left of a rate at an instant.
#[must_use]
pub fn remaining(account: &Account, field: Field, allowed: u64, now: EpochNanos) -> Remaining {
    let ahead = EpochNanos(account.get(field)).since(now);
    let free = cost_ns(allowed, allowed).saturating_sub(ahead).max(0);
    Remaining {
        units: u64::try_from(free / unit_ns(allowed)).unwrap_or_default().min(allowed),
        resets_in_ns: ahead,
    }
}
