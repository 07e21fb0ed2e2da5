//! Whether stored objects would be out of reach without a deployment.
//!
//! An object exists only at the resource where it was created, and any deployment at the same
//! endpoint leads there. So a deployment is neither deleted nor given another endpoint while it is
//! the last one that leads to objects of an event.

use chrono::{DateTime, TimeDelta, Utc};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::event::{Event, Phase};

use super::endpoint;
use super::removal::EVENTS_NAMED;
use crate::Call;
use crate::error::AdminError;

/// How long after its end an event's objects hold a deployment. By then their deletion has been
/// tried more than a hundred times, so the resource may no longer exist.
const HELD_AFTER_END: TimeDelta = TimeDelta::days(1);

/// # Errors
///
/// 400 with the names of events, if their objects would be out of reach without this deployment.
pub(super) async fn expect_none(
    call: Call<'_>,
    deployment: &Deployment,
    others: &[Deployment],
) -> Result<(), AdminError> {
    // Only the local simulator is on this machine, and its objects end with its process.
    if endpoint::is_loopback(&deployment.endpoint) {
        return Ok(());
    }
    let store = &call.admin.store;
    let events = store.events_with_objects_at(call.organiser(), &deployment.endpoint).await?;
    if events.is_empty() {
        return Ok(());
    }
    let needing = events.into_iter().filter(|event| needs(event, deployment, others, call.now()));
    let events: Vec<_> = needing.map(|event| event.name).take(EVENTS_NAMED).collect();
    match events.is_empty() {
        true => Ok(()),
        false => Err(AdminError::DeploymentHasObjects { events }),
    }
}

/// Whether the objects of an event could no longer be read or deleted without this deployment.
/// Attendees read them by a deployment that the event offers; they are deleted by any.
fn needs(
    event: &Event,
    deployment: &Deployment,
    others: &[Deployment],
    now: DateTime<Utc>,
) -> bool {
    if now >= event.window.ends_at() + HELD_AFTER_END {
        return false;
    }
    let is_read = event.phase(now) != Phase::Ended && event.offers(&deployment.name);
    let mut others = others.iter().filter(|other| other.endpoint == deployment.endpoint);
    !others.any(|other| !is_read || event.offers(&other.name))
}
