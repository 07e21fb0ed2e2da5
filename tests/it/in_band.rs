//! Errors of Azure's that arrive with status 200, in a response or instead of a stream.

use lanyard_domain::operation::Operation;
use lanyard_domain::unit::Units;
use lanyard_protocol::Protocol;
use serde_json::{Value, json};

use crate::operations::{besides_money, held, relayed};
use crate::support::attendee::{CHAT, chat};
use crate::support::{Reply, World, canary};

/// The body of an error that names the resource, the deployment and its key.
fn body(code: &str, model: &str) -> String {
    let message = format!(
        "The deployment {}-{model} at https://their-resource.openai.azure.com cannot with {}.",
        canary::AZURE_NAME,
        canary::KEY
    );
    json!({"error": {"code": code, "message": message}}).to_string()
}

/// The model that an operation has without a choice.
pub(crate) fn model(operation: Operation) -> String {
    if matches!(operation, Operation::ChatCompletions | Operation::Responses) {
        "gpt-4o-mini".to_owned()
    } else if operation == Operation::Embeddings {
        "text-embedding-3-small".to_owned()
    } else {
        format!("model-{}", operation.name())
    }
}

fn assert_redacted(text: &str) {
    for name in [canary::AZURE_NAME, "their-resource", "azure.com", canary::KEY] {
        assert!(!text.contains(name), "{text}");
    }
}

#[tokio::test]
async fn an_error_with_status_200_is_an_error_on_every_operation() {
    for operation in relayed().chain([Operation::Responses]) {
        for (code, status, requests) in
            [("server_error", 502, 1), ("429", 429, 0), ("context_length_exceeded", 400, 1)]
        {
            let world = World::event("in-band").in_memory().everything().keeping().start().await;
            let ada = world.attendee("ada").await;
            world.azure().script(Reply::json(200, body(code, &model(operation))));
            let request = match operation == Operation::Responses {
                true => ada.post("/api/v1/responses", json!({"input": "Hi"}).to_string()),
                false => ada.asks_for(operation),
            };
            let response = ada.send(request).await;
            assert_eq!(response.status(), status, "{operation} {code}: {}", response.text());
            assert_redacted(response.text());
            assert_eq!(response.header("retry-after").is_some(), status == 429, "{operation}");
            let never = (status == 502).then_some("false");
            assert_eq!(response.header("x-should-retry"), never, "{operation}");
            let totals = world.settle().await;
            assert_eq!(totals.requests, requests, "{operation} {code}");
            // Without output there is no completion and no image, only what the model has read.
            assert_eq!(totals.completion_tokens, 0, "{operation} {code}");
            let read = match held(operation) {
                Some((unit, amount)) if status == 502 && unit.is_of_prompt() => {
                    Units::of(unit, amount)
                }
                _ => Units::NONE,
            };
            assert_eq!(besides_money(totals.units), read, "{operation} {code}");
        }
    }
}

#[tokio::test]
async fn an_error_with_status_200_is_known_by_any_shape_on_every_operation() {
    for operation in relayed().chain([Operation::Responses]) {
        let world = World::event("shapes").in_memory().everything().keeping().start().await;
        let ada = world.attendee("ada").await;
        let error: Value = serde_json::from_str(&body("server_error", &model(operation))).unwrap();
        let said = &error["error"]["message"];
        for shape in [
            json!({"detail": said}),
            json!({"detail": [{"type": "x", "loc": ["body", "n"], "msg": said}]}),
            json!({"errors": [{"message": said}]}),
            json!({"errors": {"n": [said]}}),
        ] {
            world.azure().script(Reply::json(200, shape.to_string()));
            let request = match operation == Operation::Responses {
                true => ada.post("/api/v1/responses", json!({"input": "Hi"}).to_string()),
                false => ada.asks_for(operation),
            };
            let response = ada.send(request).await;
            assert_eq!(response.status(), 502, "{operation} {shape}: {}", response.text());
            assert!(response.text().contains("cannot with"), "{}", response.text());
            assert_redacted(response.text());
        }
        assert_eq!(world.settle().await.completion_tokens, 0, "{operation}");
    }
}

#[tokio::test]
async fn usage_beside_an_error_is_charged_and_results_beside_it_pass() {
    let world = World::event("beside").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let mut error: Value = serde_json::from_str(&body("server_error", "gpt-4o-mini")).unwrap();
    error["usage"] = json!({"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 79});
    error["choices"] = json!([]);
    world.azure().script(Reply::json(200, error.to_string()));
    assert_eq!(ada.chat("hello").await.status(), 502);
    // A response that has failed is an object of its own, with its reason in it.
    let mut failed = crate::support::azure::kept::response("resp_1", "", "failed");
    failed["error"] = serde_json::from_str::<Value>(&body("server_error", "gpt-4o-mini")).unwrap()
        ["error"]
        .clone();
    (failed["usage"], failed["output"]) = (Value::Null, json!([]));
    world.azure().script(Reply::json(200, failed.to_string()));
    let passed = ada.post("/api/v1/responses", json!({"input": "Hi", "store": false}).to_string());
    let passed = ada.send(passed).await;
    assert_eq!(passed.assert_ok().json()["error"]["code"], "server_error");
    assert_redacted(passed.text());
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.completion_tokens), (2, 9));
}

#[tokio::test]
async fn a_document_instead_of_a_stream_is_an_error_event() {
    for as_events in [false, true] {
        let world = World::event("document").in_memory().start().await;
        let ada = world.attendee("ada").await;
        let error = body("server_error", "gpt-4o-mini").replace(',', ",\n ");
        world.azure().script(match as_events {
            true => Reply::sse_bytes(error, &[]),
            false => Reply::json(200, error),
        });
        let mut asked = chat("hello");
        asked["stream"] = json!(true);
        let response = ada.send(ada.post(CHAT, asked.to_string())).await;
        assert_eq!(response.status(), if as_events { 200 } else { 502 });
        assert_redacted(response.text());
        let said = response.text().trim().trim_start_matches("data: ");
        let said: Value = serde_json::from_str(said).unwrap();
        assert_eq!(said["error"]["code"], "server_error");
        let totals = world.settle().await;
        assert_eq!((totals.requests, totals.completion_tokens), (1, 0));
        assert!(totals.prompt_tokens > 0);
    }
}

#[tokio::test]
async fn a_count_of_tokens_that_is_an_error_is_one() {
    let world = World::event("counting").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    let path = format!("/api/v1/{}", Protocol::of(Operation::Messages).path);
    let asked = json!({"messages": [{"role": "user", "content": "Hi"}]}).to_string();
    let error = body("server_error", &model(Operation::Messages));
    world.azure().script(Reply::json(200, error));
    let counted = ada.send(ada.post(&format!("{path}/count_tokens"), asked)).await;
    assert_eq!(counted.status(), 502);
    assert_redacted(counted.text());
    assert_eq!(world.settle().await.requests, 0);
}
