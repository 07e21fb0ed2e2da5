//! `POST …/audio/speech`
//!
//! A text is read aloud; its characters are counted. The response is audio, or a stream of events
//! with audio in them. <https://platform.openai.com/docs/api-reference/audio/createSpeech>

use lanyard_domain::estimate::Estimate;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::Usage;

use crate::Protocol;
use crate::buffered::media;
use crate::demand::{Caps, Demanded};
use crate::documentation::{Documentation, MODEL, Sample};
use crate::error::{BodyRefused, invalid};
use crate::fields::refuse_foreign;
use crate::json::Text;
use crate::payload::{Payload, Target};
use crate::response::{Content, ResponseFormat};
use crate::stream::StreamFormat;
use crate::tools;
use crate::usage::with_units;
use crate::{chunk, write};

pub(crate) static PROTOCOL: Protocol = Protocol {
    response: ResponseFormat {
        accept: "audio/*, application/octet-stream",
        content,
        ..ResponseFormat::TOKENS
    },
    stream: StreamFormat {
        read: chunk::read_last,
        of_buffered: media::speech,
        // The characters are known, so only the tokens are missing.
        settle: |state, hold, _| match state.counted {
            Some(counted) => with_units(counted, hold.units),
            None => Settlement::AtLeast(Usage::default()),
        },
        ..chunk::FORMAT
    },
    documentation: Some(DOCUMENTATION),
    ..Protocol::call(Operation::AudioSpeech, "audio/speech", read, write)
};

/// The types of speech beside `audio/…`.
const OTHER_AUDIO: [&str; 3] =
    ["application/octet-stream", "binary/octet-stream", "application/ogg"];

/// Fields with a few allowed values, which are not read aloud.
const CHOICES: [&str; 6] = ["model", "voice", "response_format", "stream_format", "speed", "user"];

fn content(essence: &str) -> Content {
    let family = essence.split('/').next().unwrap_or_default();
    let is_other = || OTHER_AUDIO.iter().any(|other| other.eq_ignore_ascii_case(essence));
    let is_audio = family.eq_ignore_ascii_case("audio") || is_other();
    if is_audio { Content::Bytes } else { Content::Unusable }
}

const DOCUMENTATION: Documentation = Documentation {
    note: Some("Counted by the characters of the text."),
    response: "audio/mpeg",
    ..Documentation::new("speak", "Text-to-speech", "audio/createSpeech", SAMPLE).reads(
        "Speech",
        &[
            MODEL,
            ("input", r#"{"type": "string"}"#),
            ("stream_format", r#"{"type": "string", "enum": ["audio", "sse"]}"#),
        ],
    )
};

const SAMPLE: Sample =
    Sample::Json { fields: r#""input": "Hi", "voice": "alloy""#, cheapest: None };

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    tools::check_all(payload, caps)?;
    let text = |name: &str| {
        let raw = payload.field(name);
        raw.map(|raw| serde_json::from_str::<Text<'_>>(raw.get()).map(|text| text.0))
    };
    let input = match text("input") {
        Some(Ok(input)) => input,
        Some(Err(_)) => return Err(invalid("input", "must be a text")),
        None => return Err(invalid("input", "is missing. Send the text to be spoken")),
    };
    let is_streamed = match text("stream_format").transpose() {
        Ok(format) => match format.as_deref() {
            None | Some("audio") => false,
            Some("sse") => true,
            Some(_) => return Err(invalid("stream_format", "must be audio or sse")),
        },
        Err(_) => return Err(invalid("stream_format", "must be audio or sse")),
    };
    // The model reads every text, such as instructions.
    let is_text = |name: &str| name != "input" && !CHOICES.contains(&name);
    let others = payload.fields.iter().filter(|(name, _)| is_text(name));
    let others: usize = others
        .map(|(_, raw)| match serde_json::from_str::<Text<'_>>(raw.get()) {
            Ok(text) => text.0.chars().count(),
            // A list or an object of texts, or a number.
            Err(_) => raw.get().chars().count(),
        })
        .sum();
    let units = Units::of(Unit::Characters, (input.chars().count() + others) as u64);
    Ok(Demanded::of(Estimate::of_units(units), is_streamed))
}

/// `stream_format` requests a stream, and is not changed.
fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    write::body(payload, demanded, target, out, |_| {});
}

#[cfg(test)]
mod tests {
    use lanyard_domain::hosted_tools::HostedTools;
    use lanyard_domain::models::ModelFacts;

    use super::*;

    #[test]
    fn every_text_that_the_model_reads_counts_whatever_holds_it() {
        let characters = |fields: &str| {
            let body = format!(r#"{{"input":"Hi","voice":"alloy"{fields}}}"#);
            let request = http::Request::new(bytes::Bytes::from(body));
            let payload = Payload::read(&PROTOCOL, &request, &"req_1".parse().unwrap()).unwrap();
            let (hosted_tools, facts) = (&HostedTools::none(), &ModelFacts::UNKNOWN);
            let (completion_tokens, choices, keeps_objects) = (100, 1, false);
            let caps = Caps { completion_tokens, choices, hosted_tools, keeps_objects, facts };
            let demanded = payload.demanded(&caps).unwrap();
            demanded.estimate.units.get(Unit::Characters)
        };
        assert_eq!(characters(""), 2);
        assert_eq!(characters(r#","speed":1.25,"response_format":"wav""#), 2);
        assert_eq!(characters(r#","instructions":"Slowly""#), 8);
        assert!(characters(r#","instructions":["Slowly","please"]"#) >= 14);
        assert!(characters(r#","style":{"prompt":"Slowly"}"#) >= 8);
    }

    #[test]
    fn only_audio_passes() {
        let content = |content_type| PROTOCOL.content(false, content_type);
        for audio in ["Audio/MPEG", "audio/L16;rate=24000", "audio/vnd.wave", "application/ogg"] {
            assert_eq!(content(Some(audio)), Content::Bytes, "{audio}");
        }
        assert_eq!(content(Some("text/html")), Content::Unusable);
        assert_eq!(content(Some("application/json")), Content::Unusable);
        assert_eq!(content(None), Content::Unusable);
        let events = Some("text/event-stream; charset=utf-8");
        assert_eq!(PROTOCOL.content(true, events), Content::Events);
    }
}
