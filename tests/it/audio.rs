//! `POST …/audio/transcriptions`, `…/audio/translations` and `…/audio/speech`.

use std::time::Duration;

use lanyard_domain::allowance::Limit;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::{Unit, Units};
use serde_json::json;

use crate::support::asking::{WAV, recording};
use crate::support::attendee::Attendee;
use crate::support::{Gate, LineEnding, Reply, TestResponse, World, canary, usual};

const TRANSCRIPTIONS: &str = "/api/v1/audio/transcriptions";
const SPEECH: &str = "/api/v1/audio/speech";

async fn hears(ada: &Attendee, fields: &[(&str, &str)]) -> TestResponse {
    let wav = recording();
    let mut parts = vec![("file", WAV, wav.as_slice())];
    parts.extend(fields.iter().map(|(name, value)| (*name, "", value.as_bytes())));
    ada.send(ada.post_form(TRANSCRIPTIONS, &parts)).await
}

async fn says(ada: &Attendee, fields: serde_json::Value) -> TestResponse {
    let mut body = json!({"input": "naïve 🐘", "voice": "alloy"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    ada.send(ada.post(SPEECH, body.to_string())).await
}

#[tokio::test]
async fn texts_pass_unchanged_and_are_charged_the_estimate() {
    for (format, content_type) in [
        ("text", "text/plain; charset=utf-8"),
        ("srt", "text/plain; charset=utf-8"),
        ("vtt", "text/vtt; charset=utf-8"),
    ] {
        let world = World::event("texts").everything().start().await;
        let ada = world.attendee("ada").await;
        let text = format!("1\n{}\n", canary::COMPLETION);
        let azure = content_type.split(';').next().unwrap();
        world.azure().script(Reply::json(200, text.clone()).header("content-type", azure));
        let response = hears(&ada, &[("response_format", format)]).await;
        assert_eq!(response.assert_ok().header("content-type"), Some(content_type));
        assert_eq!(response.text(), text);
        let totals = world.settle().await;
        assert_eq!(totals.units, Units::of(Unit::AudioSeconds, 10), "{format}");
        assert!(totals.records[0].is_estimated);
    }
}

#[tokio::test]
async fn a_transcript_of_silence_is_accepted() {
    let world = World::event("silence").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(Reply::json(200, "").header("content-type", "text/plain"));
    assert_eq!(hears(&ada, &[("response_format", "text")]).await.assert_ok().text(), "\n");
    world.settle().await;
}

#[tokio::test]
async fn seconds_are_charged_as_reported_and_tokens_too() {
    let world = World::event("seconds").everything().start().await;
    let ada = world.attendee("ada").await;
    for (body, seconds, tokens) in [
        (json!({"text": "x", "duration": 6.2}), 7, (0, 0)),
        (json!({"text": "x", "usage": {"type": "duration", "seconds": 4}}), 4, (0, 0)),
        (
            json!({"text": "x", "usage": {"type": "tokens", "input_tokens": 90, "output_tokens": 8, "total_tokens": 98}}),
            10,
            (90, 8),
        ),
    ] {
        let before = world.account("ada").await.spent();
        world.azure().script(Reply::json(200, body.to_string()));
        hears(&ada, &[("response_format", "verbose_json")]).await.assert_ok();
        world.quiet().await;
        let after = world.account("ada").await.spent();
        let spent = after.units.get(Unit::AudioSeconds) - before.units.get(Unit::AudioSeconds);
        assert_eq!(spent, seconds, "{body}");
        let prompt = after.prompt_tokens - before.prompt_tokens;
        assert_eq!((prompt, after.completion_tokens - before.completion_tokens), tokens, "{body}");
    }
    world.settle().await;
}

#[tokio::test]
async fn a_streamed_transcription_passes_complete_with_its_usage() {
    let usage =
        json!({"type": "tokens", "input_tokens": 40, "output_tokens": 6, "total_tokens": 46});
    let events = [
        json!({"type": "transcript.text.delta", "delta": "Hi"}).to_string(),
        json!({"type": "transcript.text.done", "text": "Hi", "usage": usage}).to_string(),
    ];
    let world = World::event("heard-stream").everything().start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(Reply::sse(&events, LineEnding::Lf));
    // Python writes it so.
    let response = hears(&ada, &[("stream", "True")]).await;
    assert_eq!(response.text(), events.map(|event| format!("data: {event}\n\n")).concat());
    let asked = &world.azure().requests()[0];
    assert_eq!(asked.header("accept"), Some("text/event-stream"));
    assert!(String::from_utf8_lossy(&asked.body).contains("name=\"stream\"\r\n\r\ntrue\r\n"));
    let totals = world.settle().await;
    assert_eq!(totals.counts(), (1, 40, 6));
    assert_eq!(totals.units, Units::of(Unit::AudioSeconds, 10));
}

#[tokio::test]
async fn audio_passes_as_it_comes_and_every_character_counts_once() {
    let world = World::event("sound").everything().start().await;
    let ada = world.attendee("ada").await;
    let gate = Gate::closed();
    let pieces = [b"\xff\xfb\x90".as_slice(), b"\0\xfe".as_slice()];
    world.azure().script(Reply::audio("audio/mpeg", &pieces).gated(&gate));
    let request = ada.post(SPEECH, json!({"input": "naïve 🐘", "voice": "alloy"}).to_string());
    gate.release(1);
    let mut stream = world.open(request).await;
    assert_eq!(stream.header("content-type"), Some("audio/mpeg"));
    assert_eq!(stream.bytes().await.unwrap(), pieces[0]);
    gate.open();
    assert_eq!(stream.bytes().await.unwrap(), pieces[1]);
    assert_eq!(stream.bytes().await, None);
    // Settled before the end: no test has waited for the settlements.
    let spent = world.account("ada").await.spent().units;
    assert_eq!(spent, Units::of(Unit::Characters, 7));
    let sent = world.azure().requests()[0].json();
    assert_eq!((sent.get("user"), sent.get("stream")), (None, None));
    assert!(!world.settle().await.records[0].is_estimated);
}

#[tokio::test]
async fn audio_that_breaks_off_ends_early_and_is_charged() {
    let world = World::event("broken-sound").everything().start().await;
    let ada = world.attendee("ada").await;
    let pieces = [b"one".as_slice(), b"two".as_slice()];
    world.azure().script(Reply::audio("audio/wav", &pieces).close_after(1));
    assert_eq!(says(&ada, json!({"response_format": "wav"})).await.assert_ok().text(), "one");
    world.azure().script(Reply::audio("audio/wav", &[]));
    says(&ada, json!({})).await.assert_refused(502, "upstream_unreachable");
    world.azure().script(Reply::audio("text/html", &pieces));
    says(&ada, json!({})).await.assert_refused(502, "upstream_unreachable");
    let totals = world.settle().await;
    assert_eq!(totals.units, Units::of(Unit::Characters, 3 * 7));
    assert_eq!((totals.requests, totals.estimated()), (3, 3));
}

#[tokio::test]
async fn audio_as_events_is_settled_by_its_usage() {
    let usage = json!({"input_tokens": 12, "output_tokens": 100, "total_tokens": 112});
    let events = [
        json!({"type": "speech.audio.delta", "audio": "AAAA"}).to_string(),
        json!({"type": "speech.audio.done", "usage": usage}).to_string(),
    ];
    let world = World::event("sound-events").everything().start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(Reply::sse(&events, LineEnding::Lf));
    let response = says(&ada, json!({"stream_format": "sse"})).await;
    assert_eq!(response.text(), events.map(|event| format!("data: {event}\n\n")).concat());
    assert_eq!(world.azure().requests()[0].json()["stream_format"], "sse");
    for bad in [json!({"stream_format": "wav"}), json!({"input": ["a"]}), json!({"input": null})] {
        says(&ada, bad).await.assert_refused(400, "invalid_value");
    }
    let totals = world.settle().await;
    assert_eq!((totals.counts(), totals.units), ((1, 12, 100), Units::of(Unit::Characters, 7)));
}

#[tokio::test]
async fn an_attendee_who_leaves_is_charged_and_headers_show_the_rest() {
    let world = World::event("leaving").everything();
    let world = world.attendee(Limit::CharactersTotal, 100).start().await;
    let ada = world.attendee("ada").await;
    let pieces: Vec<&[u8]> = vec![b"sound"; 100];
    world.azure().script(Reply::audio("audio/mpeg", &pieces).every(Duration::from_millis(1)));
    let request = ada.asks_for(Operation::AudioSpeech);
    let mut stream = world.open(request).await;
    assert!(stream.bytes().await.is_some());
    drop(stream);
    world.quiet().await;
    let left = ada.send(ada.get("/api/v1/event")).await.json();
    let used = canary::PROMPT.len();
    assert_eq!(
        left["allowance"]["characters_total"],
        json!({"allowed": 100, "remaining": 100 - used})
    );
    assert_eq!(left["usage"]["characters"], used);
    assert_eq!(world.settle().await.units, Units::of(Unit::Characters, used as u64));
}

#[tokio::test]
async fn two_recordings_are_refused_and_none_too() {
    let world = World::event("files").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    let file = ("file", WAV, b"x".as_slice());
    for parts in [
        vec![file, file],
        vec![("prompt", "", b"x".as_slice())],
        vec![("file", "", b"x".as_slice())],
    ] {
        let response = ada.send(ada.post_form(TRANSCRIPTIONS, &parts)).await;
        assert_eq!(
            (response.status().as_u16(), &response.json()["error"]["param"]),
            (400, &json!("file"))
        );
    }
    assert_eq!((world.azure().calls(), usual::SECONDS), (0, 8));
    world.settle().await;
}
