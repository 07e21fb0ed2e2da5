//! An event of the simulation's own, which leaves nothing behind.

use chrono::TimeDelta;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use serde_json::{Value, json};

use crate::api::Method;
use crate::error::CliError;
use crate::session::{Session, event_path};

/// The time after which the event ends by itself, if this process could not end it.
const LONGEST: TimeDelta = TimeDelta::hours(2);

/// Creates an event, does some work in it, and deletes it, also after an error or Ctrl-C.
pub(super) async fn with_event<F>(
    session: &Session,
    attendees: u16,
    work: impl FnOnce(Value) -> F,
) -> Result<(), CliError>
where
    F: Future<Output = Result<(), CliError>>,
{
    let now = Machine.now();
    let body = json!({
        "name": "Simulation", "time_zone": "UTC", "attendees": attendees,
        "starts_at": crate::event::instant(now), "ends_at": crate::event::instant(now + LONGEST),
        "description": "An event of `lanyard simulate`. It is deleted afterwards.",
    });
    let event = session.api.send(Method::Post, "/events", Some(&body)).await?;
    let done = tokio::select! {
        done = work(event.clone()) => done,
        _ = tokio::signal::ctrl_c() => Err(CliError::Failed("Cancelled.".to_owned())),
    };
    let removed = remove(session, &event).await;
    done.and(removed)
}

/// Ends the event, so that nothing more is admitted, and deletes its usage and then itself.
async fn remove(session: &Session, event: &Value) -> Result<(), CliError> {
    let api = &session.api;
    api.send(Method::Post, &event_path(event, "/end"), None).await?;
    let confirm = json!({"confirm": event["id"]});
    api.send(Method::Post, &event_path(event, "/reset"), Some(&confirm)).await?;
    api.send(Method::Delete, &event_path(event, ""), None).await?;
    Ok(())
}
