//! Calls to the one resource that stores an object.

use bytes::Bytes;
use http::{HeaderValue, Method};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::Kind;
use lanyard_gateway::Ports;
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::call::{Failure, call_deployment, time_left};
use lanyard_gateway::error::{ApiError, ModelRefusal};
use lanyard_gateway::headers;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::ports::{UpstreamBody, UpstreamCall};
use lanyard_gateway::request::Request;
use lanyard_gateway::settle::Ending;
use lanyard_protocol::payload::JSON;
use lanyard_protocol::{Protocol, identity, stored};

use crate::Objects;
use crate::call::Call;

/// What is sent to a resource.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) body: Bytes,
    pub(crate) is_streamed: bool,
}

impl Outgoing {
    /// A call without a body.
    pub(crate) fn plain(method: Method, url: String) -> Self {
        Self { method, url, content_type: None, body: Bytes::new(), is_streamed: false }
    }

    /// The same without the names of persons that a client wrote into it.
    pub(crate) fn of(mut self, attendance: &Attendance) -> Self {
        let user = || attendance.at.user_hash(&attendance.user);
        if self.content_type.as_ref() == Some(&JSON)
            && let Some(hidden) = identity::hidden(&self.body, user)
        {
            self.body = hidden;
        }
        self
    }
}

impl Objects {
    /// Calls a resource, and once more if its credential was changed meanwhile.
    pub(crate) async fn call_home(
        &self,
        request: &Request,
        kind: Kind,
        deployment: &Deployment,
        outgoing: Outgoing,
    ) -> Result<http::Response<UpstreamBody>, Failure> {
        let preview = request.header(&headers::BETA).ok().flatten();
        let call = UpstreamCall {
            method: outgoing.method,
            url: outgoing.url,
            content_type: outgoing.content_type,
            body: outgoing.body,
            beta: Protocol::of_kind(kind).preview(preview),
            headers: Vec::new(),
            accept: stored::accept(outgoing.is_streamed),
            is_streamed: outgoing.is_streamed,
            request_id: request.id.clone(),
            timeout: time_left(request.deadline, outgoing.is_streamed),
        };
        let Ports { upstream, clock, .. } = self.gateway.ports();
        let called =
            call_deployment(upstream.as_ref(), clock.as_ref(), deployment, || call.clone()).await;
        match called {
            Err(Failure::NotThere(refusal)) if may_be_retired(kind, &refusal) => {
                Err(Failure::Refused(refusal))
            }
            called => called,
        }
    }

    /// Settles the reservation of a call that failed.
    pub(crate) fn refuse(
        &self,
        failure: Failure,
        call: &Call<'_>,
        reservation: Reservation,
    ) -> ApiError {
        let settlement = failure.settlement(reservation.hold());
        let is_missing = matches!(failure, Failure::Missing(_));
        let error = if is_missing { call.not_found() } else { failure.into_error() };
        self.gateway.report(&error, &reservation);
        let ending = Ending::of(settlement, error.code(), error.status().as_u16(), None);
        self.gateway.settle_in_background(reservation, ending);
        error
    }
}

/// Whether Azure may have retired a kind of object at a resource, or not serve it there yet. Its
/// message applies then, and the deployment is not misconfigured.
fn may_be_retired(kind: Kind, refusal: &ModelRefusal) -> bool {
    match kind {
        Kind::Assistant | Kind::Thread | Kind::Run | Kind::Video | Kind::Container => {
            refusal.code.as_deref() != Some("DeploymentNotFound")
        }
        Kind::Response | Kind::Conversation | Kind::File | Kind::VectorStore => false,
    }
}
