//! A buffered response as the events of a stream.
//!
//! Some servers respond with a JSON document although a stream was asked for. A client whose stream
//! has already begun then gets the content as events of its protocol.

pub(crate) mod media;

use bytes::Bytes;
use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

/// A chat as one chunk, its usage if the client wants it, and the end.
pub(crate) fn chat(body: &[u8], wants_usage: bool) -> Option<Bytes> {
    completion(body, wants_usage, "chat.completion.chunk", |choice| {
        let mut delta = choice.remove("message").unwrap_or_else(|| json!({}));
        let calls = delta.get_mut("tool_calls").and_then(Value::as_array_mut);
        for (index, call) in calls.into_iter().flatten().enumerate() {
            if let Some(call) = call.as_object_mut() {
                call.insert("index".to_owned(), index.into());
            }
        }
        choice.insert("delta".to_owned(), delta);
    })
}

/// The same of a legacy completion, whose chunks look like it.
pub(crate) fn text(body: &[u8], wants_usage: bool) -> Option<Bytes> {
    completion(body, wants_usage, "text_completion", |_| {})
}

fn completion(
    body: &[u8],
    wants_usage: bool,
    object: &str,
    change: fn(&mut Fields),
) -> Option<Bytes> {
    let mut chunk: Fields = serde_json::from_slice(body).ok()?;
    let usage = chunk.remove("usage").unwrap_or_default();
    chunk.insert("object".to_owned(), object.into());
    let choices = chunk.get_mut("choices")?.as_array_mut()?;
    choices.iter_mut().filter_map(Value::as_object_mut).for_each(change);
    let mut events = data(&chunk);
    if wants_usage && !usage.is_null() {
        chunk.insert("choices".to_owned(), json!([]));
        chunk.insert("usage".to_owned(), usage);
        events.push_str(&data(&chunk));
    }
    events.push_str("data: [DONE]\n\n");
    Some(events.into())
}

fn data(chunk: &Fields) -> String {
    format!("data: {}\n\n", json!(chunk))
}

/// Events with a type, and numbers if the protocol has them.
struct TypedEvents {
    are_numbered: bool,
    count: u64,
    text: String,
}

impl TypedEvents {
    fn new(are_numbered: bool) -> Self {
        Self { are_numbered, count: 0, text: String::new() }
    }

    fn push(&mut self, kind: &str, mut fields: Value) {
        fields["type"] = kind.into();
        if self.are_numbered {
            fields["sequence_number"] = self.count.into();
        }
        self.count += 1;
        self.text.extend(["event: ", kind, "\ndata: ", &fields.to_string(), "\n\n"]);
    }
}

/// A response as the events that begin it, those of its items, and the one that ends it.
pub(crate) fn response(body: &[u8], _: bool) -> Option<Bytes> {
    let response: Value = serde_json::from_slice(body).ok()?;
    let output = response.get("output")?.as_array()?;
    let mut in_progress = response.clone();
    in_progress["status"] = "in_progress".into();
    in_progress["output"] = json!([]);
    in_progress["usage"] = Value::Null;
    let mut events = TypedEvents::new(true);
    events.push("response.created", json!({"response": in_progress}));
    for (index, item) in output.iter().enumerate() {
        push_item(&mut events, index, item);
    }
    let end = match response["status"].as_str() {
        Some("incomplete") => "response.incomplete",
        Some("failed") => "response.failed",
        Some(_) | None => "response.completed",
    };
    events.push(end, json!({"response": response}));
    Some(events.text.into())
}

/// An item of the output, with the parts of its content.
fn push_item(events: &mut TypedEvents, index: usize, item: &Value) {
    let mut added = item.clone();
    if added["content"].is_array() {
        added["content"] = json!([]);
    }
    events.push("response.output_item.added", json!({"output_index": index, "item": added}));
    for (at, part) in item["content"].as_array().into_iter().flatten().enumerate() {
        let place = json!({"item_id": item["id"], "output_index": index, "content_index": at});
        push_part(events, &place, part);
    }
    events.push("response.output_item.done", json!({"output_index": index, "item": item}));
}

fn push_part(events: &mut TypedEvents, place: &Value, part: &Value) {
    let with = |name: &str, value: &Value| {
        let mut event = place.clone();
        event[name] = value.clone();
        event
    };
    let text = part.get("text").filter(|text| text.is_string() && part["type"] == "output_text");
    let mut begun = part.clone();
    if text.is_some() {
        begun["text"] = "".into();
    }
    events.push("response.content_part.added", with("part", &begun));
    if let Some(text) = text {
        for (kind, name) in
            [("response.output_text.delta", "delta"), ("response.output_text.done", "text")]
        {
            let mut event = with(name, text);
            event["logprobs"] = json!([]);
            events.push(kind, event);
        }
    }
    events.push("response.content_part.done", with("part", part));
}

/// A message of Anthropic's as its events.
pub(crate) fn message(body: &[u8], _: bool) -> Option<Bytes> {
    let mut response: Value = serde_json::from_slice(body).ok()?;
    let Value::Array(content) = response.get_mut("content")?.take() else { return None };
    let (reason, sequence) = (response["stop_reason"].take(), response["stop_sequence"].take());
    let usage = response["usage"].clone();
    response["content"] = json!([]);
    let mut events = TypedEvents::new(false);
    events.push("message_start", json!({"message": response}));
    for (index, block) in content.into_iter().enumerate() {
        let (block, deltas) = split(block);
        let start = json!({"index": index, "content_block": block});
        events.push("content_block_start", start);
        for delta in deltas {
            events.push("content_block_delta", json!({"index": index, "delta": delta}));
        }
        events.push("content_block_stop", json!({"index": index}));
    }
    let delta = json!({"stop_reason": reason, "stop_sequence": sequence});
    events.push("message_delta", json!({"delta": delta, "usage": usage}));
    events.push("message_stop", json!({}));
    Some(events.text.into())
}

/// A block without what its deltas add to it, and these deltas.
fn split(mut block: Value) -> (Value, Vec<Value>) {
    let mut deltas = Vec::new();
    let kind = block["type"].as_str().unwrap_or_default().to_owned();
    match kind.as_str() {
        "text" => {
            deltas.push(json!({"type": "text_delta", "text": block["text"]}));
            block["text"] = "".into();
        }
        "thinking" => {
            deltas.push(json!({"type": "thinking_delta", "thinking": block["thinking"]}));
            deltas.push(json!({"type": "signature_delta", "signature": block["signature"]}));
            (block["thinking"], block["signature"]) = ("".into(), "".into());
        }
        kind if kind.ends_with("tool_use") => {
            let input = block["input"].to_string();
            deltas.push(json!({"type": "input_json_delta", "partial_json": input}));
            block["input"] = json!({});
        }
        _ => {}
    }
    (block, deltas)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(super) fn events(bytes: Option<Bytes>) -> Vec<Value> {
        let text = String::from_utf8(bytes.unwrap().into()).unwrap();
        let data = text.split_terminator("\n\n").map(|event| {
            let (head, data) = event.split_once("data: ").unwrap();
            let data = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
            if let Some(name) = head.strip_prefix("event: ") {
                assert_eq!(data["type"], name.trim_end());
            }
            data
        });
        data.collect()
    }

    #[test]
    fn a_chat_is_one_chunk_with_its_tools_numbered_and_the_usage_if_wanted() {
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f"}});
        let body = json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [
            {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
                "content": "Hi", "tool_calls": [call("a"), call("b")]}}], "usage": {"x": 1}});
        let body = body.to_string();
        let without = events(chat(body.as_bytes(), false));
        let all = events(chat(body.as_bytes(), true));
        assert_eq!((without.len(), all.len()), (2, 3));
        assert_eq!(without[0], all[0]);
        let choice = &all[0]["choices"][0];
        assert_eq!(all[0]["object"], "chat.completion.chunk");
        assert_eq!((&choice["delta"]["content"], choice.get("message")), (&json!("Hi"), None));
        assert_eq!(choice["delta"]["tool_calls"][1]["index"], 1);
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!((&all[1]["choices"], &all[1]["usage"]), (&json!([]), &json!({"x": 1})));
        assert_eq!(all[2], "[DONE]");
    }

    #[test]
    fn a_legacy_completion_keeps_its_choices() {
        let body = r#"{"id":"c","choices":[{"index":0,"text":"Hi","finish_reason":"stop"}]}"#;
        let all = events(text(body.as_bytes(), true));
        assert_eq!((all[0]["choices"][0]["text"].as_str(), all.len()), (Some("Hi"), 2));
    }

    #[test]
    fn a_response_is_begun_shown_item_by_item_and_completed() {
        let items = json!([
            {"type": "message", "id": "msg_1", "role": "assistant",
                "content": [{"type": "output_text", "text": "Hi", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
        ]);
        let whole = json!({"id": "resp_1", "status": "completed", "output": items,
            "usage": {"input_tokens": 1}});
        let all = events(response(whole.to_string().as_bytes(), false));
        let kinds: Vec<_> = all.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(
            kinds,
            [
                "response.created",
                "response.output_item.added",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.output_item.added",
                "response.output_item.done",
                "response.completed",
            ]
        );
        assert!((0..).zip(&all).all(|(number, event)| event["sequence_number"] == number));
        assert_eq!(all[0]["response"]["output"], json!([]));
        assert_eq!(all[3]["delta"], "Hi");
        assert_eq!((&all[6]["item"], &all[8]["item"]), (&items[0], &items[1]));
        assert_eq!(all[9]["response"], whole);
        let cut = whole.to_string().replace("\"completed\"", "\"incomplete\"");
        assert_eq!(events(response(cut.as_bytes(), false))[9]["type"], "response.incomplete");
    }

    #[test]
    fn a_message_is_begun_and_its_blocks_are_taken_apart() {
        let whole = json!({"id": "msg_1", "type": "message", "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}},
        ], "stop_reason": "tool_use", "stop_sequence": null, "usage": {"output_tokens": 3}});
        let all = events(message(whole.to_string().as_bytes(), false));
        let begun = &all[0]["message"];
        assert_eq!((&begun["content"], &begun["stop_reason"]), (&json!([]), &Value::Null));
        let deltas = all.iter().filter(|event| event["type"] == "content_block_delta");
        let deltas: Vec<_> = deltas.map(|event| event["delta"].clone()).collect();
        assert_eq!(
            json!(deltas),
            json!([
                {"type": "thinking_delta", "thinking": "Hm"},
                {"type": "signature_delta", "signature": "s"},
                {"type": "text_delta", "text": "Hi"},
                {"type": "input_json_delta", "partial_json": "{\"a\":1}"},
            ])
        );
        let end = &all[all.len() - 2];
        assert_eq!(
            (&end["delta"]["stop_reason"], &end["usage"]),
            (&json!("tool_use"), &whole["usage"])
        );
        assert_eq!(all.last().unwrap()["type"], "message_stop");
    }

    #[test]
    fn what_is_no_complete_response_gives_no_events() {
        for body in ["", "[]", "{}", r#"{"choices":1}"#, r#"{"output":"x"}"#, r#"{"content":"x"}"#]
        {
            for events in [chat, text, response, message] {
                assert_eq!(events(body.as_bytes(), true), None, "{body}");
            }
        }
    }
}
