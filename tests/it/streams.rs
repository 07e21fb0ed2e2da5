//! `POST …/chat/completions`, streamed.

use insta::assert_snapshot;
use lanyard_domain::account::Field;
use lanyard_gateway::ports::Incident;
use serde_json::{Value, json};

use crate::support::attendee::{CHAT, chat};
use crate::support::azure::frames::{
    CONTENT, DONE, FINISH, PROMPT_FILTER, ROLE, USAGE, content, sse, with_usage_null,
};
use crate::support::test_response::payload;
use crate::support::{Gate, LineEnding, Reply, World, canary};

const AZURE: &str = "/api/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21";

/// The frames of Azure's usual stream: 17 prompt and 5 completion tokens.
const USUAL: [&str; 6] = [PROMPT_FILTER, ROLE, CONTENT, FINISH, USAGE, DONE];

fn usual() -> Reply {
    Reply::sse(&USUAL, LineEnding::Lf)
}

fn words(payloads: &[String]) -> String {
    let text = |payload: &String| {
        let chunk: Value = serde_json::from_str(payload).unwrap_or_default();
        chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
    };
    payloads.iter().map(text).collect()
}

#[tokio::test]
async fn a_stream_is_passed_on_without_frames_that_the_client_did_not_request() {
    let world = World::event("stream").start().await;
    let ada = world.attendee("ada").await;
    let mut stream = ada.chat_stream("hello").await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let payloads = stream.rest().await;
    assert_eq!(words(&payloads), "Hello, canary-completion-c04e!");
    assert_eq!(payloads.last().unwrap(), DONE);
    for chunk in &payloads[..payloads.len() - 1] {
        let chunk: Value = serde_json::from_str(chunk).unwrap();
        assert!(chunk["choices"][0].is_object(), "clients read choices[0]: {chunk}");
    }
    let sent = world.azure().requests().remove(0).json();
    assert_eq!(sent["stream_options"], json!({"include_usage": true}));
    // The last byte came after the settlement, so nothing need be waited for.
    assert_eq!(world.account("ada").await.spent().tokens(), 22);
    assert_eq!(world.event_account().await.spent().tokens(), 22);
    let totals = world.settle().await;
    assert_eq!(totals.counts(), (1, 17, 5));
    assert!(totals.records[0].is_streamed && !totals.records[0].is_estimated);
}

#[tokio::test]
async fn the_usage_frame_is_passed_on_to_clients_that_requested_it() {
    let world = World::event("usage").start().await;
    let ada = world.attendee("ada").await;
    for (options, expected) in [
        (json!({"include_usage": true}), true),
        (json!({"include_usage": false}), false),
        (json!({"include_usage": true, "include_obfuscation": false}), true),
        (json!({}), false),
        (Value::Null, false),
    ] {
        world.azure().script(usual());
        let mut stream = ada.chat_stream_with("hello", json!({"stream_options": options})).await;
        let payloads = stream.rest().await;
        assert_eq!(payloads.iter().any(|frame| frame == USAGE), expected, "{options}");
        let sent = world.azure().requests().pop().unwrap().json();
        assert_eq!(sent["stream_options"]["include_usage"], true);
        let obfuscation = options.get("include_obfuscation");
        assert_eq!(sent["stream_options"].get("include_obfuscation"), obfuscation);
    }
    assert_eq!(world.settle().await.counts(), (5, 85, 25));
}

#[tokio::test]
async fn azures_first_frame_is_passed_only_to_azures_clients() {
    let world = World::event("filter").start().await;
    let ada = world.attendee("ada").await;
    for (path, expected) in [
        (AZURE, true),
        ("/api/openai/v1/chat/completions", true),
        ("/api/v1/openai/deployments/gpt-4o-mini/chat/completions", true),
        ("/api/v1/chat/completions", false),
        ("/api/openai-proxy/chat/completions", false),
    ] {
        world.azure().script(usual());
        let mut body = chat("hello");
        body["stream"] = json!(true);
        let mut stream = world.open(ada.post(path, body.to_string())).await;
        let first = stream.next().await.unwrap();
        assert_eq!(payload(&first) == PROMPT_FILTER, expected, "{path}");
        stream.rest().await;
    }
    world.settle().await;
}

#[tokio::test]
async fn frames_are_handed_on_as_they_are_made() {
    let world = World::event("live").start().await;
    let ada = world.attendee("ada").await;
    let gate = Gate::closed();
    world.azure().script(usual().gated(&gate));
    let mut stream = ada.chat_stream("hello").await;
    gate.release(2);
    assert_eq!(payload(&stream.next().await.unwrap()), ROLE);
    gate.release(1);
    assert_eq!(payload(&stream.next().await.unwrap()), CONTENT);
    // Azure has made no more than this, and nothing is settled.
    assert_eq!(world.account("ada").await.holds.len(), 1);
    gate.open();
    assert_eq!(stream.rest().await, [FINISH, DONE]);
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}

#[tokio::test]
async fn a_client_that_leaves_is_charged_the_models_output() {
    let world = World::event("leaves").start().await;
    let ada = world.attendee("ada").await;
    for frames in 0..=5 {
        world.azure().script(usual());
        let mut stream = ada.chat_stream("hello").await;
        for _ in 0..frames {
            stream.next().await;
        }
        drop(stream);
    }
    assert_eq!(world.settle().await.counts(), (6, 6 * 17, 6 * 5));
}

#[tokio::test]
async fn a_stream_that_ends_without_usage_is_charged_by_its_text_and_marked() {
    let text = content("Some words of an answer that is long enough to be counted.");
    // Whether or not it says that it has ended, and whether or not that comes with a reason.
    for end in [&[FINISH, DONE][..], &[DONE], &[FINISH]] {
        let world = World::event("estimate").in_memory().start().await;
        let ada = world.attendee("ada").await;
        let frames = [&[ROLE, text.as_str()][..], end].concat();
        world.azure().script(Reply::sse(&frames, LineEnding::Lf));
        let mut stream = ada.chat_stream_with("hello", json!({"max_tokens": 900})).await;
        assert_eq!(stream.rest().await, frames);
        let totals = world.settle().await;
        assert!((10..25).contains(&totals.completion_tokens), "{}", totals.completion_tokens);
        assert!(totals.requests == 1 && totals.prompt_tokens > 0);
        assert!(totals.records[0].is_estimated);
    }
}

#[tokio::test]
async fn a_stream_without_usage_of_a_model_that_reasons_unseen_costs_its_estimate() {
    let world = World::event("unseen").in_memory().deployments(|all| {
        for deployment in all {
            deployment.model = Some("gpt-5-mini".to_owned());
        }
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let frames = [ROLE, CONTENT, FINISH, DONE];
    let frames = frames.map(|frame| frame.replace("gpt-4o-mini-2024-07-18", "gpt-5-mini"));
    world.azure().script(Reply::sse(&frames, LineEnding::Lf));
    let asked = json!({"max_completion_tokens": 900});
    ada.chat_stream_with("hello", asked).await.rest().await;
    assert_eq!(world.settle().await.completion_tokens, 900);
}

#[tokio::test]
async fn a_usage_that_no_request_can_have_is_bounded_by_the_models_context() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":900000,"completion_tokens":5,"total_tokens":900005}}"#;
    let world = World::event("absurd").in_memory().start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(Reply::sse(&[ROLE, CONTENT, FINISH, usage, DONE], LineEnding::Lf));
    ada.chat_stream_with("hello", json!({"max_tokens": 100})).await.rest().await;
    let totals = world.settle().await;
    // The context of gpt-4o-mini, and four times the small estimate.
    assert!((128_000..129_500).contains(&totals.prompt_tokens), "{}", totals.prompt_tokens);
    assert!(totals.records[0].is_estimated);
}

#[tokio::test]
async fn usage_is_found_however_the_stream_is_cut() {
    let world = World::event("cut").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let words = content("日本語 – ünïcode 😀");
    let bytes = sse(&[ROLE, &with_usage_null(&words), FINISH, USAGE, DONE]);
    let step = 7;
    let cuts = (1..bytes.len()).step_by(step).map(|cut| vec![cut]);
    let single = std::iter::once((1..bytes.len()).collect::<Vec<_>>());
    let mut runs = 0;
    for cuts in cuts.chain(single) {
        world.azure().script(Reply::sse_bytes(bytes.clone(), &cuts));
        let mut stream = ada.chat_stream("hello").await;
        let expected = [ROLE, &with_usage_null(&words), FINISH, DONE];
        assert_eq!(stream.rest().await, expected, "cut at {cuts:?}");
        runs += 1;
    }
    assert_eq!(world.settle().await.counts(), (runs, runs * 17, runs * 5));
}

#[tokio::test]
async fn line_endings_comments_and_byte_order_marks_are_accepted() {
    let world = World::event("lines").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let mut runs = 0;
    for ending in [LineEnding::Lf, LineEnding::CrLf, LineEnding::Cr] {
        world.azure().script(Reply::sse(&USUAL, ending));
        let payloads = ada.chat_stream("hello").await.rest().await;
        assert_eq!(payloads, [ROLE, CONTENT, FINISH, DONE], "{ending:?}");
        runs += 1;
    }
    let (before, after) = USAGE.split_at(USAGE.find("\"usage\"").unwrap());
    let odd = [
        format!("\u{feff}data: {ROLE}\n\ndata:{USAGE}\n\ndata: [DONE]\n\n"),
        format!(": ping\n\ndata: {ROLE}\n\n: ping\n\ndata: {USAGE}\n\ndata: [DONE]\n\n"),
        format!("event: x\nid: 1\ndata: {ROLE}\n\nretry: 3\ndata: {before}\ndata: {after}\n\n"),
        format!("data: {ROLE}\n\ndata: {USAGE}\n\n"),
        format!("data: {ROLE}\n\ndata: {USAGE}"),
        format!("data: {ROLE}\n\ndata: {USAGE}\n\ndata: [DONE]\n\ndata: [DONE]\n\n"),
    ];
    for bytes in odd {
        world.azure().script(Reply::sse_bytes(bytes.clone(), &[]));
        let text = ada.chat_stream("hello").await.rest().await.join("\n");
        assert!(text.contains("assistant") && !text.contains("\"usage\":{"), "{bytes}");
        runs += 1;
    }
    assert_eq!(world.settle().await.counts(), (runs, runs * 17, runs * 5));
}

#[tokio::test]
async fn chunks_about_filters_pass_to_azures_clients_only() {
    let world = World::event("no-delta").start().await;
    let ada = world.attendee("ada").await;
    let offsets = r#"{"choices":[{"content_filter_offsets":{"check_offset":35},"finish_reason":null,"index":0}],"id":"","usage":null}"#;
    let script = [PROMPT_FILTER, ROLE, CONTENT, offsets, FINISH, offsets, USAGE, DONE];
    for wants_usage in [false, true] {
        for path in [CHAT, AZURE] {
            world.azure().script(Reply::sse(&script, LineEnding::Lf));
            let mut body = chat("hello");
            (body["stream"], body["stream_options"]) =
                (json!(true), json!({"include_usage": wants_usage}));
            let mut stream = world.open(ada.post(path, body.to_string())).await;
            let expected = script.into_iter().filter(|frame| match *frame {
                USAGE => wants_usage,
                PROMPT_FILTER => path == AZURE,
                frame => path == AZURE || frame != offsets,
            });
            assert_eq!(stream.rest().await, expected.collect::<Vec<_>>(), "{path}");
        }
    }
    assert_eq!(world.settle().await.counts(), (4, 68, 20));
}

#[tokio::test]
async fn a_buffered_response_to_a_request_for_a_stream_is_passed_on() {
    let world = World::event("whole").start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(Reply::chat("whole"));
    let response = ada.chat_stream("hello").await.collect().await;
    assert_eq!(response.assert_ok().header("content-type"), Some("application/json"));
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_one_error_event() {
    let world = World::event("breaks").start().await;
    let ada = world.attendee("ada").await;
    let mut last = Vec::new();
    for reply in [usual().close_after(3), usual().reset_after(3)] {
        world.azure().script(reply);
        let mut stream = ada.chat_stream_with("hello", json!({"max_tokens": 50})).await;
        last.extend(stream.rest().await.pop());
    }
    assert_eq!(last[0], last[1]);
    assert_snapshot!(last[0], @r#"{"error":{"message":"The connection to the model broke, or its response cannot be used. The model may have worked, so the request is charged. Before you send it again, check whether it is worth that.","type":"api_error","param":null,"code":"upstream_unreachable"}}"#);
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.completion_tokens), (2, 100));
    assert_eq!(totals.estimated(), 2);
}

#[tokio::test]
async fn an_error_of_azures_in_the_stream_keeps_its_code_and_message() {
    let world = World::event("error").start().await;
    let ada = world.attendee("ada").await;
    let name = format!("{}-gpt-4o-mini", canary::AZURE_NAME);
    let error = json!({"error": {
        "message": format!("{name} has 128000 tokens at most."), "type": "invalid_request_error",
        "param": "messages", "code": "context_length_exceeded",
    }});
    let script = [ROLE, CONTENT, &error.to_string(), CONTENT];
    world.azure().script(Reply::sse(&script, LineEnding::Lf));
    let payloads = ada.chat_stream("hello").await.rest().await;
    assert_eq!(payloads[..2], [ROLE, CONTENT]);
    assert_eq!(payloads.len(), 3);
    assert_snapshot!(payloads[2], @r#"{"error":{"message":"gpt-4o-mini has 128000 tokens at most.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#);
    world.settle().await;
}

#[tokio::test]
async fn an_error_in_the_stream_is_charged_the_known_output_and_not_the_cap() {
    let world = World::event("failed").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let error = |code: Value| json!({"error": {"message": "Scripted.", "code": code}}).to_string();
    // Whether the request and its prompt are charged, and how many tokens of output.
    for (code, begun, charged) in [
        (json!("rate_limit_exceeded"), false, None),
        (json!("too_many_requests"), false, None),
        (json!(429), false, None),
        (json!("context_length_exceeded"), false, Some((false, 0))),
        (json!("content_filter"), false, Some((true, 0))),
        (json!("server_error"), false, Some((true, 0))),
        (json!("server_error"), true, Some((true, 2))),
        (json!("rate_limit_exceeded"), true, Some((true, 2))),
    ] {
        let before = world.account("ada").await;
        let error = error(code.clone());
        let script: &[&str] = match begun {
            true => &[PROMPT_FILTER, ROLE, CONTENT, CONTENT, &error],
            false => &[PROMPT_FILTER, ROLE, &error],
        };
        world.azure().script(Reply::sse(script, LineEnding::Lf));
        let last = ada.chat_stream("hello").await.rest().await.pop().unwrap();
        let said: Value = serde_json::from_str(&last).unwrap();
        let text = code.as_str().map_or_else(|| code.to_string(), ToOwned::to_owned);
        assert_eq!(said["error"]["code"], text);
        assert_eq!(said["error"]["message"], "Scripted.");
        let after = world.account("ada").await;
        let (requests, prompt, completion) = (
            after.count(Field::Requests) - before.count(Field::Requests),
            after.spent().prompt_tokens - before.spent().prompt_tokens,
            after.spent().completion_tokens - before.spent().completion_tokens,
        );
        assert_eq!(requests, u64::from(charged.is_some()), "{code}");
        assert_eq!(prompt > 0, charged.is_some_and(|(prompt, _)| prompt), "{code}");
        assert_eq!(completion, charged.map_or(0, |(_, completion)| completion), "{code}");
        assert!(after.holds.is_empty());
    }
    assert_eq!(world.request_log().incidents(), [Incident::UpstreamBusy; 4]);
    world.settle().await;
}

#[tokio::test]
async fn an_empty_or_endless_stream_ends_with_an_error() {
    let world = World::event("nothing").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let endless = format!("data: {}", "x".repeat(1_100_000));
    for bytes in [String::new(), endless] {
        world.azure().script(Reply::sse_bytes(bytes, &[]));
        let payloads = ada.chat_stream("hello").await.rest().await;
        assert_eq!(payloads.len(), 1);
        assert!(payloads[0].contains("upstream_unreachable"), "{payloads:?}");
    }
    assert_eq!(world.settle().await.estimated(), 2);
}

#[tokio::test]
async fn a_break_after_the_last_event_loses_nothing() {
    let world = World::event("done").start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(usual().close_after(USUAL.len()));
    let payloads = ada.chat_stream("hello").await.rest().await;
    assert_eq!(payloads, [ROLE, CONTENT, FINISH, DONE]);
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}

#[tokio::test]
async fn a_slow_reader_gets_every_frame() {
    let world = World::event("slow").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let frames: Vec<_> = (0..2_000).map(|n| content(&n.to_string())).collect();
    let all = frames.iter().map(String::as_str).chain([USAGE, DONE]);
    world.azure().script(Reply::sse(&all.collect::<Vec<_>>(), LineEnding::Lf));
    let mut stream = ada.chat_stream("hello").await;
    for frame in &frames {
        // Turns of other clients, repeatedly: the pump is far ahead of this reader.
        tokio::task::yield_now().await;
        assert_eq!(&payload(&stream.next().await.unwrap()), frame);
    }
    assert_eq!(stream.rest().await, [DONE]);
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}
