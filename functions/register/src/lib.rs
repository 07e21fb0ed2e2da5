//! `POST /api/event/{id}/register`

use std::sync::Arc;

use lanyard_gateway::people::People;
use lanyard_gateway::{ApiError, Request, Response};

/// Gives an attendee a personal key, or shows it again for the same passphrase.
///
/// # Errors
///
/// 403 for another proof, a full event or one without registration, and those of every route.
pub async fn handle(people: Arc<People>, request: Request) -> Result<Response, ApiError> {
    people.register(request).await
}
