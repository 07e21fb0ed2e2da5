//! The schemas of what attendees send and get beside models.

use schemars::{Schema, SchemaGenerator};

use super::{rate, register};

/// The body of `POST …/responses/{id}/rate`.
pub fn rating(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<rate::Body>()
}

/// The response to a rating.
pub fn rated(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<rate::Rated<'_>>()
}

/// The body of `POST /event/{id}/register`.
pub fn proof(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<register::Body>()
}

/// The response to a registration.
pub fn registered(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<register::Registered<'_>>()
}
