//! Shared by chats and legacy completions: caps, choices and streams with usage.

use std::sync::LazyLock;

use lanyard_domain::catalog::CompletionField;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::added::AddedField;
use crate::chunk::{Chunk, NO_END, add_texts, is_without};
use crate::demand::{Caps, Demanded};
use crate::error::{BodyRefused, invalid, not_allowed};
use crate::estimate;
use crate::fields::{count, is_streamed};
use crate::inputs::Inputs;
use crate::payload::{Payload, Target};
use crate::sse::Frame;
use crate::stream::{StreamEvent, StreamState};
use crate::write;

/// Reads a request to a model that completes these prompts. `usual` is the cap of a request that
/// names none.
pub(crate) fn read(
    payload: &Payload<'_>,
    caps: &Caps<'_>,
    prompts: &Inputs,
    usual: u64,
) -> Result<Demanded, BodyRefused> {
    let (is_streamed, wants_usage) = check_streaming(payload)?;
    let choices = choices(payload, caps)?;
    let asked = completion_cap(payload)?;
    let cap = caps.cap(asked, usual, prompts.tokens);
    let estimate = estimate::completion(prompts.tokens, cap, choices.saturating_mul(prompts.count));
    Ok(Demanded {
        wants_usage,
        completion_cap: Some(cap),
        asked_cap: asked,
        is_stateless: true,
        contexts: prompts.count,
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

fn completion_cap(payload: &Payload<'_>) -> Result<Option<u64>, BodyRefused> {
    let older = count(payload, "max_tokens")?;
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
static DELTA: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"delta\""));
/// The same in legacy completions.
static TEXT: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"text\""));

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
fn read_chunk(frame: &Frame, state: &mut StreamState, part: &Finder<'_>) -> StreamEvent {
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
    let is_hidden = match chunk.counted {
        Some(_) => state.hides.usage && !chunk.has_choices,
        None => state.hides.filter_chunks && is_without(part, frame),
    };
    if is_hidden { StreamEvent::Drop } else { StreamEvent::Pass }
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
            other @ (StreamEvent::Names(_) | StreamEvent::Shows { .. } | StreamEvent::Fails) => {
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
