//! `POST /api/v1/responses`, and what is done with stored responses below it.

use std::sync::Arc;

use http::header::{SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, Method};
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_gateway::{ApiError, Request, Response, parse};
use lanyard_objects::Objects;
use lanyard_protocol::compact;

/// Meters a response against the attendee's allowance and relays it, streamed or whole; makes an
/// input shorter or counts it; or does what the call asks with a response that was stored.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(objects: Arc<Objects>, request: Request) -> Result<Response, ApiError> {
    let below = parse::below(request.http.uri().path(), Operation::Responses);
    let gateway = objects.gateway();
    match (below, request.http.method()) {
        (Ok(None), &Method::POST) => gateway.forward(Operation::Responses, request).await,
        (Ok(Some("compact")), &Method::POST) => {
            gateway.forward_as(&compact::COMPACT, request).await
        }
        (Ok(Some("input_tokens")), &Method::POST) => {
            gateway.forward_as(&compact::INPUT_TOKENS, request).await
        }
        (Ok(None), &Method::GET) if asks_for_websocket(request.http.headers()) => {
            Err(ApiError::UpgradeRequired)
        }
        _ => objects.handle(Kind::Response, request).await,
    }
}

/// Whether a client tries a WebSocket first. One that learns at once that there is none falls back
/// to HTTP without a pause. A front door may take the header `upgrade` for itself.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) || headers.contains_key(SEC_WEBSOCKET_KEY)
}
