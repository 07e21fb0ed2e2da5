//! The Responses API over the same simulated model: reads an input as a chat, and writes what a
//! chat would respond as a response, whole or as named events.

use bytes::Bytes;
use serde_json::{Value, json};

use super::catalog::Model;
use super::chat::ChatRequest;
use super::completion::{Completion, Said};
use super::fields::{self, Object};
use super::refusal::Refusal;
use super::stamp::Stamp;

/// What a request says.
pub(super) struct CallResult {
    /// Its items, with ids.
    pub(super) input: Vec<Value>,
}

impl CallResult {
    /// Reads the input, and adds it to what was said before.
    pub(super) fn read(
        body: &Object,
        said: &mut Vec<Value>,
        stamp: &Stamp,
    ) -> Result<Self, Refusal> {
        let input = items(body, "input", stamp)?;
        if input.is_empty() {
            return Err(Refusal::missing("input"));
        }
        said.extend(input.iter().cloned());
        Ok(Self { input })
    }
}

/// The items in a field: a text is one message of the user.
pub(super) fn items(body: &Object, field: &str, stamp: &Stamp) -> Result<Vec<Value>, Refusal> {
    let given = match fields::given(body, field) {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => vec![json!({"role": "user", "content": text})],
        Some(Value::Array(items)) => items.clone(),
        Some(other) => return Err(Refusal::wrong_type(field, "a string or an array", other)),
    };
    let described = given.into_iter().enumerate().map(|(index, mut item)| {
        if !item.is_object() {
            return Err(Refusal::wrong_type(&format!("{field}[{index}]"), "an object", &item));
        }
        if item.get("type").is_none() {
            item["type"] = json!("message");
        }
        if let Some(text) = item["content"].as_str() {
            let kind = if item["role"] == "assistant" { "output_text" } else { "input_text" };
            item["content"] = json!([{"type": kind, "text": text}]);
        }
        if item.get("id").is_none() {
            item["id"] = json!(stamp.id(&format!("msg_{field}{index}_")));
        }
        if item.get("status").is_none() && item["type"] == "message" {
            item["status"] = json!("completed");
        }
        Ok(item)
    });
    described.collect()
}

/// An item as a message of a chat; none for what a chat has no words for.
fn message(item: &Value) -> Option<Value> {
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
        "function_call" => Some(json!({"role": "assistant", "content": null, "tool_calls": [{
            "id": item["call_id"], "type": "function",
            "function": {"name": item["name"], "arguments": item["arguments"]}}]})),
        "function_call_output" => {
            let text =
                item["output"].as_str().map_or_else(|| item["output"].to_string(), Into::into);
            Some(json!({"role": "tool", "tool_call_id": item["call_id"], "content": text}))
        }
        _ => None,
    }
}

/// A response that was made.
pub(super) struct Made {
    /// The whole of it.
    pub(super) body: Value,
    /// Its output.
    pub(super) output: Vec<Value>,
    tokens: Vec<String>,
}

/// Makes the response to everything that was said.
pub(super) fn compose(
    body: &Object,
    said: &[Value],
    model: &'static Model,
    stamp: &Stamp,
) -> Result<Made, Refusal> {
    let instructions = fields::text(body, "instructions")?;
    let system = instructions.map(|text| json!({"role": "system", "content": text}));
    let messages: Vec<Value> = system.into_iter().chain(said.iter().filter_map(message)).collect();
    let mut chat = Object::new();
    chat.insert("messages".to_owned(), messages.into());
    if let Some(cap) = fields::given(body, "max_output_tokens") {
        chat.insert("max_tokens".to_owned(), cap.clone());
    }
    let tools = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let tools: Vec<Value> = tools.filter_map(tool).collect();
    if !tools.is_empty() {
        chat.insert("tools".to_owned(), tools.into());
    }
    let request = ChatRequest::read(&chat, model)?;
    let completion = Completion::compose(&request, stamp);
    let choice = completion.choices.first().ok_or(Refusal::Path)?;
    let text = choice.tokens.concat();
    let output = match &choice.said {
        Said::Text => json!({
            "id": stamp.id("msg_"), "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
        }),
        Said::Call { name, id, .. } => json!({
            "id": stamp.id("fc_"), "type": "function_call", "status": "completed",
            "call_id": id, "name": name, "arguments": text,
        }),
    };
    let usage = completion.usage();
    let is_cut = choice.finish_reason == "length";
    let given = |name: &str| fields::given(body, name).cloned();
    let body = json!({
        "id": stamp.id("resp_"),
        "object": "response",
        "created_at": stamp.created(),
        "status": if is_cut { "incomplete" } else { "completed" },
        "background": false,
        "error": null,
        "incomplete_details": is_cut.then(|| json!({"reason": "max_output_tokens"})),
        "instructions": instructions,
        "max_output_tokens": given("max_output_tokens"),
        "metadata": given("metadata").unwrap_or_else(|| json!({})),
        "model": model.version,
        "output": [output],
        "parallel_tool_calls": true,
        "previous_response_id": given("previous_response_id"),
        "conversation": given("conversation").map(|one| {
            if one.is_string() { json!({"id": one}) } else { one }
        }),
        "store": given("store").unwrap_or(Value::Bool(true)),
        "temperature": given("temperature").unwrap_or_else(|| json!(1.0)),
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": given("tools").unwrap_or_else(|| json!([])),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        },
    });
    let tokens = choice.tokens.clone();
    Ok(Made { output: vec![output], body, tokens })
}

/// A tool as chats describe it.
fn tool(tool: &Value) -> Option<Value> {
    if tool["type"] != "function" {
        return None;
    }
    Some(json!({"type": "function", "function": {
        "name": tool["name"], "description": tool["description"],
        "parameters": tool["parameters"]}}))
}

impl Made {
    /// The response as named events, a token each.
    pub(super) fn events(&self) -> Vec<Bytes> {
        let mut started = self.body.clone();
        started["status"] = json!("in_progress");
        started["output"] = json!([]);
        started["usage"] = Value::Null;
        let item = &self.output[0];
        let mut open = item.clone();
        open["status"] = json!("in_progress");
        let is_text = item["type"] == "message";
        open[if is_text { "content" } else { "arguments" }] =
            if is_text { json!([]) } else { json!("") };
        let place = json!({"item_id": item["id"], "output_index": 0, "content_index": 0});
        let mut events = vec![
            ("response.created", json!({"response": started})),
            ("response.in_progress", json!({"response": started})),
            ("response.output_item.added", json!({"output_index": 0, "item": open})),
        ];
        let whole = self.tokens.concat();
        let (delta, done, field) = match is_text {
            true => ("response.output_text.delta", "response.output_text.done", "text"),
            false => (
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
                "arguments",
            ),
        };
        let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
        if is_text {
            events.push(("response.content_part.added", with(&place, json!({"part": part("")}))));
        }
        for token in &self.tokens {
            events.push((delta, with(&place, json!({"delta": token, "logprobs": []}))));
        }
        let mut last = json!({"logprobs": [], "name": item["name"]});
        last[field] = json!(whole);
        events.push((done, with(&place, last)));
        if is_text {
            let part = with(&place, json!({"part": part(&whole)}));
            events.push(("response.content_part.done", part));
        }
        events.push(("response.output_item.done", json!({"output_index": 0, "item": item})));
        let end = match self.body["status"].as_str() {
            Some("incomplete") => "response.incomplete",
            _ => "response.completed",
        };
        events.push((end, json!({"response": self.body})));
        let numbered = events.into_iter().enumerate().map(|(number, (name, data))| {
            let data = with(&json!({"type": name, "sequence_number": number}), data);
            Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
        });
        numbered.collect()
    }
}

/// An object with the fields of another in it.
fn with(object: &Value, more: Value) -> Value {
    let mut all = object.clone();
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}
