//! Objects that Azure stores for attendees: responses, conversations, files, vector stores,
//! assistants, threads, runs and videos.
//!
//! All attendees of an event share one resource at Azure. Azure returns an object to every caller
//! that has its id. So Lanyard records the owner of each object before it passes the id on
//! (`registry`). Every later call looks the id up among the caller's own objects (`ownership`). An
//! object of another attendee is not found, like one that never existed.
//!
//! [`routes`] is the table of calls. Azure goes on working on a run or a video after its response;
//! `jobs` settles them. This crate is built on the gateway's public API. The gateway knows it as a
//! [`StoredObjects`](lanyard_gateway::stored::StoredObjects).

mod act;
mod call;
mod create;
pub mod deletion;
pub mod finish;
mod jobs;
mod list;
mod ownership;
mod poll;
mod query;
mod recorder;
mod registry;
mod responses;
mod rewrite;
pub mod routes;
mod start;
pub mod store;
mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod throttle;
mod upstream;

use std::sync::Arc;

use lanyard_domain::object::Kind;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::ports::RequestLine;
use lanyard_gateway::request::{Request, Response};
use lanyard_gateway::{Gateway, Ports};

use crate::call::Call;
use crate::recorder::ObjectHook;
use crate::registry::Registry;
use crate::routes::{Action, RouteMatch};
use crate::store::ObjectStore;
use crate::throttle::Throttle;

/// A gateway with the objects that attendees store at Azure.
pub struct Objects {
    gateway: Arc<Gateway>,
    registry: Arc<Registry>,
    throttle: Throttle,
}

impl Objects {
    /// Builds a gateway whose requests may name objects of this store.
    #[must_use]
    pub fn new(ports: Ports, store: Arc<dyn ObjectStore>) -> Self {
        let registry = Arc::new(Registry::new(&ports, store));
        let hook = Arc::new(ObjectHook(Arc::clone(&registry)));
        let gateway = Arc::new(Gateway::new(ports).with_stored_objects(hook));
        Self { gateway, registry, throttle: Throttle::default() }
    }

    /// The gateway, for requests that are forwarded.
    #[must_use]
    pub fn gateway(&self) -> Arc<Gateway> {
        Arc::clone(&self.gateway)
    }

    /// Serves one call about stored objects.
    ///
    /// To create, change, delete, list or search costs one request and no tokens. To read one
    /// object is free but throttled, because clients poll until an object is ready.
    ///
    /// # Errors
    ///
    /// Every row of the error table.
    pub async fn handle(&self, kind: Kind, request: Request) -> Result<Response, ApiError> {
        let operation = Some(kind.operation());
        let mut line = RequestLine { operation, ..RequestLine::default() };
        let response = self.dispatch(kind, &request, &mut line).await;
        self.gateway.note_refusal(&request, line, &response);
        response
    }

    async fn dispatch(
        &self,
        kind: Kind,
        request: &Request,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let matched = RouteMatch::read(kind, request.http.method(), request.http.uri().path())?;
        let call = Call::read(&self.gateway, request, matched, line).await?;
        match call.action() {
            Action::Create => self.create(&call, line).await,
            Action::List => self.list(&call, line).await,
            Action::Poll => self.poll(&call, line).await,
            Action::Start => self.start(&call, line).await,
            Action::Read
            | Action::Resume
            | Action::Download
            | Action::Change
            | Action::Extend
            | Action::Delete => self.act(&call, line).await,
        }
    }
}

/// Handlers run on any thread. This does not compile if a step of `handle` is not `Send`.
const _: fn(&Objects, Request) = |objects, request| {
    fn is_send(_: impl Send) {}
    is_send(objects.handle(Kind::File, request));
};
