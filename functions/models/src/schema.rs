//! The schemas of the responses.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{List, Model, anthropic};

/// The models of an event, in the shape of the client's API.
pub fn list(schemas: &mut SchemaGenerator) -> Schema {
    let openais = schemas.subschema_for::<List<'_>>();
    let anthropics = schemas.subschema_for::<anthropic::Page<'_>>();
    json_schema!({"oneOf": [openais, anthropics]})
}

/// One model.
pub fn model(schemas: &mut SchemaGenerator) -> Schema {
    let openais = schemas.subschema_for::<Model<'_>>();
    let anthropics = schemas.subschema_for::<anthropic::Model<'_>>();
    json_schema!({"oneOf": [openais, anthropics]})
}
