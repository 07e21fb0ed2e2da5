//! `POST /events/{id}/reset`: deletes what a rehearsal used, so that the event begins with nothing.

use http::StatusCode;
use lanyard_domain::event::Phase;
use lanyard_domain::ids::EventId;
use lanyard_gateway::Response;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::audit::{Action, AuditEntry, FieldChange};
use crate::error::AdminError;
use crate::events::owned;
use crate::form::{Form, Mistakes};
use crate::{Call, body, read, reply};

/// What a reset deleted.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ResetEvent<'a> {
    /// The event.
    id: &'a EventId,
    /// Always `true`.
    reset: bool,
    /// Attendees who had used the event.
    attendees: u64,
}

/// An event that has not begun is reset at once. Later, the body confirms it with the event's id,
/// because usage that counts would be lost. An open event has to be paused first: what its requests
/// use meanwhile would be counted in part.
pub(crate) async fn run(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    call.no_query()?;
    let confirmed = confirmation(&body::optional_object(call.request)?)?;
    let event = owned(call, id).await?;
    match event.phase(call.now()) {
        Phase::Scheduled => {}
        Phase::Open => {
            return Err(AdminError::field("id", "is of an open event: pause it first"));
        }
        Phase::Paused | Phase::Ended if confirmed.as_deref() == Some(id.as_str()) => {}
        Phase::Paused | Phase::Ended => {
            return Err(AdminError::field(
                "confirm",
                "must be the id of the event, because it has begun and its usage would be lost",
            ));
        }
    }
    let attendees = call.admin.store.reset_event(&event, &entry(call)).await?;
    reply(StatusCode::OK, &ResetEvent { id, reset: true, attendees })
}

fn entry(call: Call<'_>) -> AuditEntry {
    let usage = FieldChange { field: "usage".to_owned(), from: Value::Null, to: Value::Null };
    call.audit_entry(Action::Reset, vec![usage])
}

/// The id in a body.
pub(crate) fn confirmation(body: &Map<String, Value>) -> Result<Option<String>, AdminError> {
    let mistakes = Mistakes::default();
    let form = Form::new(body, &mistakes);
    let id = form.field("confirm", read::line(1..=64)).value();
    form.close();
    mistakes.unless_any(Some(id))
}
