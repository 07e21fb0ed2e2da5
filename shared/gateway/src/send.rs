//! Steps four and five: select a deployment, and call it.
//!
//! At most two calls leave for one request: see [`Attempts`].

mod attempts;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use lanyard_domain::affinity::Affinity;
use lanyard_domain::catalog::{Choice, Deployment};
use lanyard_domain::ids::{DeploymentName, EventId};
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_protocol::added::RefusedFields;
use lanyard_protocol::compact;
use lanyard_protocol::payload::JSON;
use tokio::time::Instant;

pub(crate) use self::attempts::Attempts;
use crate::Gateway;
use crate::call::Failure;
use crate::demand::ModelCall;
use crate::error::ApiError;
use crate::ports::{Incident, UpstreamBody};
use crate::request::{Request, Response, full};
use crate::settle::{Ending, OK, Reservation};
use crate::stored::ResponseHook;

/// A deployment's response.
pub(crate) struct Sent<'d> {
    pub(crate) response: http::Response<UpstreamBody>,
    pub(crate) from: &'d Deployment,
    /// The fields of ours that it did not get.
    pub(crate) refused: RefusedFields,
}

/// No deployment responded.
pub(crate) struct NotSent {
    error: ApiError,
    settlement: Settlement,
    /// Whether Azure does not know the path.
    is_unknown_path: bool,
}

impl Gateway {
    /// The deployments that may take a request, in the order in which they are tried. Those that are
    /// busy or misconfigured are left alone while there is another.
    pub(crate) fn select<'d>(
        &self,
        choice: &Choice<'d>,
        operation: Operation,
        attendee: Affinity,
    ) -> Vec<&'d Deployment> {
        let order = choice.order_for(attendee);
        if order.len() == 1 {
            return order;
        }
        let now = self.ports.clock.now();
        let is_free = |deployment: &&Deployment| {
            !self.learnt.is_busy(deployment, now)
                && !self.learnt.is_misconfigured(deployment, operation, now)
        };
        let free: Vec<_> = order.iter().copied().filter(is_free).collect();
        if free.is_empty() { order } else { free }
    }

    /// Sends an admitted request.
    ///
    /// # Errors
    ///
    /// A refusal of Azure's, or 429, 502, 503 or 504, with its settlement.
    pub(crate) async fn send<'d>(
        &self,
        request: &Request,
        call: &ModelCall<'_>,
        candidates: &[&'d Deployment],
        reservation: &Reservation,
    ) -> Result<Sent<'d>, NotSent> {
        let void = |error| NotSent { error, settlement: Settlement::Void, is_unknown_path: false };
        let [first, others @ ..] = candidates else { return Err(void(ApiError::Internal(None))) };
        if call.until <= Instant::now() {
            return Err(void(ApiError::UpstreamLate(None)));
        }
        let (event, user) = (&reservation.at.event.id, reservation.user_hash.as_str());
        let attempts = Attempts { gateway: self, request, call, event, user };
        let failure = match attempts.run(first, others).await {
            Ok(sent) => return Ok(sent),
            Err(failure) => failure,
        };
        // Azure has lost, or deleted by itself, what our record still names.
        if let (Failure::Missing(_), Some(error)) =
            (&failure, call.hook.as_deref().and_then(ResponseHook::missing))
        {
            return Err(void(error));
        }
        let settlement = failure.settlement(&reservation.hold);
        let is_unknown_path = is_unknown_path(&failure);
        let is_missing_deployment = failure.is_missing_deployment();
        let error = failure.into_error();
        if is_unknown_path && call.demanded.counted.is_some() {
            return Err(NotSent { error, settlement, is_unknown_path });
        }
        if is_unknown_path && call.protocol.may_be_missing && !is_missing_deployment {
            return Err(NotSent { error: ApiError::NotServed, settlement, is_unknown_path });
        }
        let error = match reservation.metadata.is_own {
            true => of_own_deployment(error),
            false => {
                self.report_for(&error, &reservation.at.event.id, &reservation.model);
                error
            }
        };
        Err(NotSent { error, settlement, is_unknown_path })
    }

    /// The error for a request to which no deployment responded: our own count of tokens, where
    /// Azure does not count them.
    ///
    /// # Errors
    ///
    /// The outcome of the call.
    pub(crate) fn response_unsent(
        &self,
        request: &Request,
        call: &ModelCall<'_>,
        reservation: Reservation,
        not_sent: NotSent,
    ) -> Result<Response, ApiError> {
        let counted = call.demanded.counted.filter(|_| not_sent.is_unknown_path);
        let Some(counted) = counted else {
            return Err(self.settle_not_sent(reservation, not_sent));
        };
        let none = HeaderMap::new();
        let headers = self.response_headers(&none, request, &call.demanded, &reservation);
        let now = self.ports.clock.now();
        let ending = Ending::of(Settlement::Exact(Usage::of_tokens(0, 0)), OK, 200, Some(now));
        self.settle_in_background(reservation, ending);
        let mut response = http::Response::new(full(compact::count_of(counted)));
        *response.headers_mut() = headers;
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        Ok(response)
    }

    /// Settles a request to which no deployment responded, and returns the error for the client.
    pub(crate) fn settle_not_sent(&self, reservation: Reservation, not_sent: NotSent) -> ApiError {
        let NotSent { error, settlement, .. } = not_sent;
        let ending = Ending::of(settlement, error.code(), error.status().as_u16(), None);
        self.settle_in_background(reservation, ending);
        error
    }

    /// Counts what an operator must know of.
    pub fn report(&self, error: &ApiError, reservation: &Reservation) {
        // An error of their own deployment is shown to the attendee.
        if !reservation.metadata.is_own {
            self.report_for(error, &reservation.at.event.id, &reservation.model);
        }
    }

    /// The same for a model of an event.
    pub(crate) fn report_for(&self, error: &ApiError, event: &EventId, model: &DeploymentName) {
        if let ApiError::UpstreamMisconfigured(_) = error {
            self.ports.request_log.count(Incident::UpstreamMisconfigured, Some(event));
            tracing::error!(%model, "upstream_misconfigured");
        }
        if let ApiError::UpstreamBusy { .. } | ApiError::UpstreamOverloaded { .. } = error {
            self.ports.request_log.count(Incident::UpstreamBusy, Some(event));
        }
    }
}

/// An error of an attendee's own deployment: a wrong key is theirs to correct.
pub(crate) fn of_own_deployment(error: ApiError) -> ApiError {
    if let ApiError::UpstreamMisconfigured(cause) = error {
        return ApiError::OwnDeploymentRefused(cause);
    }
    error
}

/// Whether Azure does not know the path of a call.
pub(crate) fn is_unknown_path(failure: &Failure) -> bool {
    match failure {
        Failure::NotThere(_) => true,
        Failure::Refused(refusal) => refusal.status == StatusCode::METHOD_NOT_ALLOWED,
        Failure::Transient(_)
        | Failure::Faulty(_)
        | Failure::Lost(_)
        | Failure::TimedOut
        | Failure::BadCredential(_)
        | Failure::Missing(_)
        | Failure::Final(_) => false,
    }
}
