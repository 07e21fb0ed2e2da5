//! `POST /api/v1/messages`
//!
//! Generated from the table of functions.

use std::sync::Arc;

use lanyard_domain::operation::Operation;
use lanyard_gateway::{ApiError, Gateway, Request, Response};

/// Counts the call against the attendee's limits and relays the response.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(gateway: Arc<Gateway>, request: Request) -> Result<Response, ApiError> {
    gateway.forward(Operation::Messages, request).await
}
