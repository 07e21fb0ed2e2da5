//! Objects that Azure keeps for attendees: stored responses, conversations, files, vector stores,
//! assistants, threads, runs, films.
//!
//! All attendees of an event share a resource, and Azure gives any object to whoever names its id.
//! So the owner of each is written down when it is made ([`keeper`]), and every later call looks
//! the id up among the caller's own first ([`ownership`]): what is somebody else's is not found,
//! just as what never was. What can be called is one table, [`verbs`]. What Azure works on after its
//! answer is paid for by [`jobs`].

mod call;
mod create;
pub mod deletion;
pub mod finish;
mod jobs;
mod list;
mod ownership;
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

use std::sync::Arc;

use lanyard_domain::object::Kind;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::memory::Bounded;
use lanyard_gateway::notes::Notes;
use lanyard_gateway::parse;
use lanyard_gateway::ports::RequestLine;
use lanyard_gateway::request::{Request, Response};
use lanyard_gateway::{Gateway, Ports};

use self::query::Query;
use self::routes::{Action, RouteMatch};
use crate::store::ObjectStore;

use recorder::ObjectHook;
use registry::Registry;
use throttle::Throttle;

/// The objects that attendees store at Azure, above a gateway.
pub struct Objects {
    gateway: Arc<Gateway>,
    registry: Arc<Registry>,
    throttle: Throttle,
}

impl Objects {
    /// A gateway whose requests may name stored objects, and what can be done with them.
    #[must_use]
    pub fn new(ports: Ports, store: Arc<dyn ObjectStore>) -> Self {
        let registry = Arc::new(Registry {
            objects: store,
            upstream: Arc::clone(&ports.upstream),
            journal: Arc::clone(&ports.journal),
            luck: Arc::clone(&ports.luck),
            timeout: ports.ledger_patience,
            marked: Bounded::new(1_000),
        });
        let stored = Arc::new(ObjectHook(Arc::clone(&registry)));
        let gateway = Arc::new(Gateway::new(ports).with_stored_objects(stored));
        Self { gateway, registry, throttle: Throttle::default() }
    }

    /// The gateway, for requests that are forwarded.
    #[must_use]
    pub fn gateway(&self) -> Arc<Gateway> {
        Arc::clone(&self.gateway)
    }

    /// Takes a call that concerns kept objects from its arrival to the answer.
    ///
    /// Making, changing, deleting, listing and searching cost a request and no tokens. Reading one
    /// object costs nothing and is paced instead, because clients read until something is done.
    ///
    /// # Errors
    ///
    /// Every row of the error table.
    pub async fn handle(&self, kind: Kind, request: Request) -> Result<Response, ApiError> {
        let operation = Some(kind.operation());
        let mut line = RequestLine { operation, ..RequestLine::default() };
        let answered = self.handle_noting(kind, &request, &mut line).await;
        self.gateway.note_refusal(&request, line, &answered);
        answered
    }

    async fn handle_noting(
        &self,
        kind: Kind,
        request: &Request,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let uri = request.http.uri();
        let matched = RouteMatch::read(kind, request.http.method(), uri.path())?;
        let token = parse::token(request)?;
        let attendance = self.gateway.look_up(token, request.now, line).await?;
        parse::check_query(uri.query())?;
        let notes = Notes::read(request)?;
        let query = Query::read(matched.route.query, uri.query())?;
        ownership::expect_objects(&attendance)?;
        match matched.route.action {
            Action::Create => self.create(request, &attendance, &matched, notes, line).await,
            Action::List => self.list(request, &attendance, &matched, &query, notes, line).await,
            Action::Poll => self.poll(request, &attendance, &matched, &query, line).await,
            Action::Start => self.start(request, &attendance, &matched, &query, notes, line).await,
            Action::Read
            | Action::Resume
            | Action::Download
            | Action::Change
            | Action::Extend
            | Action::Delete => self.act(request, &attendance, &matched, &query, notes, line).await,
        }
    }
}

/// Handlers run on any thread: this does not compile if a step of `handle` could not.
const _: fn(&Objects, Request) = |objects, request| {
    fn is_send(_: impl Send) {}
    is_send(objects.handle(Kind::File, request));
};
