//! The schemas of the responses.

use schemars::{Schema, SchemaGenerator};

use crate::EventInfo;
use crate::view::{PublicView, View};

/// What an attendee may know of the event.
pub fn access(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<View<'_>>()
}

/// What anybody may know of the event.
pub fn public(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<PublicView<'_>>()
}

/// What the first event-code proxies answered.
pub fn event_info(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<EventInfo<'_>>()
}
