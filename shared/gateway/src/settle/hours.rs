//! The hourly counts of settled and refused requests, which charts show.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lanyard_domain::hour::{HourCount, Rejected};
use lanyard_domain::usage::UsageRecord;

use super::{Ending, OK, Reservation, Settler, ms_between};
use crate::ports::RequestLine;

impl Settler {
    /// Adds to an hour, and with it what the process remembers of refusals in the same one.
    pub(super) async fn count_hour(&self, count: Option<HourCount>) {
        let Some(mut count) = count else { return };
        self.refusals.join(&mut count);
        if count.requests == 0 && count.errors.is_empty() && count.rejected.is_empty() {
            return;
        }
        if let Err(fault) = self.ledger.count_hour(&count).await {
            tracing::warn!(event = %count.event, fault = ?fault, "hour not counted");
        }
    }

    /// Counts a refusal, which is written down together with others.
    pub(crate) fn count_refusal(&self, line: RequestLine, now: DateTime<Utc>) {
        if let Some(event) = line.event {
            let rejected = line.user.map(|user| Rejected { user, code: line.outcome, at: now });
            self.refusals.add(HourCount::new(event, now, line.model), line.outcome, rejected);
        }
    }

    /// Writes down, in the background, the refusals of which it is time.
    pub(crate) fn write_refusals(self: &Arc<Self>, now: DateTime<Utc>) {
        let due = self.refusals.due(now);
        if due.is_empty() {
            return;
        }
        let settler = Arc::clone(self);
        self.in_background(async move {
            for count in due {
                settler.count_hour(Some(count)).await;
            }
        });
    }
}

/// The counts that a request adds to its hour.
pub(super) fn of(
    reservation: &Reservation,
    ending: &Ending,
    record: Option<&UsageRecord>,
) -> HourCount {
    let event = reservation.at.event.id.clone();
    let written_by = record.and_then(|record| record.model.as_ref());
    let model = written_by.unwrap_or(&reservation.model).clone();
    let first_byte = ending.first_byte_at.map(|at| ms_between(reservation.admitted_at, at));
    let mut count = HourCount::new(event, reservation.admitted_at, Some(model));
    (count.shard, count.first_byte_ms) = (reservation.shard, first_byte);
    if let Some(record) = record {
        (count.requests, count.charge) = (1, record.charge);
        // The event does not pay for an attendee's own deployment.
        if record.own_charge.is_none() {
            count.cache = record.cache;
        }
    }
    if ending.outcome != OK {
        count.add_errors(ending.outcome, 1);
    }
    count
}
