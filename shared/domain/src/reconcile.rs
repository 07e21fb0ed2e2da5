//! Reconciles an event's account with its attendees' accounts after a crash.
//!
//! A request is settled on its attendee's account first, and on the event's account after that.
//! After a crash between the two, the event still reserves tokens that no attendee reserves. Once
//! every reservation of a [`Period`] is settled, or must be, the event's counts of that period are
//! compared with the sum of its attendees' counts. The difference is what crashes left, and
//! [`write`] removes it.

use std::collections::BTreeSet;

use crate::account::{Account, Change, Condition, Field, Hold, Lifetime, Write, signed};
use crate::limit::{Counting, Quantity};
use crate::time::{EpochNanos, MINUTE_NS, Period};
use crate::unit::{Unit, Units};
use crate::usage::Charge;

/// The settled requests of one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of requests.
    pub requests: u64,
    /// Their total charge.
    pub charge: Charge,
}

impl Tally {
    /// The requests of a period that one account has settled.
    #[must_use]
    pub fn of(account: &Account, period: Period) -> Self {
        Self {
            requests: account.count(Field::PeriodRequests(period)),
            charge: Charge {
                prompt_tokens: account.count(Field::PeriodPrompt(period)),
                completion_tokens: account.count(Field::PeriodCompletion(period)),
                units: account.units(|unit| Field::PeriodUnitSpent(period, unit)),
            },
        }
    }

    /// This tally minus another.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        let (all, less) = (self.charge, other.charge);
        let unit = |units: Units, unit| {
            units.with(unit, all.units.get(unit).saturating_sub(less.units.get(unit)))
        };
        Self {
            requests: self.requests.saturating_sub(other.requests),
            charge: Charge {
                prompt_tokens: all.prompt_tokens.saturating_sub(less.prompt_tokens),
                completion_tokens: all.completion_tokens.saturating_sub(less.completion_tokens),
                units: Unit::ALL.iter().copied().fold(Units::NONE, unit),
            },
        }
    }

    /// The larger of two tallies in each of their numbers.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        let unit = |units: Units, unit| {
            units.with(unit, self.charge.units.get(unit).max(other.charge.units.get(unit)))
        };
        let (one, another) = (self.charge, other.charge);
        Self {
            requests: self.requests.max(other.requests),
            charge: Charge {
                prompt_tokens: one.prompt_tokens.max(another.prompt_tokens),
                completion_tokens: one.completion_tokens.max(another.completion_tokens),
                units: Unit::ALL.iter().copied().fold(Units::NONE, unit),
            },
        }
    }

    /// The sum of two tallies.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            charge: self.charge.plus(other.charge),
        }
    }
}

/// How long after its end a period's writes may still be in flight: admissions, and the sweep's
/// settlements of its last reservations. No store responds later than that.
const GRACE_NS: i64 = 2 * MINUTE_NS;

/// The periods that the accounts of an event and its attendees still count.
pub fn periods<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> BTreeSet<Period> {
    let period = |field: &Field| match field.lifetime() {
        Lifetime::Holds(period) | Lifetime::Posts(period) => Some(period),
        Lifetime::Account | Lifetime::Day(_) | Lifetime::Moves(_) => None,
    };
    accounts.into_iter().flat_map(|account| account.numbers.keys().filter_map(period)).collect()
}

/// The reservations that an event's attendees still have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenHolds {
    /// The first period of which there is one.
    pub first: Option<Period>,
    /// Whether there may be others, because an account could not be read.
    pub may_be_more: bool,
}

impl OpenHolds {
    /// Those of one account.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self { first: account.holds.values().map(Hold::period).min(), may_be_more: false }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            first: self.first.into_iter().chain(other.first).min(),
            may_be_more: self.may_be_more || other.may_be_more,
        }
    }
}

/// Whether a period was reconciled at an account of the event.
#[must_use]
pub fn is_reconciled(shard: &Account, period: Period) -> bool {
    shard.numbers.get(&Field::ReconciledThrough).is_some_and(|last| period.0 <= *last)
}

/// Whether a period can be reconciled: it is over, no attendee has a reservation of it or of an
/// earlier period, and the event's account, in all of its shards, has settled every request of it. What
/// a crash left unsettled is waited for: `longest_hold_ns`, the longest time from admission to expiry.
///
/// A request of an attendee's reservation may be running, and a job's reservation outlives all
/// others. Only the last reconciled period is known, so later ones wait for it.
#[must_use]
pub fn is_due(
    period: Period,
    shards: &[Account],
    holds: OpenHolds,
    now: EpochNanos,
    longest_hold_ns: i64,
) -> bool {
    let is_open = holds.first.is_some_and(|first| period >= first);
    let has_settled = |shard: &Account| shard.get(Field::PeriodOpen(period)) == 0;
    let is_settled = !holds.may_be_more && shards.iter().all(has_settled);
    !is_open && is_over(period, now, if is_settled { 0 } else { longest_hold_ns })
}

/// Whether no write of a period is under way any more.
pub(crate) fn is_over(period: Period, now: EpochNanos, longest_hold_ns: i64) -> bool {
    period.end().0.saturating_add(longest_hold_ns).saturating_add(GRACE_NS) <= now.0
}

/// The write that makes a period of the event's account equal to its attendees' and removes the
/// period.
///
/// `attendees` is the sum of all their tallies, without what other shards of the event have
/// counted. It must be read after the period was over. The write is made only if the period is
/// unchanged since it was read. So a second reconciliation changes nothing.
#[must_use]
pub fn write(event: &Account, period: Period, attendees: Tally) -> Write {
    let missing = attendees.less(Tally::of(event, period));
    let mut write = settled(event, period, attendees);
    of_models(event, period, Some(missing), &mut write);
    write.changes.extend(posts(period).map(Change::Remove));
    write
}

/// The write that closes a period at a shard other than the first. It releases what the period
/// still reserves, and the period cannot change any more. The period's counts of settled requests
/// stay for comparison. It removes the counts of periods up to `reconciled_through`, the value of the
/// first shard, because those were compared.
#[must_use]
pub fn close(shard: &Account, period: Period, reconciled_through: Option<i64>) -> Write {
    let mut write = settled(shard, period, Tally::of(shard, period));
    of_models(shard, period, None, &mut write);
    let reconciled = |period: &Period| reconciled_through.is_some_and(|last| period.0 <= last);
    let reconciled = periods([shard]).into_iter().filter(reconciled).flat_map(posts);
    write.changes.extend(reconciled.map(Change::Remove));
    write
}

/// The fields that count a period's settled requests.
fn posts(period: Period) -> impl Iterator<Item = Field> {
    let fields = [
        Field::PeriodRequests(period),
        Field::PeriodPrompt(period),
        Field::PeriodCompletion(period),
    ];
    let units = Unit::ALL.iter().map(move |unit| Field::PeriodUnitSpent(period, *unit));
    fields.into_iter().chain(units)
}

/// The fields that count what a period still reserves.
fn holds(period: Period) -> impl Iterator<Item = Field> {
    let fields = [Field::PeriodHeld(period), Field::PeriodOpen(period)];
    fields.into_iter().chain(Unit::ALL.iter().map(move |unit| Field::PeriodUnitHeld(period, *unit)))
}

/// Releases what a period reserves, and adds the settled requests that its counts lack.
fn settled(event: &Account, period: Period, attendees: Tally) -> Write {
    let posted = Tally::of(event, period);
    let missing = |true_count: u64, posted: u64| signed(true_count).saturating_sub(signed(posted));
    let prompt = missing(attendees.charge.prompt_tokens, posted.charge.prompt_tokens);
    let completion = missing(attendees.charge.completion_tokens, posted.charge.completion_tokens);
    let held = event.get(Field::PeriodHeld(period));
    let mut conditions = vec![Condition::Below(Field::ReconciledThrough, period.0)];
    let fields = holds(period).chain(posts(period));
    conditions.extend(fields.map(|field| match event.numbers.get(&field) {
        Some(value) => Condition::Is(field, *value),
        None => Condition::Absent(field),
    }));
    let mut amounts = vec![
        (Field::Committed, prompt.saturating_add(completion).saturating_sub(held)),
        (Field::Held, -held),
        (Field::Open, -event.get(Field::PeriodOpen(period))),
        (Field::Requests, missing(attendees.requests, posted.requests)),
        (Field::PromptTokens, prompt),
        (Field::CompletionTokens, completion),
    ];
    for unit in Unit::ALL.iter().copied() {
        let held = event.get(Field::PeriodUnitHeld(period, unit));
        let spent = missing(attendees.charge.units.get(unit), posted.charge.units.get(unit));
        amounts.extend([
            (Field::UnitCommitted(unit), spent.saturating_sub(held)),
            (Field::UnitHeld(unit), -held),
            (Field::UnitSpent(unit), spent),
        ]);
    }
    // An unused unit must not leave a number.
    let changed = amounts.into_iter().filter(|(_, by)| *by != 0);
    let mut changes: Vec<_> = changed.map(|(field, by)| Change::Add(field, by)).collect();
    changes.push(Change::Set(Field::ReconciledThrough, period.0));
    changes.extend(holds(period).map(Change::Remove));
    Write { conditions, changes }
}

/// Releases what a period reserves of limits on models, and charges what its requests used.
///
/// The attendees' counts do not say which model a lost request used. So all that is `missing` in the
/// event's counts is charged to each limit of which something is left: exact if one request was lost,
/// and never too little. If it is not known what is missing, what is left stays charged.
///
/// No other number of a period changes without its count of open requests, which is a condition.
fn of_models(event: &Account, period: Period, missing: Option<Tally>, write: &mut Write) {
    for (field, held) in &event.numbers {
        let Field::PeriodModelHeld(of, model, limit) = *field else { continue };
        if of != period {
            continue;
        }
        write.conditions.push(Condition::Is(*field, *held));
        write.changes.push(Change::Remove(*field));
        let used = |tally: Tally| {
            let charge = tally.charge;
            let used = limit.quantity().among(tally.requests, charge.tokens(), &charge.units);
            if limit.quantity() == Quantity::Requests {
                signed(used).min(*held)
            } else {
                signed(used)
            }
        };
        let by = match (limit.counting(), missing) {
            // Its day may be over, and is not known.
            (Counting::PerDay(_), _) => 0,
            (Counting::InFlight, _) => -held,
            (_, Some(missing)) if *held > 0 => used(missing).saturating_sub(*held),
            (_, Some(_) | None) => 0,
        };
        if by != 0 {
            write.changes.push(Change::Add(Field::OfModel(model, limit), by));
        }
    }
}

/// Whether there is a difference to reconcile in a period.
#[must_use]
pub fn is_needed(event: &Account, period: Period, attendees: Tally) -> bool {
    event.get(Field::PeriodHeld(period)) != 0
        || event.get(Field::PeriodOpen(period)) != 0
        || !event.units(|unit| Field::PeriodUnitHeld(period, unit)).is_none()
        || holds_of_a_model(event, period)
        || Tally::of(event, period) != attendees
}

fn holds_of_a_model(event: &Account, period: Period) -> bool {
    event.numbers.iter().any(|(field, held)| {
        matches!(field, Field::PeriodModelHeld(of, ..) if *of == period) && *held != 0
    })
}

/// The write that sets an event's number of seats to its number of attendees with a seat.
///
/// A seat is lost if a process dies after the event gave it and before the attendee took it.
/// `event` must be read before the attendees were counted, while no attendee was waiting for a
/// seat. A seat that is given in the meantime fails the condition. `None` if no seat was lost.
#[must_use]
pub fn seats(event: &Account, seated: u64) -> Option<Write> {
    let counted = event.get(Field::Seats);
    (counted > signed(seated)).then(|| Write {
        conditions: vec![Condition::Is(Field::Seats, counted)],
        changes: vec![Change::Set(Field::Seats, signed(seated))],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_seat_is_found_unless_one_was_given_meanwhile() {
        let mut event = Account::default();
        event.numbers.insert(Field::Seats, 3);
        assert_eq!(seats(&event, 3), None);
        let write = seats(&event, 2).unwrap();
        assert_eq!(event.apply(&write).unwrap().get(Field::Seats), 2);
        event.numbers.insert(Field::Seats, 4);
        assert_eq!(event.apply(&write), None);
    }
}
