//! `/api/v1/files`: files that an attendee keeps upstream; and `/api/v1/batches`, which is refused.

use std::sync::Arc;

use lanyard_domain::object::Kind;
use lanyard_gateway::{ApiError, Request, Response, parse};
use lanyard_objects::Objects;

/// Handles calls about the attendee's own files.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(objects: Arc<Objects>, request: Request) -> Result<Response, ApiError> {
    let path = parse::path_within_api(request.http.uri().path());
    if path.split('/').any(|segment| segment == "batches") {
        objects.gateway().attend(&request).await?;
        return Err(ApiError::BatchesNotOffered);
    }
    objects.handle(Kind::File, request).await
}
