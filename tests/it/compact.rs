//! The other calls of agents about responses: a shorter input, a count, and a WebSocket.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::kept::path;
use crate::support::{Reply, World};

const BASES: [&str; 8] = [
    "/api/v1",
    "/api/openai/v1",
    "/api/openai",
    "/api/v1/openai",
    "/api/openai-proxy",
    "/api",
    "/api/v1/v1",
    "/api/v1/openai/v1",
];

fn input() -> Value {
    json!([
        {"role": "user", "content": "word ".repeat(1_000)},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
    ])
}

#[tokio::test]
async fn a_compaction_is_accounted_like_a_response() {
    let world = World::event("compact").in_memory().keeping().with(|e| e.keeps_objects = false);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let made = json!({"id": "resp_1", "object": "response.compaction", "output": [],
        "usage": {"input_tokens": 1_000, "output_tokens": 30, "total_tokens": 1_030}});
    for base in BASES {
        world.azure().script(Reply::json(200, made.to_string()));
        let asked = json!({"input": input(), "instructions": "Be brief.", "store": true,
            "user": "me", "safety_identifier": "me", "include": ["a"]});
        let path = format!("{base}/responses/compact");
        let response = ada.call(Method::POST, &path, Some(&asked)).await;
        assert_eq!(response.assert_ok().json(), made, "{base}");
        let sent = world.azure().requests().pop().unwrap();
        assert_eq!(sent.path(), "/openai/v1/responses/compact");
        let mut expected = json!({"input": input(), "instructions": "Be brief."});
        expected["model"] = sent.json()["model"].clone();
        expected["input"][1].as_object_mut().unwrap().remove("id");
        assert_eq!(sent.json(), expected);
    }
    assert_eq!(world.settle().await.counts(), (8, 8_000, 240));
}

#[tokio::test]
async fn a_resource_that_does_not_compact_is_no_fault_of_the_organisers() {
    let world = World::event("no-compact").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let compact = format!("{}/compact", path(Kind::Response));
    let input = json!({"input": "Hi"});
    for (status, code) in [(404, "404"), (405, "MethodNotAllowed")] {
        world.azure().script(Reply::error(status, code, "Resource not found"));
        let response = ada.call(Method::POST, &compact, Some(&input)).await;
        response.assert_refused(404, "unknown_route");
        assert_eq!(response.header("x-should-retry"), Some("false"));
    }
    // A deployment that is gone is.
    world.azure().script(Reply::error(404, "DeploymentNotFound", "The deployment is not there."));
    let response = ada.call(Method::POST, &compact, Some(&input)).await;
    response.assert_refused(503, "upstream_misconfigured");
    world.settle().await;
}

#[tokio::test]
async fn a_compaction_is_governed_like_a_response() {
    let world = World::event("governed").in_memory().keeping().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let compact = format!("{}/compact", path(Kind::Response));
    let id = ada.respond(json!({})).await.assert_ok().json()["id"].clone();
    let calls = world.azure().calls();
    for (fields, status) in [
        (json!({"tools": [{"type": "mcp"}]}), 400),
        (json!({"background": true}), 400),
        (json!({"stream": true}), 400),
        (json!({"input": [{"type": "code_interpreter_call", "container_id": "cntr_1"}]}), 404),
        (json!({"previous_response_id": id}), 404),
    ] {
        for path in [&compact, &compact.replace("compact", "input_tokens")] {
            let refused = bob.call(Method::POST, path, Some(&fields)).await;
            assert_eq!(refused.status(), status, "{path} {fields}");
        }
    }
    assert_eq!(world.azure().calls(), calls);
    let made = json!({"id": "resp_2", "object": "response.compaction", "output": []});
    world.azure().script(Reply::json(200, made.to_string()));
    let fields = json!({"previous_response_id": id});
    ada.call(Method::POST, &compact, Some(&fields)).await.assert_ok();
    world.settle().await;
}

#[tokio::test]
async fn an_input_is_counted_by_azure_or_else_by_our_estimate() {
    let world = World::event("count").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let count = format!("{}/input_tokens", path(Kind::Response));
    let ask = async || ada.call(Method::POST, &count, Some(&json!({"input": input()}))).await;
    let azures = json!({"object": "response.input_tokens", "input_tokens": 1_007});
    world.azure().script(Reply::json(200, azures.to_string()));
    assert_eq!(ask().await.assert_ok().json(), azures);
    for (status, code) in [(404, "404"), (405, "MethodNotAllowed")] {
        let error = json!({"error": {"code": code, "message": "Resource not found"}});
        world.azure().script(Reply::json(status, error.to_string()));
        let response = ask().await;
        let counted = response.assert_ok().json();
        assert_eq!(counted["object"], "response.input_tokens");
        let tokens = counted["input_tokens"].as_u64().unwrap();
        assert!((1_000..1_300).contains(&tokens), "{tokens}");
    }
    // Azure's message about the input is passed on.
    let error = json!({"error": {"code": "invalid_value", "message": "The input is odd.", "param": "input"}});
    world.azure().script(Reply::json(400, error.to_string()));
    assert_eq!(ask().await.status(), 400);
    let totals = world.settle().await;
    assert_eq!(totals.counts(), (4, 0, 0));
    assert_eq!(totals.estimated(), 0);
    assert!(world.request_log().incidents().is_empty());
}

#[tokio::test]
async fn a_websocket_is_refused_at_once_so_that_clients_fall_back() {
    let world = World::event("socket").in_memory().start().await;
    for base in BASES {
        for (name, value) in [("upgrade", "websocket"), ("sec-websocket-key", "dGhlIHNhbXBsZQ==")] {
            let request = Request::get(format!("{base}/responses")).header(name, value);
            let asked = world.send(request.body(Bytes::new()).unwrap());
            let response = tokio::time::timeout(Duration::from_secs(5), asked).await.unwrap();
            response.assert_refused(426, "upgrade_required");
            assert!(response.header("upgrade").is_some());
        }
    }
    let plain = Request::get("/api/v1/responses").body(Bytes::new()).unwrap();
    assert_eq!(world.send(plain).await.status(), 405);
    world.settle().await;
}
