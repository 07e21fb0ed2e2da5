//! What a request may cost in money, and what its sender learns when an account has no room for it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lanyard_domain::account::AccountKey;
use lanyard_domain::admission::{Demand, Refusal};
use lanyard_domain::estimate::Estimate;
use lanyard_domain::models::ModelPrices;
use lanyard_domain::unit::Unit;
use lanyard_protocol::demand::Demanded;

use super::{AdmissionRefused, SOON};
use crate::Gateway;
use crate::error::{ApiError, LimitScope};
use crate::lookup::Attendance;

impl Gateway {
    /// The error of a refusal by an account.
    pub(super) fn refused(
        &self,
        attendance: &Attendance,
        now: DateTime<Utc>,
        scope: LimitScope,
        account: &AccountKey,
        refusal: Refusal,
    ) -> ApiError {
        let until = |instant: DateTime<Utc>| (instant - now).to_std().unwrap_or_default();
        let contact = attendance.contact();
        match refusal {
            Refusal::Rate { limit, allowed, retry_at } => {
                let retry_after = until(retry_at.to_utc()).max(Duration::from_millis(1));
                ApiError::RateLimitExceeded { scope, limit, allowed, retry_after, is_held: false }
            }
            Refusal::Day { limit, allowed, is_held: true, .. }
            | Refusal::Budget { limit, allowed, is_held: true, .. } => {
                let retry_after = self.settler.memory.wait_for_one(account);
                ApiError::RateLimitExceeded { scope, limit, allowed, retry_after, is_held: true }
            }
            Refusal::Day { limit, allowed, resets_at, .. } if until(resets_at) <= SOON => {
                let retry_after = until(resets_at).max(Duration::from_secs(1));
                ApiError::RateLimitExceeded { scope, limit, allowed, retry_after, is_held: false }
            }
            Refusal::Day { limit, allowed, resets_at, .. } => {
                let resets_at = Some(attendance.event().window.display(resets_at));
                ApiError::InsufficientQuota { scope, limit, allowed, resets_at, contact }
            }
            Refusal::Budget { limit, allowed, .. } => {
                ApiError::InsufficientQuota { scope, limit, allowed, resets_at: None, contact }
            }
            Refusal::InFlight { allowed } => {
                let retry_after = self.settler.memory.wait_for_one(account);
                ApiError::TooManyInFlight { scope, allowed, retry_after }
            }
            Refusal::NeverFits { limit, allowed, needed } => {
                ApiError::AllowanceTooSmall { scope, limit, allowed, needed }
            }
            Refusal::Blocked => ApiError::AttendeeBlocked { contact },
        }
    }
}

/// The tokens that both accounts have room for, if tokens are the only reason for the refusal.
pub(super) fn fitting(
    attendee: &Result<(), AdmissionRefused>,
    event: &Result<(), AdmissionRefused>,
    demand: &Demand,
    prices: &ModelPrices,
) -> Option<u64> {
    let fits = |side: &Result<(), AdmissionRefused>| match side {
        Ok(()) => Some(u64::MAX),
        Err(AdmissionRefused::Refused(refusal)) => refusal.fitting_tokens(demand, prices),
        Err(
            AdmissionRefused::AccessDenied(_)
            | AdmissionRefused::Full
            | AdmissionRefused::NotYet(_)
            | AdmissionRefused::NoPrice
            | AdmissionRefused::Fault { .. },
        ) => None,
    };
    Some(fits(attendee)?.min(fits(event)?))
}

/// An estimate with what it may cost in money, and whether that is known.
pub(super) fn priced(demanded: &Demanded, prices: &ModelPrices) -> (Estimate, bool) {
    let estimate = demanded.estimate;
    match prices.most(&estimate) {
        Some(most) => {
            let units = estimate.units.with(Unit::Usd, most);
            (Estimate { units, ..estimate }, !demanded.uses_hosted)
        }
        None => (estimate, false),
    }
}
