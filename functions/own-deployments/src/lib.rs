//! `/api/v1/deployments`: deployments that one attendee alone uses.

use std::sync::Arc;

use lanyard_administration::own::attendee::OwnDeploymentsApi;
use lanyard_gateway::{ApiError, Request, Response};

/// Lists, adds or removes an attendee's own deployments.
///
/// # Errors
///
/// 403 `not_offered` where the event keeps that to its organiser, 400 with every mistake, 404 for
/// what is not there; 401, 403 and 503 as everywhere.
pub async fn handle(api: Arc<OwnDeploymentsApi>, request: Request) -> Result<Response, ApiError> {
    api.handle(request).await
}
