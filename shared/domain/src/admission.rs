//! Checks whether a request fits into an account, and makes the write that reserves its usage.
//!
//! The write is built from a [`Guess`] about the account, so a request that fits needs no read. Its
//! conditions are inequalities: concurrent requests that all fit all succeed. If a condition fails,
//! the store returns the current account. [`refusal`] then says why the request does not fit. If
//! the request does fit, the guess was wrong, and [`Guess::from_account`] makes a better one.

mod fit;
mod rate;
mod refusal;
mod rejection;
mod seat;

use enum_map::EnumMap;

pub(crate) use self::fit::never_fits;
pub use self::fit::{lacks, may_fit, refusal, refusal_by, unspent, used_up};
use self::rate::Rate;
pub(crate) use self::rate::cost_ns;
pub use self::rate::{Remaining, remaining};
pub use self::refusal::Refusal;
pub use self::rejection::{Rejection, Room};
pub use self::seat::{
    SeatPace, ask_for_seat, give_seat, is_full, leave_queue, take_back_seat, take_seat, used_since,
    vacate_seat,
};
use crate::account::{Account, Change, Condition, Field, Hold, Lifetime, Write, signed};
use crate::allowance::Allowance;
use crate::by_model::{HeldModel, LimitKey, ModelKey};
use crate::estimate::Estimate;
use crate::ids::RequestId;
use crate::limit::Limit;
use crate::time::{EpochNanos, Period};
use crate::window::LocalDay;

/// A request that asks to be admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The id of the request.
    pub id: RequestId,
    /// The most that it may use.
    pub estimate: Estimate,
    /// The same if it is lowered as far as it may be: if its output cap is not the client's.
    pub least: Option<Estimate>,
    /// The time of the request. It is read once and used throughout.
    pub now: EpochNanos,
    /// The local day of the request.
    pub day: LocalDay,
    /// The first instant at which the sweep may settle the request.
    pub expires_at: EpochNanos,
    /// Whether a usage record is kept.
    pub is_recorded: bool,
    /// The model, if there are limits on it.
    pub model: Option<HeldModel>,
}

impl Demand {
    /// The model, if there are limits on it.
    #[must_use]
    pub fn model_key(&self) -> Option<ModelKey> {
        self.model.map(|model| model.key)
    }

    /// The same request lowered as far as it may be. `None` if it may not be lowered.
    #[must_use]
    pub fn with_least(&self) -> Option<Self> {
        self.least.map(|estimate| Self { estimate, least: None, ..self.clone() })
    }

    /// The estimate of the same request lowered as far as it may be.
    #[must_use]
    pub fn least_estimate(&self) -> Estimate {
        self.least.unwrap_or(self.estimate)
    }

    /// The reservation that the request gets if it is admitted.
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
            model: self.model,
        }
    }
}

/// The conditions of a write on an account, apart from room for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// An attendee's account. It must have a seat, must not be blocked, and must have these terms.
    Attendee {
        /// The value of [`Field::Terms`] when the allowance was read.
        terms: i64,
    },
    /// The event's account.
    Event,
}

/// The assumption of a write about an account that was not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// For each limit per minute, whether the rate's bucket is not full. That is so when requests
    /// have come faster than the rate for a while.
    pub busy: EnumMap<Limit, bool>,
    /// The same of the limits on the request's model.
    pub busy_of_model: EnumMap<Limit, bool>,
    /// Fields of past days and periods that the account still has and does not need.
    pub outdated: Vec<Field>,
}

impl Guess {
    /// The guess that is true of an account at the instant of a request.
    #[must_use]
    pub fn from_account(account: &Account, demand: &Demand) -> Self {
        let is_busy = |field| {
            let tat = account.numbers.get(&field);
            tat.is_some_and(|tat| *tat >= demand.now.0)
        };
        let mut guess = Self::default();
        for (limit, quantity) in Limit::rates() {
            guess.busy[limit] = is_busy(Field::Tat(quantity));
            if let Some(model) = demand.model_key() {
                guess.busy_of_model[limit] = is_busy(Field::OfModel(model, limit));
            }
        }
        guess
    }

    /// The fields of an account that no rule reads again: counters of earlier days and counts of
    /// periods that were reconciled. And those that say no more than their absence: counts of what
    /// the requests of past periods reserve, once that is nothing.
    #[must_use]
    pub fn outdated(account: &Account, demand: &Demand, reconciled_through: i64) -> Vec<Field> {
        let today = demand.day;
        let is_outdated = |field: Field, number: i64| match field.lifetime() {
            Lifetime::Day(day) => {
                day < today.date && Period::of(today.has_begun_by()).0 <= reconciled_through
            }
            Lifetime::Moves(day) => day.succ_opt().is_some_and(|next| next < today.date),
            Lifetime::Posts(period) => period.0 <= reconciled_through,
            Lifetime::Holds(period) => number == 0 && period < Period::of(demand.now),
            Lifetime::Account => false,
        };
        let numbers = account.numbers.iter();
        numbers.filter(|(field, number)| is_outdated(**field, **number)).map(|(f, _)| *f).collect()
    }
}

/// The write that admits a request to an account, if the guess is right.
///
/// # Errors
///
/// [`Refusal::NeverFits`] if the request is larger than the allowance itself.
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

/// The number of conditions if all limits on tokens and requests are set.
const USUAL_CONDITIONS: usize = 14;

/// The number of changes that admit a request that uses tokens and money.
const USUAL_CHANGES: usize = 13;

/// Like [`propose`], for a request that is known to fit into the allowance.
#[must_use]
pub fn write(side: Side, allowance: &Allowance, demand: &Demand, guess: &Guess) -> Write {
    let hold = demand.hold();
    let mut write = Write {
        conditions: Vec::with_capacity(USUAL_CONDITIONS),
        changes: Vec::with_capacity(USUAL_CHANGES),
    };
    match side {
        Side::Attendee { terms } => {
            write.conditions.extend([
                Condition::HoldAbsent(demand.id.clone()),
                Condition::Present(Field::SeatedAt),
                Condition::Absent(Field::Blocked),
                match terms {
                    0 => Condition::Absent(Field::Terms),
                    terms => Condition::Is(Field::Terms, terms),
                },
            ]);
            write.changes.push(Change::PutHold(demand.id.clone(), Box::new(hold)));
        }
        Side::Event => {
            let period = hold.period();
            write.conditions.push(Condition::Below(Field::ReconciledThrough, period.0));
            write.changes.extend([
                Change::Add(Field::PeriodHeld(period), signed(hold.tokens())),
                Change::Add(Field::PeriodOpen(period), 1),
            ]);
        }
    }
    write.changes.push(Change::Add(Field::Held, signed(hold.tokens())));
    for (unit, count) in hold.units.iter() {
        write.changes.push(Change::Add(Field::UnitHeld(unit), signed(count)));
        if side == Side::Event {
            let field = Field::PeriodUnitHeld(hold.period(), unit);
            write.changes.push(Change::Add(field, signed(count)));
        }
    }
    for limit in Limit::ALL.iter().copied() {
        let (field, needed) = (Field::counted(limit, hold.day), needed(limit, &demand.estimate));
        let allowed = allowance.limit(limit);
        if needed == 0 {
            continue;
        }
        if limit.rate().is_none() {
            write.changes.push(Change::Add(field, signed(needed)));
            let room = |allowed| signed(allowed).saturating_sub(signed(needed));
            write.conditions.extend(allowed.map(|most| Condition::AtMost(field, room(most))));
        } else if let Some(allowed) = allowed {
            Rate { field, allowed, needed }.admit(demand.now, guess.busy[limit], &mut write);
        }
    }
    if let Some(model) = demand.model {
        of_model(side, allowance, model, demand, guess, &mut write);
    }
    for field in guess.outdated.iter().copied() {
        if let Lifetime::Holds(_) = field.lifetime() {
            // A slow process may have admitted a request to that period since.
            write.conditions.push(Condition::AtMost(field, 0));
        }
        write.changes.push(Change::Remove(field));
    }
    write
}

/// Adds what the limits on the request's model need. Only those that the reservation remembers count
/// it, so that the settlement changes the same numbers.
fn of_model(
    side: Side,
    allowance: &Allowance,
    model: HeldModel,
    demand: &Demand,
    guess: &Guess,
    write: &mut Write,
) {
    let (limits, period) = match side {
        Side::Attendee { .. } => (model.attendee, None),
        Side::Event => (model.event, Some(demand.hold().period())),
    };
    for limit in limits.iter() {
        let key = LimitKey { limit, model: Some(model.key) };
        let (field, needed) =
            (Field::of_limit(key, demand.day.date), needed(limit, &demand.estimate));
        let allowed = allowance.get(key);
        if needed == 0 {
            continue;
        }
        if key.is_rate() {
            if let Some(allowed) = allowed {
                let rate = Rate { field, allowed, needed };
                rate.admit(demand.now, guess.busy_of_model[limit], write);
            }
            continue;
        }
        write.changes.push(Change::Add(field, signed(needed)));
        let room = |allowed| signed(allowed).saturating_sub(signed(needed));
        write.conditions.extend(allowed.map(|most| Condition::AtMost(field, room(most))));
        write.changes.extend(period.map(|period| {
            Change::Add(Field::PeriodModelHeld(period, model.key, limit), signed(needed))
        }));
    }
}

/// The amount that a request needs of a limit.
pub(crate) fn needed(limit: Limit, estimate: &Estimate) -> u64 {
    limit.count(&estimate.units, estimate.tokens(), &estimate.units)
}
