//! A cap of ours is lowered before the request is refused: one that we filled in, or that replaced a
//! larger one of the client's.

use lanyard_domain::allowance::Allowances;
use lanyard_protocol::demand::Demanded;

use super::refuse::{Why, most};
use crate::Gateway;
use crate::demand::ModelCall;
use crate::error::ApiError;
use crate::lookup::Attendance;
use crate::metadata::RequestMetadata;
use crate::request::Request;
use crate::settle::Reservation;

/// The most attempts to lower a cap while other requests change the account.
const LOWERED: usize = 2;

impl Gateway {
    /// Admits a call to a model. If a cap of ours is what does not fit, it is lowered before the
    /// request is refused.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::admit`]. A refusal for lack of tokens is that of the lowest cap: it names the
    /// limit that is in the way of that, and the time from which that fits. One for ever names what the
    /// request as it was would need.
    pub(crate) async fn admit_call(
        &self,
        request: &Request,
        attendance: &Attendance,
        call: &mut ModelCall<'_>,
        mut metadata: RequestMetadata,
    ) -> Result<Reservation, ApiError> {
        let model = call.choice.name().ok_or(ApiError::Internal(None))?;
        let operation = call.protocol.operation;
        let least = call.choice.facts().least_cap();
        let mut lowered = 0;
        let mut lowered_calls = 0;
        let mut first = None;
        let Allowances { attendee, event, .. } = attendance.allowances();
        if (attendee.limits_money() || event.limits_money())
            && let Some(bounded) = call.demanded.with_bounded_calls()
        {
            call.demanded = bounded;
        }
        loop {
            let demanded = &call.demanded;
            let admitted =
                self.try_admit(request, attendance, model, operation, demanded, metadata).await;
            let not = match admitted {
                Ok(reservation) => return Ok(reservation),
                Err(not) => *not,
            };
            metadata = not.metadata;
            // A limit of the attendee's own, of which the event's settings say nothing.
            if let (Why::Other(ApiError::PriceUnknown { .. }), Some(bounded)) =
                (&not.why, demanded.with_bounded_calls())
            {
                call.demanded = bounded;
                continue;
            }
            if let Some(left) = not.why.money_left()
                && lowered_calls < LOWERED
                && let prices = attendance.at.catalog.prices(model)
                && let Some(fewer) = demanded.with_fewer_calls(|fewer| {
                    prices.and_then(|prices| most(fewer, prices)).is_some_and(|most| most <= left)
                })
            {
                lowered_calls += 1;
                call.demanded = fewer;
                continue;
            }
            let error = |why| self.error_of(attendance, request.now, model, why);
            // Not about tokens, such as a blocked attendee: no cap would have helped.
            let Some(fits) = not.fits else { return Err(error(not.why)) };
            let lowest = demanded.with_least_cap(least);
            let fitting = demanded.lowered(fits, least).filter(|_| lowered < LOWERED);
            let next = match (fitting, lowest, not.why) {
                (Some(fitting), ..) => fitting,
                // Time alone helps, and the lowest cap needs less of it.
                (None, Some(lowest), Why::Refused(sides)) if sides.end() => {
                    let tokens = |demanded: &Demanded| demanded.estimate.tokens();
                    let sides = sides.with_less(tokens(demanded), tokens(&lowest));
                    return Err(error(Why::Refused(sides)));
                }
                // Another limit may be in the way of the lowest cap.
                (None, Some(lowest), why) => {
                    first.get_or_insert(error(why));
                    lowest
                }
                (None, None, why) => {
                    let last = error(why);
                    return Err(first.filter(|first| is_same(first, &last)).unwrap_or(last));
                }
            };
            lowered += 1;
            call.demanded = next;
        }
    }
}

/// Whether two refusals are of the same limit, which has no room for the request whatever its cap.
fn is_same(first: &ApiError, last: &ApiError) -> bool {
    if let (
        ApiError::AllowanceTooSmall { scope, limit, .. },
        ApiError::AllowanceTooSmall { scope: last_scope, limit: last_limit, .. },
    ) = (first, last)
    {
        return scope == last_scope && limit == last_limit;
    }
    false
}
