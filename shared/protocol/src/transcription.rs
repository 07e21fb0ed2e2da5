//! `POST …/audio/transcriptions` and `POST …/audio/translations`
//!
//! A form with a recording, of which the seconds are counted. The response is JSON or a text.
//! <https://platform.openai.com/docs/api-reference/audio>

use lanyard_domain::account::Hold;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde_json::Value;

use crate::buffered::media;
use crate::chunk;
use crate::demand::{Caps, Demanded};
use crate::documentation::{Documentation, Sample};
use crate::error::{BodyRefused, invalid};
use crate::fields::{is_streamed, refuse_foreign};
use crate::payload::{Payload, Target};
use crate::response::{Content, ResponseFormat};
use crate::stream::StreamFormat;
use crate::tokens::tokens_of_plain_text;
use crate::tools;
use crate::usage::{ResponseUsage, at_least, with_units};
use crate::{BodyEncoding, Protocol};
use crate::{content, recording, write};

pub(crate) static TRANSCRIPTIONS: Protocol = Protocol {
    documentation: Some(Documentation::new(
        "transcribe",
        "Transcription",
        "audio/createTranscription",
        Sample::Form("file"),
    )),
    ..transcription(Operation::AudioTranscriptions, "audio/transcriptions")
};

pub(crate) static TRANSLATIONS: Protocol = Protocol {
    documentation: Some(Documentation::new(
        "translate",
        "Transcription in English",
        "audio/createTranslation",
        Sample::Form("file"),
    )),
    ..transcription(Operation::AudioTranslations, "audio/translations")
};

const fn transcription(operation: Operation, path: &'static str) -> Protocol {
    Protocol {
        body: BodyEncoding::Form,
        response: ResponseFormat {
            accept: "application/json, text/plain, text/vtt, */*;q=0.1",
            content,
            cost,
        },
        stream: StreamFormat {
            read: chunk::read_last,
            of_buffered: media::transcript,
            // Tokens to the token, seconds as estimated.
            settle: |state, _, _| at_least(state.counted),
            ..chunk::FORMAT
        },
        ..Protocol::call(operation, path, read, write)
    }
}

const TEXTS: [(&str, &str); 7] = [
    ("text/plain", PLAIN),
    ("text/vtt", "text/vtt; charset=utf-8"),
    ("text/srt", "text/srt; charset=utf-8"),
    ("text/x-srt", "text/srt; charset=utf-8"),
    ("application/srt", "text/srt; charset=utf-8"),
    ("application/x-subrip", "application/x-subrip; charset=utf-8"),
    ("application/octet-stream", PLAIN),
];

const PLAIN: &str = "text/plain; charset=utf-8";

fn content(essence: &str) -> Content {
    let text = TEXTS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(essence));
    text.map_or(Content::Json, |(_, content_type)| Content::Text(content_type))
}

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    tools::check_all(payload, caps)?;
    let files = match &payload.form {
        Some(form) => form.files(&["file"])?,
        None => Vec::new(),
    };
    let [file] = files.as_slice() else {
        return Err(invalid("file", "must be there once"));
    };
    let texts = |name| payload.form.iter().flat_map(move |form| form.texts_of(name));
    let voices = texts("known_speaker_references").flat_map(references).map(content::seconds_of);
    let seconds = voices.fold(recording::most_seconds(file.body), u64::saturating_add);
    let estimate = Estimate::of_units(Units::of(Unit::AudioSeconds, seconds));
    // A model that has a price for seconds counts no tokens.
    let counts_tokens = caps.facts.prices.input.is_some();
    let prompts = texts("prompt").filter(|_| counts_tokens);
    let prompt_tokens =
        prompts.map(|text| tokens_of_plain_text(text.as_bytes())).fold(0, u64::saturating_add);
    let estimate = Estimate { prompt_tokens, ..estimate };
    Ok(Demanded::of(estimate, is_streamed(payload)?))
}

/// The recordings in a text: one, or those of a list.
fn references(text: &str) -> impl Iterator<Item = &str> {
    const MARK: &str = ";base64,";
    let is_bare = !text.contains(MARK);
    text.split(MARK).skip(usize::from(!is_bare))
}

fn write(payload: &Payload<'_>, _: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    write::form(payload, [("model", target.azure_name)], out);
}

/// The seconds of the response, and its tokens unless its usage has only seconds.
fn cost(response: &ResponseUsage<'_>, body: &[u8], hold: &Hold) -> Settlement {
    let counted = response.counted();
    let transcript: Transcript = serde_json::from_slice(body).unwrap_or_default();
    let most = hold.units.get(Unit::AudioSeconds).saturating_mul(20).saturating_add(86_400);
    let Some(seconds) = transcript.seconds().filter(|seconds| (1..=most).contains(seconds)) else {
        // Tokens to the token. The seconds are not named, so they stay as estimated.
        return match counted {
            Some(counted) if counted.is_credible => {
                Settlement::Estimated(Usage { units: hold.units, ..counted.usage })
            }
            counted => at_least(counted),
        };
    };
    let units = Units::of(Unit::AudioSeconds, seconds);
    match counted.filter(|_| transcript.usage.get("seconds").is_none()) {
        Some(counted) => with_units(counted, units),
        None => Settlement::Exact(Usage::of_units(units)),
    }
}

#[derive(Default, Deserialize)]
struct Transcript {
    #[serde(default)]
    duration: Value,
    #[serde(default)]
    usage: Value,
}

impl Transcript {
    /// The seconds that it names, rounded up.
    fn seconds(&self) -> Option<u64> {
        let named = [self.usage.get("seconds").unwrap_or(&Value::Null), &self.duration];
        let seconds = named.into_iter().find_map(|value| match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse::<f64>().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })?;
        rounded_up(seconds)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be a small, positive number"
)]
fn rounded_up(seconds: f64) -> Option<u64> {
    (0.0..1e9).contains(&seconds).then(|| seconds.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::response::tests::a_hold;

    #[test]
    fn voices_count_their_seconds_and_a_prompt_its_tokens() {
        let held = |model: &str, parts: &[(&str, &str)]| {
            let caps = Caps::of_model(model);
            let mut body = String::new();
            for (name, value) in parts.iter().chain(&[("file", "no recording")]) {
                let file = if *name == "file" { "; filename=\"a.mp3\"" } else { "" };
                let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{file}");
                body.push_str(&format!("{head}\r\n\r\n{value}\r\n"));
            }
            body.push_str("--b--\r\n");
            let mut request = http::Request::new(Bytes::from(body));
            let content_type = "multipart/form-data; boundary=b".parse().unwrap();
            request.headers_mut().insert("content-type", content_type);
            let id = "req_1".parse().unwrap();
            let payload = Payload::read(&TRANSCRIPTIONS, &request, &id).unwrap();
            let estimate = read(&payload, &caps).unwrap().estimate;
            (estimate.units.get(Unit::AudioSeconds), estimate.prompt_tokens)
        };
        // 2,000 bytes that cannot be walked are eight seconds.
        let base64 = "AAAA".repeat(2_000 / 3 + 1);
        let voice = format!("data:audio/mp3;base64,{base64}");
        let list = format!(r#"["{voice}","{voice}"]"#);
        let model = "gpt-4o-transcribe-diarize";
        assert_eq!(held(model, &[]), (1, 0));
        for (name, value, seconds) in [
            ("known_speaker_references[]", &voice, 8),
            ("known_speaker_references", &voice, 8),
            ("Known_Speaker_References[0]", &voice, 8),
            ("known_speaker_references[]", &base64, 8),
            ("known_speaker_references", &list, 16),
        ] {
            assert_eq!(held(model, &[(name, value)]), (1 + seconds, 0), "{name}");
        }
        let twice = [("known_speaker_references[]", voice.as_str()); 2];
        assert_eq!(held(model, &twice), (17, 0));
        let prompt = "Hello out there. ".repeat(40);
        let (seconds, tokens) = held("gpt-4o-transcribe", &[("prompt", &prompt)]);
        assert!(seconds == 1 && (150..260).contains(&tokens), "{tokens}");
        assert_eq!(held("whisper", &[("prompt", &prompt)]), (1, 0));
    }

    fn settled(body: &str) -> Settlement {
        let hold = Hold { units: Units::of(Unit::AudioSeconds, 60), ..a_hold() };
        TRANSCRIPTIONS.read_response(body.as_bytes(), &hold, u64::MAX).unwrap().settlement
    }

    fn exactly(seconds: u64) -> Settlement {
        Settlement::Exact(Usage::of_units(Units::of(Unit::AudioSeconds, seconds)))
    }

    #[test]
    fn seconds_are_those_that_the_response_names() {
        assert_eq!(settled(r#"{"text":"","duration":8.47}"#), exactly(9));
        assert_eq!(settled(r#"{"text":"","duration":"8.0"}"#), exactly(8));
        let usage = r#"{"text":"","usage":{"type":"duration","seconds":11}}"#;
        assert_eq!(settled(usage), exactly(11));
    }

    #[test]
    fn what_is_not_named_or_absurd_stays_as_estimated() {
        for body in [
            r#"{"text":""}"#,
            r#"{"duration":-1}"#,
            r#"{"duration":1e12}"#,
            r#"{"duration":"long"}"#,
            r#"{"duration":[8]}"#,
        ] {
            assert_eq!(settled(body), Settlement::AtLeast(Usage::default()), "{body}");
        }
        let tokens =
            r#"{"usage":{"type":"tokens","input_tokens":14,"output_tokens":45,"total_tokens":59}}"#;
        let units = Units::of(Unit::AudioSeconds, 60);
        let estimated = Usage { units, ..Usage::of_tokens(14, 45) };
        assert_eq!(settled(tokens), Settlement::Estimated(estimated));
    }

    #[test]
    fn a_transcript_is_json_or_one_of_the_known_texts() {
        let content = |content_type| TRANSCRIPTIONS.content(false, Some(content_type));
        assert_eq!(content("text/plain;charset=utf-8"), Content::Text("text/plain; charset=utf-8"));
        assert_eq!(content("application/octet-stream"), Content::Text(PLAIN));
        assert_eq!(content("text/html"), Content::Json);
    }
}
