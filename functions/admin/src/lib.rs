//! `/api/admin/…`: the organisers' API.

use std::sync::Arc;

use lanyard_administration::{Admin, AdminError};
use lanyard_gateway::{Request, Response};

/// Serves a request that carries an organiser's token.
///
/// # Errors
///
/// [`AdminError`], whose table is the organisers' API's.
pub async fn handle(admin: Arc<Admin>, request: Request) -> Result<Response, AdminError> {
    lanyard_administration::handle(admin, request).await
}
