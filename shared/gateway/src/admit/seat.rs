//! The seat that a new attendee takes before the first request.

use std::time::Duration;

use lanyard_domain::account::{AccountKey, Field};
use lanyard_domain::admission::{self, SeatPace};
use lanyard_domain::event::Event;
use lanyard_domain::time::EpochNanos;

use super::{AdmissionRefused, GUESSES, too_busy};
use crate::Gateway;
use crate::error::ApiError;
use crate::lookup::Attendance;
use crate::ports::Outcome;

/// How long to wait for another request of the same attendee to get the seat.
const PAUSE: Duration = Duration::from_millis(20);

impl Gateway {
    /// Gets a newcomer a seat. Of several requests at once, one takes the seat and the others wait
    /// for it.
    pub(crate) async fn seat(
        &self,
        key: &AccountKey,
        event_key: &AccountKey,
        event: &Event,
        now: EpochNanos,
    ) -> Result<(), AdmissionRefused> {
        loop {
            // Nothing is written for a name that certainly gets no seat now.
            if let Some(pace) = pace(event, now)
                && let Some(next) = pace.next_after(self.free_calls.seat_tat(&event.id))
            {
                return Err(AdmissionRefused::NotYet(next));
            }
            match self.apply_with_retry(key, &admission::ask_for_seat(now)).await? {
                Outcome::Made(_) => {}
                Outcome::Kept(Some(account)) if account.numbers.contains_key(&Field::SeatedAt) => {
                    return Ok(());
                }
                Outcome::Kept(_) => match self.await_seat(key).await? {
                    true => return Ok(()),
                    false => continue,
                },
            }
            return match self.give_seat(event_key, event, now).await {
                Ok(()) => {
                    self.apply_with_retry(key, &admission::take_seat(now)).await?;
                    Ok(())
                }
                Err(refused @ (AdmissionRefused::Full | AdmissionRefused::NotYet(_))) => {
                    self.apply_with_retry(key, &admission::leave_queue(now)).await?;
                    Err(refused)
                }
                Err(refused) => Err(refused),
            };
        }
    }

    /// Waits for a newcomer's seat, for as long as an account may take to answer.
    pub(crate) async fn seated(
        &self,
        seat: impl Future<Output = Result<(), AdmissionRefused>>,
        attendance: &Attendance,
        now: EpochNanos,
    ) -> Result<(), ApiError> {
        self.within_timeout(seat).await.map_err(|not| match not {
            AdmissionRefused::Full => ApiError::EventFull { contact: attendance.contact() },
            AdmissionRefused::NotYet(at) => too_many(attendance, now, at),
            AdmissionRefused::AccessDenied(why) => attendance.access_denied(why),
            AdmissionRefused::Refused(_) | AdmissionRefused::NoPrice => ApiError::Internal(None),
            AdmissionRefused::Fault { cause, .. } => self.accounting_unavailable(Some(cause)),
        })
    }

    /// Takes a seat from the event.
    async fn give_seat(
        &self,
        event_key: &AccountKey,
        event: &Event,
        now: EpochNanos,
    ) -> Result<(), AdmissionRefused> {
        let (seats, pace) = (event.allowances.attendees, pace(event, now));
        let mut tat = self.free_calls.seat_tat(&event.id);
        for _ in 0..GUESSES {
            let write = admission::give_seat(seats, pace, tat);
            let (account, is_given) = match self.apply_once(event_key, &write).await? {
                Outcome::Made(account) => (account, true),
                Outcome::Kept(old) => (old.unwrap_or_default(), false),
            };
            tat = account.get(Field::SeatTat);
            self.free_calls.saw_seat_tat(&event.id, tat);
            if is_given {
                return Ok(());
            }
            if admission::is_full(&account, seats) {
                return Err(AdmissionRefused::Full);
            }
            if let Some(next) = pace.and_then(|pace| pace.next_after(tat)) {
                return Err(AdmissionRefused::NotYet(next));
            }
        }
        Err(too_busy())
    }

    /// Waits for another request of the same newcomer to get the seat. False if it got none. The
    /// time limit for the whole account bounds it.
    async fn await_seat(&self, key: &AccountKey) -> Result<bool, AdmissionRefused> {
        loop {
            tokio::time::sleep(PAUSE).await;
            let account = self.ports.ledger.account(key).await?.unwrap_or_default();
            let has = |field| account.numbers.contains_key(&field);
            if has(Field::SeatedAt) {
                return Ok(true);
            }
            if !has(Field::SeatAskedAt) {
                return Ok(false);
            }
        }
    }
}

/// The refusal of a newcomer who gets a seat later.
pub(super) fn too_many(attendance: &Attendance, now: EpochNanos, at: EpochNanos) -> ApiError {
    ApiError::TooManyNewcomers {
        allowed: attendance.event().seats_per_minute.unwrap_or_default(),
        retry_after: Duration::from_nanos(at.since(now).unsigned_abs())
            .max(Duration::from_millis(1)),
    }
}

/// How fast the event gives seats; none where their number is not limited.
fn pace(event: &Event, now: EpochNanos) -> Option<SeatPace> {
    let per_minute = event.seats_per_minute.filter(|_| event.allowances.attendees.is_some())?;
    Some(SeatPace { per_minute, now })
}
