//! What a request may cost in money, and what its sender learns when an account has no room for it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lanyard_domain::account::AccountKey;
use lanyard_domain::admission::{Refusal, Rejection, Room};
use lanyard_domain::by_model::LimitKey;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::models::ModelPrices;
use lanyard_domain::unit::Unit;
use lanyard_protocol::demand::Demanded;

use super::{AdmissionRefused, SOON};
use crate::Gateway;
use crate::error::{ApiError, LimitName, LimitScope};
use crate::lookup::Attendance;

impl Gateway {
    /// The error of a refusal by an account.
    fn refused(
        &self,
        attendance: &Attendance,
        now: DateTime<Utc>,
        (scope, account): (LimitScope, &AccountKey),
        model: &DeploymentName,
        refusal: Refusal,
    ) -> ApiError {
        let until = |instant: DateTime<Utc>| (instant - now).to_std().unwrap_or_default();
        let contact = attendance.contact();
        // A limit on a model is one on the model of the request.
        let named = |limit: LimitKey| LimitName {
            limit: limit.limit,
            model: limit.model.map(|_| model.clone()),
        };
        let limited = |limit, allowed, retry_after, is_held| ApiError::RateLimitExceeded {
            scope,
            limit: named(limit),
            allowed,
            retry_after,
            is_held,
        };
        let used_up = |limit, allowed, remaining, resets_at| ApiError::InsufficientQuota {
            scope,
            limit: named(limit),
            allowed,
            remaining,
            resets_at,
            contact: contact.clone(),
        };
        match refusal {
            Refusal::Rate { limit, allowed, retry_at, is_held } => {
                let mut retry_after = until(retry_at.to_utc()).max(Duration::from_millis(1));
                if is_held {
                    retry_after = retry_after.max(self.settler.memory.wait_for_one(account));
                }
                limited(limit, allowed, retry_after, false)
            }
            Refusal::Day { limit, allowed, is_held: true, .. }
            | Refusal::Budget { limit, allowed, is_held: true, .. } => {
                limited(limit, allowed, self.settler.memory.wait_for_one(account), true)
            }
            Refusal::Day { limit, allowed, resets_at, .. } if until(resets_at) <= SOON => {
                limited(limit, allowed, until(resets_at).max(Duration::from_secs(1)), false)
            }
            Refusal::Day { limit, allowed, remaining, resets_at, .. } => {
                let resets_at = attendance.event().window.display(resets_at);
                used_up(limit, allowed, remaining, Some(resets_at))
            }
            Refusal::Budget { limit, allowed, remaining, .. } => {
                used_up(limit, allowed, remaining, None)
            }
            Refusal::InFlight { limit, allowed } => {
                let retry_after = self.settler.memory.wait_for_one(account);
                ApiError::TooManyInFlight { scope, limit: named(limit), allowed, retry_after }
            }
            Refusal::NeverFits { limit, allowed, needed } => {
                ApiError::AllowanceTooSmall { scope, limit: named(limit), allowed, needed }
            }
            Refusal::Blocked => ApiError::AttendeeBlocked { contact },
        }
    }
}

/// Why a request was not admitted.
pub(super) enum Why {
    /// It has to be lowered to what both accounts have room for.
    Lower(Room),
    /// Its accounts refuse it.
    Refused(Sides),
    /// Anything else.
    Other(ApiError),
}

impl Why {
    /// The reason of two accounts of which one at least has not admitted a request. What the attendee
    /// can act on comes first. `error` is that of what is no refusal by a limit.
    pub(super) fn of(
        attendee: Result<(), AdmissionRefused>,
        event: Result<(), AdmissionRefused>,
        error: impl Fn(AdmissionRefused) -> ApiError,
    ) -> Self {
        let (mut sides, mut room, mut other) = (Sides::default(), Room::UNLIMITED, None);
        for (side, refusal) in [(attendee, &mut sides.attendee), (event, &mut sides.event)] {
            match side {
                Ok(()) => {}
                Err(AdmissionRefused::Refused(Rejection::Refuse(refused))) => {
                    *refusal = Some(refused);
                }
                Err(AdmissionRefused::Refused(Rejection::Lower { room: left, .. })) => {
                    room = room.and(left);
                }
                Err(refused) => other = other.or(Some(error(refused))),
            }
        }
        match (sides.if_any(), other) {
            (Some(sides), None) => Self::Refused(sides),
            (Some(sides), Some(_)) if sides.attendee.is_some() => Self::Refused(sides),
            (_, Some(other)) => Self::Other(other),
            (None, None) => Self::Lower(room),
        }
    }
}

/// The refusals of the two accounts of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sides {
    pub(super) attendee: Option<Refusal>,
    pub(super) event: Option<Refusal>,
}

impl Sides {
    /// These, if there is one.
    pub(super) fn if_any(self) -> Option<Self> {
        (self.attendee.is_some() || self.event.is_some()).then_some(self)
    }
}

impl Gateway {
    /// The error for the client. Where both accounts refuse, it is that of the refusal that lasts
    /// longer, so that a request that comes back then is admitted.
    pub(super) fn error_of(
        &self,
        attendance: &Attendance,
        now: DateTime<Utc>,
        model: &DeploymentName,
        why: Why,
    ) -> ApiError {
        let sides = match why {
            Why::Other(error) => return error,
            Why::Refused(sides) => sides,
            // It may not be lowered any more, so this is never the last reason.
            Why::Lower(_) => return ApiError::Internal(None),
        };
        let event = &attendance.event().id;
        let error = |scope, key: AccountKey, refusal| {
            (refusal, self.refused(attendance, now, (scope, &key), model, refusal))
        };
        let attendee = sides.attendee.map(|refusal| {
            let key = AccountKey::Attendee(event.clone(), attendance.user.clone());
            error(LimitScope::Attendee, key, refusal)
        });
        let event = sides
            .event
            .map(|refusal| error(LimitScope::Event, AccountKey::Event(event.clone()), refusal));
        match (attendee, event) {
            (Some(attendee), Some(event)) => of_both(attendee, event),
            (Some((_, error)), None) | (None, Some((_, error))) => error,
            (None, None) => ApiError::Internal(None),
        }
    }
}

fn of_both(attendee: (Refusal, ApiError), event: (Refusal, ApiError)) -> ApiError {
    let is_events = match (wait(&attendee.1), wait(&event.1)) {
        (Some(attendee), Some(event)) => event > attendee,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => event.0.binds_before(&attendee.0),
    };
    if is_events { event.1 } else { attendee.1 }
}

/// How long a refused request is to wait. `None` if no wait helps.
fn wait(error: &ApiError) -> Option<Duration> {
    if let ApiError::RateLimitExceeded { retry_after, .. }
    | ApiError::TooManyInFlight { retry_after, .. } = error
    {
        return Some(*retry_after);
    }
    None
}

/// An estimate with what it may cost in money, and whether that is known.
pub(super) fn priced(demanded: &Demanded, prices: &ModelPrices) -> (Estimate, bool) {
    let estimate = demanded.estimate;
    let is_bounded = demanded.hosted.is_none_or(|hosted| hosted.calls().is_some());
    match most(demanded, prices) {
        Some(most) => {
            let units = estimate.units.with(Unit::Usd, most);
            (Estimate { units, ..estimate }, is_bounded)
        }
        None => (estimate, false),
    }
}

/// The most that a request may cost, in nano-dollars, if that is known. With tools of Azure's the
/// model works in turns: one before each call and one after the last. What a call brings has no size
/// that is known, so each turn may fill the context of the model.
fn most(demanded: &Demanded, prices: &ModelPrices) -> Option<u64> {
    let estimate = &demanded.estimate;
    let Some((hosted, calls)) = demanded.hosted.and_then(|it| Some((it, it.calls()?))) else {
        return prices.most(estimate);
    };
    let turn = estimate.prompt_tokens.max(hosted.context);
    let prompt_tokens = turn.saturating_mul(calls.saturating_add(1));
    let tokens = prices.most(&Estimate { prompt_tokens, ..*estimate })?;
    tokens.checked_add(calls.checked_mul(hosted.price?)?)
}
