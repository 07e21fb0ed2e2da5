//! Shared by chats and legacy completions: caps, choices and streams with usage.

use std::sync::LazyLock;

use lanyard_domain::catalog::CompletionField;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::added::AddedField;
use crate::chunk::{Chunk, NO_END, add_texts, is_without};
use crate::demand::{Caps, Demanded};
use crate::error::{BodyRefused, invalid, not_allowed};
use crate::estimate;
use crate::fields::{count, count_from, is_streamed};
use crate::inputs::Inputs;
use crate::payload::{Payload, Target};
use crate::sse::Frame;
use crate::stream::failure::Failure;
use crate::stream::{StreamEvent, StreamState, has_reason};
use crate::write;

/// The caps of an API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiCaps {
    /// That of a request that names none.
    pub(crate) usual: u64,
    /// The lowest that may be asked for.
    pub(crate) least: u64,
}

/// Reads a request to a model that completes these prompts.
pub(crate) fn read(
    payload: &Payload<'_>,
    caps: &Caps<'_>,
    prompts: &Inputs,
    of_api: ApiCaps,
) -> Result<Demanded, BodyRefused> {
    let (is_streamed, wants_usage) = check_streaming(payload)?;
    let choices = choices(payload, caps)?.saturating_mul(prompts.count);
    let asked = completion_cap(payload, of_api.least)?;
    let cap = caps.cap(asked, of_api.usual, prompts.tokens);
    let estimate = estimate::completion(prompts.tokens, cap, choices);
    Ok(Demanded {
        wants_usage,
        completion_cap: Some(cap),
        asked_cap: asked,
        is_stateless: true,
        contexts: prompts.count,
        choices,
        ..Demanded::of(estimate, is_streamed)
    })
}

/// Whether the response is streamed, and whether the client wants the usage of the stream.
pub(crate) fn check_streaming(payload: &Payload<'_>) -> Result<(bool, bool), BodyRefused> {
    let is_streamed = is_streamed(payload)?;
    Ok((is_streamed, wants_usage(payload, is_streamed)?))
}

fn wants_usage(payload: &Payload<'_>, is_streamed: bool) -> Result<bool, BodyRefused> {
    #[derive(Deserialize)]
    struct StreamOptions {
        include_usage: Option<bool>,
    }
    let Some(raw) = payload.field("stream_options") else {
        return Ok(false);
    };
    if !is_streamed {
        return Err(invalid("stream_options", "is only allowed together with \"stream\": true"));
    }
    serde_json::from_str::<StreamOptions>(raw.get())
        .map(|options| options.include_usage.unwrap_or(false))
        .map_err(|_| {
            invalid("stream_options", "must be an object such as {\"include_usage\": true}")
        })
}

fn completion_cap(payload: &Payload<'_>, least: u64) -> Result<Option<u64>, BodyRefused> {
    let older = count_from(payload, "max_tokens", least)?;
    let newer = count(payload, "max_completion_tokens")?;
    if older.is_some() && newer.is_some() {
        return Err(invalid(
            "max_tokens",
            "and max_completion_tokens are both there. Send only one of them",
        ));
    }
    Ok(older.or(newer))
}

/// The most choices that the request asks for, by either field.
pub(crate) fn choices(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<u64, BodyRefused> {
    let mut choices = 1;
    for name in ["n", "best_of"] {
        let Some(asked) = count(payload, name)? else {
            continue;
        };
        if asked > caps.choices {
            let most = caps.choices;
            return Err(not_allowed(
                name,
                format!("{name} is at most {most} at this event. Ask again instead."),
            ));
        }
        choices = choices.max(asked);
    }
    Ok(choices)
}

/// Writes the body for Azure, with the cap in this field.
pub(crate) fn write(
    payload: &Payload<'_>,
    demanded: &Demanded,
    target: &Target<'_>,
    field: CompletionField,
    out: &mut Vec<u8>,
) {
    write::body(payload, demanded, target, out, |object| {
        object.identity(AddedField::User, target);
        if let Some(cap) = demanded.completion_cap {
            object.raw(field.name(), &cap.to_string());
        }
        if demanded.is_streamed {
            object.raw("stream", "true");
            if !target.refused.has(AddedField::StreamOptions) {
                object.raw("stream_options", &stream_options(payload));
            }
        }
    });
}

/// The client's options with usage asked for: every stream is accounted by it.
fn stream_options(payload: &Payload<'_>) -> String {
    let given = payload.field("stream_options").map_or("{}", RawValue::get);
    let mut options: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(given).unwrap_or_default();
    options.insert("include_usage".to_owned(), true.into());
    serde_json::Value::Object(options).to_string()
}

/// A stream is complete by its last event, or when all of its choices have ended.
pub(crate) fn missing(state: &StreamState) -> Option<&'static str> {
    (!state.is_done && !state.choices.are_complete()).then_some(NO_END)
}

/// The field of a choice that holds a part of the completion.
struct Part {
    name: &'static str,
    finder: Finder<'static>,
    /// Its value where it holds nothing.
    empty: fn() -> Value,
}

static DELTA: LazyLock<Part> = LazyLock::new(|| Part {
    name: "delta",
    finder: Finder::new(b"\"delta\""),
    empty: || json!({}),
});

/// The same in legacy completions.
static TEXT: LazyLock<Part> =
    LazyLock::new(|| Part { name: "text", finder: Finder::new(b"\"text\""), empty: || json!("") });

/// Reads a chunk of a chat.
pub(crate) fn read_chat(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    read_chunk(frame, state, &DELTA)
}

/// Reads a chunk of a legacy completion.
pub(crate) fn read_text(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    read_chunk(frame, state, &TEXT)
}

/// Reads a chunk. Parts that the client did not request are dropped: the usage, and the results of
/// filters.
fn read_chunk(frame: &Frame, state: &mut StreamState, part: &Part) -> StreamEvent {
    let chunk = Chunk::read(frame, state);
    if state.counts_text {
        add_texts(&frame.data(), &mut state.text);
    }
    state.count(chunk.counted);
    match chunk.counted {
        Some(_) if !chunk.has_choices => state.choices.note_total(),
        Some(_) | None => state.choices.note(frame),
    }
    if chunk.event != StreamEvent::Pass {
        return chunk.event;
    }
    match chunk.counted {
        Some(_) if state.hides.usage && !chunk.has_choices => StreamEvent::Drop,
        None if is_without(&part.finder, frame) => read_without(frame, state, part),
        Some(_) | None => StreamEvent::Pass,
    }
}

/// Reads a chunk without a part of the completion: of a filter, or the error of a server that puts it
/// into no envelope. The reason for the end of a choice may come so from a filter; clients of OpenAI's
/// API get it with an empty part.
fn read_without(frame: &Frame, state: &mut StreamState, part: &Part) -> StreamEvent {
    let data = frame.data();
    let other = if state.hides.filter_chunks { StreamEvent::Drop } else { StreamEvent::Pass };
    let Ok(mut chunk) = serde_json::from_slice::<Map<String, Value>>(&data) else { return other };
    let Some(choices) = chunk.get_mut("choices") else {
        let is_error = ["message", "detail"].iter().any(|name| chunk.contains_key(*name));
        if is_error {
            state.failure = Some(Box::new(Failure::read(&data)));
            return StreamEvent::Fails;
        }
        return other;
    };
    let choices = choices.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut);
    let mut has_ended = false;
    for choice in choices {
        has_ended |= choice.get("finish_reason").is_some_and(has_reason);
        choice.insert(part.name.to_owned(), (part.empty)());
    }
    match (has_ended && state.hides.filter_chunks, serde_json::to_string(&chunk)) {
        (true, Ok(chunk)) => StreamEvent::Replace(format!("data: {chunk}\n\n").into()),
        _ => other,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::stream::Hides;

    type Read = fn(&Frame, &mut StreamState) -> StreamEvent;

    fn passes(read: Read, hides: Hides, data: &str) -> bool {
        let frame = Frame(Bytes::from(format!("data: {data}\n\n")));
        let mut state = StreamState { hides, ..StreamState::default() };
        match read(&frame, &mut state) {
            StreamEvent::Pass => true,
            StreamEvent::Drop => false,
            other @ (StreamEvent::Replace(_)
            | StreamEvent::Names(_)
            | StreamEvent::Shows { .. }
            | StreamEvent::Fails) => {
                panic!("{other:?}")
            }
        }
    }

    #[test]
    fn openais_clients_get_chunks_with_a_part_of_the_completion_alone() {
        let openai = Hides { usage: true, filter_chunks: true };
        let azure = Hides { usage: true, filter_chunks: false };
        let offsets = r#"{"choices":[{"content_filter_offsets":{"check_offset":35},"content_filter_results":{},"finish_reason":null,"index":0}],"id":""}"#;
        let prompt = r#"{"choices":[],"prompt_filter_results":[{}]}"#;
        let null = r#"{"choices":[{"content_filter_results":{},"delta": null,"text":null}]}"#;
        for hidden in [offsets, prompt, null, r#"{"choices":[]}"#] {
            for read in [read_chat as Read, read_text] {
                assert!(!passes(read, openai, hidden), "{hidden}");
                assert!(passes(read, azure, hidden), "{hidden}");
            }
        }
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
        assert!(!passes(read_chat, openai, usage));
        assert!(passes(read_chat, Hides { usage: false, ..openai }, usage));
        let chat = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
        let text = r#"{"choices":[{"text":"","finish_reason":"stop"}]}"#;
        assert!(passes(read_chat, openai, chat) && passes(read_text, openai, text));
        let second = r#"{"choices":[{"delta":null},{"delta":{"content":"Hi"}}]}"#;
        assert!(passes(read_chat, openai, second));
        for other in ["[DONE]", "", "a text"] {
            assert!(passes(read_chat, openai, other), "{other}");
        }
    }

    #[test]
    fn the_reason_of_a_filter_for_the_end_reaches_openais_clients_with_an_empty_part() {
        let read = |read: Read, filter_chunks, data: &str| {
            let hides = Hides { usage: true, filter_chunks };
            let mut state = StreamState { hides, ..StreamState::default() };
            let event = read(&Frame(Bytes::from(format!("data: {data}\n\n"))), &mut state);
            assert!(state.choices.are_complete(), "{data}");
            event
        };
        for end in [
            r#"{"id":"","choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":{}}],"usage":null}"#,
            r#"{"choices":[{"index":0,"delta":null,"text":null,"finish_reason":"stop"}]}"#,
        ] {
            for (of, part) in [(read_chat as Read, "delta"), (read_text, "text")] {
                let StreamEvent::Replace(frame) = read(of, true, end) else { panic!("{end}") };
                let chunk: Value = serde_json::from_slice(&Frame(frame).data()).unwrap();
                let empty = if part == "delta" { json!({}) } else { json!("") };
                assert_eq!(chunk["choices"][0][part], empty);
                let before: Value = serde_json::from_str(end).unwrap();
                let reason = &before["choices"][0]["finish_reason"];
                assert_eq!(chunk["choices"][0]["finish_reason"], *reason);
                assert_eq!(read(of, false, end), StreamEvent::Pass);
            }
        }
    }

    #[test]
    fn an_error_without_an_envelope_ends_the_stream() {
        for (data, message) in [
            (r#"{"object":"error","message":"rate","type":"RateLimit","code":429}"#, "rate"),
            (r#"{"detail":"Too many"}"#, "Too many"),
            (r#"{"message":"no such model","status":404}"#, "no such model"),
        ] {
            for filter_chunks in [true, false] {
                let hides = Hides { usage: true, filter_chunks };
                let mut state = StreamState { hides, ..StreamState::default() };
                let frame = Frame(Bytes::from(format!("data: {data}\n\n")));
                assert_eq!(read_chat(&frame, &mut state), StreamEvent::Fails, "{data}");
                let failure = state.failure.unwrap();
                assert_eq!(failure.message.as_deref(), Some(message));
            }
        }
    }

    #[test]
    fn comments_pass() {
        let mut state = StreamState {
            hides: Hides { usage: true, filter_chunks: true },
            ..StreamState::default()
        };
        let ping = Frame(Bytes::from_static(b": ping\n\n"));
        assert_eq!(read_chat(&ping, &mut state), StreamEvent::Pass);
        assert!(state.produced.is_nothing());
    }
}
