//! `lanyard event reset`: what a rehearsal used is deleted.

use serde_json::{Value, json};

use crate::api::Method;
use crate::error::CliError;
use crate::session::{Session, event_path};
use crate::table::{number, text};

/// `lanyard event reset`
pub(super) async fn run(session: &Session, event: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    session.confirm(&format!(
        "Delete the usage and the attendees of {}? This cannot be undone.",
        text(&event["name"])
    ))?;
    let Some(done) = reset(session, &event).await? else { return Ok(()) };
    session.output.data(&done, |style| {
        style.pairs(&[("event", text(&event["name"])), ("attendees", number(&done["attendees"]))])
    })
}

/// Deletes the usage of an event. `None` in a dry run.
pub(crate) async fn reset(session: &Session, event: &Value) -> Result<Option<Value>, CliError> {
    let body = json!({"confirm": event["id"]});
    session.write(Method::Post, &event_path(event, "/reset"), Some(&body)).await
}
