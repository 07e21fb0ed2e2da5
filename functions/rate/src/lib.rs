//! `POST /api/v1/responses/{id}/rate`

use std::sync::Arc;

use lanyard_gateway::people::People;
use lanyard_gateway::{ApiError, Request, Response};

/// Keeps what an attendee thinks of a response of theirs.
///
/// # Errors
///
/// 404, 422, and those of every route.
pub async fn handle(people: Arc<People>, request: Request) -> Result<Response, ApiError> {
    people.rate(request).await
}
