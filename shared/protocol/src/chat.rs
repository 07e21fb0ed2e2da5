//! `POST …/chat/completions`
//!
//! A conversation as JSON; tokens are counted. Text is estimated by the classes of its bytes,
//! encoded data by its content. <https://platform.openai.com/docs/api-reference/chat>

use std::sync::LazyLock;

use lanyard_domain::operation::Operation;
use memchr::memmem::Finder;
use serde_json::value::RawValue;

use crate::Protocol;
use crate::chunk;
use crate::completion::{self, ApiCaps};
use crate::demand::{Caps, Demanded, HostedUse};
use crate::documentation::{
    CHOICES, Documentation, MAX_COMPLETION_TOKENS, MAX_TOKENS, MODEL, STREAM, STREAM_OPTIONS,
    Sample, TOOLS,
};
use crate::error::{BodyRefused, invalid};
use crate::estimate;
use crate::fields::refuse_foreign;
use crate::inputs::Inputs;
use crate::payload::{Payload, Target};
use crate::references::IdPlace;
use crate::stream::StreamFormat;
use crate::tokens::tokens_of_text;
use crate::tools::Decided;
use crate::{buffered, tools, usage};

const EARLIER_AUDIO: &str = "Earlier audio cannot be named by its id here, since Azure keeps it for \
     everybody at the event. Send its transcript as the content of the message.";

pub(crate) static PROTOCOL: Protocol = Protocol {
    has_inference_path: true,
    ids: &[IdPlace::refused("messages.audio.id", EARLIER_AUDIO).if_mentioned("audio")],
    stream: StreamFormat {
        read: completion::read_chat,
        missing: completion::missing,
        of_buffered: buffered::chat,
        ..chunk::FORMAT
    },
    documentation: Some(DOCUMENTATION),
    ..Protocol::call(Operation::ChatCompletions, "chat/completions", read, write)
};

const DOCUMENTATION: Documentation = Documentation {
    note: Some(
        "Counted against the attendee's limits and sent to Azure. With `\"stream\": true` the \
         response is a stream of server-sent events.",
    ),
    ..Documentation::new("chat", "Chat", "chat/create", SAMPLE).reads(
        "Chat",
        &[
            MODEL,
            ("messages", r#"{"type": "array", "items": {"type": "object"}}"#),
            STREAM,
            STREAM_OPTIONS,
            MAX_TOKENS,
            MAX_COMPLETION_TOKENS,
            CHOICES,
            TOOLS,
        ],
    )
};

const SAMPLE: Sample = Sample::Json {
    fields: r#""messages": [{"role": "user", "content": "Hi"}]"#,
    cheapest: Some(r#", "max_tokens": 1"#),
};

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    let Decided { dropped, choice, hosted } = tools::check_call(payload, None, caps)?;
    // A chat has no field that bounds the calls of Azure's tools.
    let hosted = hosted.map(|hosted| HostedUse { price: None, ..hosted });
    let prompt = Inputs { count: 1, tokens: prompt_tokens(payload, caps)? };
    let of_api = ApiCaps { usual: caps.completion_tokens, least: 1 };
    let demanded = completion::read(payload, caps, &prompt, of_api)?;
    let contexts = usage::contexts(hosted.is_some(), None);
    Ok(Demanded {
        dropped_tools: dropped,
        changed_tool_choice: choice,
        hosted,
        contexts,
        ..demanded
    })
}

/// Most conversations are only text, and are estimated as they are. Only those that can hold
/// encoded data are read part by part.
fn prompt_tokens(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<u64, BodyRefused> {
    let Some(raw) = payload.field("messages").map(RawValue::get) else {
        return Ok(tokens_of_text(payload.body));
    };
    if !raw.starts_with('[') {
        return Err(invalid("messages", "must be a list"));
    }
    // Azure refuses items that are not messages.
    let messages = serde_json::from_str::<Vec<&RawValue>>(raw).unwrap_or_default();
    estimate::messages(payload, &messages, raw, &*ENCODED, caps.facts)
}

/// The names of fields with encoded data, or with the address of some.
static ENCODED: LazyLock<[Finder<'_>; 5]> =
    LazyLock::new(|| ["_url\"", "audio\"", "video\"", "file_data", "\"image"].map(Finder::new));

/// The cap is sent in the field that the deployment accepts, whichever the client used.
fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    let field = target.refused.cap_field(target.completion_field);
    completion::write(payload, demanded, target, field, out);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_conversation_with_a_medium_at_an_address_is_read_part_by_part() {
        let caps = Caps::of_model("gpt-4o");
        for field in
            ["audio_url", "video_url", "file_url", "document_url", "input_audio", "audio", "video"]
        {
            let part = format!(r#"{{"type":"{field}","{field}":"https://example.org/a"}}"#);
            let body = format!(r#"{{"messages":[{{"role":"user","content":[{part}]}}]}}"#);
            let request = http::Request::new(Bytes::from(body));
            let id = "req_1".parse().unwrap();
            let payload = Payload::read(&PROTOCOL, &request, &id).unwrap();
            assert!(prompt_tokens(&payload, &caps).unwrap() >= 128_000, "{field}");
        }
    }
}
