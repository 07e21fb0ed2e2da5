//! How the events of a streamed message are read.
//!
//! The first event has the usage of the prompt, the last but one that of the output.
//! <https://docs.claude.com/en/docs/build-with-claude/streaming>

use std::borrow::Cow;

use bytes::Bytes;
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::usage;
use crate::buffered;
use crate::chunk::{self, NO_END};
use crate::error::ErrorShape;
use crate::sse::Frame;
use crate::stream::failure::Failure;
use crate::stream::{StreamEvent, StreamFormat, StreamState};
use crate::usage::{Counted, known_model};

/// Some servers end a message without it, and SDKs wait for it.
const LAST: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

pub(super) const FORMAT: StreamFormat = StreamFormat {
    read,
    missing: |state| (!state.is_done && !state.has_stopped).then_some(NO_END),
    last: |state| (state.has_stopped && !state.is_done).then(|| Bytes::from_static(LAST)),
    of_buffered: buffered::message,
    errors: ErrorShape::Anthropic,
    error: |body, _| {
        let parts: [&[u8]; 3] = [b"event: error\ndata: ", body, b"\n\n"];
        Bytes::from(parts.concat())
    },
    ..chunk::FORMAT
};

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
}

/// What changes at the end of a message.
#[derive(Deserialize)]
struct End {
    stop_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// Reads an event. Text is not parsed.
fn read(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    match frame.event().map(str::trim) {
        Some("content_block_delta") => {
            state.produced.add(&frame.0);
            return StreamEvent::Pass;
        }
        Some("ping" | "content_block_stop") => return StreamEvent::Pass,
        Some(_) | None => {}
    }
    let data = frame.data();
    let Ok(event) = serde_json::from_slice::<Event<'_>>(&data) else {
        return match frame.is_named_error() && !data.is_empty() {
            true => fails(&data, state),
            false => StreamEvent::Pass,
        };
    };
    let kind = frame.event().map(str::trim).or(event.kind.as_deref()).unwrap_or_default();
    match kind {
        "message_start" => {
            let Some(message) = event.message else { return StreamEvent::Pass };
            state.response_id = message.id.as_deref().and_then(|id| id.parse().ok());
            state.model = message.model.and_then(known_model);
            state.prompt = message.usage.map(|usage| usage::count(usage, state.most_tokens));
        }
        "message_delta" => {
            let counted = event.usage.map(|usage| with_prompt(usage, state));
            state.count(counted);
            let end = event.delta.and_then(|delta| serde_json::from_str::<End>(delta.get()).ok());
            state.has_stopped |= end.is_some_and(|end| end.stop_reason.is_some());
        }
        "message_stop" => state.is_done = true,
        "content_block_delta" => state.produced.add(&frame.0),
        _ if kind == "error" || event.error.is_some() => return fails(&data, state),
        _ => {}
    }
    StreamEvent::Pass
}

/// The usage of the complete message: its last event may have the output only.
fn with_prompt(usage: &RawValue, state: &StreamState) -> Counted {
    let mut fields: Map<String, Value> = serde_json::from_str(usage.get()).unwrap_or_default();
    let input = fields.entry("input_tokens").or_insert(Value::Null);
    let has_prompt = !input.is_null();
    if !has_prompt {
        *input = 0.into();
    }
    let last = serde_json::value::to_raw_value(&fields);
    let last = last.map(|usage| usage::count(&usage, state.most_tokens));
    let last = last.unwrap_or(Counted { usage: Usage::default(), is_credible: false });
    let begun =
        state.prompt.unwrap_or(Counted { usage: Usage::default(), is_credible: has_prompt });
    // It grows while the server itself works with tools.
    let most = if last.usage.prompt_tokens > begun.usage.prompt_tokens { last } else { begun };
    let (prompt_tokens, details) = (most.usage.prompt_tokens, most.usage.details);
    let calls = last.usage.calls.max(begun.usage.calls);
    let tokens = Usage::of_tokens(prompt_tokens, last.usage.completion_tokens);
    Counted {
        usage: Usage { details, calls, ..tokens },
        is_credible: last.is_credible && begun.is_credible,
    }
}

fn fails(data: &[u8], state: &mut StreamState) -> StreamEvent {
    state.failure = Some(Box::new(Failure::read(data)));
    StreamEvent::Fails
}
