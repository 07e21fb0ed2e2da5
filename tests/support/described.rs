//! Responses of our own routes, held to the description of the API.
//!
//! The description leaves room for fields that are added later, as clients should. Tests do not:
//! what is sent and not described fails.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use http::Method;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The description, with every object closed that leaves room.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let file = pages::all().iter().find(|asset| asset.name == "openapi.json");
    let text = file.expect("the API is described").text;
    let mut description = serde_json::from_str(text).expect("the description is JSON");
    close(&mut description);
    description
});

/// The validators of the schemas that were needed so far, by the schema.
static VALIDATORS: Mutex<BTreeMap<String, &'static Validator>> = Mutex::new(BTreeMap::new());

/// Checks a response of ours. Proxied responses, and paths that are not routes, pass.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, status: u16, body: &[u8]) {
    let Some(operation) = operation(method, path) else { return };
    let responses = &operation["responses"];
    let is_ours = responses.as_object().into_iter().flatten().any(|(_, response)| {
        let schema = schema_of(response);
        schema.is_object() && schema["$ref"] != "#/components/schemas/AnyObject"
    });
    if !is_ours {
        return;
    }
    let response = match status {
        200..300 => &responses[status.to_string()],
        _ => {
            let name = responses["default"]["$ref"].as_str().unwrap_or_default();
            DESCRIPTION.pointer(name.trim_start_matches('#')).expect("the response is described")
        }
    };
    let schema = schema_of(response);
    assert!(schema.is_object(), "{method} {path}: a response {status} is not described");
    let body: Value = serde_json::from_slice(body).expect("the body is JSON");
    let errors: Vec<_> = validator(schema)
        .iter_errors(&body)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{method} {path}: {status} {body} is not as described: {errors:?}");
}

fn schema_of(response: &Value) -> &Value {
    &response["content"]["application/json"]["schema"]
}

fn validator(schema: &Value) -> &'static Validator {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    validators.entry(schema.to_string()).or_insert_with(|| {
        let mut root = schema.clone();
        root["components"] = DESCRIPTION["components"].clone();
        let validator = jsonschema::draft202012::new(&root).expect("is a schema");
        Box::leak(Box::new(validator))
    })
}

/// The operation that a path means, a fixed segment before any.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.strip_prefix("/api")?.trim_end_matches('/');
    let paths = DESCRIPTION["paths"].as_object()?;
    let fits = |pattern: &str| {
        let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(wanted), Some(given)) if wanted.starts_with('{') || wanted == given => {}
                _ => return false,
            }
        }
    };
    let item = paths
        .get(path)
        .or_else(|| paths.iter().find(|(pattern, _)| fits(pattern)).map(|(_, item)| item))?;
    item.get(method.as_str().to_ascii_lowercase())
}

/// Closes the objects of a schema, but for those that are parts of one object.
fn close(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        if let Value::Array(items) = schema {
            items.iter_mut().for_each(close);
        }
        return;
    };
    for (name, value) in fields.iter_mut() {
        if name == "oneOf" || name == "allOf" {
            value.as_array_mut().into_iter().flatten().for_each(close_below);
        } else {
            close(value);
        }
    }
    if is_open(fields) {
        fields.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// Forbids unknown fields in a part of an object.
fn close_below(part: &mut Value) {
    let properties = part.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(Map::values_mut).for_each(close);
}

fn is_open(fields: &Map<String, Value>) -> bool {
    fields.get("type") == Some(&json!("object"))
        && fields.get("properties").is_some_and(Value::is_object)
        && !fields.contains_key("additionalProperties")
}
