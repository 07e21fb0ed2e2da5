//! The items of an input: what Azure checks of them, and their words as messages of a chat.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::fields::{self, Object};
use super::super::parameters;
use super::super::refusal::Refusal;
use super::super::stamp::Stamp;
use super::seal;

/// The items in a field: a text is one message of the user.
pub(in super::super) fn items(
    body: &Object,
    field: &str,
    stamp: &Stamp,
) -> Result<Vec<Value>, Refusal> {
    let given = match fields::given(body, field) {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => vec![json!({"role": "user", "content": text})],
        Some(Value::Array(items)) => items.clone(),
        Some(other) => return Err(Refusal::wrong_type(field, "a string or an array", other)),
    };
    let described = given.into_iter().enumerate().map(|(index, mut item)| {
        let place = format!("{field}[{index}]");
        let Some(fields) = item.as_object() else {
            return Err(Refusal::wrong_type(&place, "an object", &item));
        };
        if let Some(known) = known_fields(fields) {
            parameters::refuse_parameters(fields, known, &place)?;
        }
        if item.get("type").is_none() {
            item["type"] = json!("message");
        }
        if let Some(text) = item["content"].as_str() {
            let kind = if item["role"] == "assistant" { "output_text" } else { "input_text" };
            item["content"] = json!([{"type": kind, "text": text}]);
        }
        if item.get("id").is_none_or(Value::is_null) {
            item["id"] = json!(stamp.id(&format!("msg_{field}{index}_")));
        }
        if item.get("status").is_none() && item["type"] == "message" {
            item["status"] = json!("completed");
        }
        Ok(item)
    });
    described.collect()
}

/// The fields of an item, where its type is one of the usual ones.
fn known_fields(item: &Object) -> Option<&'static [&'static str]> {
    match item.get("type").and_then(Value::as_str).unwrap_or("message") {
        "message" if item.contains_key("role") => {
            Some(&["content", "id", "phase", "role", "status", "type"])
        }
        "reasoning" => Some(&["content", "encrypted_content", "id", "status", "summary", "type"]),
        "function_call" => {
            Some(&["arguments", "call_id", "id", "name", "namespace", "status", "type"])
        }
        "custom_tool_call" => {
            Some(&["call_id", "id", "input", "name", "namespace", "status", "type"])
        }
        "function_call_output" | "custom_tool_call_output" => {
            Some(&["call_id", "id", "output", "status", "type"])
        }
        "item_reference" => Some(&["id", "type"]),
        _ => None,
    }
}

/// Puts stored items in the place of references to them, and refuses items that only Azure could
/// know and does not: it looks for each reasoning item and each message that has an id.
pub(in super::super) fn resolve<'k>(
    body: &Object,
    input: &mut [Value],
    find: impl Fn(&str) -> Option<&'k Value>,
) -> Result<(), Refusal> {
    let given = fields::given(body, "input").and_then(Value::as_array);
    for (item, given) in input.iter_mut().zip(given.into_iter().flatten()) {
        let Some(id) = given["id"].as_str().filter(|id| !id.is_empty()) else { continue };
        let is_bare = given["type"] == "item_reference"
            || (given.get("type").is_none() && given.get("role").is_none());
        let is_stored = is_bare || id.starts_with("rs_") || id.starts_with("msg_");
        match find(id) {
            Some(stored) if is_bare => *item = stored.clone(),
            Some(_) => {}
            None if is_stored => return Err(Refusal::Item(id.to_owned())),
            None => {}
        }
    }
    Ok(())
}

/// Checks what was said as a whole: each output answers a call, each call is answered, and encrypted
/// content is this resource's.
pub(in super::super) fn check(said: &[Value], resource: &str) -> Result<(), Refusal> {
    let ids = |suffix: &str| -> BTreeSet<&str> {
        let has = |item: &&Value| {
            let kind = item["type"].as_str().unwrap_or_default();
            ["function_call", "custom_tool_call"]
                .iter()
                .any(|call| kind.strip_prefix(call).is_some_and(|rest| rest == suffix))
        };
        said.iter().filter(has).filter_map(|item| item["call_id"].as_str()).collect()
    };
    let (calls, outputs) = (ids(""), ids("_output"));
    let fault = |message: String| Err(Refusal::field("input", None, message));
    if let Some(id) = outputs.difference(&calls).next() {
        return fault(format!("No tool call found for function call output with call_id {id}."));
    }
    if let Some(id) = calls.difference(&outputs).next() {
        return fault(format!("No tool output found for function call {id}."));
    }
    said.iter().try_for_each(|item| seal::check(resource, item))
}

/// An item as a message of a chat; none for what a chat has no words for.
pub(super) fn message(item: &Value) -> Option<Value> {
    let call = |kind: &str, described: Value| {
        let mut call = json!({"id": item["call_id"], "type": kind});
        call[kind] = described;
        Some(json!({"role": "assistant", "content": null, "tool_calls": [call]}))
    };
    match item["type"].as_str()? {
        "message" => {
            let parts =
                item["content"].as_array()?.iter().map(|part| match part["type"].as_str() {
                    Some("input_image") => json!({"type": "image_url", "image_url": {
                    "url": part["image_url"].as_str().unwrap_or_default()}}),
                    Some("input_file") => json!({"type": "text", "text": "a file"}),
                    _ => json!({"type": "text", "text": part["text"].as_str().unwrap_or_default()}),
                });
            Some(json!({"role": item["role"], "content": parts.collect::<Vec<_>>()}))
        }
        "function_call" => {
            call("function", json!({"name": item["name"], "arguments": item["arguments"]}))
        }
        "custom_tool_call" => call("custom", json!({"name": item["name"], "input": item["input"]})),
        "function_call_output" | "custom_tool_call_output" => {
            let parts = item["output"].as_array().into_iter().flatten();
            let texts: Vec<&str> = parts.filter_map(|part| part["text"].as_str()).collect();
            let text = match item["output"].as_str() {
                Some(text) => text.to_owned(),
                None if texts.is_empty() => item["output"].to_string(),
                None => texts.join(" "),
            };
            Some(json!({"role": "tool", "tool_call_id": item["call_id"], "content": text}))
        }
        "compaction" => Some(json!({"role": "system", "content": "A summary of what was said."})),
        _ => None,
    }
}
