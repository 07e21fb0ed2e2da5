//! The schemas of what organisers send.

use chrono::{DateTime, Utc};
use lanyard_domain::account::Account;
use lanyard_domain::by_model::ModelLimits;
use lanyard_domain::event::Event;
use lanyard_domain::ids::OrganiserId;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::of_bodies;
use crate::deployments::{Terms, described};
use crate::events::{NewEvent, changed, created, rotation};
use crate::form::Mistakes;
use crate::{attendees, organisers, reset, roster, tokens};

/// Adds a schema under a name, and refers to it.
fn named(schemas: &mut SchemaGenerator, name: &str, schema: Value) -> Schema {
    schemas.definitions_mut().insert(name.to_owned(), schema);
    schemars::json_schema!({"$ref": format!("#/components/schemas/{name}")})
}

/// A new event.
pub fn event_draft(schemas: &mut SchemaGenerator) -> Schema {
    named(schemas, "EventDraft", of_bodies(|body| created(body, new_event(&organiser()), &[])))
}

/// A change of an event.
pub fn event_change(schemas: &mut SchemaGenerator) -> Schema {
    let event = event();
    named(
        schemas,
        "EventChange",
        of_bodies(|body| changed(&event, body, &[], DateTime::<Utc>::UNIX_EPOCH)),
    )
}

/// A new code.
pub fn rotation_draft(schemas: &mut SchemaGenerator) -> Schema {
    named(schemas, "Rotation", of_bodies(rotation))
}

/// The confirmation of a reset.
pub fn reset(schemas: &mut SchemaGenerator) -> Schema {
    named(schemas, "ResetDraft", of_bodies(reset::confirmation))
}

/// A change of an attendee.
pub fn attendee_change(schemas: &mut SchemaGenerator) -> Schema {
    let (none, new) = (ModelLimits::default(), Account::default());
    named(schemas, "AttendeeChange", of_bodies(|body| attendees::asked_for(body, &none, &new)))
}

/// A new signed token.
pub fn token_draft(schemas: &mut SchemaGenerator) -> Schema {
    let event = event();
    let read = |body: &_| tokens::asked_for(body, &event, DateTime::<Utc>::UNIX_EPOCH);
    named(schemas, "TokenDraft", of_bodies(read))
}

/// A new token of an organiser.
pub fn organiser_token_draft(schemas: &mut SchemaGenerator) -> Schema {
    let read = |body: &_| organisers::asked_for(body, DateTime::<Utc>::UNIX_EPOCH);
    named(schemas, "OrganiserTokenDraft", of_bodies(read))
}

/// A roster.
pub fn roster(schemas: &mut SchemaGenerator) -> Schema {
    let read = |body: &_| {
        let mistakes = Mistakes::default();
        let names = roster::reading::names_in(body, &mistakes);
        mistakes.unless_any(names)
    };
    named(schemas, "Roster", of_bodies(read))
}

/// A deployment.
pub fn deployment_draft(schemas: &mut SchemaGenerator) -> Schema {
    let organiser = organiser();
    let terms = Terms { before: None, allow_loopback: false };
    let read = |body: &_| described("model", body, &organiser, terms);
    named(schemas, "DeploymentDraft", of_bodies(read))
}

#[expect(clippy::expect_used, reason = "a constant")]
fn organiser() -> OrganiserId {
    "main".parse().expect("is an id")
}

#[expect(clippy::expect_used, reason = "a constant")]
fn new_event(organiser: &OrganiserId) -> NewEvent<'_> {
    NewEvent {
        id: "evt_1".parse().expect("is an id"),
        organiser,
        user_salt: String::new(),
        random: [0; 8],
        now: DateTime::UNIX_EPOCH,
    }
}

/// An event to be changed.
#[expect(clippy::expect_used, reason = "a constant")]
fn event() -> Event {
    let body = json!({
        "name": "Event",
        "starts_at": "2026-12-05T09:00", "ends_at": "2026-12-05T18:00", "time_zone": "UTC",
    });
    let body = body.as_object().expect("is an object");
    created(body, new_event(&organiser()), &[]).expect("is an event").0
}
