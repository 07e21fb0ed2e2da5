//! The schema of the one response that is no file.

use schemars::{Schema, SchemaGenerator};

use crate::Health;

/// That a function was reached.
pub fn health(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<Health>()
}
