//! The sweep: settles, every minute, what crashes left open.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lanyard_gateway::Gateway;
use lanyard_gateway::ports::Cause;
use lanyard_gateway::sweep::Swept;

/// Sweeps every event that may need it.
///
/// # Errors
///
/// If the table does not respond. The next sweep goes on from there.
pub async fn handle(gateway: Arc<Gateway>, now: DateTime<Utc>) -> Result<Swept, Cause> {
    Ok(gateway.sweep(now).await?)
}
