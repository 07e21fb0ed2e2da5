//! Steps four and five: which deployment takes the request, and the call to it.
//!
//! At most two calls leave for one request: see [`Attempts`].

mod attempts;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use lanyard_domain::affinity::Affinity;
use lanyard_domain::catalog::{Choice, Deployment};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_protocol::added::RefusedFields;
use lanyard_protocol::compact;
use lanyard_protocol::payload::JSON;

use self::attempts::Attempts;
use crate::Gateway;
use crate::call::Failure;
use crate::demand::ModelCall;
use crate::error::ApiError;
use crate::ports::{Incident, UpstreamBody};
use crate::request::{Request, Response, whole};
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
    /// Whether the prompt was read all the same, by a filter that refused it.
    is_charged: bool,
    /// Whether Azure does not know the path.
    is_unknown_path: bool,
}

impl From<ApiError> for NotSent {
    fn from(error: ApiError) -> Self {
        Self { error, is_charged: false, is_unknown_path: false }
    }
}

impl From<Failure> for NotSent {
    fn from(failure: Failure) -> Self {
        let is_charged = match &failure {
            Failure::Refused(refusal) => refusal.is_by_filter(),
            Failure::Transient(_)
            | Failure::BadCredential(_)
            | Failure::Missing(_)
            | Failure::NotThere(_)
            | Failure::Final(_) => false,
        };
        let is_unknown_path = match &failure {
            Failure::NotThere(_) => true,
            Failure::Refused(refusal) => refusal.status == StatusCode::METHOD_NOT_ALLOWED,
            Failure::Transient(_)
            | Failure::BadCredential(_)
            | Failure::Missing(_)
            | Failure::Final(_) => false,
        };
        Self { error: failure.into_error(), is_charged, is_unknown_path }
    }
}

impl Gateway {
    /// The deployments that may take a request, in the order in which they are tried. Those that are
    /// busy are left alone while there is another.
    pub(crate) fn select<'d>(
        &self,
        choice: &Choice<'d>,
        attendee: Affinity,
    ) -> Vec<&'d Deployment> {
        let order = choice.order_for(attendee);
        if order.len() == 1 {
            return order;
        }
        let now = self.ports.clock.now();
        let is_free = |deployment: &&Deployment| !self.learnt.is_busy(deployment, now);
        let free: Vec<_> = order.iter().copied().filter(is_free).collect();
        if free.is_empty() { order } else { free }
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
        reservation.mark_sent();
        let attempts = Attempts { gateway: self, request, call, user: &reservation.user_hash };
        let failure = match attempts.run(first, others).await {
            Ok(sent) => return Ok(sent),
            Err(failure) => failure,
        };
        // Azure has lost, or deleted by itself, what our record still names.
        if let (Failure::Missing(_), Some(error)) =
            (&failure, call.hook.as_deref().and_then(ResponseHook::missing))
        {
            return Err(error.into());
        }
        let mut not_sent = NotSent::from(failure);
        if not_sent.is_unknown_path && call.demanded.counted.is_some() {
            return Err(not_sent);
        }
        self.report(&not_sent.error, reservation);
        if let ApiError::UpstreamMisconfigured(cause) = &mut not_sent.error
            && reservation.metadata.is_own
        {
            not_sent.error = ApiError::OwnDeploymentRefused(cause.take());
        }
        Err(not_sent)
    }

    /// The answer to a request to which no deployment responded: our own count of tokens, where
    /// Azure does not count them.
    ///
    /// # Errors
    ///
    /// What became of the request.
    pub(crate) fn answer_unsent(
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
        let headers = self.answer_headers(&none, request, &call.demanded, &reservation);
        let now = self.ports.clock.now();
        let ending = Ending::of(Settlement::Exact(Usage::of_tokens(0, 0)), OK, 200, Some(now));
        self.settle_in_background(reservation, ending);
        let mut response = http::Response::new(whole(compact::count_of(counted)));
        *response.headers_mut() = headers;
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        Ok(response)
    }

    /// Settles a request to which no deployment responded, and returns the error for the client.
    pub(crate) fn settle_not_sent(&self, reservation: Reservation, not_sent: NotSent) -> ApiError {
        let NotSent { error, is_charged, .. } = not_sent;
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
