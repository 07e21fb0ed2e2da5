//! An organiser's events: made in one call, changed, moved on, deleted while unused.

mod by_model;
mod draft;
mod offer;
mod people;
mod rules;
#[cfg(test)]
mod tests;
mod view;
mod warnings;
mod window;

use chrono::{SubsecRound, TimeDelta};
use http::StatusCode;
use lanyard_domain::event::{Event, Phase};
use lanyard_domain::ids::EventId;
use lanyard_domain::token::{EventCode, UserId};
use lanyard_domain::window::Window;
use lanyard_gateway::{Response, hex};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::accounts;
use crate::audit::{Action, AuditEntry, AuditLog, FieldChange};
use crate::body;
use crate::changes;
use crate::error::AdminError;
use crate::form::{Form, Mistakes, shortened};
use crate::page::cursor;
use crate::ports::OrganiserFault;
use crate::read;
use crate::route::Step;
use crate::used_up::Limited;
use crate::{Call, reply};

pub(crate) use draft::{LimitsDraft, ModelsDraft, models};
pub(crate) use rules::{NewEvent, changed, created};
pub(crate) use view::AttendeeAllowanceView;

use rules::CodeIs;
pub(crate) use view::EventView;

/// A page of events, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct EventPage<'a> {
    events: Vec<EventView<'a>>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// A page of the audit log, the newest change first.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct AuditPage {
    pub(crate) audit: Vec<AuditEntry>,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
}

/// An event that is gone.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct DeletedEvent<'a> {
    id: &'a EventId,
    /// Always `true`.
    deleted: bool,
}

/// The most attempts of a change, each from a fresh read.
const TRIES: usize = 5;
/// How long a replaced code may go on working.
const LONGEST_GRACE_MINUTES: u64 = 1_440;
/// Fields that an audit entry leaves out: what follows from the rest, and the code, which is a
/// secret.
const NOT_AUDITED: [&str; 6] = ["id", "code", "status", "created_at", "version", "warnings"];

/// `POST /events`
pub(crate) async fn create(call: Call<'_>) -> Result<Response, AdminError> {
    call.no_query()?;
    let body = body::object(call.request)?;
    let deployments = call.admin.store.deployments(call.organiser()).await?;
    for _ in 0..TRIES {
        let new_event = NewEvent {
            id: new_id(call)?,
            organiser: call.organiser(),
            user_salt: hex(&call.random::<16>()?),
            random: call.random()?,
            now: call.now(),
        };
        let (event, code_is) = created(&body, new_event, &deployments)?;
        let event = with_secret(call, &event)?;
        let entry =
            call.audit_entry(Action::Create, changes::between(&Map::new(), &facts(&event, call)));
        match (call.admin.store.create_event(&event, &entry).await, code_is) {
            (Ok(()), _) => return reply(StatusCode::CREATED, &EventView::of(&event, call.now())),
            (Err(OrganiserFault::CodeTaken), CodeIs::Drawn)
            | (Err(OrganiserFault::VersionConflict), _) => {}
            (Err(fault), _) => return Err(fault.into()),
        }
    }
    Err(AdminError::Busy)
}

/// `GET /events`
pub(crate) async fn list(call: Call<'_>) -> Result<Response, AdminError> {
    let page = call.page::<EventId>()?;
    let (events, next) =
        call.admin.store.events(call.organiser(), page.after.as_ref(), page.limit).await?;
    let events = events.iter().map(|event| EventView::of(event, call.now())).collect();
    reply(StatusCode::OK, &EventPage { events, next: cursor(next) })
}

/// `GET /events/{id}`
pub(crate) async fn show(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    call.no_query()?;
    let event = owned(call, id).await?;
    reply(StatusCode::OK, &EventView::of(&event, call.now()))
}

/// Warnings about limits of the event of which all is spent. None if its account cannot be read: the
/// change is made.
async fn used_up(call: Call<'_>, event: &Event) -> Vec<String> {
    let account = accounts::of_event(call, event).await.unwrap_or_default();
    let day = event.window.local_day(call.now());
    Limited::of_event(event, &account, day).warnings()
}

/// `PATCH /events/{id}`
pub(crate) async fn change(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    call.no_query()?;
    let body = body::object(call.request)?;
    let deployments = call.admin.store.deployments(call.organiser()).await?;
    let event = updated(call, id, Action::Change, |event| {
        match changed(event, &body, &deployments, call.now())? {
            after if after == *event => Ok(after),
            // An event of an earlier schema gets its secret with its first change.
            after => with_secret(call, &after),
        }
    })
    .await?;
    // A limit may be set below what was spent before.
    let used_up = match body.contains_key("allowances") {
        true => used_up(call, &event).await,
        false => Vec::new(),
    };
    reply(StatusCode::OK, &EventView::of(&event, call.now()).with_warnings(used_up))
}

/// `POST /events/{id}/pause`, `/resume` and `/end`
pub(crate) async fn step(call: Call<'_>, id: &EventId, step: Step) -> Result<Response, AdminError> {
    call.no_query()?;
    nothing_but_braces(call)?;
    match step {
        Step::Pause => {
            update(call, id, Action::Pause, |e| Ok(Event { is_paused: true, ..e.clone() })).await
        }
        Step::Resume => {
            update(call, id, Action::Resume, |e| Ok(Event { is_paused: false, ..e.clone() })).await
        }
        Step::End => update(call, id, Action::End, |event| ended(event, call)).await,
    }
}

/// An event that ends now. One that has not started gets a window of one second before now, so that
/// it has ended like any other; one that is over stays as it is.
fn ended(event: &Event, call: Call<'_>) -> Result<Event, AdminError> {
    if event.phase(call.now()) == Phase::Ended {
        return Ok(event.clone());
    }
    let now = call.now().trunc_subsecs(0);
    let starts_at = event.window.starts_at().min(now - TimeDelta::seconds(1));
    let window = Window::new(starts_at, now, event.window.zone());
    Ok(Event {
        window: window.map_err(|fault| AdminError::Internal(Some(fault.into())))?,
        ..event.clone()
    })
}

/// `POST /events/{id}/rotate-code`
pub(crate) async fn rotate_code(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    call.no_query()?;
    let (chosen, grace) = rotation(&body::optional_object(call.request)?)?;
    let works_until = call.now() + grace;
    for _ in 0..TRIES {
        let before = owned(call, id).await?;
        if chosen.as_ref() == Some(&before.code) {
            return Err(AdminError::field("code", "is the one that works now"));
        }
        let random = call.random()?;
        let code = chosen.clone().unwrap_or_else(|| EventCode::generate(&before.name, random));
        let entry = call.audit_entry(
            Action::RotateCode,
            vec![FieldChange {
                field: "old_code_works_until".to_owned(),
                from: Value::Null,
                to: works_until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into(),
            }],
        );
        match call.admin.store.rotate_code(&before, code, works_until, &entry).await {
            Ok(after) => return reply(StatusCode::OK, &EventView::of(&after, call.now())),
            Err(OrganiserFault::CodeTaken) if chosen.is_none() => {}
            Err(OrganiserFault::VersionConflict) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(AdminError::Busy)
}

pub(crate) fn rotation(
    body: &Map<String, Value>,
) -> Result<(Option<EventCode>, TimeDelta), AdminError> {
    let mistakes = Mistakes::default();
    let form = Form::new(body, &mistakes);
    let code = form.field("code", read::parsed()).value();
    let grace = form.field("grace_minutes", read::whole(0..=LONGEST_GRACE_MINUTES));
    form.close();
    let grace = i64::try_from(grace.or(0, 0)).ok().map(TimeDelta::minutes);
    mistakes.unless_any(grace.map(|grace| (code, grace)))
}

/// `DELETE /events/{id}`
pub(crate) async fn delete(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    call.no_query()?;
    for _ in 0..TRIES {
        let event = owned(call, id).await?;
        let entry = call.audit_entry(Action::Delete, Vec::new());
        match call.admin.store.delete_event(&event, &entry).await {
            Ok(()) => return reply(StatusCode::OK, &DeletedEvent { id, deleted: true }),
            Err(OrganiserFault::VersionConflict) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(AdminError::Busy)
}

/// `GET /events/{id}/audit`
pub(crate) async fn audit(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    let page = call.page()?;
    owned(call, id).await?;
    let (entries, next) =
        call.admin.store.audit(AuditLog::Event(id), page.after.as_ref(), page.limit).await?;
    reply(StatusCode::OK, &AuditPage { audit: entries, next: cursor(next) })
}

/// An event of the caller's own, as it is now.
pub(crate) async fn owned(call: Call<'_>, id: &EventId) -> Result<Event, AdminError> {
    let event = call.admin.store.event(call.organiser(), id).await?;
    event.ok_or(AdminError::NotFound { what: "event" })
}

/// Changes an event from a fresh read, and again if another request changes it meanwhile. A change
/// without differences is not written.
async fn update(
    call: Call<'_>,
    id: &EventId,
    action: Action,
    change: impl Fn(&Event) -> Result<Event, AdminError>,
) -> Result<Response, AdminError> {
    let event = updated(call, id, action, change).await?;
    reply(StatusCode::OK, &EventView::of(&event, call.now()))
}

/// The event, with a new signing secret if it has none.
pub(crate) fn with_secret(call: Call<'_>, event: &Event) -> Result<Event, AdminError> {
    let mut event = event.clone();
    if event.signing.secret.is_empty() {
        event.signing.secret = hex(&call.random::<32>()?);
    }
    Ok(event)
}

/// The event after a change.
pub(crate) async fn updated(
    call: Call<'_>,
    id: &EventId,
    action: Action,
    change: impl Fn(&Event) -> Result<Event, AdminError>,
) -> Result<Event, AdminError> {
    for _ in 0..TRIES {
        let before = owned(call, id).await?;
        let after = change(&before)?;
        if after == before {
            return Ok(before);
        }
        let changes = changes::between(&facts(&before, call), &facts(&after, call));
        let entry = call.audit_entry(action, changes);
        match call.admin.store.update_event(&before, after, &entry).await {
            Ok(after) => return Ok(after),
            Err(OrganiserFault::VersionConflict) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(AdminError::Busy)
}

/// The fields that the audit log compares.
fn facts(event: &Event, call: Call<'_>) -> Map<String, Value> {
    match serde_json::to_value(EventView::of(event, call.now())) {
        Ok(Value::Object(mut view)) => {
            view.retain(|field, _| !NOT_AUDITED.contains(&field.as_str()));
            view
        }
        Ok(_) | Err(_) => Map::new(),
    }
}

/// An id that sorts by the time of its making, so that lists do.
fn new_id(call: Call<'_>) -> Result<EventId, AdminError> {
    let ms = call.now().timestamp_millis();
    let id = format!("evt_{ms:012x}{}", hex(&call.random::<8>()?));
    id.parse().map_err(|_| AdminError::Internal(None))
}

/// These calls have no body.
fn nothing_but_braces(call: Call<'_>) -> Result<(), AdminError> {
    let body = body::optional_object(call.request)?;
    let mistakes = Mistakes::default();
    for field in body.keys().take(1) {
        mistakes.add(shortened(field), "is not taken here: send no body");
    }
    mistakes.unless_any(Some(()))
}

impl Call<'_> {
    pub(crate) fn audit_entry(&self, action: Action, changes: Vec<FieldChange>) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            request_id: self.request.id.clone(),
            by: self.caller.actor(),
            action,
            attendee: None,
            subject: None,
            changes,
        }
    }

    /// Writes down a change that concerns one attendee.
    pub(crate) async fn audit_attendee(
        &self,
        event: &EventId,
        user: &UserId,
        action: Action,
        changes: Vec<FieldChange>,
    ) -> Result<(), AdminError> {
        let attendee = Some(user.clone());
        let entry = AuditEntry { attendee, ..self.audit_entry(action, changes) };
        Ok(self.admin.store.write_audit(AuditLog::Event(event), &entry).await?)
    }
}
