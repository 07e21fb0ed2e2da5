//! Images, transcripts and speech as the events of a stream.
//!
//! <https://platform.openai.com/docs/api-reference/images-streaming>,
//! <https://platform.openai.com/docs/api-reference/audio>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::TypedEvents;

/// The audio of one event, in bytes. Without a remainder of three, base64 has no padding.
const AUDIO_OF_AN_EVENT: usize = 48 * 1024;

/// Generated images, each as the event that completes it.
pub(crate) fn generated_images(body: &[u8], _: bool) -> Option<Bytes> {
    images(body, "image_generation.completed")
}

/// Edited images, likewise.
pub(crate) fn edited_images(body: &[u8], _: bool) -> Option<Bytes> {
    images(body, "image_edit.completed")
}

fn images(body: &[u8], kind: &str) -> Option<Bytes> {
    let mut response: Value = serde_json::from_slice(body).ok()?;
    let Value::Array(made) = response.get_mut("data")?.take() else { return None };
    let response = response.as_object_mut()?;
    response.remove("data");
    let usage = response.remove("usage");
    if let Some(created) = response.remove("created") {
        response.insert("created_at".to_owned(), created);
    }
    let (last, mut events) = (made.len().checked_sub(1)?, TypedEvents::new(false));
    for (index, image) in made.into_iter().enumerate() {
        let Value::Object(image) = image else { return None };
        let mut event = response.clone();
        event.extend(image);
        // The usage is that of all of them, and clients add up the events'.
        event.extend(usage.clone().filter(|_| index == last).map(|usage| ("usage".into(), usage)));
        events.push(kind, Value::Object(event));
    }
    Some(events.text.into())
}

/// A transcript as its segments, one piece of text, and the end with its usage. It may also have come
/// as plain text.
pub(crate) fn transcript(body: &[u8], _: bool) -> Option<Bytes> {
    let response = match serde_json::from_slice(body) {
        Ok(response @ (Value::Object(_) | Value::Array(_))) => response,
        Ok(_) | Err(_) => json!({"text": std::str::from_utf8(body).ok()?.trim_end()}),
    };
    let text = response.get("text")?.as_str()?;
    let mut events = TypedEvents::new(false);
    for segment in response["segments"].as_array().into_iter().flatten() {
        // Only those of speakers are events of their own.
        if segment["type"] == SEGMENT {
            events.push(SEGMENT, segment.clone());
        }
    }
    let with = |mut event: Value, field: &str| {
        if let Some(value) = response.get(field) {
            event[field] = value.clone();
        }
        event
    };
    events.push("transcript.text.delta", with(json!({"delta": text}), "logprobs"));
    let done = with(with(json!({"text": text}), "logprobs"), "usage");
    events.push("transcript.text.done", done);
    Some(events.text.into())
}

const SEGMENT: &str = "transcript.text.segment";

/// Speech as events with audio, and the end. Its tokens are not known.
pub(crate) fn speech(audio: &[u8], _: bool) -> Option<Bytes> {
    if audio.is_empty() {
        return None;
    }
    let mut events = TypedEvents::new(false);
    for piece in audio.chunks(AUDIO_OF_AN_EVENT) {
        events.push("speech.audio.delta", json!({"audio": STANDARD.encode(piece)}));
    }
    events.push("speech.audio.done", json!({}));
    Some(events.text.into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::events;
    use super::*;

    #[test]
    fn each_image_is_an_event_that_completes_it_and_the_last_has_the_usage() {
        let body = json!({"created": 5, "size": "1024x1024", "output_format": "png",
            "data": [{"b64_json": "AAAA"}, {"b64_json": "BBBB"}], "usage": {"total_tokens": 9}});
        let body = body.to_string();
        let image = |kind: &str, data: &str| {
            json!({"type": kind, "created_at": 5, "size": "1024x1024", "output_format": "png",
                "b64_json": data})
        };
        for (made, kind) in [
            (generated_images(body.as_bytes(), false), "image_generation.completed"),
            (edited_images(body.as_bytes(), false), "image_edit.completed"),
        ] {
            let mut last = image(kind, "BBBB");
            last["usage"] = json!({"total_tokens": 9});
            assert_eq!(events(made), [image(kind, "AAAA"), last]);
        }
    }

    #[test]
    fn a_transcript_is_its_segments_its_text_and_the_end() {
        let segment = json!({"type": SEGMENT, "id": "seg_1", "speaker": "A", "text": "Hi"});
        let body = json!({"text": "Hi", "usage": {"total_tokens": 9}, "segments": [segment]});
        assert_eq!(
            events(transcript(body.to_string().as_bytes(), false)),
            [
                segment,
                json!({"type": "transcript.text.delta", "delta": "Hi"}),
                json!({"type": "transcript.text.done", "text": "Hi", "usage": {"total_tokens": 9}}),
            ]
        );
        for text in ["Hi\n", "12\n", ""] {
            let all = events(transcript(text.as_bytes(), false));
            assert_eq!((all.len(), &all[1]["text"]), (2, &json!(text.trim_end())), "{text}");
        }
        let verbose = r#"{"text":"Hi","segments":[{"id":0,"text":"Hi"}]}"#;
        assert_eq!(events(transcript(verbose.as_bytes(), false)).len(), 2);
    }

    #[test]
    fn speech_is_its_audio_in_pieces_and_the_end() {
        let audio: Vec<u8> = (0..=255).cycle().take(AUDIO_OF_AN_EVENT * 2 + 1).collect();
        let all = events(speech(&audio, false));
        let pieces = all.iter().filter(|event| event["type"] == "speech.audio.delta");
        let pieces: Vec<_> = pieces
            .map(|event| STANDARD.decode(event["audio"].as_str().unwrap()).unwrap())
            .collect();
        assert_eq!((pieces.len(), pieces.concat()), (3, audio));
        assert_eq!(all[3], json!({"type": "speech.audio.done"}));
    }

    #[test]
    fn what_is_no_complete_response_gives_no_events() {
        for body in ["{}", "[]", r#"{"data":1}"#, r#"{"data":[]}"#, r#"{"data":["x"]}"#] {
            for events in [generated_images, edited_images, transcript] {
                assert_eq!(events(body.as_bytes(), true), None, "{body}");
            }
        }
        assert_eq!(speech(b"", true), None);
        assert_eq!(transcript(b"\xff", true), None);
    }
}
