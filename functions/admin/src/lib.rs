//! `/api/admin/…`: the organisers' API.

use std::sync::Arc;

use lanyard_administration::{AdminError, Administration};
use lanyard_gateway::{Request, Response};

/// Serves a request that carries an organiser's token.
///
/// # Errors
///
/// [`AdminError`], which has the table of the API's errors.
pub async fn handle(
    administration: Arc<Administration>,
    request: Request,
) -> Result<Response, AdminError> {
    administration.handle(request).await
}
