//! `/api/v1/threads`: threads, their messages, and the runs of assistants on them.

use std::sync::Arc;

use lanyard_domain::object::Kind;
use lanyard_gateway::{ApiError, Request, Response};
use lanyard_objects::Objects;

/// Handles calls about the attendee's own threads.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(objects: Arc<Objects>, request: Request) -> Result<Response, ApiError> {
    objects.handle(Kind::Thread, request).await
}
