//! `/api/v1/containers`: the containers in which an attendee's code interpreter has worked.

use std::sync::Arc;

use lanyard_domain::object::Kind;
use lanyard_gateway::{ApiError, Request, Response};
use lanyard_objects::Objects;

/// Handles calls about the attendee's own containers and their files.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(objects: Arc<Objects>, request: Request) -> Result<Response, ApiError> {
    objects.handle(Kind::Container, request).await
}
