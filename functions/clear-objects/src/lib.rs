//! The clearing: deletes, every ten minutes, what attendees of events that are over kept upstream.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lanyard_gateway::ports::Cause;
use lanyard_objects::Objects;
use lanyard_objects::deletion::Cleared;
use tokio::time::Instant;

/// Deletes the objects of every event that is over, until then.
///
/// # Errors
///
/// If the table does not respond. The next clearing goes on from there.
pub async fn handle(
    objects: Arc<Objects>,
    now: DateTime<Utc>,
    until: Instant,
) -> Result<Cleared, Cause> {
    objects.clear_objects(now, until).await
}
