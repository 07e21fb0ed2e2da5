//! What Azure says about a request reaches the attendee, in whatever shape the model's server
//! writes it.

use lanyard_domain::operation::Operation;
use lanyard_protocol::Protocol;
use serde_json::{Value, json};

use crate::in_band::model;
use crate::operations::relayed;
use crate::support::attendee::chat;
use crate::support::{Reply, World, canary};

/// What a server says, with the names of the resource and the deployment, and with its key.
fn said(operation: Operation) -> String {
    let name = format!("{}-{}", canary::AZURE_NAME, model(operation));
    let key = canary::KEY;
    format!("Too odd for {name} at https://their-resource.openai.azure.com with the key {key}.")
}

/// Bodies of a refusal, and their content type.
fn bodies(operation: Operation) -> Vec<(String, &'static str)> {
    let said = said(operation);
    let fault = json!({"type": "x", "loc": ["body", "n"], "msg": said, "input": "a secret"});
    let json = [
        json!({"message": said}),
        json!({"Message": said}),
        json!({"error": said}),
        json!({"detail": said}),
        json!({"detail": [fault]}),
        json!({"object": "error", "message": {"detail": [fault]}}),
        json!({"code": "odd", "message": said, "details": []}),
        json!({"errors": [{"message": said}]}),
        json!({"type": "about:blank", "title": "Odd", "status": 400, "detail": said}),
        json!({"statusCode": 400, "message": said}),
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": said}}),
    ];
    let json = json.into_iter().map(|body| (body.to_string(), "application/json"));
    let page = format!("<html><title>{said}</title><body>a secret</body></html>");
    json.chain([(said, "text/plain"), (page, "text/html")]).collect()
}

fn assert_said(text: &str) {
    assert!(text.contains("Too odd for "), "{text}");
    let names = [canary::AZURE_NAME, "their-resource", "azure.com", canary::KEY];
    for hidden in names.into_iter().chain(["a secret", "<html>"]) {
        assert!(!text.contains(hidden), "{text}");
    }
}

#[tokio::test]
async fn a_refusal_in_any_shape_says_what_azure_says_on_every_operation() {
    let world = World::event("shapes").in_memory().everything().keeping().start().await;
    let ada = world.attendee("ada").await;
    for operation in relayed().chain([Operation::Responses]) {
        for (body, content_type) in bodies(operation) {
            let reply = Reply::json(422, body.clone()).header("content-type", content_type);
            world.azure().script(reply);
            let request = match operation == Operation::Responses {
                true => ada.post("/api/v1/responses", json!({"input": "Hi"}).to_string()),
                false => ada.asks_for(operation),
            };
            let response = ada.send(request).await;
            assert_eq!(response.status(), 422, "{operation} {body}: {}", response.text());
            assert_said(response.text());
            let error = &response.json()["error"];
            assert_eq!(error["type"], "invalid_request_error", "{operation} {body}");
            let is_anthropics = response.json()["type"] == "error";
            assert_eq!(is_anthropics, operation == Operation::Messages);
            if !is_anthropics {
                let names_field = body.contains("\"loc\"");
                assert_eq!(error["param"], if names_field { json!("n") } else { Value::Null });
            }
        }
        world.quiet().await;
    }
    let totals = world.settle().await;
    assert_eq!((totals.prompt_tokens, totals.completion_tokens), (0, 0));
}

#[tokio::test]
async fn a_stream_that_is_refused_or_ends_in_an_error_of_any_shape_says_why() {
    let world = World::event("streams").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    let mut asked = chat("hello");
    asked["stream"] = json!(true);
    for operation in [Operation::ChatCompletions, Operation::Messages] {
        let path = &format!("/api/v1/{}", Protocol::of(operation).path);
        asked["model"] = json!(model(operation));
        for (body, content_type) in bodies(operation) {
            world
                .azure()
                .script(Reply::json(400, body.clone()).header("content-type", content_type));
            let refused = ada.send(ada.post(path, asked.to_string())).await;
            assert_eq!(refused.status(), 400, "{path} {body}");
            assert_said(refused.text());
            // The same as the only event of a stream.
            let event = format!("event: error\ndata: {body}\n\n");
            world.azure().script(Reply::sse_bytes(event, &[]));
            let broken = ada.send(ada.post(path, asked.to_string())).await;
            assert_eq!(broken.status(), 200, "{path} {body}");
            assert_said(broken.text());
        }
    }
    world.settle().await;
}

#[tokio::test]
async fn refusals_about_stored_objects_say_what_azure_says() {
    let world = World::event("kept").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let made = ada.post("/api/v1/responses", json!({"input": "Hi"}).to_string());
    let made = ada.send(made).await;
    let id = made.assert_ok().json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/responses/{id}");
    for request in [
        ada.get(&path),
        ada.get(&format!("{path}/input_items")),
        ada.post(&format!("{path}/cancel"), ""),
    ] {
        for (body, content_type) in bodies(Operation::Responses) {
            world
                .azure()
                .script(Reply::json(400, body.clone()).header("content-type", content_type));
            let refused = ada.send(request.clone()).await;
            assert_eq!(refused.status(), 400, "{} {body}", request.uri());
            assert_said(refused.text());
        }
    }
    world.settle().await;
}
