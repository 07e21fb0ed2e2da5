//! A cap of ours is lowered before the request is refused: one that we filled in, or that replaced a
//! larger one of the client's.

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
    /// As for [`Gateway::admit`]. A refusal for lack of tokens is that of the cap before it was
    /// lowered.
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
        let mut first = None;
        for tries in 0..=LOWERED {
            let demanded = &call.demanded;
            let admitted =
                self.try_admit(request, attendance, model, operation, demanded, metadata).await;
            let not = match admitted {
                Ok(reservation) => return Ok(reservation),
                Err(not) => *not,
            };
            metadata = not.metadata;
            // Not about tokens, such as a blocked attendee: no cap would have helped.
            let Some(fits) = not.fits else { return Err(not.error) };
            let lowered = demanded.lowered(fits, least).filter(|_| tries < LOWERED);
            let error = first.take().unwrap_or(not.error);
            let Some(lowered) = lowered else { return Err(error) };
            first = Some(error);
            call.demanded = lowered;
        }
        Err(first.unwrap_or(ApiError::Internal(None)))
    }
}
