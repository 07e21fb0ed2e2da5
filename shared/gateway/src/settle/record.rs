//! The usage record of a request.

use chrono::{DateTime, Utc};
use lanyard_domain::catalog::AccountedModel;
use lanyard_domain::usage::{Charge, UsageRecord};

use super::{Ending, Reservation, ms_between};

/// The record of a request that ended at an instant, without its bill.
pub(super) fn record(
    reservation: &Reservation,
    ending: &Ending,
    accounted: Option<&AccountedModel>,
    charge: Charge,
    now: DateTime<Utc>,
) -> UsageRecord {
    let first_byte_at = ending.first_byte_at.unwrap_or(now);
    UsageRecord {
        request_id: reservation.id.clone(),
        event: reservation.at.event.id.clone(),
        user: reservation.user.clone(),
        operation: reservation.operation,
        model: Some(reservation.written_by(accounted)),
        charge,
        is_estimated: ending.is_estimated,
        status: ending.status,
        is_streamed: reservation.is_streamed,
        admitted_at: reservation.admitted_at,
        duration_ms: ms_between(reservation.admitted_at, now),
        first_byte_ms: ms_between(reservation.admitted_at, first_byte_at),
        session: Some(reservation.metadata.session.clone()),
        app: reservation.metadata.app.clone(),
        response_id: reservation.metadata.response_id.clone(),
        own_charge: None,
        cache: ending.settlement.cache(),
        bill: None,
    }
}
