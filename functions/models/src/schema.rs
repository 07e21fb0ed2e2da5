//! The schemas of the responses.

use schemars::{Schema, SchemaGenerator};

use crate::{List, Model};

/// The models of an event.
pub fn list(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<List<'_>>()
}

/// One model.
pub fn model(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<Model<'_>>()
}
