//! Whether an account can bear a request, and the write that makes it do so.
//!
//! The write is proposed from a [`Guess`] about the account, so that a request that fits needs no
//! read. Its conditions are inequalities: concurrent requests that all fit all succeed. Where a
//! condition fails, the store returns the account as it was, [`refusal`] says why the request does
//! not fit, and if it does fit, the guess was wrong and [`Guess::from_account`] makes a better one.

mod rate;
mod seat;

use chrono::{DateTime, NaiveDate, Utc};

pub(crate) use self::rate::cost_ns;
use self::rate::rates;
pub use self::rate::{Remaining, remaining};
pub use self::seat::{ask_for_seat, give_seat, leave_queue, take_seat};
use crate::account::{Account, Change, Condition, Field, Hold, Write, signed};
use crate::allowance::{Allowance, Limit};
use crate::estimate::Estimate;
use crate::ids::RequestId;
use crate::time::EpochNanos;
use crate::window::LocalDay;

/// A request that asks to be admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Which request.
    pub id: RequestId,
    /// What it may cost.
    pub estimate: Estimate,
    /// The one `now` of the request.
    pub now: EpochNanos,
    /// The local day it falls on.
    pub day: LocalDay,
    /// From when on the sweep may settle it.
    pub expires_at: EpochNanos,
    /// Whether a usage record is kept of it.
    pub is_recorded: bool,
}

impl Demand {
    /// The hold that the request takes if it is admitted.
    #[must_use]
    pub fn hold(&self) -> Hold {
        Hold {
            prompt_tokens: self.estimate.prompt_tokens,
            completion_tokens: self.estimate.completion_tokens,
            units: self.estimate.units,
            admitted_at: self.now,
            day: self.day.date,
            expires_at: self.expires_at,
            is_recorded: self.is_recorded,
        }
    }
}

/// Why an account does not admit a request, and when it helps to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A rate is used up until then.
    Rate {
        /// Requests or tokens per minute.
        limit: Limit,
        /// What the allowance grants.
        allowed: u64,
        /// The first instant at which the same request fits if nothing else comes.
        retry_at: EpochNanos,
    },
    /// A day's allowance is used up.
    Day {
        /// Requests or tokens per day.
        limit: Limit,
        /// What the allowance grants.
        allowed: u64,
        /// The end of the local day.
        resets_at: DateTime<Utc>,
    },
    /// The budget cannot bear the request.
    Budget {
        /// Tokens in all, or a unit in all.
        limit: Limit,
        /// What the allowance grants.
        allowed: u64,
        /// What is left of it.
        remaining: u64,
    },
    /// Too many requests are under way.
    InFlight {
        /// What the allowance grants.
        allowed: u64,
    },
    /// The request is larger than the whole allowance; waiting does not help.
    NeverFits {
        /// Which allowance.
        limit: Limit,
        /// What it grants.
        allowed: u64,
        /// What the request may cost.
        needed: u64,
    },
    /// The organiser keeps the attendee out.
    Blocked,
}

/// What an attendee's account must be beside having room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// An attendee's account: seated, not blocked, and on the terms for which the allowance is.
    Attendee {
        /// [`Field::Terms`] at the time the allowance was taken.
        terms: i64,
    },
    /// The event's account.
    Event,
}

/// What a write assumes about an account that was not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// Requests have been spaced closer than the rate for a while, so the bucket is not full.
    pub requests_are_busy: bool,
    /// The same for tokens.
    pub tokens_are_busy: bool,
    /// Fields of days and periods gone by that the account still carries.
    pub outdated: Vec<Field>,
}

impl Guess {
    /// What is true of an account at an instant.
    #[must_use]
    pub fn from_account(account: &Account, now: EpochNanos) -> Self {
        let is_busy = |field| account.numbers.get(&field).is_some_and(|tat| *tat >= now.0);
        Self {
            requests_are_busy: is_busy(Field::RequestTat),
            tokens_are_busy: is_busy(Field::TokenTat),
            outdated: Vec::new(),
        }
    }

    /// The fields of an account that no rule will read again: counters of days before yesterday,
    /// and tallies of periods that were mended.
    #[must_use]
    pub fn outdated(account: &Account, today: NaiveDate, mended_through: i64) -> Vec<Field> {
        let is_outdated = |field: &Field| match field {
            Field::DayRequests(day) | Field::DayTokens(day) | Field::Moved(_, Some(day)) => {
                day.succ_opt().is_some_and(|next| next < today)
            }
            Field::PeriodRequests(period)
            | Field::PeriodPrompt(period)
            | Field::PeriodCompletion(period)
            | Field::PeriodUnitSpent(period, _) => period.0 <= mended_through,
            _ => false,
        };
        account.numbers.keys().filter(|field| is_outdated(field)).copied().collect()
    }
}

/// The write that admits a request to an account, if the guess about it is right.
///
/// # Errors
///
/// [`Refusal::NeverFits`] if no account could bear the request.
pub fn propose(
    side: Side,
    allowance: &Allowance,
    demand: &Demand,
    guess: &Guess,
) -> Result<Write, Refusal> {
    match never_fits(allowance, &demand.estimate) {
        Some(never) => Err(never),
        None => Ok(write(side, allowance, demand, guess)),
    }
}

/// As many conditions as every limit on tokens and requests needs.
const USUAL_CONDITIONS: usize = 12;

/// As many changes as admit a request that may use tokens alone.
const USUAL_CHANGES: usize = 9;

/// The same for a request that is not larger than an account's rates.
#[must_use]
pub fn write(side: Side, allowance: &Allowance, demand: &Demand, guess: &Guess) -> Write {
    let hold = demand.hold();
    let tokens = hold.tokens();
    let room = |allowed: u64, units: u64| signed(allowed).saturating_sub(signed(units));
    let mut conditions = Vec::with_capacity(USUAL_CONDITIONS);
    let mut changes = Vec::with_capacity(USUAL_CHANGES);
    changes.extend([
        Change::Add(Field::Committed, signed(tokens)),
        Change::Add(Field::Held, signed(tokens)),
        Change::Add(Field::Open, 1),
        Change::Add(Field::DayRequests(hold.day), 1),
        Change::Add(Field::DayTokens(hold.day), signed(tokens)),
    ]);
    match side {
        Side::Attendee { terms } => {
            conditions.extend([
                Condition::HoldAbsent(demand.id.clone()),
                Condition::Present(Field::SeatedAt),
                Condition::Absent(Field::Blocked),
                match terms {
                    0 => Condition::Absent(Field::Terms),
                    terms => Condition::Is(Field::Terms, terms),
                },
            ]);
            changes.push(Change::PutHold(demand.id.clone(), hold));
        }
        Side::Event => {
            let period = hold.period();
            conditions.push(Condition::Below(Field::MendedThrough, period.0));
            changes.extend([
                Change::Add(Field::PeriodHeld(period), signed(tokens)),
                Change::Add(Field::PeriodOpen(period), 1),
            ]);
        }
    }
    for (unit, count) in hold.units.iter() {
        changes.extend([
            Change::Add(Field::UnitCommitted(unit), signed(count)),
            Change::Add(Field::UnitHeld(unit), signed(count)),
        ]);
        if side == Side::Event {
            changes.push(Change::Add(Field::PeriodUnitHeld(hold.period(), unit), signed(count)));
        }
        if let Some(allowed) = allowance.limit(Limit::UnitTotal(unit)) {
            conditions.push(Condition::AtMost(Field::UnitCommitted(unit), room(allowed, count)));
        }
    }
    for rate in rates(allowance, tokens, guess) {
        if rate.is_busy {
            conditions.push(Condition::AtLeast(rate.field, demand.now.0));
            conditions.push(Condition::AtMost(rate.field, rate.latest(demand.now)));
            changes.push(Change::Add(rate.field, rate.cost()));
        } else {
            conditions.push(Condition::Below(rate.field, demand.now.0));
            changes.push(Change::Set(rate.field, demand.now.0.saturating_add(rate.cost())));
        }
    }
    if let Some(allowed) = allowance.requests_per_day {
        conditions.push(Condition::AtMost(Field::DayRequests(hold.day), room(allowed, 1)));
    }
    if let Some(allowed) = allowance.tokens_per_day.filter(|_| tokens > 0) {
        conditions.push(Condition::AtMost(Field::DayTokens(hold.day), room(allowed, tokens)));
    }
    if let Some(allowed) = allowance.tokens_total.filter(|_| tokens > 0) {
        conditions.push(Condition::AtMost(Field::Committed, room(allowed, tokens)));
    }
    if let Some(allowed) = allowance.in_flight {
        conditions.push(Condition::AtMost(Field::Open, room(allowed, 1)));
    }
    changes.extend(guess.outdated.iter().copied().map(Change::Remove));
    Write { conditions, changes }
}

/// How much of what a limit counts a request needs.
pub(crate) fn needed(limit: Limit, estimate: &Estimate) -> u64 {
    match limit {
        Limit::RequestsPerMinute | Limit::RequestsPerDay | Limit::InFlight => 1,
        Limit::TokensPerMinute | Limit::TokensPerDay | Limit::TokensTotal => estimate.tokens(),
        Limit::UnitTotal(unit) => estimate.units.get(unit),
    }
}

/// Why a request can never be admitted under an allowance, however empty the account.
#[must_use]
pub(crate) fn never_fits(allowance: &Allowance, estimate: &Estimate) -> Option<Refusal> {
    Limit::ALL.into_iter().find_map(|limit| {
        let allowed = allowance.limit(limit)?;
        let needed = needed(limit, estimate);
        (needed > allowed).then_some(Refusal::NeverFits { limit, allowed, needed })
    })
}

/// Why an account as it is does not admit a request; `None` if it does.
///
/// The longest wait comes first: who is out of budget does not want to hear of the next second.
#[must_use]
pub fn refusal(allowance: &Allowance, account: &Account, demand: &Demand) -> Option<Refusal> {
    if account.get(Field::Blocked) != 0 {
        return Some(Refusal::Blocked);
    }
    never_fits(allowance, &demand.estimate).or_else(|| lacks(allowance, account, demand))
}

/// The same for a request that is no larger than the allowance of which this one is a part.
#[must_use]
pub fn lacks(allowance: &Allowance, account: &Account, demand: &Demand) -> Option<Refusal> {
    let hold = demand.hold();
    let tokens = hold.tokens();
    // A shard from which others were given holds less than nothing.
    let left = |allowed: u64, field| signed(allowed).saturating_sub(account.get(field)).max(0);
    let left = |allowed, field| u64::try_from(left(allowed, field)).unwrap_or_default();
    if let Some(allowed) = allowance.tokens_total {
        let remaining = left(allowed, Field::Committed);
        if tokens > remaining {
            return Some(Refusal::Budget { limit: Limit::TokensTotal, allowed, remaining });
        }
    }
    for (unit, count) in hold.units.iter() {
        let limit = Limit::UnitTotal(unit);
        let Some(allowed) = allowance.limit(limit) else { continue };
        let remaining = left(allowed, Field::UnitCommitted(unit));
        if count > remaining {
            return Some(Refusal::Budget { limit, allowed, remaining });
        }
    }
    let resets_at = demand.day.ends_at;
    if let Some(allowed) = allowance.requests_per_day
        && left(allowed, Field::DayRequests(hold.day)) == 0
    {
        return Some(Refusal::Day { limit: Limit::RequestsPerDay, allowed, resets_at });
    }
    if let Some(allowed) = allowance.tokens_per_day.filter(|_| tokens > 0)
        && left(allowed, Field::DayTokens(hold.day)) < tokens
    {
        return Some(Refusal::Day { limit: Limit::TokensPerDay, allowed, resets_at });
    }
    let rate = rates(allowance, tokens, &Guess::default())
        .filter_map(|rate| {
            // What is larger than the whole rate is over it at any time.
            let tat = account.get(rate.field).max(demand.now.0);
            let over = tat.saturating_sub(rate.latest(demand.now));
            let retry_at = EpochNanos(demand.now.0.saturating_add(over));
            let refusal = Refusal::Rate { limit: rate.limit, allowed: rate.allowed, retry_at };
            (over > 0).then_some((retry_at, refusal))
        })
        .max_by_key(|(retry_at, _)| *retry_at);
    if let Some((_, refusal)) = rate {
        return Some(refusal);
    }
    match allowance.in_flight {
        Some(allowed) if left(allowed, Field::Open) == 0 => Some(Refusal::InFlight { allowed }),
        Some(_) | None => None,
    }
}
