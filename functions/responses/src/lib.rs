//! `POST /api/v1/responses`, and what is done with stored responses below it.

use std::sync::Arc;

use http::Method;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_gateway::{ApiError, Request, Response, parse};
use lanyard_objects::Objects;

/// Meters a response against the attendee's allowance and relays it, streamed or whole; or does
/// what the call asks with one that was stored.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(objects: Arc<Objects>, request: Request) -> Result<Response, ApiError> {
    let below = parse::below(request.http.uri().path(), Operation::Responses);
    match (below, request.http.method()) {
        (Ok(None), &Method::POST) => objects.gateway().forward(Operation::Responses, request).await,
        _ => objects.handle(Kind::Response, request).await,
    }
}
