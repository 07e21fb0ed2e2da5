//! Rates of what no account counts: calls that cost an attendee nothing, proofs of registrations, and
//! lookups of unknown codes.
//!
//! Each process remembers its own. So these rates cost no round trip, and the most that a caller can
//! do is the rate times the processes that serve them. Lambda gives a process one request at a time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lanyard_domain::account::AccountKey;
use lanyard_domain::ids::EventId;
use lanyard_domain::limit::Limit;
use lanyard_domain::time::{EpochNanos, MINUTE_NS};
use tokio::time::Instant;

use crate::error::{ApiError, LimitScope};
use crate::memory::Bounded;

/// Calls per minute of one attendee that cost nothing: reads of objects, models and the event,
/// ratings, attendees' own deployments. A script that polls twice a second has room for five
/// objects.
const CALLS: i64 = 600;

/// Proofs per minute for one name. Each is hashed slowly, and each may be a guess.
const PROOFS: i64 = 20;

/// Unknown codes that one process looks up at once. A room full of people who mistype are fewer.
const GUESSES: u32 = 50;

/// The delay that each further unknown code adds to lookups of codes that are not cached.
const EACH_GUESS: Duration = Duration::from_millis(200);

/// The longest delay of one lookup.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The counts of one process.
#[derive(Debug)]
pub(crate) struct FreeCalls {
    calls: Bounded<AccountKey, EpochNanos>,
    proofs: Bounded<AccountKey, EpochNanos>,
    /// The theoretical arrival time of an event's new seats, as last seen in its account.
    seats: Bounded<EventId, i64>,
    /// When the delays of all unknown codes until now have passed.
    guessed_until: Mutex<Option<Instant>>,
}

impl Default for FreeCalls {
    fn default() -> Self {
        Self {
            calls: Bounded::new(10_000),
            proofs: Bounded::new(10_000),
            seats: Bounded::new(1_000),
            guessed_until: Mutex::default(),
        }
    }
}

impl FreeCalls {
    /// Counts a call that costs nothing.
    ///
    /// # Errors
    ///
    /// 429 with the time to wait.
    pub(crate) fn call(&self, key: AccountKey, now: DateTime<Utc>) -> Result<(), ApiError> {
        take(&self.calls, key, CALLS, now)
    }

    /// Counts a proof for a name.
    ///
    /// # Errors
    ///
    /// 429 with the time to wait.
    pub(crate) fn proof(&self, key: AccountKey, now: DateTime<Utc>) -> Result<(), ApiError> {
        take(&self.proofs, key, PROOFS, now)
    }

    /// The theoretical arrival time of an event's new seats, or an earlier one.
    pub(crate) fn seat_tat(&self, event: &EventId) -> i64 {
        self.seats.get(event).unwrap_or_default()
    }

    /// Remembers it. It only grows.
    pub(crate) fn saw_seat_tat(&self, event: &EventId, tat: i64) {
        self.seats.insert(event.clone(), tat.max(self.seat_tat(event)));
    }

    /// Waits before a code is looked up that this process does not know, if many unknown ones came
    /// before it.
    pub(crate) async fn before_lookup(&self) {
        let until = *self.guessed();
        let Some(until) = until else { return };
        let now = Instant::now();
        let delay = until.saturating_duration_since(now).saturating_sub(EACH_GUESS * GUESSES);
        if !delay.is_zero() {
            tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
        }
    }

    /// Counts a lookup that found nothing.
    pub(crate) fn found_nothing(&self) {
        let now = Instant::now();
        let mut until = self.guessed();
        *until = Some(until.unwrap_or(now).max(now) + EACH_GUESS);
    }

    fn guessed(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        // A panic elsewhere cannot leave an instant half written.
        self.guessed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// GCRA: a full minute's calls at once, then one after another.
fn take(
    known: &Bounded<AccountKey, EpochNanos>,
    key: AccountKey,
    per_minute: i64,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let now = EpochNanos::from(now);
    let each = MINUTE_NS / per_minute;
    let tat = known.get(&key).unwrap_or(now).max(now);
    let over = tat.0.saturating_add(each).saturating_sub(now.0.saturating_add(MINUTE_NS));
    if over > 0 {
        return Err(ApiError::RateLimitExceeded {
            scope: LimitScope::Attendee,
            limit: Limit::RequestsPerMinute.into(),
            allowed: per_minute.unsigned_abs(),
            retry_after: Duration::from_nanos(over.unsigned_abs()).max(Duration::from_millis(1)),
            is_held: false,
        });
    }
    known.insert(key, EpochNanos(tat.0.saturating_add(each)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_minutes_calls_pass_at_once_and_the_next_at_the_time_that_is_named() {
        let calls = FreeCalls::default();
        let key =
            |user: &str| AccountKey::Attendee("evt_1".parse().unwrap(), user.parse().unwrap());
        let now = "2026-12-05T12:00:00Z".parse().unwrap();
        for _ in 0..CALLS {
            calls.call(key("ada"), now).unwrap();
        }
        let refused = calls.call(key("ada"), now);
        let Err(ApiError::RateLimitExceeded { retry_after, .. }) = refused else { panic!() };
        assert_eq!(retry_after, Duration::from_millis(100));
        calls.call(key("bob"), now).unwrap();
        let later = now + TimeDelta::from_std(retry_after).unwrap();
        assert!(calls.call(key("ada"), later - TimeDelta::nanoseconds(1)).is_err());
        calls.call(key("ada"), later).unwrap();
        assert!(calls.call(key("ada"), later).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_codes_delay_lookups_once_there_are_many_of_them() {
        let calls = FreeCalls::default();
        let begun = Instant::now();
        for _ in 0..GUESSES {
            calls.before_lookup().await;
            calls.found_nothing();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            calls.before_lookup().await;
            calls.found_nothing();
        }
        // The first one is not delayed. Each later one waits for the one before it.
        assert!(begun.elapsed() >= EACH_GUESS * 99, "{:?}", begun.elapsed());
        tokio::time::sleep(EACH_GUESS * (GUESSES + 1)).await;
        let begun = Instant::now();
        calls.before_lookup().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
