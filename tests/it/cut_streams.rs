//! Streams that end in order, but without the event that ends them (wire contract, section 4).

use bytes::Bytes;
use http::Request;
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::asking::{PNG, WAV, recording};
use crate::support::attendee::{Attendee, CHAT, chat};
use crate::support::azure::claude;
use crate::support::azure::frames::{CONTENT, DONE, FINISH, ROLE, USAGE};
use crate::support::azure::kept::run_usage;
use crate::support::builder::Builder;
use crate::support::kept::path;
use crate::support::{Reply, World, usual};

/// A request for a stream, the complete stream, and the events of it that end it.
struct Case {
    name: &'static str,
    request: Request<Bytes>,
    events: Vec<Bytes>,
    ends: usize,
}

fn data(data: &str) -> Bytes {
    format!("data: {data}\n\n").into()
}

fn named(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

fn world(name: &str) -> Builder {
    World::event(name).in_memory().keeping().everything()
}

fn message(ada: &Attendee) -> Request<Bytes> {
    let messages = json!([{"role": "user", "content": "x"}]);
    let asked = json!({"max_tokens": 90, "stream": true, "messages": messages});
    ada.post("/api/v1/messages", asked.to_string())
}

async fn cases(ada: &Attendee) -> Vec<Case> {
    let mut asked = chat("hello");
    asked["stream"] = true.into();
    let usage = json!({"input_tokens": 9, "output_tokens": 3, "total_tokens": 12});
    let text = |end: Value| {
        data(&json!({"choices": [{"text": "Hi", "index": 0, "finish_reason": end}]}).to_string())
    };
    let response = |kind: &str, status: &str| {
        let response = json!({"id": "resp_cut", "status": status, "usage": usage, "output": []});
        named(kind, &json!({"type": kind, "response": response}))
    };
    let typed = |kind: &str, usage: Value| {
        data(&json!({"type": kind, "delta": "Hi", "b64_json": "AA", "usage": usage}).to_string())
    };
    let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
    let run = |status: &str| {
        json!({"id": "run_cut", "object": "thread.run", "thread_id": thread,
            "assistant_id": assistant, "status": status, "usage": run_usage()})
    };
    let post = |path: &str, body: Value| ada.post(path, body.to_string());
    let flag = ("stream", "", b"true".as_slice());
    let recording = recording();
    vec![
        Case {
            name: "chat",
            request: post(CHAT, asked),
            events: [ROLE, CONTENT, FINISH, USAGE, DONE].map(data).into(),
            ends: 3,
        },
        Case {
            name: "completions",
            request: post("/api/v1/completions", json!({"prompt": "x", "stream": true})),
            events: vec![text(Value::Null), text("stop".into()), data(DONE)],
            ends: 2,
        },
        Case { name: "messages", request: message(ada), events: claude::events("Hi"), ends: 2 },
        Case {
            name: "responses",
            request: post(
                "/api/v1/responses",
                json!({"input": "x", "stream": true, "store": false}),
            ),
            events: vec![
                response("response.created", "in_progress"),
                response("response.completed", "completed"),
            ],
            ends: 1,
        },
        Case {
            name: "runs",
            request: post(
                &format!("{}/{thread}/runs", path(Kind::Thread)),
                json!({"assistant_id": assistant, "stream": true}),
            ),
            events: vec![
                named("thread.run.created", &run("queued")),
                named("thread.run.completed", &run("completed")),
                Bytes::from_static(b"event: done\ndata: [DONE]\n\n"),
            ],
            ends: 2,
        },
        Case {
            name: "images",
            request: post("/api/v1/images/generations", json!({"prompt": "x", "stream": true})),
            events: vec![
                typed("image_generation.partial_image", Value::Null),
                typed("image_generation.completed", usage.clone()),
            ],
            ends: 1,
        },
        Case {
            name: "edits",
            request: ada.post_form(
                "/api/v1/images/edits",
                &[("image", PNG, b"x"), ("prompt", "", b"x"), flag],
            ),
            events: vec![
                typed("image_edit.partial_image", Value::Null),
                typed("image_edit.completed", usage.clone()),
            ],
            ends: 1,
        },
        Case {
            name: "speech",
            request: post(
                "/api/v1/audio/speech",
                json!({"input": "x", "voice": "alloy", "stream_format": "sse"}),
            ),
            events: vec![
                typed("speech.audio.delta", Value::Null),
                typed("speech.audio.done", Value::Null),
            ],
            ends: 1,
        },
        Case {
            name: "transcriptions",
            request: ada
                .post_form("/api/v1/audio/transcriptions", &[("file", WAV, &recording), flag]),
            events: vec![
                typed("transcript.text.delta", Value::Null),
                typed("transcript.text.done", usage.clone()),
            ],
            ends: 1,
        },
    ]
}

/// The number of error events in a stream.
fn errors(text: &str) -> usize {
    text.split("\n\n").filter(|event| event.contains("\"error\"")).count()
}

#[tokio::test]
async fn a_stream_without_its_end_gets_one_error_event_of_its_protocol() {
    let world = world("cut").start().await;
    let ada = world.attendee("ada").await;
    for Case { name, request, events, ends } in cases(&ada).await {
        let begun = events[..events.len() - ends].to_vec();
        let passed = begun.iter().find(|event| !event.starts_with(b"event: thread")).cloned();
        world.azure().script(Reply::stream(begun));
        let response = ada.send(request).await;
        let text = response.assert_ok().text();
        let passed = passed.unwrap_or_default();
        assert!(text.contains(std::str::from_utf8(&passed).unwrap()), "{name}: {text}");
        assert_eq!(errors(text), 1, "{name}: {text}");
        let last = text.trim_end().rsplit("\n\n").next().unwrap();
        let (event, data) = last.split_once("data: ").unwrap();
        let error: Value = serde_json::from_str(data).unwrap();
        match name {
            "messages" => {
                assert_eq!((event, &error["type"]), ("event: error\n", &json!("error")));
                assert_eq!(error["error"]["type"], "api_error", "{text}");
            }
            "responses" => {
                assert_eq!((event, &error["type"]), ("event: error\n", &json!("error")));
                assert_eq!(error["code"], "upstream_unreachable", "{text}");
            }
            _ => {
                assert_eq!(event, if name == "runs" { "event: error\n" } else { "" }, "{name}");
                assert_eq!(error["error"]["code"], "upstream_unreachable", "{name}: {text}");
                assert_eq!(error["error"]["type"], "api_error", "{name}: {text}");
            }
        }
    }
    world.end_jobs().await;
    world.settle().await;
}

#[tokio::test]
async fn a_stream_that_has_said_why_it_ends_is_complete() {
    let world = world("complete").start().await;
    let ada = world.attendee("ada").await;
    for Case { name, request, events, ends } in cases(&ada).await {
        // Up to the first event that ends it: some models send nothing after that.
        let until = events.len() - ends + 1;
        world.azure().script(Reply::stream(events[..until].to_vec()));
        let text = ada.send(request).await.assert_ok().text().to_owned();
        assert_eq!(errors(&text), 0, "{name}: {text}");
    }
    world.end_jobs().await;
    world.settle().await;
}

#[tokio::test]
async fn a_stream_that_breaks_after_it_has_said_why_it_ends_is_complete() {
    let world = world("broken").start().await;
    let ada = world.attendee("ada").await;
    for Case { name, request, events, ends } in cases(&ada).await {
        let until = events.len() - ends + 1;
        let ended = events[..until].to_vec();
        world.azure().script(Reply::stream(events).close_after(until));
        let text = ada.send(request).await.assert_ok().text().to_owned();
        assert_eq!(errors(&text), 0, "{name}: {text}");
        let last = std::str::from_utf8(&ended[until - 1]).unwrap();
        assert!(text.contains(last) || name == "runs", "{name}: {text}");
    }
    world.end_jobs().await;
    world.settle().await;
}

#[tokio::test]
async fn an_event_that_was_cut_before_its_data_is_not_passed_on() {
    let world = world("nameless").start().await;
    let ada = world.attendee("ada").await;
    let events = claude::events("Hi");
    for cut in ["event: content_blo", "event: content_block_delta\n", "event: error\ndata: {\"ty"] {
        let bytes = [events[..4].concat(), cut.as_bytes().to_vec()].concat();
        world.azure().script(Reply::sse_bytes(bytes, &[]));
        let response = ada.send(message(&ada)).await;
        let text = response.assert_ok().text();
        let last = text.trim_end().rsplit("\n\n").next().unwrap();
        assert!(last.starts_with("event: error\ndata: {\"type\":\"error\""), "{text}");
        assert_eq!(text.matches("event: ").count(), 5, "{text}");
    }
    world.settle().await;
}

#[tokio::test]
async fn a_message_that_has_said_why_it_stops_gets_its_last_event() {
    let world = world("unstopped").start().await;
    let ada = world.attendee("ada").await;
    let all = claude::events("Hi");
    let stopped = all[..all.len() - 1].to_vec();
    // The last one may also lack its blank line.
    let bytes = stopped.concat();
    let unended = Reply::sse_bytes(bytes[..bytes.len() - 2].to_vec(), &[]);
    for reply in [Reply::stream(stopped), unended] {
        world.azure().script(reply);
        let response = ada.send(message(&ada)).await;
        assert_eq!(response.assert_ok().text().as_bytes(), all.concat());
    }
    let totals = world.settle().await;
    assert_eq!(totals.counts(), (2, 2 * usual::PROMPT_TOKENS, 2 * usual::COMPLETION_TOKENS));
}

#[tokio::test]
async fn an_event_may_be_as_long_as_a_response() {
    let world = world("long").start().await;
    let ada = world.attendee("ada").await;
    let long = "x".repeat(3 * 1024 * 1024);
    for Case { name, request, mut events, ends } in cases(&ada).await {
        let at = events.len() - ends;
        let first = std::str::from_utf8(&events[at - 1]).unwrap();
        let padded = first.replacen("data: {", &format!("data: {{\"padding\":\"{long}\","), 1);
        assert!(padded.len() > long.len(), "{name}");
        events[at - 1] = padded.into();
        world.azure().script(Reply::stream(events));
        let text = ada.send(request).await.assert_ok().text().to_owned();
        assert_eq!(errors(&text), 0, "{name}");
        assert!(text.contains(&long), "{name}");
    }
    world.end_jobs().await;
    world.settle().await;
}

#[tokio::test]
async fn each_choice_that_has_begun_must_end() {
    let world = world("choices").with(|event| event.max_choices = 2).start().await;
    let ada = world.attendee("ada").await;
    let second = |frame: &str| frame.replace("\"index\":0", "\"index\":1");
    for (cut, errs) in [(4, 1), (5, 0)] {
        let all = [ROLE, &second(ROLE), CONTENT, FINISH, &second(FINISH)].map(data);
        world.azure().script(Reply::stream(all[..cut].to_vec()));
        let text = ada.chat_stream_with("hello", json!({"n": 2})).await.collect().await;
        assert_eq!(errors(text.text()), errs, "{}", text.text());
    }
    world.settle().await;
}
