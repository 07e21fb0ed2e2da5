//! The seat that a new attendee takes before the first request.

use std::time::Duration;

use lanyard_domain::account::{AccountKey, Field};
use lanyard_domain::admission;
use lanyard_domain::time::EpochNanos;

use super::AdmissionRefused;
use crate::Gateway;
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
        seats: Option<u64>,
        now: EpochNanos,
    ) -> Result<(), AdmissionRefused> {
        match self.apply_with_retry(key, &admission::ask_for_seat(now)).await? {
            Outcome::Made(_) => {}
            Outcome::Kept(Some(account)) if account.numbers.contains_key(&Field::SeatedAt) => {
                return Ok(());
            }
            Outcome::Kept(_) => return self.await_seat(key).await,
        }
        match self.apply_once(event_key, &admission::give_seat(seats)).await? {
            Outcome::Made(_) => {
                self.apply_with_retry(key, &admission::take_seat(now)).await?;
                Ok(())
            }
            Outcome::Kept(_) => {
                self.apply_with_retry(key, &admission::leave_queue(now)).await?;
                Err(AdmissionRefused::Full)
            }
        }
    }

    /// Waits for another request of the same newcomer to get the seat. The time limit for the whole
    /// account bounds it.
    async fn await_seat(&self, key: &AccountKey) -> Result<(), AdmissionRefused> {
        loop {
            tokio::time::sleep(PAUSE).await;
            let account = self.ports.ledger.account(key).await?.unwrap_or_default();
            let has = |field| account.numbers.contains_key(&field);
            if has(Field::SeatedAt) {
                return Ok(());
            }
            if !has(Field::SeatAskedAt) {
                return Err(AdmissionRefused::Full);
            }
        }
    }
}
