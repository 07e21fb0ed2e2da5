//! The seam for objects that are stored at Azure.
//!
//! The gateway forwards requests that name stored objects, and responses that Azure stores. It has
//! no rule about objects: an implementation of [`StoredObjects`] has them. A request that names no
//! object and stores nothing never reaches it.

use async_trait::async_trait;
use bytes::Bytes;
use lanyard_domain::catalog::{Choice, Deployment};
use lanyard_domain::estimate::Estimate;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_domain::usage::Usage;

use lanyard_protocol::references::Reference;
use lanyard_protocol::sse::Frame;
use lanyard_protocol::stored::OutputIds;
use lanyard_protocol::stream::Produced;

use crate::error::ApiError;
use crate::lookup::Attendance;
use crate::request::Request;
use crate::settle::Reservation;

/// A request that may concern stored objects.
#[async_trait]
pub trait StoredObjects: Send + Sync {
    /// Resolves the ids that a request names, before it is admitted.
    ///
    /// # Errors
    ///
    /// Any that refuses the request: it has cost nothing yet.
    async fn resolve<'a>(&self, concern: Concern<'a, '_>) -> Result<Resolved<'a>, ApiError>;
}

/// A request that names stored objects, or whose response is stored.
pub struct Concern<'a, 'm> {
    /// The request.
    pub request: &'a Request,
    /// The attendee and the event.
    pub attendance: &'a Attendance,
    /// The operation.
    pub operation: Operation,
    /// The model that it names.
    pub model: Option<&'m str>,
    /// The deployments of that model, or of the default.
    pub choice: Choice<'a>,
    /// The ids that its body names.
    pub references: Vec<Reference>,
    /// The ids of items of earlier responses that its input refers to.
    pub item_ids: Vec<String>,
    /// The ids of reasoning that it refers to, which is left out if it is not stored.
    pub reasoning_ids: Vec<String>,
    /// Whether Azure stores the response.
    pub is_stored: bool,
    /// Whether tools that Azure runs may make containers for it.
    pub uses_hosted: bool,
    /// The estimate, without the objects that it names.
    pub estimate: Estimate,
}

/// The effect of stored objects on a request.
pub struct Resolved<'a> {
    /// The deployments that can take it.
    pub choice: Choice<'a>,
    /// Reasoning that the attendee has not stored.
    pub unstored_ids: Vec<String>,
    /// The prompt tokens that the named objects add, at most.
    pub prompt_tokens: u64,
    /// The hook that is called with the response.
    pub hook: Box<dyn ResponseHook>,
}

/// Called with the response to one request that concerns stored objects. By default it records
/// nothing.
#[async_trait]
pub trait ResponseHook: Send + Sync {
    /// The error for a request that names an object which Azure no longer has; `None` if the
    /// request names none.
    fn missing(&self) -> Option<ApiError> {
        None
    }

    /// This deployment responds.
    fn responds(&mut self, _deployment: &Deployment) {}

    /// The response has this id, and these in its output, as far as they are known. The ids are
    /// passed on to the client only afterwards. May be called more than once.
    ///
    /// # Errors
    ///
    /// Any that ends the response: the client must not learn the id.
    async fn names(&mut self, _id: Option<&str>, _output: OutputIds) -> Result<(), ApiError> {
        Ok(())
    }

    /// An event of a stream shows an object, as this JSON, after what the stream has produced.
    /// Returns the event for the client.
    ///
    /// Takes the reservation if the object's end will settle it.
    ///
    /// # Errors
    ///
    /// Any that ends the response: the client must not learn the object's id.
    async fn shows(
        &mut self,
        event: Frame,
        _kind: Kind,
        _data: Bytes,
        _produced: Produced,
        _reservation: &mut Option<Reservation>,
    ) -> Result<Bytes, ApiError> {
        Ok(event.0)
    }

    /// Azure has ended the stream with an error, or it broke off, after what it has produced.
    async fn fails(&self, _produced: Produced, _is_by_azure: bool) {}

    /// Whether a stream that has ended lacks the object that it is about.
    fn lacks_object(&self) -> bool {
        false
    }

    /// The response is settled with this usage.
    async fn settled(&self, _usage: Usage) {}
}
