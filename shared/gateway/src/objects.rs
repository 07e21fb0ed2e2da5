//! Objects that Azure keeps for attendees: stored responses, conversations, files, vector stores,
//! assistants, threads, runs, films.
//!
//! All attendees of an event share a resource, and Azure gives any object to whoever names its id.
//! So the owner of each is written down when it is made ([`keeper`]), and every later call looks
//! the id up among the caller's own first ([`ownership`]): what is somebody else's is not found,
//! just as what never was. What can be called is one table, [`verbs`]. What Azure works on after its
//! answer is paid for by [`jobs`].

mod answers;
mod beta;
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
mod stream;
mod told;
mod upload;
pub mod verbs;

use lanyard_domain::object::Kind;

use self::query::Query;
use self::verbs::{Asked, Deed};
use crate::Gateway;
use crate::error::ApiError;
use crate::notes::Notes;
use crate::parse;
use crate::ports::RequestLine;
use crate::request::{Request, Response};

pub(crate) use keeper::Keeper;
pub(crate) use pace::Pace;
pub(crate) use recorder::StoredResponses;

impl Gateway {
    /// Takes a call that concerns kept objects from its arrival to the answer.
    ///
    /// Making, changing, deleting, listing and searching cost a request and no tokens. Reading one
    /// object costs nothing and is paced instead, because clients read until something is done.
    ///
    /// # Errors
    ///
    /// Every row of the error table.
    pub async fn tend(&self, kind: Kind, request: Request) -> Result<Response, ApiError> {
        let operation = Some(kind.operation());
        let mut line = RequestLine { operation, ..RequestLine::default() };
        let answered = self.tend_noting(kind, &request, &mut line).await;
        self.note_refusal(&request, line, &answered);
        answered
    }

    async fn tend_noting(
        &self,
        kind: Kind,
        request: &Request,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let uri = request.http.uri();
        let asked = Asked::read(kind, request.http.method(), uri.path())?;
        let token = parse::token(request)?;
        let attendance = self.look_up(token, request.now, line).await?;
        parse::check_query(uri.query())?;
        let notes = Notes::read(request)?;
        let query = Query::read(asked.verb.query, uri.query())?;
        attendance.expect_objects()?;
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

/// Handlers run on any thread: this does not compile if a step of `tend` could not.
const _: fn(&Gateway, Request) = |gateway, request| {
    fn is_send(_: impl Send) {}
    is_send(gateway.tend(Kind::File, request));
};
