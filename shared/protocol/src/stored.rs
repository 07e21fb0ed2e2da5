//! Shared by the protocols of stored objects.
//!
//! Their calls concern an object at the resource that stores it, cost a request, and are not
//! forwarded as calls of a model are.

use lanyard_domain::object::ObjectId;
use lanyard_domain::operation::Operation;
use memchr::memmem;
use serde::Deserialize;
use serde_json::Value;

use crate::demand::{Caps, Demanded};
use crate::error::BodyRefused;
use crate::payload::{Payload, Target};
use crate::response::ResponseFormat;
use crate::{Placement, Protocol, write};

/// A protocol of stored objects without ids in its bodies.
pub(crate) const fn protocol(operation: Operation, path: &'static str) -> Protocol {
    Protocol {
        placement: Placement::Resource,
        response: ResponseFormat { accept: ACCEPT, ..ResponseFormat::TOKENS },
        ..Protocol::call(operation, path, read, write)
    }
}

fn read(_: &Payload<'_>, _: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    Ok(Demanded::nothing())
}

fn write(payload: &Payload<'_>, _: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    write::with_model(payload, target.azure_name, out);
}

/// The ids in the output of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputIds {
    /// Those of its items.
    pub items: Vec<ObjectId>,
    /// Those of the containers that it has worked in.
    pub containers: Vec<ObjectId>,
}

impl OutputIds {
    /// Reads a response, or an event that shows one.
    #[must_use]
    pub fn read(json: &[u8]) -> Self {
        Self { items: item_ids(json), containers: container_ids(json) }
    }
}

/// The ids of the items in the output of a response, or of an event that shows one.
fn item_ids(json: &[u8]) -> Vec<ObjectId> {
    #[derive(Deserialize)]
    struct Shown {
        response: Option<Output>,
        output: Option<Vec<Item>>,
    }
    #[derive(Deserialize)]
    struct Output {
        output: Option<Vec<Item>>,
    }
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        id: Value,
    }
    let Ok(shown) = serde_json::from_slice::<Shown>(json) else { return Vec::new() };
    let output = shown.output.or_else(|| shown.response?.output).unwrap_or_default();
    let ids = output.iter().filter_map(|item| item.id.as_str()?.parse().ok());
    ids.take(MOST_ITEMS).collect()
}

/// Whether a response, or an event of one, may name a container. Most do not.
#[must_use]
pub fn may_name_container(json: &[u8]) -> bool {
    memmem::find(json, CONTAINER_ID.as_bytes()).is_some()
}

/// The ids of the containers in the output of a response, or in an event of one, each once: those of
/// calls of the code interpreter, and of citations of files that it has made.
#[must_use]
pub fn container_ids(json: &[u8]) -> Vec<ObjectId> {
    if !may_name_container(json) {
        return Vec::new();
    }
    let mut ids = Vec::new();
    let shown: Value = serde_json::from_slice(json).unwrap_or_default();
    // A response repeats the request, whose ids were looked up already.
    let response = shown.get("response").unwrap_or(&shown);
    for name in ["output", "item", "part", "annotation"] {
        collect_containers(&response[name], &mut ids);
    }
    ids.sort();
    ids.dedup();
    ids
}

fn collect_containers(value: &Value, ids: &mut Vec<ObjectId>) {
    match value {
        Value::Object(fields) => {
            let id = fields.get(CONTAINER_ID).and_then(Value::as_str);
            ids.extend(id.and_then(|id| id.parse::<ObjectId>().ok()));
            fields.values().for_each(|value| collect_containers(value, ids));
        }
        Value::Array(list) => list.iter().for_each(|value| collect_containers(value, ids)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

const CONTAINER_ID: &str = "container_id";

/// The most items of a response whose ids are recorded.
const MOST_ITEMS: usize = 256;

/// The `accept` header of a call about an object: its content may be of any type.
const ACCEPT: &str = "application/json, */*;q=0.1";

/// The `accept` header of a call about an object.
#[must_use]
pub fn accept(is_streamed: bool) -> &'static str {
    if is_streamed { "text/event-stream" } else { ACCEPT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_containers_of_a_response_are_those_of_its_output() {
        let ids = |json: &str| {
            let ids = container_ids(json.as_bytes());
            ids.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
        };
        let call = r#"{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1"}"#;
        let cited = r#"{"type":"container_file_citation","container_id":"cntr_2","file_id":"f"}"#;
        let message = format!(
            r#"{{"type":"message","content":[{{"type":"output_text","annotations":[{cited}]}}]}}"#
        );
        for (json, expected) in [
            (format!(r#"{{"output":[{call},{message},{call}]}}"#), vec!["cntr_1", "cntr_2"]),
            (
                format!(r#"{{"type":"response.completed","response":{{"output":[{call}]}}}}"#),
                vec!["cntr_1"],
            ),
            (format!(r#"{{"type":"response.output_item.added","item":{call}}}"#), vec!["cntr_1"]),
            (format!(r#"{{"annotation":{cited}}}"#), vec!["cntr_2"]),
            (format!(r#"{{"tools":[{call}],"output":[]}}"#), vec![]),
            (r#"{"output":[{"container_id":"../x"},{"container_id":7}]}"#.to_owned(), vec![]),
            (r#"{"output":"container_id"}"#.to_owned(), vec![]),
            ("container_id".to_owned(), vec![]),
        ] {
            assert_eq!(ids(&json), expected, "{json}");
        }
    }
}
