//! `POST /api/v1/completions`

use std::sync::Arc;

use lanyard_domain::operation::Operation;
use lanyard_gateway::{ApiError, Gateway, Request, Response};

/// Meters the legacy completion against the attendee's allowance and relays the answer.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(gateway: Arc<Gateway>, request: Request) -> Result<Response, ApiError> {
    gateway.forward(Operation::Completions, request).await
}
