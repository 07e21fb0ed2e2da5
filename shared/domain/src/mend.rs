//! Making an event's account whole after a crash.
//!
//! A request is settled on its attendee's account first and on the event's account after. A crash
//! between the two leaves the event holding tokens that nobody holds any more. Once all holds of a
//! [`Period`] must be settled, the difference between the event's tally of that period and the sum
//! of its attendees' tallies is what crashes left, and [`write`] takes it away.

use std::collections::BTreeSet;

use crate::account::{Account, Change, Condition, Field, Lifetime, Write, signed};
use crate::time::{EpochNanos, MINUTE_NS, Period};
use crate::unit::{Unit, Units};
use crate::usage::Charge;

/// The requests of one period that attendees have settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub requests: u64,
    /// What they cost.
    pub charge: Charge,
}

impl Tally {
    /// What one account has settled in a period.
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

    /// What is left of a tally without another.
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

    /// Two tallies together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            charge: self.charge.plus(other.charge),
        }
    }
}

/// How long after its end a period's writes may still be under way. The sweep has then settled the
/// last hold, and no store answers so late.
pub const GRACE_NS: i64 = 2 * MINUTE_NS;

/// The periods that any of an event's accounts, its own and its attendees', still tally.
pub fn periods<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> BTreeSet<Period> {
    let period = |field: &Field| match field.lifetime() {
        Lifetime::Holds(period) | Lifetime::Posts(period) => Some(period),
        Lifetime::Account | Lifetime::Day(_) => None,
    };
    accounts.into_iter().flat_map(|account| account.numbers.keys().filter_map(period)).collect()
}

/// The first period of which an account still has a hold. Neither it nor a later one can be mended:
/// a job's hold may outlive those of all other requests.
#[must_use]
pub fn first_open(account: &Account) -> Option<Period> {
    account.holds.values().map(crate::account::Hold::period).min()
}

/// Whether every hold of a period has expired and been settled. `longest_hold_ns` is the time from
/// admission to expiry.
#[must_use]
pub fn is_over(period: Period, now: EpochNanos, longest_hold_ns: i64) -> bool {
    period.end().0.saturating_add(longest_hold_ns).saturating_add(GRACE_NS) <= now.0
}

/// The write that makes a period of the event's account equal to its attendees' and forgets it.
///
/// `attendees` is the sum of all their tallies, read after the period was over, without what other
/// shards of the event have posted. The write needs the period to be as it was read, so mending
/// twice changes nothing.
#[must_use]
pub fn write(event: &Account, period: Period, attendees: Tally) -> Write {
    let mut write = settled(event, period, attendees);
    write.changes.extend(posts(period).map(Change::Remove));
    write
}

/// The write that ends a period at another shard than the first: what it still holds is given back,
/// nothing of the period can change any more, and what it has posted stays to be compared. Posts up
/// to `mended_through`, the first shard's, were compared.
#[must_use]
pub fn close(shard: &Account, period: Period, mended_through: Option<i64>) -> Write {
    let mut write = settled(shard, period, Tally::of(shard, period));
    let mended = |period: &Period| mended_through.is_some_and(|last| period.0 <= last);
    let mended = periods([shard]).into_iter().filter(mended).flat_map(posts);
    write.changes.extend(mended.map(Change::Remove));
    write
}

/// What a period's settled requests are posted as.
fn posts(period: Period) -> impl Iterator<Item = Field> {
    let fields = [
        Field::PeriodRequests(period),
        Field::PeriodPrompt(period),
        Field::PeriodCompletion(period),
    ];
    let units = Unit::ALL.iter().map(move |unit| Field::PeriodUnitSpent(period, *unit));
    fields.into_iter().chain(units)
}

/// What a period still holds.
fn holds(period: Period) -> impl Iterator<Item = Field> {
    let fields = [Field::PeriodHeld(period), Field::PeriodOpen(period)];
    fields.into_iter().chain(Unit::ALL.iter().map(move |unit| Field::PeriodUnitHeld(period, *unit)))
}

/// Gives back what a period holds and posts what is missing of it.
fn settled(event: &Account, period: Period, attendees: Tally) -> Write {
    let posted = Tally::of(event, period);
    let missing = |true_count: u64, posted: u64| signed(true_count).saturating_sub(signed(posted));
    let prompt = missing(attendees.charge.prompt_tokens, posted.charge.prompt_tokens);
    let completion = missing(attendees.charge.completion_tokens, posted.charge.completion_tokens);
    let held = event.get(Field::PeriodHeld(period));
    let mut conditions = vec![Condition::Below(Field::MendedThrough, period.0)];
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
    // A unit that nobody used leaves no number behind.
    let changed = amounts.into_iter().filter(|(_, by)| *by != 0);
    let mut changes: Vec<_> = changed.map(|(field, by)| Change::Add(field, by)).collect();
    changes.push(Change::Set(Field::MendedThrough, period.0));
    changes.extend(holds(period).map(Change::Remove));
    Write { conditions, changes }
}

/// Whether a period's mend found something to mend.
#[must_use]
pub fn is_needed(event: &Account, period: Period, attendees: Tally) -> bool {
    event.get(Field::PeriodHeld(period)) != 0
        || event.get(Field::PeriodOpen(period)) != 0
        || !event.units(|unit| Field::PeriodUnitHeld(period, unit)).is_none()
        || Tally::of(event, period) != attendees
}

/// The write that makes an event's seats as many as its seated attendees.
///
/// A seat is lost when a process dies between giving and taking it. `event` was read before the
/// attendees were counted and nobody was asking for a seat; a seat that is given meanwhile fails
/// the condition. `None` if there is nothing to mend.
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
