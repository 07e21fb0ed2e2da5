//! The account of an event or of one attendee: the numbers that limits are checked against.
//!
//! Both kinds of account have the same shape and obey the same rules, so there is one type. An
//! account changes only by a [`Write`]: a list of conditions, and the changes to make if all of
//! them hold. [`Account::apply`] defines the meaning of a write. Every store must do the same.

mod field;
mod write;

use chrono::NaiveDate;
use litemap::LiteMap;

pub(crate) use self::field::Lifetime;
pub use self::field::{Field, NO_LIMIT};
pub use self::write::{Change, Condition, Write};
use crate::allowance::Allowance;
use crate::by_model::{HeldModel, ModelKey, ModelLimit, ModelLimits};
use crate::ids::{EventId, RequestId};
use crate::limit::Limit;
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
