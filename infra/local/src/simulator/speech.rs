//! Speech in both directions: silence for a text, and a sentence for any recording.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::catalog::Model;
use super::fields::{self, Object};
use super::form::Form;
use super::refusal::Refusal;
use super::response::Body;
use super::tokens;

/// A frame of silence: MPEG-1 layer III, 128 kbit/s at 44.1 kHz.
fn silent_frame() -> Bytes {
    let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
    frame.resize(417, 0);
    frame.into()
}

/// Bytes of a second of a recording, as far as the simulator listens: 16 bit at 16 kHz.
const BYTES_PER_SECOND: usize = 32_000;

/// Silence, some three frames for each word.
pub(super) fn speech(body: &Object) -> Result<Body, Refusal> {
    let input = fields::text(body, "input")?.ok_or_else(|| Refusal::missing("input"))?;
    fields::text(body, "voice")?.ok_or_else(|| Refusal::missing("voice"))?;
    let count = 3 * input.split_whitespace().count().max(1);
    let pieces = std::iter::repeat_n(silent_frame(), count);
    if fields::text(body, "stream_format")? == Some("sse") {
        let tokens = tokens::count(input);
        let usage = json!({
            "input_tokens": tokens, "output_tokens": count, "total_tokens": tokens + count,
        });
        let done = json!({"type": "speech.audio.done", "usage": usage});
        let events = pieces
            .map(|audio| json!({"type": "speech.audio.delta", "audio": STANDARD.encode(&audio)}))
            .chain([done])
            .map(|event| Bytes::from(format!("data: {event}\n\n")));
        return Ok(Body::Frames(Box::new(events)));
    }
    let content_type = match fields::text(body, "response_format")? {
        None | Some("mp3") => "audio/mpeg",
        Some("opus") => "audio/opus",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("wav") => "audio/wav",
        Some("pcm") => "audio/pcm",
        Some(_) => {
            let supported = "'mp3', 'opus', 'aac', 'flac', 'wav' and 'pcm'";
            return Err(Refusal::unsupported("response_format", supported));
        }
    };
    Ok(Body::Typed(content_type, Box::new(pieces)))
}

/// A sentence about the recording, in the format that was asked for.
pub(super) fn result(form: &Form<'_>, model: &Model) -> Result<Body, Refusal> {
    let file = form.file.ok_or_else(|| Refusal::missing("file"))?;
    let seconds = file.len().div_ceil(BYTES_PER_SECOND).max(1);
    let text = format!("[simulated] A recording of {} bytes.", file.len());
    let counts_tokens = model.name.contains("transcribe");
    let usage = match counts_tokens {
        true => {
            let (input, output) = (seconds * 10, tokens::count(&text));
            json!({
                "type": "tokens", "input_tokens": input, "output_tokens": output,
                "total_tokens": input + output,
            })
        }
        false => json!({"type": "duration", "seconds": seconds}),
    };
    if counts_tokens && form.field("stream") == Some("true") {
        let words = tokens::split(&text)
            .map(|token| json!({"type": "transcript.text.delta", "delta": token}))
            .chain([json!({"type": "transcript.text.done", "text": text, "usage": usage})])
            .map(|event| Bytes::from(format!("data: {event}\n\n")))
            .collect::<Vec<_>>();
        return Ok(Body::Frames(Box::new(words.into_iter())));
    }
    let json = |value: Value| Ok(Body::Buffered(Bytes::from(value.to_string())));
    let plain = |text: String| {
        Ok(Body::Typed("text/plain; charset=utf-8", Box::new([Bytes::from(text)].into_iter())))
    };
    match form.field("response_format") {
        None | Some("json") => json(json!({"text": text, "usage": usage})),
        Some("verbose_json") => json(json!({
            "task": "transcribe", "language": "english", "duration": seconds, "text": text,
            "segments": [], "usage": usage,
        })),
        Some("text") => plain(format!("{text}\n")),
        Some("srt") => plain(format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n")),
        Some("vtt") => plain(format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n")),
        Some(_) => {
            let supported = "'json', 'text', 'srt', 'verbose_json' and 'vtt'";
            Err(Refusal::unsupported("response_format", supported))
        }
    }
}
