//! Messages of Claude: whole, and as the events of a stream.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Reply;

/// The tokens of a usual prompt and of a usual response, as in chats.
const PROMPT_TOKENS: u64 = 17;
const COMPLETION_TOKENS: u64 = 5;

/// The tokens of a usual prompt that were read from the cache, and that were written to it.
const READ: u64 = 4;
const WRITTEN: u64 = 3;

/// The usage of a usual message: all of its prompt is 17 tokens.
pub fn usage(output: u64) -> Value {
    json!({
        "input_tokens": PROMPT_TOKENS - READ - WRITTEN, "cache_read_input_tokens": READ,
        "cache_creation_input_tokens": WRITTEN, "output_tokens": output,
    })
}

fn head(content: &Value, stop_reason: &Value, output: u64) -> Value {
    json!({
        "id": "msg_scripted", "type": "message", "role": "assistant", "model": "claude-sonnet-5",
        "content": content, "stop_reason": stop_reason, "stop_sequence": null,
        "usage": usage(output),
    })
}

/// A whole message.
pub fn message(text: &str) -> Reply {
    let content = json!([{"type": "text", "text": text}]);
    Reply::json(200, head(&content, &"end_turn".into(), COMPLETION_TOKENS).to_string())
}

/// An event with its name.
pub fn event(data: &Value) -> Bytes {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default()).into()
}

/// The first event.
pub fn start() -> Bytes {
    event(&json!({"type": "message_start", "message": head(&json!([]), &Value::Null, 1)}))
}

/// A part of the text.
pub fn delta(text: &str) -> Bytes {
    let delta = json!({"type": "text_delta", "text": text});
    event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
}

/// An error of Azure's.
pub fn error(kind: &str, message: &str) -> Bytes {
    event(&json!({"type": "error", "error": {"type": kind, "message": message}}))
}

/// A streamed message.
pub fn events(text: &str) -> Vec<Bytes> {
    let block = json!({"type": "text", "text": ""});
    let stop = json!({"stop_reason": "end_turn", "stop_sequence": null});
    vec![
        start(),
        event(&json!({"type": "ping"})),
        event(&json!({"type": "content_block_start", "index": 0, "content_block": block})),
        delta(text),
        event(&json!({"type": "content_block_stop", "index": 0})),
        event(
            &json!({"type": "message_delta", "delta": stop, "usage": {"output_tokens": COMPLETION_TOKENS}}),
        ),
        event(&json!({"type": "message_stop"})),
    ]
}

/// The same as a reply.
pub fn stream(text: &str) -> Reply {
    Reply::sse_bytes("", &[]).pieces(events(text))
}
