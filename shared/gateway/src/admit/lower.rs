//! A cap of ours is lowered before the request is refused: one that we filled in, or that replaced a
//! larger one of the client's.

use lanyard_domain::admission::Room;
use lanyard_domain::allowance::Allowances;
use lanyard_domain::models::{ModelFacts, ModelPrices};
use lanyard_protocol::demand::Demanded;

use super::refuse::{Why, priced};
use crate::Gateway;
use crate::demand::ModelCall;
use crate::error::ApiError;
use crate::lookup::Attendance;
use crate::metadata::RequestMetadata;
use crate::request::Request;
use crate::settle::Reservation;

/// How often a request is lowered to what fits while other requests change the accounts. After that
/// it gets the lowest cap.
const LOWERED: usize = 4;

impl Gateway {
    /// Admits a call to a model. If a cap of ours is what does not fit, it is lowered to what fits
    /// before the request is refused.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::admit`]. A refusal is that of the lowest cap: it names the limit that is in
    /// the way of that, and the time from which that fits. One for ever names what the request as it
    /// was would need.
    pub(crate) async fn admit_call(
        &self,
        request: &Request,
        attendance: &Attendance,
        call: &mut ModelCall<'_>,
        mut metadata: RequestMetadata,
    ) -> Result<Reservation, ApiError> {
        let model = call.choice.name().ok_or(ApiError::Internal(None))?;
        let operation = call.protocol.operation;
        let prices = attendance.at.catalog.prices(model).unwrap_or(&ModelFacts::UNKNOWN.prices);
        let least_cap = call.choice.facts().least_cap();
        let mut lowered = 0;
        let Allowances { attendee, event, .. } = attendance.allowances();
        if (attendee.limits_money() || event.limits_money())
            && let Some(bounded) = call.demanded.with_bounded_calls()
        {
            call.demanded = bounded;
        }
        loop {
            let demanded = &call.demanded;
            let least = demanded.at_least(least_cap);
            let admitted = self.try_admit(
                request,
                attendance,
                model,
                operation,
                demanded,
                least.as_ref(),
                metadata,
            );
            let not = match admitted.await {
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
            let (Why::Lower(room), Some(least)) = (&not.why, least) else {
                return Err(self.error_of(attendance, request.now, model, not.why));
            };
            let fitting = (lowered < LOWERED).then(|| lower(demanded, *room, least_cap, prices));
            lowered += 1;
            call.demanded = fitting.flatten().unwrap_or(least);
        }
    }
}

/// The same request with fewer calls of Azure's tools, if it is the money that is not enough, and
/// then with the highest cap that there is room for. `None` if there is no room.
fn lower(
    demanded: &Demanded,
    room: Room,
    least_cap: u64,
    prices: &ModelPrices,
) -> Option<Demanded> {
    let fits = |demanded: &Demanded| room.has(&priced(demanded, prices).0);
    let can_pay = |demanded: &Demanded| room.can_pay(&priced(demanded, prices).0);
    let fewer = if can_pay(demanded) { None } else { demanded.with_fewer_calls(can_pay) };
    let demanded = fewer.as_ref().unwrap_or(demanded);
    if fits(demanded) { fewer } else { demanded.with_lower_cap(least_cap, fits) }
}
