//! The functions called in this process: no binaries, no events, one debugger.
//!
//! As on Lambda, a function whose client has left goes on to its end.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use lanyard_administration::own::attendee::OwnDeploymentsApi;
use lanyard_functions::Handler;
use lanyard_gateway::handler::{Audience, run_handler};
use lanyard_gateway::people::People;
use lanyard_gateway::ports::{Cause, Clock};
use lanyard_gateway::{ApiError, Request, Response};
use lanyard_objects::Objects;
use lanyard_platform::shell::{self, Machine};
use lanyard_runtime::template::Route;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::functions;

/// The functions and what they need.
pub struct InProcess {
    /// Serves attendees' calls to models.
    pub objects: Arc<Objects>,
    /// Serves attendees' other calls: the event, registration and ratings.
    pub people: Arc<People>,
    /// Serves attendees' own deployments.
    pub own: Arc<OwnDeploymentsApi>,
    /// Serves organisers.
    pub admin: Arc<lanyard_administration::Administration>,
    /// Functions under way.
    pub invocations: TaskTracker,
}

impl InProcess {
    /// Answers a request; one without a body was too large.
    pub async fn respond(
        self: &Arc<Self>,
        route: Option<&Route>,
        head: Parts,
        body: Option<Bytes>,
    ) -> Response {
        let is_too_large = body.is_none();
        let request = http::Request::from_parts(head, body.unwrap_or_default());
        let request = match arrive(request, route) {
            Ok(request) => request,
            Err(cause) => return ApiError::Internal(Some(cause)).into_response(),
        };
        let refusal = match route {
            None => Some(ApiError::UnknownRoute),
            Some(_) if is_too_large => {
                Some(ApiError::RequestTooLarge { limit: lanyard_protocol::payload::MOST_BYTES })
            }
            Some(_) => None,
        };
        let (Some(route), None) = (route.cloned(), &refusal) else {
            let refusal = refusal.unwrap_or(ApiError::UnknownRoute);
            return run_handler(Audience::Attendees, request, |_| async { Err(refusal) }).await;
        };
        let functions = Arc::clone(self);
        let invocation = async move { functions.invoke(&route, request).await };
        match self.invocations.spawn(invocation).await {
            Ok(response) => response,
            Err(fault) => ApiError::Internal(Some(fault.into())).into_response(),
        }
    }

    async fn invoke(&self, route: &Route, request: Request) -> Response {
        let Some(function) = lanyard_functions::named(&route.function) else {
            return run_handler(Audience::Attendees, request, |_| async {
                Err(ApiError::UnknownRoute)
            })
            .await;
        };
        let objects = Arc::clone(&self.objects);
        match function.handler {
            Handler::Gateway | Handler::Objects | Handler::Schedule => {
                run_handler(Audience::Attendees, request, |r| {
                    functions::call(function.name, objects, r)
                })
                .await
            }
            Handler::Admin => {
                let admin = Arc::clone(&self.admin);
                run_handler(Audience::Organisers, request, |r| admin::handle(admin, r)).await
            }
            Handler::OwnDeployments => {
                let own = Arc::clone(&self.own);
                run_handler(Audience::Attendees, request, |r| own_deployments::handle(own, r)).await
            }
            Handler::Pages => run_handler(Audience::Visitors, request, pages::handle).await,
            Handler::Rate => {
                let people = Arc::clone(&self.people);
                run_handler(Audience::Attendees, request, |r| rate::handle(people, r)).await
            }
            Handler::Register => {
                let people = Arc::clone(&self.people);
                run_handler(Audience::Attendees, request, |r| register::handle(people, r)).await
            }
        }
    }

    /// Returns when every function has run to its end and everything is settled.
    pub async fn quiet(&self) {
        self.invocations.close();
        self.invocations.wait().await;
        self.objects.gateway().settled().await;
    }
}

/// A request with its id, its time and the function's deadline.
fn arrive(http: http::Request<Bytes>, route: Option<&Route>) -> Result<Request, Cause> {
    let deadline = route.map(|route| Instant::now() + route.timeout);
    Ok(Request { id: shell::request_id()?, now: Machine.now(), deadline, http })
}
