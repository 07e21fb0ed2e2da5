//! Models that think for minutes. Time is paused, so these tests take none.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use lanyard_domain::account::AccountKey;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::Unit;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::azure::{Reply, ScriptedUpstream};
use super::{MemoryPorts, a_deployment, an_event};
use crate::ports::{Clock, Ledger, Listing};
use crate::{Gateway, Request, Response};

const CHAT: &str = r#"{"usage":{"prompt_tokens":20,"completion_tokens":9000,"total_tokens":9020}}"#;
const EVENTS: &[&str] = &[
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":9000}}\n\ndata: [DONE]\n\n",
];

/// A response whose head comes after so many seconds.
fn after(seconds: u64, reply: Reply) -> Reply {
    reply.delay(Duration::from_secs(seconds))
}

fn events() -> Reply {
    Reply::stream(EVENTS.iter().copied().map(Bytes::from).collect())
}

struct World {
    memory: MemoryPorts,
    gateway: Arc<Gateway>,
}

impl World {
    fn of(reply: Reply) -> Self {
        let upstream = Arc::new(ScriptedUpstream::new(move |_| reply.clone()));
        let memory = MemoryPorts { upstream, ..MemoryPorts::default() };
        let event = an_event("slow-event", memory.clock.now());
        let mut deployments = vec![a_deployment("gpt-4o", Operation::ChatCompletions)];
        deployments[0].operations.extend([
            Operation::ImagesGenerations,
            Operation::AudioSpeech,
            Operation::AudioTranscriptions,
        ]);
        deployments.push(Deployment { replica: "two".parse().unwrap(), ..deployments[0].clone() });
        memory.events.put(Listing {
            event,
            deployments,
            code_works_until: None,
            unreadable: Arc::default(),
        });
        let gateway = memory.a_gateway();
        Self { memory, gateway }
    }

    /// A chat in a function that may run for so many seconds.
    async fn chat(&self, is_streamed: bool, limit_s: u64) -> (StatusCode, Response) {
        let body = json!({"messages": [], "stream": is_streamed}).to_string();
        let http = http::Request::post("/api/v1/chat/completions").body(Bytes::from(body)).unwrap();
        self.call(Operation::ChatCompletions, http, limit_s).await
    }

    async fn call(
        &self,
        operation: Operation,
        mut http: http::Request<Bytes>,
        limit_s: u64,
    ) -> (StatusCode, Response) {
        http.headers_mut().insert("api-key", HeaderValue::from_static("slow-event/ada"));
        let deadline = Some(Instant::now() + Duration::from_secs(limit_s));
        let now = self.memory.clock.now();
        let request = Request { id: "req_1".parse().unwrap(), now, deadline, http };
        let answered = self.gateway.forward(operation, request).await;
        let response = answered.unwrap_or_else(crate::ApiError::into_response);
        (response.status(), response)
    }

    /// How often Azure was called, and what was charged: requests, and tokens of both kinds.
    async fn after(&self) -> (usize, usize, u64, u64) {
        self.gateway.settled().await;
        let records = self.memory.ledger.records();
        let sum = |of: fn(&lanyard_domain::usage::UsageRecord) -> u64| records.iter().map(of).sum();
        (
            self.memory.upstream.calls().len(),
            records.len(),
            sum(|record| record.charge.prompt_tokens),
            sum(|record| record.charge.completion_tokens),
        )
    }
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_model_that_thinks_for_four_minutes_is_waited_for_and_charged_once() {
    let world = World::of(after(240, Reply::json(200, CHAT)));
    let (status, response) = world.chat(false, 900).await;
    assert_eq!((status, text(response).await), (StatusCode::OK, CHAT.to_owned()));
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_starts_after_half_a_minute_and_sends_keep_alives() {
    let world = World::of(after(240, events()));
    let started_at = Instant::now();
    let (status, response) = world.chat(true, 900).await;
    assert_eq!((status, started_at.elapsed().as_secs()), (StatusCode::OK, 30));
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream; charset=utf-8");
    let text = text(response).await;
    assert_eq!(text.matches(": keep-alive\n").count(), 1 + (240 - 30 - 1) / 15, "{text}");
    assert!(text.ends_with("data: [DONE]\n\n") && !text.contains("\"usage\""), "{text}");
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

#[tokio::test(start_paused = true)]
async fn clients_of_the_inference_api_get_chunks_without_choices_for_comments() {
    let world = World::of(after(240, events()));
    let body = json!({"model": "gpt-4o", "messages": [], "stream": true}).to_string();
    let http = http::Request::post("/api/models/chat/completions").body(Bytes::from(body));
    let (_, response) = world.call(Operation::ChatCompletions, http.unwrap(), 900).await;
    let text = text(response).await;
    assert_eq!(text.matches("data: {\"choices\":[]}\n\n").count(), 14, "{text}");
    // Its SDK fails at any other line.
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with("data: ")), "{text}");
}

#[tokio::test(start_paused = true)]
async fn silence_in_the_middle_of_a_stream_does_not_end_it() {
    let world = World::of(
        // Silence between the first event and the second.
        after(1, events())
            .paced(|piece| if piece == 0 { Duration::ZERO } else { Duration::from_secs(610) }),
    );
    let (_, response) = world.chat(true, 900).await;
    let text = text(response).await;
    assert_eq!(text.matches(": keep-alive\n").count(), 610 / 15, "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_the_head_is_an_event() {
    let refused =
        r#"{"error":{"message":"Too long.","code":"context_length_exceeded","type":"x"}}"#;
    let world = World::of(after(60, Reply::json(400, refused)));
    let (status, response) = world.chat(true, 900).await;
    assert_eq!(status, StatusCode::OK);
    let text = text(response).await;
    let last = text.trim_end().split("data: ").last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["error"]["code"], "context_length_exceeded");
    assert_eq!(world.after().await, (1, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_document_after_the_head_becomes_events() {
    let chat = json!({"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0,
        "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 9000, "total_tokens": 9020}});
    let world = World::of(after(60, Reply::json(200, chat.to_string())));
    let (_, response) = world.chat(true, 900).await;
    let text = text(response).await;
    let events: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let [chunk, "[DONE]"] = events[..] else { panic!("{text}") };
    let chunk: Value = serde_json::from_str(chunk).unwrap();
    let choice = &chunk["choices"][0];
    assert_eq!(
        (&choice["delta"]["content"], &choice["finish_reason"]),
        (&json!("Hi"), &json!("stop"))
    );
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

/// The events of a stream, without comments.
fn data_of(text: &str) -> Vec<Value> {
    let data = text.split("\n\n").filter_map(|event| event.split_once("data: "));
    data.map(|(_, data)| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn images_transcripts_and_speech_after_the_head_become_events() {
    let usage = json!({"input_tokens": 7, "output_tokens": 9, "total_tokens": 16});
    let images = json!({"created": 1, "data": [{"b64_json": "AAAA"}], "usage": usage});
    let transcript = json!({"text": "Hi", "usage": {"type": "duration", "seconds": 3}});
    let text = |kind| Reply::json(200, "Hi\n").header("content-type", kind);
    let json_of = |body: &Value| Reply::json(200, body.to_string());
    let form = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nx\r\n\
                --b\r\ncontent-disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--b--\r\n";
    let drawn =
        (Operation::ImagesGenerations, "images/generations", r#"{"prompt":"x","stream":true}"#);
    let transcription = (Operation::AudioTranscriptions, "audio/transcriptions", form);
    let speech =
        (Operation::AudioSpeech, "audio/speech", r#"{"input":"Hi","stream_format":"sse"}"#);
    for ((operation, path, body), reply, kinds, tokens, (unit, units)) in [
        (drawn, json_of(&images), vec!["image_generation.completed"], 16, (Unit::Images, 1)),
        (
            transcription,
            json_of(&transcript),
            vec!["transcript.text.delta", "transcript.text.done"],
            0,
            (Unit::AudioSeconds, 3),
        ),
        (
            transcription,
            text("text/plain"),
            vec!["transcript.text.delta", "transcript.text.done"],
            0,
            (Unit::AudioSeconds, 1),
        ),
        (
            speech,
            Reply::audio("audio/mpeg", &[b"\xff\xfb\x90"]),
            vec!["speech.audio.delta", "speech.audio.done"],
            0,
            (Unit::Characters, 2),
        ),
    ] {
        let world = World::of(after(60, reply));
        let kind =
            if body == form { "multipart/form-data; boundary=b" } else { "application/json" };
        let http = http::Request::post(format!("/api/v1/{path}"))
            .header(CONTENT_TYPE, kind)
            .body(Bytes::from(body))
            .unwrap();
        let (_, response) = world.call(operation, http, 900).await;
        let text = self::text(response).await;
        let events = data_of(&text);
        assert_eq!(events.iter().map(|event| &event["type"]).collect::<Vec<_>>(), kinds, "{text}");
        world.gateway.settled().await;
        let [record] = &world.memory.ledger.records()[..] else { panic!("{path} is one request") };
        assert_eq!(
            (record.charge.tokens(), record.charge.units.get(unit)),
            (tokens, units),
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_head_is_charged_all_the_same() {
    let world = World::of(after(240, events()));
    drop(world.chat(true, 900).await);
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

#[tokio::test(start_paused = true)]
async fn a_buffered_response_that_takes_too_long_is_charged_and_not_repeated() {
    let world = World::of(after(400, Reply::json(200, CHAT)));
    let started_at = Instant::now();
    let (status, response) = world.chat(false, 900).await;
    assert_eq!((status, started_at.elapsed().as_secs()), (StatusCode::GATEWAY_TIMEOUT, 285));
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert!(text(response).await.contains("stream"));
    let (calls, requests, _, completion_tokens) = world.after().await;
    assert_eq!((calls, requests, completion_tokens), (1, 1, 4_096));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_five_seconds_before_its_function() {
    let world = World::of(after(2_000, events()));
    let started_at = Instant::now();
    let (_, response) = world.chat(true, 300).await;
    assert!(text(response).await.contains("upstream_timeout"));
    assert_eq!(started_at.elapsed().as_secs(), 295);
    assert_eq!(world.after().await.1, 1);
}

#[tokio::test(start_paused = true)]
async fn a_hold_ends_a_minute_after_its_own_requests_deadline() {
    for (is_streamed, limit_s, life_s) in
        [(true, 900, 960), (true, 300, 360), (false, 900, 350), (false, 100, 160)]
    {
        let world =
            World::of(after(50, if is_streamed { events() } else { Reply::json(200, CHAT) }));
        let chat = world.chat(is_streamed, limit_s);
        let look = async {
            sleep(Duration::from_secs(20)).await;
            let key = AccountKey::Attendee("slow-event".parse().unwrap(), "ada".parse().unwrap());
            let account = world.memory.ledger.account(&key).await.unwrap().unwrap();
            let hold = account.holds.values().next().copied().unwrap();
            hold.expires_at.since(hold.admitted_at) / 1_000_000_000
        };
        let ((_, response), life) = tokio::join!(chat, look);
        assert_eq!(life, life_s, "{is_streamed} {limit_s}");
        text(response).await;
        world.gateway.settled().await;
    }
}
