//! The numbers of an account, and how long each is needed.

use chrono::NaiveDate;

use crate::by_model::{LimitKey, ModelKey};
use crate::limit::{Counting, Limit, Quantity};
use crate::time::Period;
use crate::unit::Unit;

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
    pub(super) const fn overridden(self) -> Option<LimitKey> {
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
