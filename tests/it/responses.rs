//! `POST …/responses`, and stored responses.

mod failed;

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::allowance::Limit;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::object::Kind;
use lanyard_gateway::ports::Incident;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::azure::kept::{event, events, of_events, response as response_of};
use crate::support::kept::{path, response};
use crate::support::world::Deadline;
use crate::support::{Gate, Reply, Stream, World, canary, usual};

/// The usual price of a response.
const USUAL: (u64, u64, u64) = (1, usual::PROMPT_TOKENS, usual::COMPLETION_TOKENS);

async fn open(world: &World, user: &str, fields: Value) -> Stream {
    let ada = world.attendee(user).await;
    let mut body = response(fields);
    body["stream"] = json!(true);
    world.open(ada.post(&path(Kind::Response), body.to_string())).await
}

async fn pieces(stream: &mut Stream) -> Vec<String> {
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next().await {
        pieces.push(piece);
    }
    pieces
}

#[tokio::test]
async fn a_response_passes_unchanged_except_for_governed_fields() {
    let world = World::event("pass").keeping().with(|e| e.keeps_objects = false).start().await;
    let ada = world.attendee("ada").await;
    let fields = json!({
        "instructions": "Be kind.", "temperature": 0.5, "metadata": {"a": "b"}, "user": "me",
        "safety_identifier": "me", "store": true, "service_tier": "priority",
        "max_output_tokens": 100_000, "reasoning": {"effort": "low"},
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "include": ["reasoning.encrypted_content"],
    });
    let response = ada.respond(fields).await;
    let body = response.assert_ok().json();
    assert_eq!(body["output"][0]["content"][0]["text"], "Hello, canary-completion-c04e!");
    assert_eq!(response.header("x-event-max-tokens"), Some("4096;clamped-from=100000"));
    let sent = world.azure().requests().remove(0);
    assert_eq!(sent.target, "/openai/v1/responses");
    let sent = sent.json();
    assert_eq!(sent["store"], false, "the event keeps nothing");
    assert_eq!(sent["max_output_tokens"], 4_096);
    assert_eq!(sent["service_tier"], "default");
    assert_eq!(sent["model"], format!("{}-gpt-4o-mini", canary::AZURE_NAME));
    assert_ne!(sent["user"], "me");
    assert_eq!(sent["safety_identifier"], sent["user"]);
    for (field, value) in [
        ("instructions", json!("Be kind.")),
        ("temperature", json!(0.5)),
        ("metadata", json!({"a": "b"})),
        ("reasoning", json!({"effort": "low"})),
        ("include", json!(["reasoning.encrypted_content"])),
    ] {
        assert_eq!(sent[field], value);
    }
    assert_eq!(world.settle().await.counts(), USUAL);
}

#[tokio::test]
async fn fields_that_no_event_allows_are_refused() {
    let world = World::event("refuse").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    for (fields, param, code) in [
        (json!({"background": true}), "background", "parameter_not_allowed"),
        (json!({"tools": [{"type": "web_search"}]}), "tools", "parameter_not_allowed"),
        (json!({"tools": [{"type": "mcp"}]}), "tools", "parameter_not_allowed"),
        (json!({"prompt": {"id": "pmpt_1"}}), "prompt", "parameter_not_allowed"),
        (json!({"max_tokens": 5}), "max_tokens", "unknown_parameter"),
        (json!({"messages": []}), "messages", "unknown_parameter"),
        (json!({"n": 2}), "n", "unknown_parameter"),
        (json!({"max_output_tokens": 0}), "max_output_tokens", "invalid_value"),
        (json!({"max_output_tokens": "100"}), "max_output_tokens", "invalid_value"),
        (json!({"store": "true"}), "store", "invalid_value"),
        (json!({"stream": 1}), "stream", "invalid_value"),
        (json!({"stream_options": {}}), "stream_options", "invalid_value"),
        (
            json!({"input": vec![json!({"role": "user", "content": "x"}); 2_049]}),
            "input",
            "invalid_value",
        ),
        (
            json!({"input": [{"role": "user", "content":
                vec![json!({"type": "input_image", "image_url": "https://a.example/b.png"}); 51]}]}),
            "input",
            "invalid_value",
        ),
    ] {
        let response = ada.respond(fields.clone()).await;
        response.assert_refused(400, code);
        assert_eq!(response.json()["error"]["param"], param, "{fields}");
    }
    let doubled = r#"{"input":"x","store":false,"store":true}"#;
    let response = ada.send(ada.post(&path(Kind::Response), doubled)).await;
    response.assert_refused(400, "duplicate_key");
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

#[tokio::test]
async fn only_stored_responses_can_be_named_again() {
    let world = World::event("stored").keeping().start().await;
    let ada = world.attendee("ada").await;
    for (store, is_stored) in [(Value::Null, true), (json!(true), true), (json!(false), false)] {
        let response = ada.respond(json!({"store": store})).await;
        let id = response.assert_ok().json()["id"].as_str().unwrap().to_owned();
        assert_eq!(world.azure().requests().pop().unwrap().json()["store"], is_stored);
        assert_eq!(world.azure().kept().contains(&id), is_stored);
        let one = format!("{}/{id}", path(Kind::Response));
        let wanted = if is_stored { 200 } else { 404 };
        assert_eq!(ada.call(Method::GET, &one, None).await.status(), wanted, "{store}");
        let next = ada.respond(json!({"previous_response_id": id})).await;
        assert_eq!(next.status(), wanted, "{store}");
    }
    world.settle().await;
}

#[tokio::test]
async fn a_stream_is_handed_on_event_by_event() {
    let world = World::event("events").keeping().start().await;
    let gate = Gate::closed();
    let wanted = events("resp_1", "Hello, streamed world!");
    world.azure().script(of_events(&wanted).gated(&gate));
    let mut stream = open(&world, "ada", json!({})).await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream; charset=utf-8"));
    for event in &wanted {
        gate.release(1);
        assert_eq!(stream.next().await.as_ref(), Some(event));
    }
    assert_eq!(stream.next().await, None);
    // The last byte came after the settlement, so nothing need be waited for.
    assert_eq!(world.account("ada").await.spent().tokens(), 22);
    let totals = world.settle().await;
    assert_eq!(totals.counts(), USUAL);
    assert!(totals.records[0].is_streamed && !totals.records[0].is_estimated);
    let sent = world.azure().requests().remove(0).json();
    assert!(sent.get("stream_options").is_none());
    assert_eq!(sent["stream"], true);
}

#[tokio::test]
async fn the_owner_is_written_down_before_the_first_event_names_the_response() {
    let world = World::event("first").in_memory().keeping().start().await;
    let gate = Gate::closed();
    let script = of_events(&events("resp_1", "Hello"));
    world.azure().script(script.gated(&gate));
    gate.release(1);
    let mut stream = open(&world, "ada", json!({})).await;
    assert!(stream.next().await.unwrap().contains("resp_1"));
    assert_eq!(world.objects().puts(), 1);
    gate.open();
    pieces(&mut stream).await;
    world.settle().await;
}

#[tokio::test]
async fn a_stream_whose_owner_cannot_be_stored_ends_with_an_error_and_no_id() {
    let world = World::event("unowned").in_memory().keeping().start().await;
    world.objects().fail_puts(3);
    let mut stream = open(&world, "ada", json!({})).await;
    let pieces = pieces(&mut stream).await;
    assert_eq!(pieces.len(), 1);
    assert!(!pieces[0].contains("resp_"), "{pieces:?}");
    assert!(pieces[0].starts_with("event: error\ndata: {"), "{pieces:?}");
    let data: Value = serde_json::from_str(pieces[0].split("data: ").nth(1).unwrap()).unwrap();
    assert_eq!((&data["type"], &data["code"]), (&json!("error"), &json!("ownership_unavailable")));
    assert_eq!(data["error"]["message"], data["message"]);
    assert!(world.azure().kept().is_empty());
    assert_eq!(world.request_log().incidents(), [Incident::ObjectUnrecorded]);
    // It was generated, so it is charged like a stream that breaks off.
    let totals = world.settle().await;
    assert!(totals.requests == 1 && totals.records[0].is_estimated);
}

#[tokio::test]
async fn a_client_that_leaves_is_charged_exactly_and_keeps_the_response() {
    let world = World::event("leave").keeping().start().await;
    let gate = Gate::closed();
    let script = of_events(&events("resp_1", "Hello, streamed world!"));
    world.azure().script(script.gated(&gate));
    gate.release(2);
    let mut stream = open(&world, "ada", json!({})).await;
    stream.next().await.unwrap();
    drop(stream);
    gate.open();
    assert_eq!(world.settle().await.counts(), USUAL);
    assert_eq!(world.objects().puts(), 1);
}

#[tokio::test]
async fn incomplete_and_failed_responses_are_charged_their_usage() {
    let world = World::event("ends").in_memory().keeping().start().await;
    for end in ["incomplete", "failed"] {
        let done = json!({"response": response_of("resp_1", "Hel", end)});
        let script = [
            event(
                "response.created",
                0,
                json!({"response": response_of("resp_1", "", "in_progress")}),
            ),
            event(&format!("response.{end}"), 1, done),
        ];
        world.azure().script(of_events(&script));
        assert_eq!(pieces(&mut open(&world, "ada", json!({})).await).await, script);
    }
    assert_eq!(world.settle().await.counts(), (2, 34, 10));
}

#[tokio::test]
async fn a_stream_that_breaks_or_fails_ends_with_an_error_event() {
    let world = World::event("breaks").in_memory().keeping().start().await;
    let whole = events("resp_1", "Hello, streamed world!");
    let error = json!({
        "type": "error", "code": "server_error", "param": null,
        "message": format!("{}-gpt-4o-mini failed.", canary::AZURE_NAME),
    });
    let azures = format!("event: error\ndata: {error}\n\n");
    let busy = azures.replace("server_error", "rate_limit_exceeded");
    for (script, code) in [
        (of_events(&whole).close_after(3), "upstream_unreachable"),
        (of_events(&whole[..3]), "upstream_unreachable"),
        (of_events(&[whole[..3].to_vec(), vec![azures]].concat()), "server_error"),
        (of_events(&[whole[..3].to_vec(), vec![busy]].concat()), "rate_limit_exceeded"),
    ] {
        world.azure().script(script);
        let mut pieces = pieces(&mut open(&world, "ada", json!({})).await).await;
        let last = pieces.pop().unwrap();
        assert_eq!(pieces, whole[..3]);
        let data: Value = serde_json::from_str(last.split("data: ").nth(1).unwrap()).unwrap();
        assert!(last.starts_with("event: error\n"), "{last}");
        assert_eq!((&data["code"], &data["sequence_number"]), (&json!(code), &json!(3)));
        assert_eq!(data["error"]["code"], code);
    }
    let totals = world.settle().await;
    assert_eq!(totals.requests, 4);
    assert_eq!(totals.estimated(), 4);
    // The two that broke off cost their cap, those with an error what they had produced: one word.
    assert_eq!(totals.completion_tokens, 2 * 4_096 + 2);
}

#[tokio::test]
async fn a_stream_is_ended_before_the_function_is_stopped() {
    let world = World::event("deadline").in_memory().keeping().start().await;
    world.azure().script(of_events(&events("resp_1", "Hello, you")).hang_after(2));
    let ada = world.attendee("ada").await;
    let mut body = response(json!({}));
    body["stream"] = json!(true);
    let mut request = ada.post(&path(Kind::Response), body.to_string());
    let deadline = Instant::now() + std::time::Duration::from_millis(5_400);
    request.extensions_mut().insert(Deadline(deadline));
    let mut stream = world.open(request).await;
    let last = pieces(&mut stream).await.pop().unwrap();
    assert!(last.contains("upstream_timeout"), "{last}");
    world.settle().await;
}

/// The hold of a request until its response.
async fn held(world: &World, fields: Value) -> u64 {
    let gate = Gate::closed();
    let response = response_of("resp_held", "x", "completed").to_string();
    world.azure().script(Reply::json(200, response).held(&gate));
    let ada = world.attendee("ada").await;
    let calls = world.azure().calls();
    let reading = async {
        world.azure().called(calls + 1).await;
        let held = world.account("ada").await.count(lanyard_domain::account::Field::Held);
        gate.open();
        held
    };
    let (response, held) = tokio::join!(ada.respond(fields), reading);
    response.assert_ok();
    world.quiet().await;
    held
}

#[tokio::test]
async fn stored_objects_that_a_request_names_are_part_of_its_estimate() {
    let world = World::event("estimate").in_memory().keeping().with(|event| {
        event.hosted_tools = HostedTools::allowing(["file_search"]);
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let with = |fields: Value| {
        let world = world.clone();
        // The ids are of the same length, so that only what they name makes a difference.
        async move { held(&world, fields).await }
    };
    let response = response_of("resp_00", "x", "completed");
    let mut large = response.clone();
    large["usage"]["input_tokens"] = json!(9_000);
    large["usage"]["output_tokens"] = json!(500);
    world.azure().script(Reply::json(200, response.to_string()));
    ada.respond(json!({})).await.assert_ok();
    large["id"] = json!("resp_01");
    world.azure().script(Reply::json(200, large.to_string()));
    ada.respond(json!({})).await.assert_ok();
    world.quiet().await;
    let small = with(json!({"previous_response_id": "resp_00"})).await;
    let large = with(json!({"previous_response_id": "resp_01"})).await;
    assert_eq!(large - small, 9_500 - 22);

    let conversation = ada.own(Kind::Conversation).await;
    let before = with(json!({"conversation": conversation})).await;
    let items = json!({"items": [{"role": "user", "content": "word ".repeat(1_000)}]});
    let one = format!("{}/{conversation}/items", path(Kind::Conversation));
    ada.call(Method::POST, &one, Some(&items)).await.assert_ok();
    let after = with(json!({"conversation": conversation})).await;
    // The items, and what the first response has added: its own words and its response.
    assert!((1_000..1_300).contains(&(after - before)), "{before} {after}");

    let plain = with(json!({})).await;
    let store = ada.own(Kind::VectorStore).await;
    let tool = json!([{"type": "file_search", "vector_store_ids": [store]}]);
    let search = with(json!({"tools": tool})).await;
    assert!((16_000..16_100).contains(&(search - plain)), "{plain} {search}");
    world.settle().await;
}

#[tokio::test]
async fn files_that_a_conversation_has_are_part_of_each_later_estimate() {
    let world = World::event("files").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let file = ada.own_file(&"word ".repeat(3_000)).await;
    let with_file = json!([{"role": "user", "content": [{"type": "input_file", "file_id": file}]}]);
    let within = 3_000..4_000;

    let posted = ada.own(Kind::Conversation).await;
    let before = held(&world, json!({"conversation": posted})).await;
    let items = format!("{}/{posted}/items", path(Kind::Conversation));
    ada.call(Method::POST, &items, Some(&json!({"items": with_file}))).await.assert_ok();
    let after = held(&world, json!({"conversation": posted})).await;
    assert!(within.contains(&(after - before)), "{before} {after}");

    let talked = ada.own(Kind::Conversation).await;
    let before = held(&world, json!({"conversation": talked})).await;
    held(&world, json!({"conversation": talked, "input": with_file})).await;
    for _ in 0..2 {
        let after = held(&world, json!({"conversation": talked})).await;
        assert!(within.contains(&(after - before)), "{before} {after}");
    }
    world.settle().await;
}

#[tokio::test]
async fn a_response_that_can_never_fit_is_refused_before_anything_is_sent() {
    let world = World::event("never").in_memory().keeping().attendee(Limit::TokensPerDay, 6_000);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let mut large = response_of("resp_01", "x", "completed");
    large["usage"]["input_tokens"] = json!(5_000);
    world.azure().script(Reply::json(200, large.to_string()));
    ada.respond(json!({"max_output_tokens": 50})).await.assert_ok();
    world.quiet().await;
    world.wait(TimeDelta::days(0));
    let next = json!({"previous_response_id": "resp_01", "max_output_tokens": 2_000});
    ada.respond(next).await.assert_refused(400, "allowance_too_small");
    assert_eq!(world.azure().calls(), 1);
    world.settle().await;
}

#[tokio::test]
async fn implausible_usage_keeps_the_estimate() {
    let world = World::event("odd").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    for usage in [json!(null), json!({"input_tokens": -1, "output_tokens": 5}), json!("many")] {
        let mut odd = response_of("resp_01", "x", "completed");
        odd["usage"] = usage;
        world.azure().script(Reply::json(200, odd.to_string()));
        ada.respond(json!({})).await.assert_ok();
    }
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.estimated()), (3, 3));
}
