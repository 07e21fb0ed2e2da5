//! Objects that Azure keeps for attendees: stored responses, conversations, files, vector stores,
//! assistants, threads, runs, films.
//!
//! All attendees of an event share a resource, and Azure gives any object to whoever names its id.
//! So the owner of each is written down when it is made ([`keeper`]), and every later call looks
//! the id up among the caller's own first ([`ownership`]): what is somebody else's is not found,
//! just as what never was. What can be called is one table, [`verbs`]. What Azure works on after its
//! answer is paid for by [`jobs`].

mod answers;
mod call;
pub mod clear;
mod create;
pub mod finish;
pub(crate) mod jobs;
pub(crate) mod keeper;
mod list;
pub(crate) mod ownership;
mod pace;
mod query;
mod recorder;
mod start;
pub mod store;
mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod told;
pub mod verbs;

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
use self::verbs::{Asked, Deed};
use crate::store::ObjectStore;

use keeper::Keeper;
use pace::Pace;
use recorder::StoredResponses;

/// The objects that attendees store at Azure, above a gateway.
pub struct Objects {
    gateway: Arc<Gateway>,
    keeper: Arc<Keeper>,
    pace: Pace,
}

impl Objects {
    /// A gateway whose requests may name stored objects, and what can be done with them.
    #[must_use]
    pub fn new(ports: Ports, store: Arc<dyn ObjectStore>) -> Self {
        let keeper = Arc::new(Keeper {
            objects: store,
            upstream: Arc::clone(&ports.upstream),
            journal: Arc::clone(&ports.journal),
            luck: Arc::clone(&ports.luck),
            patience: ports.ledger_patience,
            marked: Bounded::new(1_000),
        });
        let stored = Arc::new(StoredResponses(Arc::clone(&keeper)));
        let gateway = Arc::new(Gateway::new(ports).with_stored_objects(stored));
        Self { gateway, keeper, pace: Pace::default() }
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
        let asked = Asked::read(kind, request.http.method(), uri.path())?;
        let token = parse::token(request)?;
        let attendance = self.gateway.look_up(token, request.now, line).await?;
        parse::check_query(uri.query())?;
        let notes = Notes::read(request)?;
        let query = Query::read(asked.verb.query, uri.query())?;
        ownership::expect_objects(&attendance)?;
        match asked.verb.deed {
            Deed::Create => self.create(request, &attendance, &asked, notes, line).await,
            Deed::List => self.list(request, &attendance, &asked, &query, notes, line).await,
            Deed::Poll => self.poll(request, &attendance, &asked, &query, line).await,
            Deed::Start => self.start(request, &attendance, &asked, &query, notes, line).await,
            Deed::Read
            | Deed::Resume
            | Deed::Download
            | Deed::Change
            | Deed::Extend
            | Deed::Delete => self.touch(request, &attendance, &asked, &query, notes, line).await,
        }
    }
}

/// Handlers run on any thread: this does not compile if a step of `handle` could not.
const _: fn(&Objects, Request) = |objects, request| {
    fn is_send(_: impl Send) {}
    is_send(objects.handle(Kind::File, request));
};
