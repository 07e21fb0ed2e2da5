//! How a new attendee gets a seat where the number of attendees is limited. The attendee asks, the
//! event gives a seat, and the attendee takes it.

use crate::account::{Change, Condition, Field, Write, signed};
use crate::time::EpochNanos;

/// The write by which a new attendee asks for a seat. Only one of the attendee's requests can ask.
#[must_use]
pub fn ask_for_seat(now: EpochNanos) -> Write {
    Write {
        conditions: vec![
            Condition::Absent(Field::SeatedAt),
            Condition::Below(Field::SeatAskedAt, now.0.saturating_sub(SEAT_ANSWER_NS)),
        ],
        changes: vec![Change::Set(Field::SeatAskedAt, now.0)],
    }
}

/// How long a request that asked for a seat may take. After that its process counts as dead.
const SEAT_ANSWER_NS: i64 = 5_000_000_000;

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

/// The write by which an event gives a seat.
#[must_use]
pub fn give_seat(seats: Option<u64>) -> Write {
    let full = seats.map(|seats| Condition::AtMost(Field::Seats, signed(seats).saturating_sub(1)));
    Write { conditions: full.into_iter().collect(), changes: vec![Change::Add(Field::Seats, 1)] }
}

/// The write by which the attendee takes the seat that was asked for at `asked_at`.
#[must_use]
pub fn take_seat(asked_at: EpochNanos) -> Write {
    Write {
        conditions: vec![Condition::Is(Field::SeatAskedAt, asked_at.0)],
        changes: vec![Change::Set(Field::SeatedAt, asked_at.0), Change::Remove(Field::SeatAskedAt)],
    }
}

/// The write by which an attendee who got no seat stops asking.
#[must_use]
pub fn leave_queue(asked_at: EpochNanos) -> Write {
    Write {
        conditions: vec![Condition::Is(Field::SeatAskedAt, asked_at.0)],
        changes: vec![Change::Remove(Field::SeatAskedAt)],
    }
}
