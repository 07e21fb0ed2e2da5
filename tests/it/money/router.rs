//! A model router, and other responses that name another model than the deployment's.

use lanyard_domain::allowance::Limit;
use lanyard_domain::amount::NANO_PER_USD;
use lanyard_domain::bill::{Line, Priced};
use lanyard_domain::catalog::Prices;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::Unit;
use lanyard_domain::usage::UsageRecord;
use lanyard_gateway::testing::{a_deployment, azure::LineEnding};
use serde_json::{Value, json};

use super::lines;
use crate::support::attendee::{CHAT, chat};
use crate::support::builder::Builder;
use crate::support::{Reply, World};

const NANO: &str = "gpt-5-nano-2025-08-07";
const ROUTED: u64 = 140_000;

/// A world with a model router under a name of the organiser's.
fn with_router(name: &str) -> Builder {
    let operations = [Operation::ChatCompletions, Operation::Responses, Operation::Messages];
    World::event(name).everybody(Limit::UsdTotal, 10 * NANO_PER_USD).deployments(
        move |deployments| {
            let mut router = a_deployment("auto", Operation::ChatCompletions);
            router.model = Some("model-router".to_owned());
            router.operations = operations.to_vec();
            deployments.push(router);
        },
    )
}

fn usage() -> Value {
    json!({"prompt_tokens": 1_000, "completion_tokens": 10, "total_tokens": 1_010})
}

fn buffered(model: &str) -> Reply {
    let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
        "usage": usage()});
    Reply::json(200, body.to_string())
}

/// A streamed chat, whose last chunk has the usage if there is one.
fn streamed(model: &str, usage: Option<Value>) -> Reply {
    let chunk = |choices: Value| json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": model, "choices": choices});
    let delta = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    let mut frames = vec![
        // Azure's first chunk names no model.
        json!({"id": "", "model": "", "choices": [], "prompt_filter_results": []}).to_string(),
        chunk(delta(json!({"role": "assistant", "content": ""}), Value::Null)).to_string(),
        chunk(delta(json!({"content": "Hello"}), Value::Null)).to_string(),
        chunk(delta(json!({}), json!("stop"))).to_string(),
    ];
    if let Some(usage) = usage {
        let mut last = chunk(json!([]));
        last["usage"] = usage;
        frames.push(last.to_string());
    }
    frames.push("[DONE]".to_owned());
    Reply::sse(&frames, LineEnding::Lf)
}

/// The record of a request to the router for which Azure sends this.
async fn record_of(world: &World, path: &str, body: Value, reply: Reply) -> UsageRecord {
    world.azure().script(reply);
    let ada = world.attendee("ada").await;
    ada.send(ada.post(path, body.to_string())).await.assert_ok();
    let mut records = world.settle().await.records;
    records.sort_by_key(|record| record.admitted_at);
    records.pop().unwrap()
}

fn to_router(fields: &Value) -> Value {
    let mut body = chat("hello");
    body["model"] = json!("auto");
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn model(record: &UsageRecord) -> &str {
    record.model.as_ref().unwrap().as_str()
}

/// The lines of 1,000 prompt tokens and ten others of GPT-5 nano, routed.
fn of_nano() -> Vec<(Priced, Line)> {
    vec![
        (Priced::Input, Line(1_000, 50_000)),
        (Priced::Output, Line(10, 400_000)),
        (Priced::Routing, Line(1_000, ROUTED)),
    ]
}

#[tokio::test]
async fn a_routed_request_is_recorded_and_paid_as_the_model_that_wrote_the_response() {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": NANO,
        "content": [], "stop_reason": "end_turn",
        "usage": {"input_tokens": 1_000, "output_tokens": 10}});
    let response = json!({"id": "resp_1", "object": "response", "status": "completed",
        "model": NANO, "output": [], "usage": {"input_tokens": 1_000, "output_tokens": 10}});
    let completed = json!({"type": "response.completed", "response": response});
    let created = json!({"type": "response.created", "response": {"id": "resp_1", "model": NANO}});
    let started = json!({"type": "message_start", "message": message});
    let ended = json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 10}});
    let stopped = json!({"type": "message_stop"});
    let events = |events: &[&Value]| {
        let event = |event: &&Value| {
            format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
        };
        Reply::sse_bytes(events.iter().map(event).collect::<String>(), &[])
    };
    let asked = |fields: Value| {
        let mut body = json!({"model": "auto"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    let messages = json!([{"role": "user", "content": "hello"}]);
    let cases = [
        (CHAT, to_router(&json!({})), buffered(NANO)),
        (CHAT, to_router(&json!({"stream": true})), streamed(NANO, Some(usage()))),
        (
            "/api/v1/responses",
            asked(json!({"input": "hello"})),
            Reply::json(200, response.to_string()),
        ),
        (
            "/api/v1/responses",
            asked(json!({"input": "hello", "stream": true})),
            events(&[&created, &completed]),
        ),
        (
            "/api/v1/messages",
            asked(json!({"max_tokens": 100, "messages": messages})),
            Reply::json(200, message.to_string()),
        ),
        (
            "/api/v1/messages",
            asked(json!({"max_tokens": 100, "messages": messages, "stream": true})),
            events(&[&started, &ended, &stopped]),
        ),
    ];
    for (n, (path, body, reply)) in cases.into_iter().enumerate() {
        let world = with_router(&format!("routed-{n}")).in_memory().start().await;
        let record = record_of(&world, path, body, reply).await;
        assert_eq!(model(&record), "gpt-5-nano", "{path} {n}");
        assert_eq!(lines(record.bill.as_ref().unwrap()), of_nano(), "{path} {n}");
        assert_eq!(record.charge.units.get(Unit::Usd), 140_000 + 50_000 + 4_000);
    }
}

#[tokio::test]
async fn the_report_by_model_has_the_model_that_a_router_chose() {
    let world = with_router("report").start().await;
    record_of(&world, CHAT, to_router(&json!({})), buffered(NANO)).await;
    let report = world.organise("GET", "/usage?by=model", json!(null), 200).await.to_string();
    assert!(report.contains("gpt-5-nano") && report.contains("0.000194"), "{report}");
    assert!(!report.contains("auto"), "{report}");
}

#[tokio::test]
async fn the_dearest_model_that_a_router_may_choose_is_reserved() {
    let router = ModelFacts::of("model-router").unwrap().highest_prices();
    // Less than the least cap of the dearest model costs, more than it does of every other one.
    let world = with_router("dearest")
        .in_memory()
        .everybody(Limit::UsdTotal, NANO_PER_USD / 20)
        .start()
        .await;
    let ada = world.attendee("ada").await;
    let refused =
        ada.send(ada.post(CHAT, to_router(&json!({"max_tokens": 1_000})).to_string())).await;
    refused.assert_refused(400, "allowance_too_small");
    assert!(router.output > Some(50_000), "{router:?}");
    let fits = ada.send(ada.post(CHAT, to_router(&json!({"max_tokens": 100})).to_string())).await;
    fits.assert_ok();
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test]
async fn a_routed_stream_without_usage_is_estimated_at_the_price_of_its_model() {
    let world = with_router("silent").in_memory().start().await;
    let body = to_router(&json!({"stream": true}));
    let record = record_of(&world, CHAT, body, streamed(NANO, None)).await;
    assert_eq!((model(&record), record.is_estimated), ("gpt-5-nano", true));
    let bill = record.bill.unwrap();
    assert_eq!(bill.nano_usd(), record.charge.units.get(Unit::Usd));
    assert!(lines(&bill).contains(&(Priced::Routing, Line(record.charge.prompt_tokens, ROUTED))));
}

#[tokio::test]
async fn a_model_that_is_not_known_is_paid_at_the_price_that_was_reserved() {
    let most = ModelFacts::of("model-router").unwrap().highest_prices();
    for (n, named) in ["model-router", "gpt-of-tomorrow", ""].into_iter().enumerate() {
        let world = with_router(&format!("unknown-{n}")).in_memory().start().await;
        let record = record_of(&world, CHAT, to_router(&json!({})), buffered(named)).await;
        assert_eq!(model(&record), "auto", "{named}");
        let expected = vec![
            (Priced::Input, Line(1_000, most.input.unwrap())),
            (Priced::Output, Line(10, most.output.unwrap())),
            (Priced::Routing, Line(1_000, ROUTED)),
        ];
        assert_eq!(lines(record.bill.as_ref().unwrap()), expected, "{named}");
    }
}

#[tokio::test]
async fn an_organisers_price_of_a_router_is_all_that_its_models_cost() {
    let world = with_router("fixed").in_memory().deployments(|deployments| {
        let router = deployments.iter_mut().find(|one| one.name.as_str() == "auto").unwrap();
        router.prices =
            Some(Prices { prompt: 1_000_000, completion: 2_000_000, ..Prices::default() });
    });
    let world = world.start().await;
    let record = record_of(&world, CHAT, to_router(&json!({})), buffered(NANO)).await;
    assert_eq!(model(&record), "gpt-5-nano");
    let expected = [(Priced::Input, Line(1_000, 1_000_000)), (Priced::Output, Line(10, 2_000_000))];
    assert_eq!(lines(record.bill.as_ref().unwrap()), expected);
}

#[tokio::test]
async fn a_deployment_of_another_model_than_is_believed_is_paid_as_what_it_is() {
    let world = with_router("believed").in_memory().start().await;
    let mut body = chat("hello");
    body["model"] = json!("gpt-4o");
    let record = record_of(&world, CHAT, body.clone(), buffered("gpt-4.1-2025-04-14")).await;
    assert_eq!(model(&record), "gpt-4.1");
    assert_eq!(record.charge.units.get(Unit::Usd), 1_000 * 2_000 + 10 * 8_000);
    // A version of its own model changes nothing.
    let record = record_of(&world, CHAT, body, buffered("gpt-4o-2024-11-20")).await;
    assert_eq!(model(&record), "gpt-4o");
    assert_eq!(record.charge.units.get(Unit::Usd), 1_000 * 2_500 + 10 * 10_000);
}
