//! Writes a message of Claude's: as JSON, or as the events of a stream.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::tokens;
use super::{Message, Said};

impl Message {
    fn usage(&self, output: usize) -> Value {
        json!({
            "input_tokens": self.input,
            "cache_creation_input_tokens": self.cache_write,
            "cache_read_input_tokens": self.cache_read,
            "output_tokens": output,
            "service_tier": "standard",
        })
    }

    fn head(&self, content: &[Value], stop_reason: Option<&str>, output: usize) -> Value {
        json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": null,
            "usage": self.usage(output),
        })
    }

    fn call_id(&self, at: usize) -> String {
        format!("toolu_{at}{}", &self.id[self.id.len() - 24..])
    }
}

/// The message as one JSON document.
pub(super) fn buffered(message: &Message) -> Value {
    let content = message.said.iter().enumerate().map(|(at, said)| match said {
        Said::Thinking(text) => {
            json!({"type": "thinking", "thinking": text, "signature": "simulated"})
        }
        Said::Text(text) => json!({"type": "text", "text": text}),
        Said::Call { name, input } => {
            json!({"type": "tool_use", "id": message.call_id(at), "name": name, "input": input})
        }
    });
    let content: Vec<_> = content.collect();
    message.head(&content, Some(message.stop_reason), message.output)
}

/// The message as events, a token each.
pub(super) fn events(message: &Message) -> Vec<Bytes> {
    let mut events = vec![json!({"type": "message_start", "message": message.head(&[], None, 1)})];
    events.push(json!({"type": "ping"}));
    for (index, said) in message.said.iter().enumerate() {
        let (block, field, kind) = match said {
            Said::Thinking(_) => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                "thinking",
                "thinking_delta",
            ),
            Said::Text(_) => (json!({"type": "text", "text": ""}), "text", "text_delta"),
            Said::Call { name, .. } => (
                json!({"type": "tool_use", "id": message.call_id(index), "name": name, "input": {}}),
                "partial_json",
                "input_json_delta",
            ),
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        let delta =
            |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
        let text = said.text();
        for (number, token) in tokens::split(&text).enumerate() {
            if message.breaks && number == 3 {
                let error = json!({"type": "overloaded_error", "message": "Overloaded"});
                events.push(json!({"type": "error", "error": error}));
                return events.iter().map(frame).collect();
            }
            events.push(delta(json!({"type": kind, field: token})));
        }
        if matches!(said, Said::Thinking(_)) {
            events.push(delta(json!({"type": "signature_delta", "signature": "simulated"})));
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({
        "type": "message_delta",
        "delta": {"stop_reason": message.stop_reason, "stop_sequence": null},
        "usage": message.usage(message.output),
    }));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(frame).collect()
}

fn frame(event: &Value) -> Bytes {
    let name = event["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {event}\n\n").into()
}
