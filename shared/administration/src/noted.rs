//! Notes the fields of a body while it is read, with their schemas, for the description of the API.
//!
//! It is apart from `schema`, which reads bodies, so that readers depend on nothing above them.

use std::cell::RefCell;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

thread_local! {
    /// The fields of the body that is being read, while they are noted.
    static NOTED: RefCell<Option<Vec<(String, Field)>>> = const { RefCell::new(None) };
}

/// The notes about a field.
#[derive(Clone)]
pub(crate) enum Field {
    Value(Value),
    Object,
}

/// The schema of a type, without references.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = SchemaGenerator::from(settings).into_root_schema_for::<T>().to_value();
    if let Value::Object(fields) = &mut schema {
        fields.retain(|name, _| !["$schema", "title"].contains(&name.as_str()));
    }
    schema
}

/// Notes a field of a body, and what it may hold.
pub(crate) fn note(path: String, schema: Value) {
    push(path, Field::Value(schema));
}

/// Notes a field of a body that is an object, whose fields are noted by themselves.
pub(crate) fn note_object(path: String) {
    push(path, Field::Object);
}

fn push(path: String, field: Field) {
    NOTED.with_borrow_mut(|noted| {
        if let Some(noted) = noted {
            noted.push((path, field));
        }
    });
}

/// The fields that are noted while a function runs, and what it returns.
pub(crate) fn while_running<T>(run: impl FnOnce() -> T) -> (Vec<(String, Field)>, T) {
    NOTED.set(Some(Vec::new()));
    let returned = run();
    (NOTED.take().unwrap_or_default(), returned)
}
