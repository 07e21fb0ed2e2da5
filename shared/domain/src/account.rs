//! The account of an event or of one attendee: the numbers that limits are checked against.
//!
//! Both kinds of account have the same shape and obey the same rules, so there is one type. An
//! account changes only by a [`Write`]: a list of conditions, and the changes to make if all of
//! them hold. [`Account::apply`] defines the meaning of a write. Every store must do the same.

mod write;

use chrono::NaiveDate;
use litemap::LiteMap;

pub use self::write::{Change, Condition, Write};
use crate::allowance::Allowance;
use crate::by_model::{HeldModel, LimitKey, ModelKey, ModelLimit, ModelLimits};
use crate::ids::{EventId, RequestId};
use crate::limit::{Counting, Limit, Quantity};
use crate::time::{EpochNanos, Period};
use crate::token::UserId;
use crate::unit::{Unit, Units};
use crate::usage::{Charge, Usage};

/// Identifies an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountKey {
    /// The account of an event, or its first shard.
    Event(EventId),
    /// Another shard of an event's account. Shards are numbered from 1.
    Shard(EventId, u16),
    /// The account of an attendee.
    Attendee(EventId, UserId),
}

impl AccountKey {
    /// A shard of an event's account. Shard 0 has the key of the event itself.
    #[must_use]
    pub fn of_shard(event: &EventId, shard: u16) -> Self {
        match shard {
            0 => Self::Event(event.clone()),
            shard => Self::Shard(event.clone(), shard),
        }
    }

    /// The event that the account belongs to.
    #[must_use]
    pub fn event(&self) -> &EventId {
        match self {
            Self::Event(event) | Self::Shard(event, _) | Self::Attendee(event, _) => event,
        }
    }
}

/// One number of an account. An absent number counts as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The theoretical arrival time of GCRA for a quantity, in [`EpochNanos`].
    Tat(Quantity),
    /// The amount reserved and used of a quantity on a local date.
    Day(Quantity, NaiveDate),
    /// Tokens used and reserved.
    Committed,
    /// Tokens reserved by requests in flight.
    Held,
    /// Requests in flight.
    Open,
    /// Requests that were settled with a charge.
    Requests,
    /// Prompt tokens used.
    PromptTokens,
    /// Completion tokens used.
    CompletionTokens,
    /// Tokens still reserved by requests that were admitted in a period. Events only.
    PeriodHeld(Period),
    /// Requests admitted in a period that are still in flight. Events only.
    PeriodOpen(Period),
    /// Requests admitted in a period that are settled.
    PeriodRequests(Period),
    /// Prompt tokens of the settled requests of a period.
    PeriodPrompt(Period),
    /// Completion tokens of the settled requests of a period.
    PeriodCompletion(Period),
    /// The amount used and reserved of a unit other than tokens.
    UnitCommitted(Unit),
    /// The amount of a unit that requests in flight reserve.
    UnitHeld(Unit),
    /// The amount used of a unit.
    UnitSpent(Unit),
    /// The amount of a unit that requests of a period still reserve. Events only.
    PeriodUnitHeld(Period, Unit),
    /// The amount of a unit that the settled requests of a period used.
    PeriodUnitSpent(Period, Unit),
    /// What a limit on a model bounds, unless it is per day: the theoretical arrival time of GCRA, or
    /// the amount used and reserved.
    OfModel(ModelKey, Limit),
    /// The amount used and reserved of a limit per day on a model, on a local date.
    OfModelDay(ModelKey, Limit, NaiveDate),
    /// The part of such an amount that requests of a period still reserve. Events only.
    PeriodModelHeld(Period, ModelKey, Limit),
    /// The amount of a limit that moves between shards have added to this shard. The date is set
    /// for limits per day. Shards of events only.
    Moved(LimitKey, Option<NaiveDate>),
    /// When this shard last took part in a move, in [`EpochNanos`].
    MovedAt,
    /// The last period that was reconciled. Events only.
    ReconciledThrough,
    /// Attendees who have a seat. Events only.
    Seats,
    /// The theoretical arrival time of GCRA for new seats, in [`EpochNanos`]. Events only.
    SeatTat,
    /// When this attendee got a seat, in [`EpochNanos`].
    SeatedAt,
    /// When this attendee asked for a seat, in [`EpochNanos`], while the event has not replied.
    SeatAskedAt,
    /// 1 while the organiser blocks this attendee.
    Blocked,
    /// Counts the organiser's changes to this attendee's allowance.
    Terms,
    /// 1 while this attendee is on the event's roster.
    Listed,
    /// The number of this attendee's personal key, if the name is claimed.
    Claim,
    /// This attendee's own limit, which replaces the event's. [`NO_LIMIT`] lifts the limit.
    Override(Limit),
    /// The same of a limit on a model. It counts only while the event has the limit.
    OverrideOfModel(ModelKey, Limit),
}

/// How long a number is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// As long as the account.
    Account,
    /// Until a local date has ended and its requests are reconciled.
    Day(NaiveDate),
    /// Until the day after a local date has ended. By then no move of that date is under way.
    Moves(NaiveDate),
    /// Until a period is over and its requests are settled. The number counts what they reserve, and
    /// is zero then. It is removed at the latest when the period is reconciled.
    Holds(Period),
    /// Until a period is reconciled. The number counts what its requests used.
    Posts(Period),
}

impl Field {
    /// The number that a limit bounds, on a local date.
    #[must_use]
    pub const fn counted(limit: Limit, day: NaiveDate) -> Self {
        match limit.counting() {
            Counting::PerMinute(quantity) => Self::Tat(quantity),
            Counting::PerDay(quantity) => Self::Day(quantity, day),
            Counting::TokensTotal => Self::Committed,
            Counting::UnitTotal(unit) => Self::UnitCommitted(unit),
            Counting::InFlight => Self::Open,
            // No account has this limit for all models: it counts them once they are settled.
            Counting::RequestsTotal => Self::Requests,
        }
    }

    /// The number that a limit on all models or on one bounds, on a local date.
    #[must_use]
    pub const fn of_limit(key: LimitKey, day: NaiveDate) -> Self {
        match (key.model, key.limit.counting()) {
            (None, _) => Self::counted(key.limit, day),
            (Some(model), Counting::PerDay(_)) => Self::OfModelDay(model, key.limit, day),
            (Some(model), _) => Self::OfModel(model, key.limit),
        }
    }

    /// The limit that this number replaces, if it is an attendee's own limit.
    const fn overridden(self) -> Option<LimitKey> {
        if let Self::Override(limit) = self {
            Some(LimitKey { limit, model: None })
        } else if let Self::OverrideOfModel(model, limit) = self {
            Some(LimitKey { limit, model: Some(model) })
        } else {
            None
        }
    }

    /// How long the number is needed.
    pub(crate) const fn lifetime(self) -> Lifetime {
        match self {
            Self::Day(_, day) | Self::OfModelDay(_, _, day) => Lifetime::Day(day),
            Self::Moved(_, Some(day)) => Lifetime::Moves(day),
            Self::PeriodHeld(period)
            | Self::PeriodOpen(period)
            | Self::PeriodUnitHeld(period, _)
            | Self::PeriodModelHeld(period, _, _) => Lifetime::Holds(period),
            Self::PeriodRequests(period)
            | Self::PeriodPrompt(period)
            | Self::PeriodCompletion(period)
            | Self::PeriodUnitSpent(period, _) => Lifetime::Posts(period),
            Self::Tat(_)
            | Self::Committed
            | Self::Held
            | Self::Open
            | Self::Requests
            | Self::PromptTokens
            | Self::CompletionTokens
            | Self::UnitCommitted(_)
            | Self::UnitHeld(_)
            | Self::UnitSpent(_)
            | Self::OfModel(..)
            | Self::Moved(_, None)
            | Self::MovedAt
            | Self::ReconciledThrough
            | Self::Seats
            | Self::SeatTat
            | Self::SeatedAt
            | Self::SeatAskedAt
            | Self::Blocked
            | Self::Terms
            | Self::Listed
            | Self::Claim
            | Self::Override(_)
            | Self::OverrideOfModel(..) => Lifetime::Account,
        }
    }
}

/// The value of [`Field::Override`] and of [`Field::OverrideOfModel`] that lifts a limit.
pub const NO_LIMIT: i64 = -1;

/// A reservation: a request that is admitted and not yet settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Estimated prompt tokens.
    pub prompt_tokens: u64,
    /// Upper bound of the completion tokens.
    pub completion_tokens: u64,
    /// Upper bound of the other units.
    pub units: Units,
    /// When the request was admitted.
    pub admitted_at: EpochNanos,
    /// The local date whose counters include the request.
    pub day: NaiveDate,
    /// The first instant at which the sweep may settle the request.
    pub expires_at: EpochNanos,
    /// Whether a usage record is kept. This is decided at admission, so that everybody who may
    /// settle the request agrees.
    pub is_recorded: bool,
    /// The model, if limits on it count the request.
    pub model: Option<HeldModel>,
}

impl Hold {
    /// The amount that is reserved of what a limit counts.
    #[must_use]
    pub fn amount(&self, limit: Limit) -> u64 {
        limit.count(&self.units, self.tokens(), &self.units)
    }

    /// The tokens reserved.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// What a model has used that has read the request and made nothing.
    #[must_use]
    pub fn prompt(&self) -> Usage {
        Usage { units: self.units.of_prompt(), ..Usage::of_tokens(self.prompt_tokens, 0) }
    }

    /// How long ago the request was admitted, in milliseconds.
    #[must_use]
    pub fn age_ms(&self, now: EpochNanos) -> u64 {
        u64::try_from(now.since(self.admitted_at) / 1_000_000).unwrap_or_default()
    }

    /// The period that counts the request.
    #[must_use]
    pub fn period(&self) -> Period {
        Period::of(self.admitted_at)
    }
}

/// The numbers and reservations of an account as a store returned them.
///
/// An account has a few dozen at most. It is read far more often than changed, and copied with
/// every write. So each map is one sorted list, and copying it takes one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Every number present.
    pub numbers: LiteMap<Field, i64>,
    /// Requests in flight. Attendees only.
    pub holds: LiteMap<RequestId, Hold>,
}

impl Account {
    /// A number. An absent one is zero.
    #[must_use]
    pub fn get(&self, field: Field) -> i64 {
        self.numbers.get(&field).copied().unwrap_or_default()
    }

    /// A number that is never negative, such as a count.
    #[must_use]
    pub fn count(&self, field: Field) -> u64 {
        u64::try_from(self.get(field)).unwrap_or_default()
    }

    /// The total usage.
    #[must_use]
    pub fn spent(&self) -> Charge {
        Charge {
            prompt_tokens: self.count(Field::PromptTokens),
            completion_tokens: self.count(Field::CompletionTokens),
            units: self.units(Field::UnitSpent),
        }
    }

    /// The amounts of all units in one kind of field, such as [`Field::UnitHeld`].
    #[must_use]
    pub fn units(&self, field: impl Fn(Unit) -> Field) -> Units {
        Unit::ALL
            .iter()
            .fold(Units::NONE, |units, unit| units.with(*unit, self.count(field(*unit))))
    }

    /// The event's allowance, with this account's own limits in place of the event's.
    #[must_use]
    pub fn allowance(&self, granted: &Allowance) -> Allowance {
        let mut allowance = *granted;
        for (field, own) in &self.numbers {
            if let Some(key) = field.overridden() {
                allowance.replace(key, u64::try_from(*own).ok());
            }
        }
        allowance
    }

    /// The event's limits on single models for each attendee, with this account's own in their place.
    /// Those that are lifted are left out.
    #[must_use]
    pub fn model_limits(&self, granted: &ModelLimits) -> ModelLimits {
        let own = |one: &ModelLimit| {
            let field = Field::OverrideOfModel(ModelKey::of(&one.name), one.limit);
            let own = self.numbers.get(&field);
            let allowed = own.map_or(Some(one.allowed), |own| u64::try_from(*own).ok())?;
            Some(ModelLimit { allowed, ..one.clone() })
        };
        granted.iter().filter_map(own).collect()
    }

    /// Applies a write. `None` if a condition fails.
    #[must_use]
    pub fn apply(&self, write: &Write) -> Option<Self> {
        if !write.conditions.iter().all(|condition| self.meets(condition)) {
            return None;
        }
        let mut account = self.clone();
        for change in &write.changes {
            account.make(change);
        }
        Some(account)
    }

    fn meets(&self, condition: &Condition) -> bool {
        let number = |field: &Field| self.numbers.get(field).copied();
        match condition {
            Condition::AtMost(field, most) => number(field).unwrap_or_default() <= *most,
            Condition::AtLeast(field, least) => number(field).is_some_and(|n| n >= *least),
            Condition::Below(field, bound) => number(field).is_none_or(|n| n < *bound),
            Condition::Present(field) => number(field).is_some(),
            Condition::Absent(field) => number(field).is_none(),
            Condition::Is(field, value) => number(field) == Some(*value),
            Condition::HoldAbsent(id) => !self.holds.contains_key(id),
            Condition::HoldPresent(id) => self.holds.contains_key(id),
        }
    }

    fn make(&mut self, change: &Change) {
        match change {
            Change::Add(field, by) => {
                // Most numbers are present already.
                if let Some(number) = self.numbers.get_mut(field) {
                    *number = number.saturating_add(*by);
                } else {
                    self.numbers.insert(*field, *by);
                }
            }
            Change::Set(field, value) => {
                self.numbers.insert(*field, *value);
            }
            Change::Remove(field) => {
                self.numbers.remove(field);
            }
            Change::PutHold(id, hold) => {
                self.holds.insert(id.clone(), **hold);
            }
            Change::RemoveHold(id) => {
                self.holds.remove(id);
            }
        }
    }
}

/// A count as a signed number. Larger counts saturate, because a store takes no more than `i64`.
#[must_use]
pub fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
