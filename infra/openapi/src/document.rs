//! The document around the operations.

use std::collections::BTreeMap;

use lanyard_administration::schema::responses;
use schemars::SchemaGenerator;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::codes::CODES;
use crate::operation::Operation;

const ABOUT: &str = "An event's share of Azure OpenAI. The paths below `/v1` that OpenAI knows are \
    also served below `/openai/v1`, `/openai`, `/v1/openai` and `/openai-proxy`. Those that name a \
    model are served below `/openai/deployments/MODEL` and `/v1/openai/deployments/MODEL` too. An \
    error is always one JSON object. Where waiting helps, `retry-after` says how long.";

/// The description of the API.
#[derive(serde::Serialize)]
pub(crate) struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    security: Value,
    tags: Value,
    paths: Paths,
    components: Value,
}

/// Paths in the order of the operations, each with its methods.
struct Paths(Vec<(String, Map<String, Value>)>);

impl Serialize for Paths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (path, item) in &self.0 {
            map.serialize_entry(path, item)?;
        }
        map.end()
    }
}

impl Document {
    /// The description of these operations.
    pub(crate) fn new(operations: &[Operation], schemas: &mut SchemaGenerator) -> Self {
        let tags = ["Attendees", "Objects", "Events", "Organisers", "Pages"];
        let paths = paths(operations, schemas);
        Self {
            openapi: "3.1.0",
            info: json!({
                "title": "Lanyard",
                "version": env!("CARGO_PKG_VERSION"),
                "license": {"name": "MIT", "identifier": "MIT"},
                "description": ABOUT,
            }),
            servers: json!([{"url": "/api"}]),
            security: json!([{"eventCode": []}, {"apiKey": []}, {"bearer": []}]),
            tags: tags.map(|name| json!({"name": name})).to_vec().into(),
            components: components(&paths, schemas),
            paths,
        }
    }
}

fn paths(operations: &[Operation], schemas: &mut SchemaGenerator) -> Paths {
    let mut paths: Vec<(String, Map<String, Value>)> = Vec::new();
    for operation in operations {
        let described = operation.to_json(schemas);
        let method = operation.method.as_str().to_ascii_lowercase();
        match paths.iter_mut().find(|(path, _)| *path == operation.path) {
            Some((_, item)) => {
                item.insert(method, described);
            }
            None => {
                let mut item = Map::new();
                let parameters: Vec<_> = parameters_of(&operation.path)
                    .map(|name| json!({"$ref": format!("#/components/parameters/{name}")}))
                    .collect();
                if !parameters.is_empty() {
                    item.insert("parameters".to_owned(), parameters.into());
                }
                item.insert(method, described);
                paths.push((operation.path.clone(), item));
            }
        }
    }
    Paths(paths)
}

/// The names of a path's parameters.
fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn components(paths: &Paths, schemas: &mut SchemaGenerator) -> Value {
    let parameters: BTreeMap<_, _> = paths
        .0
        .iter()
        .flat_map(|(path, _)| parameters_of(path))
        .map(|name| {
            let schema = json!({"type": "string"});
            (name, json!({"name": name, "in": "path", "required": true, "schema": schema}))
        })
        .collect();
    let organiser_error = responses::error(schemas).to_value();
    let mut definitions = schemas.take_definitions(true);
    definitions.values_mut().for_each(simplify);
    definitions.insert("Error".to_owned(), error());
    definitions.insert("AnthropicError".to_owned(), anthropic_error());
    definitions.insert("ErrorCode".to_owned(), json!({"type": "string", "enum": CODES.as_slice()}));
    definitions.insert("AnyObject".to_owned(), as_described_by_openai("An object"));
    definitions.insert("Form".to_owned(), as_described_by_openai("A form"));
    json!({
        "securitySchemes": security_schemes(),
        "parameters": parameters,
        "responses": {
            "Error": refusal(&json!({"$ref": "#/components/schemas/Error"})),
            "ErrorOfEitherApi": refusal(&json!({"anyOf": [
                {"$ref": "#/components/schemas/Error"},
                {"$ref": "#/components/schemas/AnthropicError"},
            ]})),
            "OrganiserError": refusal(&organiser_error),
        },
        "schemas": definitions,
    })
}

/// Writes a choice of constants as a list of them, which is shorter and what tools know.
fn simplify(schema: &mut Value) {
    if let Some(values) = constants(schema)
        && let Value::Object(fields) = schema
    {
        fields.remove("oneOf");
        fields.insert("type".to_owned(), "string".into());
        fields.insert("enum".to_owned(), values.into());
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(simplify),
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The constants among which a schema chooses, if it does nothing else.
fn constants(schema: &Value) -> Option<Vec<Value>> {
    let choices = schema.get("oneOf")?.as_array()?;
    choices.iter().map(|choice| choice.get("const").cloned()).collect()
}

fn as_described_by_openai(what: &str) -> Value {
    json!({"type": "object", "description": format!("{what} as OpenAI and Azure describe it.")})
}

fn security_schemes() -> Value {
    let header = |name: &str, description: &str| json!({"type": "apiKey", "in": "header", "name": name, "description": description});
    let bearer =
        |description: &str| json!({"type": "http", "scheme": "bearer", "description": description});
    json!({
        "eventCode": header("openai-event-code", "CODE/USER, or a personal key."),
        "apiKey": header("api-key", "The same, as Azure's SDKs send it."),
        "bearer": bearer("The same, as OpenAI's SDKs send it."),
        "organiserToken": bearer("An organiser's token."),
    })
}

fn refusal(schema: &Value) -> Value {
    json!({
        "description": "An error.",
        "headers": {
            "x-request-id": {"schema": {"type": "string"}},
            "retry-after-ms": {
                "schema": {"type": "integer", "minimum": 0},
                "description": "Where waiting helps.",
            },
        },
        "content": {"application/json": {"schema": schema}},
    })
}

/// The same in the shape that Anthropic's clients read.
fn anthropic_error() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "description": "Why a request was rejected, as Anthropic's API says it.",
        "properties": {
            "type": {"const": "error"},
            "error": {
                "type": "object",
                "properties": {"type": text, "message": text},
                "required": ["type", "message"],
            },
            "request_id": text,
        },
        "required": ["type", "error", "request_id"],
        "additionalProperties": false,
    })
}

/// An error that attendees get: one of ours, or one of Azure's that is passed on.
fn error() -> Value {
    let code = json!({
        "anyOf": [{"$ref": "#/components/schemas/ErrorCode"}, {"type": ["string", "null"]}],
        "description": "One of ours, or Azure's if its error is passed on.",
    });
    json!({
        "type": "object",
        "description": "Why a request was rejected.",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "message": {"type": "string", "description": "What happened and what to do."},
                    "type": {"type": ["string", "null"]},
                    "param": {
                        "type": ["string", "null"],
                        "description": "The field that is wrong.",
                    },
                    "code": code,
                    "innererror": {
                        "type": "object",
                        "description": "Azure's findings, with `content_filter`.",
                    },
                },
                "required": ["message", "type", "param", "code"],
            },
        },
        "required": ["error"],
        "additionalProperties": false,
    })
}
