//! What an answer may be: a closed list of content types for each operation. Nothing else passes.

use lanyard_domain::operation::{Medium, Operation};

/// How an answer is relayed, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Frames, as they come.
    Events,
    /// A JSON document, read whole.
    Json,
    /// A text, read whole.
    Text(&'static str),
    /// Bytes, as they come.
    Bytes(&'static str),
    /// Nothing that the operation answers.
    Unusable,
}

const SOUNDS: [&str; 11] = [
    "audio/mpeg",
    "audio/mp3",
    "audio/opus",
    "audio/ogg",
    "audio/aac",
    "audio/flac",
    "audio/wav",
    "audio/x-wav",
    "audio/pcm",
    "audio/l16",
    "application/octet-stream",
];

const TEXTS: [(&str, &str); 4] = [
    ("text/plain", "text/plain; charset=utf-8"),
    ("text/vtt", "text/vtt; charset=utf-8"),
    ("text/srt", "text/srt; charset=utf-8"),
    ("application/x-subrip", "application/x-subrip; charset=utf-8"),
];

/// What an answer of this content type is.
pub fn kind(operation: Operation, is_streamed: bool, content_type: Option<&str>) -> Kind {
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let is = |known: &str| known.eq_ignore_ascii_case(essence);
    if is_streamed && is("text/event-stream") {
        return Kind::Events;
    }
    match operation.medium() {
        Medium::Text | Medium::Vectors | Medium::Pictures | Medium::Verdict => Kind::Json,
        Medium::Transcript => {
            let text = TEXTS.into_iter().find(|(known, _)| is(known));
            match text {
                Some((_, content_type)) => Kind::Text(content_type),
                None => Kind::Json,
            }
        }
        Medium::Sound => match SOUNDS.into_iter().find(|known| is(known)) {
            Some(content_type) => Kind::Bytes(content_type),
            None => Kind::Unusable,
        },
    }
}

/// What Azure is told that the answer about an object may be.
pub fn accepted_of_object(is_streamed: bool) -> &'static str {
    if is_streamed { "text/event-stream" } else { "application/json, */*;q=0.1" }
}

/// What Azure is told that the answer may be.
pub fn accepted(operation: Operation, is_streamed: bool) -> &'static str {
    if is_streamed {
        return "text/event-stream";
    }
    match operation.medium() {
        Medium::Text | Medium::Vectors | Medium::Pictures | Medium::Verdict => "application/json",
        Medium::Transcript => "application/json, text/plain, text/vtt, */*;q=0.1",
        Medium::Sound => "audio/*, application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_for_people_is_no_sound_and_a_sound_no_text() {
        let speech = |content_type| kind(Operation::AudioSpeech, false, content_type);
        assert_eq!(speech(Some("Audio/MPEG")), Kind::Bytes("audio/mpeg"));
        assert_eq!(speech(Some("text/html")), Kind::Unusable);
        assert_eq!(speech(Some("application/json")), Kind::Unusable);
        assert_eq!(speech(None), Kind::Unusable);
        let heard = |content_type| kind(Operation::AudioTranscriptions, false, Some(content_type));
        assert_eq!(heard("text/plain;charset=utf-8"), Kind::Text("text/plain; charset=utf-8"));
        assert_eq!(heard("text/html"), Kind::Json);
        let events = Some("text/event-stream; charset=utf-8");
        assert_eq!(kind(Operation::AudioSpeech, true, events), Kind::Events);
        assert_eq!(kind(Operation::ChatCompletions, false, events), Kind::Json);
    }
}
