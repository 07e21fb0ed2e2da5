//! `/api/v1/vector_stores`: vector stores that an attendee keeps upstream.

use std::sync::Arc;

use lanyard_domain::object::Kind;
use lanyard_gateway::{ApiError, Request, Response};
use lanyard_objects::Objects;

/// Handles calls about the attendee's own vector stores.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(objects: Arc<Objects>, request: Request) -> Result<Response, ApiError> {
    objects.handle(Kind::VectorStore, request).await
}
