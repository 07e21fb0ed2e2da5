//! An account: the numbers in which an event, or one attendee of it, is counted.
//!
//! Both kinds have the same shape and obey the same rules, so there is one type. An account only
//! ever changes by a [`Write`]: a list of conditions that must all hold and of changes made if they
//! do. [`Account::apply`] is what a write means; every store must do the same.

use chrono::NaiveDate;
use litemap::LiteMap;

use crate::allowance::Allowance;
use crate::ids::{EventId, RequestId};
use crate::limit::{Counting, Limit, Quantity};
use crate::time::{EpochNanos, Period};
use crate::token::UserId;
use crate::unit::{Unit, Units};
use crate::usage::Charge;

/// Whose account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountKey {
    /// The event's own, or the first shard of it.
    Event(EventId),
    /// Another shard of the event's, by its number from 1 on.
    Shard(EventId, u16),
    /// One of its attendees'.
    Attendee(EventId, UserId),
}

impl AccountKey {
    /// A shard of an event's account. The first is the account of an event that has no other.
    #[must_use]
    pub fn of_shard(event: &EventId, shard: u16) -> Self {
        match shard {
            0 => Self::Event(event.clone()),
            shard => Self::Shard(event.clone(), shard),
        }
    }

    /// The event to which the account belongs.
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
    /// GCRA's theoretical arrival time of the next of a quantity, in [`EpochNanos`].
    Tat(Quantity),
    /// What is held and spent of a quantity on a local date.
    Day(Quantity, NaiveDate),
    /// Tokens spent and held.
    Committed,
    /// Tokens held by requests under way.
    Held,
    /// Requests under way.
    Open,
    /// Requests settled with a charge.
    Requests,
    /// Prompt tokens spent.
    PromptTokens,
    /// Completion tokens spent.
    CompletionTokens,
    /// Tokens still held by requests admitted in a period. Events only.
    PeriodHeld(Period),
    /// Requests of a period still under way. Events only.
    PeriodOpen(Period),
    /// Of the requests admitted in a period, those settled.
    PeriodRequests(Period),
    /// The prompt tokens of those.
    PeriodPrompt(Period),
    /// The completion tokens of those.
    PeriodCompletion(Period),
    /// Of a unit beside tokens, what is spent and held.
    UnitCommitted(Unit),
    /// Of a unit beside tokens, what requests under way hold.
    UnitHeld(Unit),
    /// Of a unit beside tokens, what is spent.
    UnitSpent(Unit),
    /// Of a unit, what requests admitted in a period still hold. Events only.
    PeriodUnitHeld(Period, Unit),
    /// Of a unit, what the settled requests of a period spent.
    PeriodUnitSpent(Period, Unit),
    /// Of what a limit counts, of a day or in all, what moves between shards have added here.
    /// Shards of events only.
    Moved(Limit, Option<NaiveDate>),
    /// When this shard last took part in a move, in [`EpochNanos`].
    MovedAt,
    /// The last period whose leftovers were mended. Events only.
    MendedThrough,
    /// Attendees who hold a seat. Events only.
    Seats,
    /// When this attendee got a seat, in [`EpochNanos`].
    SeatedAt,
    /// When this attendee asked for one and has not had the answer.
    SeatAskedAt,
    /// 1 while the organiser keeps this attendee out.
    Blocked,
    /// Counts the organiser's changes to this attendee's allowance.
    Terms,
    /// 1 while this attendee is on the event's roster.
    Listed,
    /// The number of this attendee's personal key, if one was claimed.
    Claim,
    /// This attendee's own limit in place of the event's; [`NO_LIMIT`] lifts it.
    Override(Limit),
}

/// How long a number is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// As long as the account.
    Account,
    /// Until a local date is over.
    Day(NaiveDate),
    /// Until a period is reconciled, of which it is what requests hold.
    Holds(Period),
    /// Until a period is reconciled, of which it is what requests spent.
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
        }
    }

    /// How long the number is of use.
    pub(crate) const fn lifetime(self) -> Lifetime {
        match self {
            Self::Day(_, day) | Self::Moved(_, Some(day)) => Lifetime::Day(day),
            Self::PeriodHeld(period)
            | Self::PeriodOpen(period)
            | Self::PeriodUnitHeld(period, _) => Lifetime::Holds(period),
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
            | Self::Moved(_, None)
            | Self::MovedAt
            | Self::MendedThrough
            | Self::Seats
            | Self::SeatedAt
            | Self::SeatAskedAt
            | Self::Blocked
            | Self::Terms
            | Self::Listed
            | Self::Claim
            | Self::Override(_) => Lifetime::Account,
        }
    }
}

/// The value of [`Field::Override`] that lifts a limit.
pub const NO_LIMIT: i64 = -1;

/// A request admitted and not yet settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Estimated prompt tokens.
    pub prompt_tokens: u64,
    /// Upper bound of the completion tokens.
    pub completion_tokens: u64,
    /// Upper bound of what it may use of other units.
    pub units: Units,
    /// When it was admitted.
    pub admitted_at: EpochNanos,
    /// The local date to whose counters it belongs.
    pub day: NaiveDate,
    /// From when on the sweep settles it.
    pub expires_at: EpochNanos,
    /// Whether a usage record is kept of it. Settled at admission, so that all who may come to
    /// settle the hold agree.
    pub is_recorded: bool,
}

impl Hold {
    /// The tokens held.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// The period in which it is counted.
    #[must_use]
    pub fn period(&self) -> Period {
        Period::of(self.admitted_at)
    }
}

/// What must be true of an account for a write to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The number is at most this.
    AtMost(Field, i64),
    /// The number is present and at least this.
    AtLeast(Field, i64),
    /// The number is absent, or below this.
    Below(Field, i64),
    /// The number is present.
    Present(Field),
    /// The number is absent.
    Absent(Field),
    /// The number is present and equals this.
    Is(Field, i64),
    /// No hold has this id.
    HoldAbsent(RequestId),
    /// A hold has this id.
    HoldPresent(RequestId),
}

/// One change to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds to a number, from zero where it is absent.
    Add(Field, i64),
    /// Sets a number.
    Set(Field, i64),
    /// Removes a number.
    Remove(Field),
    /// Writes a hold.
    PutHold(RequestId, Hold),
    /// Removes a hold.
    RemoveHold(RequestId),
}

/// A conditional change of one account, made whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// All are made.
    pub changes: Vec<Change>,
}

/// The numbers and holds of an account as a store returned them.
///
/// Some dozens at most, read far more often than changed and copied with every write: so each map
/// is one sorted list, whose copy is one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Every number present.
    pub numbers: LiteMap<Field, i64>,
    /// Requests under way. Attendees only.
    pub holds: LiteMap<RequestId, Hold>,
}

impl Account {
    /// A number, zero where absent.
    #[must_use]
    pub fn get(&self, field: Field) -> i64 {
        self.numbers.get(&field).copied().unwrap_or_default()
    }

    /// A number that is never negative, such as a count.
    #[must_use]
    pub fn count(&self, field: Field) -> u64 {
        u64::try_from(self.get(field)).unwrap_or_default()
    }

    /// What was spent in all.
    #[must_use]
    pub fn spent(&self) -> Charge {
        Charge {
            prompt_tokens: self.count(Field::PromptTokens),
            completion_tokens: self.count(Field::CompletionTokens),
            units: self.units(Field::UnitSpent),
        }
    }

    /// The amounts of every unit that fields of one kind count, such as [`Field::UnitHeld`].
    #[must_use]
    pub fn units(&self, field: impl Fn(Unit) -> Field) -> Units {
        Unit::ALL
            .iter()
            .fold(Units::NONE, |units, unit| units.with(*unit, self.count(field(*unit))))
    }

    /// The event's allowance for an attendee with this account's own limits in it.
    #[must_use]
    pub fn allowance(&self, granted: &Allowance) -> Allowance {
        let mut allowance = *granted;
        for (field, own) in &self.numbers {
            if let Field::Override(limit) = field {
                allowance.set(*limit, u64::try_from(*own).ok());
            }
        }
        allowance
    }

    /// What a write means. `None` if a condition fails.
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
                let number = self.numbers.entry(*field).or_default();
                *number = number.saturating_add(*by);
            }
            Change::Set(field, value) => {
                self.numbers.insert(*field, *value);
            }
            Change::Remove(field) => {
                self.numbers.remove(field);
            }
            Change::PutHold(id, hold) => {
                self.holds.insert(id.clone(), *hold);
            }
            Change::RemoveHold(id) => {
                self.holds.remove(id);
            }
        }
    }
}

/// A count as a signed number; counts past `i64` cannot be stored and stop there.
#[must_use]
pub fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
