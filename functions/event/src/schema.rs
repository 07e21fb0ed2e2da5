//! The schemas of the responses.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::EventInfo;
use crate::view::{EventOfUser, PublicView, View};

/// The event as an attendee sees it.
pub fn access(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<View<'_>>()
}

/// The event as everybody sees it.
pub fn public(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<PublicView<'_>>()
}

/// The event of a code, with the usage of a user who is let in.
pub fn mine(schemas: &mut SchemaGenerator) -> Schema {
    let let_in = schemas.subschema_for::<EventOfUser<'_>>();
    let anyone = schemas.subschema_for::<PublicView<'_>>();
    json_schema!({"anyOf": [let_in, anyone]})
}

/// The response of the first event-code proxies.
pub fn event_info(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<EventInfo<'_>>()
}
