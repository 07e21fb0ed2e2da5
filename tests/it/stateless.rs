//! Responses at an event that stores nothing: what clients send back must work without ids.

use http::Method;
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::attendee::CHAT;
use crate::support::kept::path;
use crate::support::{Reply, World};

/// A world that stores nothing, with a model that reasons.
async fn world(event: &str) -> World {
    let world = World::event(event).in_memory().keeping().with(|event| event.keeps_objects = false);
    let world = world.deployments(|deployments| {
        for deployment in deployments {
            deployment.model = Some("gpt-5-mini".to_owned());
        }
    });
    world.start().await
}

/// The second turn of a tool loop, as clients send it that believe the first was stored.
fn second_turn() -> Value {
    json!([
        {"role": "user", "content": "What is the weather?"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "reasoning", "id": "rs_2", "summary": []},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "Sunny.", "annotations": []}]},
    ])
}

#[tokio::test]
async fn a_second_turn_is_sent_without_the_ids_that_were_never_stored() {
    let world = world("turns").await;
    let ada = world.attendee("ada").await;
    let include = json!(["reasoning.encrypted_content"]);
    for fields in [json!({"include": include}), json!({"store": true}), json!({"include": []})] {
        let mut fields = fields;
        fields["input"] = second_turn();
        ada.respond(fields).await.assert_ok();
        let sent = world.azure().requests().pop().unwrap().json();
        assert_eq!((&sent["store"], &sent["include"]), (&json!(false), &include));
        let expected = json!([
            {"role": "user", "content": "What is the weather?"},
            {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
            {"type": "message", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "Sunny.", "annotations": []}]},
        ]);
        assert_eq!(sent["input"], expected);
    }
    world.settle().await;
}

#[tokio::test]
async fn a_request_to_store_a_response_is_sent_unchanged() {
    let world = World::event("stored").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let input = json!([{"type": "message", "id": "msg_1", "role": "assistant", "content": "x"}]);
    ada.respond(json!({"input": input, "include": ["a"]})).await.assert_ok();
    let sent = world.azure().requests().pop().unwrap().json();
    assert_eq!((&sent["input"], &sent["include"]), (&input, &json!(["a"])));
    world.settle().await;
}

#[tokio::test]
async fn metadata_is_removed_if_nothing_is_stored() {
    let world = world("metadata").await;
    let ada = world.attendee("ada").await;
    let body = json!({"messages": [{"role": "user", "content": "x"}], "store": true,
        "metadata": {"run": "7"}});
    ada.send(ada.post(CHAT, body.to_string())).await.assert_ok();
    let sent = world.azure().requests().pop().unwrap().json();
    assert!(sent.get("metadata").is_none() && sent["store"] == false, "{sent}");
    world.settle().await;
}

#[tokio::test]
async fn a_reference_is_refused_with_what_to_set_in_the_client() {
    let world = world("remedy").await;
    let ada = world.attendee("ada").await;
    let input =
        json!([{"role": "user", "content": "x"}, {"type": "item_reference", "id": "msg_1"}]);
    let refused = ada.respond(json!({"input": input})).await;
    refused.assert_refused(400, "parameter_not_allowed");
    assert!(refused.text().contains("store to false"), "{}", refused.text());
    let refused = ada.respond(json!({"previous_response_id": "resp_1"})).await;
    refused.assert_refused(403, "objects_not_kept");
    for option in ["Set store to false", "store_enabled=False", "default_options="] {
        assert!(refused.text().contains(option), "{}", refused.text());
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

#[tokio::test]
async fn a_404_of_azures_is_the_requests_fault_unless_it_names_the_deployment() {
    let world = world("missing").await;
    let ada = world.attendee("ada").await;
    let error = |code: Value, message: &str| {
        let error = json!({"error": {"message": message, "type": "invalid_request_error",
            "param": "input", "code": code}});
        Reply::json(404, error.to_string())
    };
    let item = "Item with id 'rs_1' not found.";
    world.azure().script(error(Value::Null, item));
    let response = ada.respond(json!({})).await;
    assert_eq!(response.status(), 404);
    let said = &response.json()["error"];
    assert_eq!((&said["message"], &said["param"]), (&json!(item), &json!("input")));
    for (code, message) in [
        (json!("DeploymentNotFound"), "The API deployment for this resource does not exist."),
        (json!("404"), "Resource not found"),
        (json!("model_not_found"), "The model does not exist."),
    ] {
        world.azure().script(error(code, message));
        ada.respond(json!({})).await.assert_refused(503, "upstream_misconfigured");
    }
    let one = format!("{}/resp_1", path(Kind::Response));
    let response = ada.call(Method::GET, &one, None).await;
    response.assert_refused(403, "objects_not_kept");
    assert_eq!(world.settle().await.counts(), (0, 0, 0));
}
