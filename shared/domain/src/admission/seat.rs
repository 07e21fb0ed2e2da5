//! How a new attendee gets a seat where the number of attendees is limited. The attendee asks, the
//! event gives a seat, and the attendee takes it.

use crate::account::{Account, Change, Condition, Field, Write, signed};
use crate::time::{EpochNanos, MINUTE_NS};

/// The write by which a new attendee asks for a seat. Only one of the attendee's requests can ask.
#[must_use]
pub fn ask_for_seat(now: EpochNanos) -> Write {
    Write {
        conditions: vec![
            Condition::Absent(Field::SeatedAt),
            Condition::Below(Field::SeatAskedAt, now.0.saturating_sub(SEAT_RESPONSE_NS)),
        ],
        changes: vec![Change::Set(Field::SeatAskedAt, now.0)],
    }
}

/// How long a request that asked for a seat may take. After that its process counts as dead.
const SEAT_RESPONSE_NS: i64 = 5_000_000_000;

/// The write by which an attendee who has used nothing gives up the seat.
#[must_use]
pub fn vacate_seat() -> Write {
    Write {
        conditions: vec![
            Condition::Present(Field::SeatedAt),
            Condition::Below(Field::Requests, 1),
            Condition::Below(Field::Open, 1),
        ],
        changes: vec![Change::Remove(Field::SeatedAt)],
    }
}

/// The write by which an event takes a seat back.
#[must_use]
pub fn take_back_seat() -> Write {
    Write {
        conditions: vec![Condition::AtLeast(Field::Seats, 1)],
        changes: vec![Change::Add(Field::Seats, -1)],
    }
}

/// How fast an event gives seats, so that one person cannot take all of them under made-up names.
///
/// GCRA: half of a minute's seats at once, then one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatPace {
    /// Seats per minute.
    pub per_minute: u64,
    /// When the request arrived.
    pub now: EpochNanos,
}

impl SeatPace {
    /// The fewest seats per minute, and the fewest at once.
    const LEAST: u64 = 20;

    /// The seats per minute where so many attendees are expected: all of them can join within a
    /// minute.
    #[must_use]
    pub fn for_attendees(expected: u64) -> u64 {
        expected.max(Self::LEAST)
    }

    fn each(self) -> i64 {
        (MINUTE_NS / signed(self.per_minute).max(1)).max(1)
    }

    /// How far the theoretical arrival time may be ahead when a seat is given.
    fn ahead(self) -> i64 {
        let at_once = (self.per_minute / 2).max(Self::LEAST);
        self.each().saturating_mul(signed(at_once).saturating_sub(1))
    }

    /// When the next seat is given, if that is later than now.
    #[must_use]
    pub fn next_after(self, tat: i64) -> Option<EpochNanos> {
        let next = EpochNanos(tat.saturating_sub(self.ahead()));
        (next > self.now).then_some(next)
    }
}

/// The write by which an event gives a seat. `tat` is what is known of the event's
/// [`Field::SeatTat`].
#[must_use]
pub fn give_seat(seats: Option<u64>, pace: Option<SeatPace>, tat: i64) -> Write {
    let full = seats.map(|seats| Condition::AtMost(Field::Seats, signed(seats).saturating_sub(1)));
    let mut write = Write {
        conditions: full.into_iter().collect(),
        changes: vec![Change::Add(Field::Seats, 1)],
    };
    if let Some(pace) = pace {
        let now = pace.now.0;
        if tat >= now {
            let latest = now.saturating_add(pace.ahead());
            write.conditions.push(Condition::AtLeast(Field::SeatTat, now));
            write.conditions.push(Condition::AtMost(Field::SeatTat, latest));
            write.changes.push(Change::Add(Field::SeatTat, pace.each()));
        } else {
            write.conditions.push(Condition::Below(Field::SeatTat, now));
            write.changes.push(Change::Set(Field::SeatTat, now.saturating_add(pace.each())));
        }
    }
    write
}

/// Whether an event has no seat left.
#[must_use]
pub fn is_full(event: &Account, seats: Option<u64>) -> bool {
    seats.is_some_and(|seats| event.count(Field::Seats) >= seats)
}

/// The write by which the attendee takes the seat that was asked for at `asked_at`.
#[must_use]
pub fn take_seat(asked_at: EpochNanos) -> Write {
    Write {
        conditions: vec![Condition::Is(Field::SeatAskedAt, asked_at.0)],
        changes: vec![Change::Set(Field::SeatedAt, asked_at.0), Change::Remove(Field::SeatAskedAt)],
    }
}

/// Since when an attendee's requests count. `None` without a seat.
///
/// A newcomer sends several requests at once, and only one of them asks for the seat. Another one,
/// which has waited for it, may have arrived earlier, or have a function whose clock is behind.
#[must_use]
pub fn used_since(attendee: &Account) -> Option<EpochNanos> {
    let asked_at = attendee.numbers.get(&Field::SeatedAt)?;
    Some(EpochNanos(asked_at.saturating_sub(SEAT_RESPONSE_NS)))
}

/// The write by which an attendee who got no seat stops asking.
#[must_use]
pub fn leave_queue(asked_at: EpochNanos) -> Write {
    Write {
        conditions: vec![Condition::Is(Field::SeatAskedAt, asked_at.0)],
        changes: vec![Change::Remove(Field::SeatAskedAt)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a seat at an instant, or says when the next is given.
    fn ask(event: &mut Account, expected: u64, now: i64) -> Result<(), EpochNanos> {
        let per_minute = SeatPace::for_attendees(expected);
        let pace = SeatPace { per_minute, now: EpochNanos(now) };
        let tat = event.get(Field::SeatTat);
        match event.apply(&give_seat(None, Some(pace), tat)) {
            Some(given) => *event = given,
            None => return Err(pace.next_after(tat).unwrap()),
        }
        Ok(())
    }

    #[test]
    fn half_of_a_minutes_seats_are_given_at_once_and_then_one_after_another() {
        let (mut event, mut now) = (Account::default(), 1_000);
        let at_once = (0..300).filter(|_| ask(&mut event, 300, now).is_ok()).count();
        assert_eq!(at_once, 150);
        for _ in 0..150 {
            let next = ask(&mut event, 300, now).unwrap_err().0;
            assert_eq!(next - now, MINUTE_NS / 300);
            ask(&mut event, 300, next - 1).unwrap_err();
            now = next;
            ask(&mut event, 300, now).unwrap();
        }
        // The second half of the hall has waited for half a minute.
        assert_eq!(now - 1_000, MINUTE_NS / 2);
    }

    #[test]
    fn requests_that_have_waited_for_the_seat_count_too() {
        let mut attendee = Account::default();
        assert_eq!(used_since(&attendee), None);
        let (earlier, asked_at) = (EpochNanos(9_000_000_000), EpochNanos(10_000_000_000));
        attendee = attendee.apply(&ask_for_seat(asked_at)).unwrap();
        assert!(attendee.apply(&ask_for_seat(earlier)).is_none());
        assert_eq!(used_since(&attendee), None);
        attendee = attendee.apply(&take_seat(asked_at)).unwrap();
        assert!(used_since(&attendee).unwrap() <= earlier);
    }

    #[test]
    fn a_few_people_wait_for_nobody() {
        let mut event = Account::default();
        assert!((0..20).all(|_| ask(&mut event, 1, 1_000).is_ok()));
        assert!(ask(&mut event, 1, 1_000).is_err());
        assert!(ask(&mut event, 1, 1_000 + MINUTE_NS / 20).is_ok());
    }
}
