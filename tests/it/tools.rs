//! Tools: what the client executes passes, what Azure hosts follows the event's decisions.

use http::Method;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::attendee::CHAT;
use crate::support::kept::path;
use crate::support::{Reply, World};

fn decisions(json: Value) -> HostedTools {
    serde_json::from_value(json).unwrap()
}

fn function() -> Value {
    json!({"type": "function", "name": "f", "parameters": {}})
}

/// The first request of Codex: its own tools, and two that Azure would run.
fn of_codex() -> Value {
    json!([
        function(), {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}},
        {"type": "namespace", "name": "n", "tools": [function()]},
        {"type": "tool_search", "execution": "client"}, {"type": "web_search"},
        {"type": "image_generation"},
    ])
}

#[tokio::test]
async fn a_mixed_list_passes_without_hosted_tools_and_names_them() {
    let world = World::event("tools").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let response = ada.respond(json!({"tools": of_codex(), "tool_choice": "auto"})).await;
    response.assert_ok();
    assert_eq!(response.header("x-event-dropped-tools"), Some("image_generation, web_search"));
    let sent = world.azure().requests().remove(0).json();
    assert_eq!(sent["tools"].as_array().unwrap()[..], of_codex().as_array().unwrap()[..4]);
    // A request from which no tool is removed has no such header.
    let plain = ada.respond(json!({"tools": [function()]})).await;
    assert_eq!(plain.assert_ok().header("x-event-dropped-tools"), None);
    world.settle().await;
    let lines = world.request_log().lines();
    assert_eq!(*lines[0].dropped_tools, ["image_generation", "web_search"]);
    assert!(lines[1].dropped_tools.is_empty());
}

#[tokio::test]
async fn each_turn_with_a_hosted_tool_may_fill_the_context() {
    let response = |tokens: u64| {
        let mut body = crate::support::azure::kept::response("resp_1", "Hi", "completed");
        body["usage"] = json!({"input_tokens": tokens, "output_tokens": 5,
            "total_tokens": tokens + 5});
        Reply::json(200, body.to_string())
    };
    let web = json!([{"type": "web_search"}]);
    for (tools, calls, reported, is_credible) in [
        (web.clone(), json!(null), 1_200_000, true),
        (web.clone(), json!(null), 1_000_000_000_000_u64, false),
        (web, json!(1), 1_200_000, false),
        (json!([function()]), json!(null), 1_200_000, false),
    ] {
        let world = World::event("turns").in_memory().keeping().with(|event| {
            event.hosted_tools = decisions(json!({"web_search": "allow"}));
        });
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        world.azure().script(response(reported));
        ada.respond(json!({"tools": tools, "max_tool_calls": calls})).await.assert_ok();
        let totals = world.settle().await;
        assert_eq!(totals.prompt_tokens == reported, is_credible, "{calls}");
        assert_eq!(totals.records[0].is_estimated, !is_credible, "{calls}");
    }
}

#[tokio::test]
async fn an_event_allows_drops_or_refuses_by_type() {
    let world = World::event("decided").in_memory().keeping().with(|event| {
        event.hosted_tools =
            decisions(json!({"web_search": "allow", "image_generation": "refuse"}));
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let refused = ada.respond(json!({"tools": of_codex()})).await;
    refused.assert_refused(400, "parameter_not_allowed");
    assert!(refused.text().contains("image_generation"), "{}", refused.text());
    let web = json!([{"type": "web_search_preview_2025_03_11"}]);
    ada.respond(json!({"tools": web})).await.assert_ok();
    assert_eq!(world.azure().requests().pop().unwrap().json()["tools"], web);
    assert_eq!(world.azure().calls(), 1);
    world.settle().await;
}

#[tokio::test]
async fn tools_of_assistants_threads_and_runs_are_never_dropped() {
    let world = World::event("assist").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let (assistant, thread) = (ada.own(Kind::Assistant).await, ada.own(Kind::Thread).await);
    let tools = json!([function(), {"type": "file_search"}]);
    let message = json!({"role": "user", "content": "hello",
        "attachments": [{"file_id": ada.own(Kind::File).await, "tools": [{"type": "file_search"}]}]});
    let threads = path(Kind::Thread);
    let calls = world.azure().calls();
    for (path, body) in [
        (path(Kind::Assistant), json!({"model": "gpt-4o-mini", "tools": tools})),
        (format!("{}/{assistant}", path(Kind::Assistant)), json!({"tools": tools})),
        (threads.clone(), json!({"messages": [message]})),
        (format!("{threads}/{thread}/messages"), message.clone()),
        (format!("{threads}/{thread}/runs"), json!({"assistant_id": assistant, "tools": tools})),
        (
            format!("{threads}/{thread}/runs"),
            json!({"assistant_id": assistant, "additional_messages": [message]}),
        ),
        (
            format!("{threads}/runs"),
            json!({"assistant_id": assistant, "thread": {"messages": [message]}}),
        ),
    ] {
        let refused = ada.call(Method::POST, &path, Some(&body)).await;
        refused.assert_refused(400, "parameter_not_allowed");
        assert!(refused.text().contains("file_search"), "{path} {body} {}", refused.text());
    }
    assert_eq!(world.azure().calls(), calls);
    world.settle().await;
}

#[tokio::test]
async fn web_search_options_of_a_chat_follow_the_same_decision() {
    let world = World::event("options").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let chat = |tools: Value| {
        json!({"messages": [{"role": "user", "content": "x"}], "web_search_options": {},
            "tools": tools})
    };
    let refused = ada.send(ada.post(CHAT, chat(Value::Null).to_string())).await;
    refused.assert_refused(400, "parameter_not_allowed");
    assert!(refused.text().contains("web_search"), "{}", refused.text());
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let response = ada.send(ada.post(CHAT, chat(tools).to_string())).await;
    assert_eq!(response.assert_ok().header("x-event-dropped-tools"), Some("web_search"));
    assert!(world.azure().requests().pop().unwrap().json().get("web_search_options").is_none());
    world.settle().await;
}

#[tokio::test]
async fn a_tool_that_is_removed_names_no_objects() {
    let world = World::event("names").in_memory().keeping().with(|event| {
        event.keeps_objects = false;
        event.hosted_tools = HostedTools::default();
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let hosted = json!([
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
        {"type": "code_interpreter", "container": "cntr_1"},
    ]);
    let tools: Vec<_> = [function()].iter().chain(hosted.as_array().unwrap()).cloned().collect();
    let added = json!([{"role": "user", "content": "x"},
        {"type": "additional_tools", "tools": hosted}]);
    let response = ada.respond(json!({"tools": tools, "input": added})).await;
    response.assert_ok();
    assert_eq!(response.header("x-event-dropped-tools"), Some("code_interpreter, file_search"));
    let sent = world.azure().requests().pop().unwrap().json();
    assert_eq!(sent["tools"], json!([function()]));
    assert_eq!(sent["input"], json!([{"role": "user", "content": "x"}]));
    world.settle().await;
}
