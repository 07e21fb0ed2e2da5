//! Steps four and five: which deployment takes the request, and the call to it.
//!
//! At most two calls leave for one request: to a second deployment of the same name when the first
//! is busy, broken or silent, or to the same one with another credential.

use http::Method;
use lanyard_domain::catalog::{Choice, Deployment};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_protocol::payload::Target;

use crate::Gateway;
use crate::call::{Failure, call_deployment, call_once, timeout};
use crate::demand::ModelCall;
use crate::error::ApiError;
use crate::ports::{Incident, UpstreamBody, UpstreamCall};
use crate::request::Request;
use crate::settle::{Ending, Reservation};
use crate::stored::ResponseHook;

/// A deployment's response.
pub(crate) struct Sent<'d> {
    pub(crate) response: http::Response<UpstreamBody>,
    pub(crate) from: &'d Deployment,
}

/// No deployment responded.
pub(crate) struct NotSent {
    error: ApiError,
    /// Whether the prompt was read all the same, by a filter that refused it.
    is_charged: bool,
}

impl From<ApiError> for NotSent {
    fn from(error: ApiError) -> Self {
        Self { error, is_charged: false }
    }
}

impl From<Failure> for NotSent {
    fn from(failure: Failure) -> Self {
        let is_charged = match &failure {
            Failure::Refused(refusal) => refusal.is_by_filter(),
            Failure::Transient(_)
            | Failure::BadCredential(_)
            | Failure::Missing
            | Failure::NotThere(_)
            | Failure::Final(_) => false,
        };
        Self { error: failure.into_error(), is_charged }
    }
}

impl Gateway {
    /// The deployments that may take a request, in the order in which they are tried.
    pub(crate) fn select<'d>(&self, choice: &Choice<'d>) -> Vec<&'d Deployment> {
        choice.pick_weighted(self.ports.random.next_u64())
    }

    /// Sends an admitted request.
    ///
    /// # Errors
    ///
    /// What Azure refused, or 429, 502, 503 or 504: nothing reached a model.
    pub(crate) async fn send<'d>(
        &self,
        request: &Request,
        call: &ModelCall<'_>,
        candidates: &[&'d Deployment],
        reservation: &mut Reservation,
    ) -> Result<Sent<'d>, NotSent> {
        let [first, others @ ..] = candidates else { return Err(ApiError::Internal(None).into()) };
        let upstream = self.ports.upstream.as_ref();
        reservation.mark_sent();
        let user = reservation.user_hash.as_str();
        let called = call_deployment(upstream, first, || call.to(first, request, user)).await;
        let (called, from) = match (called, others) {
            (Err(Failure::Transient(_)), [second, ..]) => {
                let called = call_once(upstream, second, call.to(second, request, user)).await;
                (called, *second)
            }
            (called, _) => (called, *first),
        };
        let failure = match called {
            Ok(response) => return Ok(Sent { response, from }),
            Err(failure) => failure,
        };
        // Azure has lost, or deleted by itself, what our record still names.
        if let (Failure::Missing, Some(error)) =
            (&failure, call.hook.as_deref().and_then(ResponseHook::missing))
        {
            return Err(error.into());
        }
        let mut not_sent = NotSent::from(failure);
        self.report(&not_sent.error, reservation);
        if let ApiError::UpstreamMisconfigured(cause) = &mut not_sent.error
            && reservation.metadata.is_own
        {
            not_sent.error = ApiError::OwnDeploymentRefused(cause.take());
        }
        Err(not_sent)
    }

    /// Settles a request to which no deployment responded, and returns the error for the client.
    pub(crate) fn settle_not_sent(&self, reservation: Reservation, not_sent: NotSent) -> ApiError {
        let NotSent { error, is_charged } = not_sent;
        // A filter that refuses has read the prompt. Nobody counts it, so the estimate does.
        let prompt = Usage::of_tokens(reservation.hold.prompt_tokens, 0);
        let settlement = if is_charged { Settlement::Exact(prompt) } else { Settlement::Void };
        let mut ending = Ending::of(settlement, error.code(), error.status().as_u16(), None);
        ending.is_estimated = is_charged;
        self.settle_in_background(reservation, ending);
        error
    }

    /// Counts what an operator must know of.
    pub fn report(&self, error: &ApiError, reservation: &Reservation) {
        // The attendee is told about a deployment of their own.
        if reservation.metadata.is_own {
            return;
        }
        let event = Some(&reservation.at.event.id);
        if let ApiError::UpstreamMisconfigured(_) = error {
            self.ports.request_log.count(Incident::UpstreamMisconfigured, event);
            tracing::error!(model = %reservation.model, "upstream_misconfigured");
        }
        if let ApiError::UpstreamBusy { .. } = error {
            self.ports.request_log.count(Incident::UpstreamBusy, event);
        }
    }
}

impl ModelCall<'_> {
    /// The call to one deployment.
    fn to(&self, deployment: &Deployment, request: &Request, user: &str) -> UpstreamCall {
        let target = Target {
            azure_name: deployment.azure_name.as_str(),
            completion_field: deployment.completion_field,
            user,
        };
        UpstreamCall {
            method: Method::POST,
            url: self.protocol.url(deployment),
            body: self.payload.for_azure(&self.demanded, &target),
            content_type: Some(self.payload.content_type()),
            beta: None,
            accept: self.protocol.accept(self.demanded.is_streamed),
            is_streamed: self.demanded.is_streamed,
            request_id: request.id.clone(),
            timeout: timeout(request.deadline),
        }
    }
}
