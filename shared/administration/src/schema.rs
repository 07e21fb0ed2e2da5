//! The schemas of requests and responses, for the description of the API.
//!
//! The schema of a response follows from its type. A request has no type: its fields are read one
//! by one, so that every mistake is reported. Its schema is therefore noted while bodies are read,
//! each field with the schema of its reader ([`requests`]).

pub mod requests;
pub mod responses;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::AdminError;
use crate::noted::{self, Field};
use crate::time::local_instant_schema;

/// The schema of an instant that is local to the event's zone or has an offset.
#[must_use]
pub fn local_instant() -> Value {
    local_instant_schema()
}

/// The schema of the bodies that a function reads. It is called with an empty body, and again with
/// the objects that it asked for, until it asks for no others.
fn of_bodies<T>(read: impl Fn(&Map<String, Value>) -> Result<T, AdminError>) -> Value {
    let mut body = Map::new();
    loop {
        let (fields, outcome) = noted::while_running(|| read(&body));
        let objects = fields.iter().filter(|(_, field)| matches!(field, Field::Object));
        let fuller = objects.fold(body.clone(), |body, (path, _)| with_object(body, path));
        if fuller == body {
            return object("", &fields, &required(outcome));
        }
        body = fuller;
    }
}

/// A body with an object at a path, whose parents are there.
fn with_object(mut body: Map<String, Value>, path: &str) -> Map<String, Value> {
    match path.split_once('.') {
        None => {
            body.entry(path).or_insert_with(|| json!({}));
        }
        Some((parent, rest)) => {
            if let Some(Value::Object(inner)) = body.get_mut(parent) {
                *inner = with_object(std::mem::take(inner), rest);
            }
        }
    }
    body
}

/// The paths of the fields that a body must have.
fn required<T>(outcome: Result<T, AdminError>) -> BTreeSet<String> {
    match outcome {
        Err(AdminError::Invalid(mistakes)) => mistakes
            .into_iter()
            .filter(|mistake| mistake.message == "is required")
            .map(|mistake| mistake.field)
            .collect(),
        Ok(_) | Err(_) => BTreeSet::new(),
    }
}

/// The schema of the object at a path, which ends in a dot unless it is the body.
fn object(path: &str, fields: &[(String, Field)], required: &BTreeSet<String>) -> Value {
    let mut properties = Map::new();
    let mut needed = Vec::new();
    for (field_path, field) in fields {
        let Some(name) = field_path.strip_prefix(path).filter(|rest| !rest.contains('.')) else {
            continue;
        };
        let schema = match field {
            // A field without values is not described.
            Field::Value(Value::Bool(false)) => continue,
            Field::Value(schema) => schema.clone(),
            Field::Object => object(&format!("{field_path}."), fields, required),
        };
        let schema = if required.contains(field_path) {
            needed.push(name);
            schema
        } else {
            or_null(schema)
        };
        properties.insert(name.to_owned(), schema);
    }
    let mut object = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !needed.is_empty() {
        object["required"] = json!(needed);
    }
    object
}

/// The same schema or `null`, which clears a field or lifts a limit.
fn or_null(mut schema: Value) -> Value {
    let Some(kind) = schema["type"].as_str().map(ToOwned::to_owned) else {
        return json!({"anyOf": [schema, {"type": "null"}]});
    };
    schema["type"] = json!([kind, "null"]);
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    schema
}
