//! Settles, every minute, runs and videos that ended while no client was watching.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lanyard_gateway::ports::Cause;
use lanyard_objects::Objects;
use lanyard_objects::finish::Finished;
use tokio::time::Instant;

/// Reads every open job, until then, and settles those that have ended.
///
/// # Errors
///
/// If the table does not respond. The next run goes on from there.
pub async fn handle(
    objects: Arc<Objects>,
    now: DateTime<Utc>,
    until: Instant,
) -> Result<Finished, Cause> {
    objects.finish_jobs(now, until).await
}
