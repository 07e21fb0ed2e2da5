//! The assistants and threads of runs.

use http::Method;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::object::Kind;
use serde_json::json;

use super::{a_run, ended, world};
use crate::support::kept::path;
use crate::support::{Reply, World};

#[tokio::test]
async fn another_attendees_run_or_assistant_cannot_be_named_below_ones_own_thread() {
    let world = world("mixed").await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let (one, run) = a_run(&ada).await;
    let assistant = ada.own(Kind::Assistant).await;
    let thread = bob.own(Kind::Thread).await;
    let calls = world.azure().calls();
    let below = format!("{}/{thread}/runs", path(Kind::Thread));
    let foreign = format!("{below}/{run}");
    bob.call(Method::GET, &foreign, None).await.assert_refused(404, "object_not_found");
    // It is the thread that is not theirs, and the message says so.
    for (path, what) in [(&one, "no thread of yours"), (&foreign, "no run of yours")] {
        let refused = bob.call(Method::GET, path, None).await;
        assert!(refused.text().contains(what), "{path}: {}", refused.text());
    }
    let named = bob.call(Method::POST, &below, Some(&json!({"assistant_id": assistant}))).await;
    named.assert_refused(404, "object_not_found");
    // Nor is one's own run found below another thread.
    let other = ada.own(Kind::Thread).await;
    let elsewhere = format!("{}/{other}/runs/{run}", path(Kind::Thread));
    ada.call(Method::GET, &elsewhere, None).await.assert_refused(404, "object_not_found");
    assert_eq!(world.azure().calls(), calls + 1);
    world.azure().set_job(&run, ended("completed"));
    ada.call(Method::GET, &one, None).await.assert_ok();
    world.settle().await;
}

#[tokio::test]
async fn a_run_has_the_model_that_its_assistant_has_by_then() {
    let world = World::event("remodelled").in_memory().keeping().deployments(|deployments| {
        let mut other = deployments[0].clone();
        other.name = "another".parse().unwrap();
        other.azure_name = "another-at-azure".parse().unwrap();
        deployments.push(other);
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
    let one = format!("{}/{assistant}", path(Kind::Assistant));
    ada.call(Method::POST, &one, Some(&json!({"model": "another"}))).await.assert_ok();
    let runs = format!("{}/{thread}/runs", path(Kind::Thread));
    let included = format!("{runs}?include[]=step_details.tool_calls[*].x&api-version=v1");
    let included = included.replace('[', "%5B").replace(']', "%5D");
    ada.call(Method::POST, &included, Some(&json!({"assistant_id": assistant}))).await.assert_ok();
    let sent = world.azure().requests().pop().unwrap();
    assert_eq!(sent.json()["model"], "another-at-azure");
    let query = "?include%5B%5D=step_details.tool_calls%5B%2A%5D.x";
    assert!(sent.target.ends_with(query), "{}", sent.target);
    let body = json!({"assistant_id": assistant, "model": "gpt-4o-mini"});
    let shown = ada.call(Method::POST, &runs, Some(&body)).await.assert_ok().json();
    assert_eq!(shown["model"], "gpt-4o-mini");
    world.end_jobs().await;
    world.settle().await;
}

#[tokio::test]
async fn tools_are_those_that_the_event_allows() {
    let allowed = World::event("tools").in_memory().keeping();
    let allowed =
        allowed.with(|event| event.hosted_tools = HostedTools::allowing(["code_interpreter"]));
    let plain = World::event("plain").in_memory().keeping();
    let plain = plain.with(|event| event.hosted_tools = HostedTools::default());
    let (plain, allowed) = (plain.start().await, allowed.start().await);
    let body = json!({"model": "gpt-4o-mini", "tools": [{"type": "code_interpreter"}]});
    let ada = plain.attendee("ada").await;
    let refused = ada.call(Method::POST, &path(Kind::Assistant), Some(&body)).await;
    refused.assert_refused(400, "parameter_not_allowed");
    let run = json!({"assistant_id": "asst_1", "thread": {"tool_resources": {"file_search":
        {"vector_stores": [{}]}}}});
    let runs = format!("{}/runs", path(Kind::Thread));
    let refused = ada.call(Method::POST, &runs, Some(&run)).await;
    assert_eq!(refused.status().as_u16() / 100, 4, "{}", refused.line());
    let ada = allowed.attendee("ada").await;
    ada.call(Method::POST, &path(Kind::Assistant), Some(&body)).await.assert_ok();
    plain.settle().await;
    allowed.settle().await;
}

#[tokio::test]
async fn a_vector_store_that_comes_with_an_assistant_is_its_owners() {
    let world = world("inline-store").await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let file = ada.own(Kind::File).await;
    let stores = format!("{}/vs_inline", path(Kind::VectorStore));
    let body = |file: &str| {
        json!({"model": "gpt-4o-mini", "tool_resources":
            {"file_search": {"vector_stores": [{"file_ids": [file]}]}}})
    };
    for kind in [Kind::Assistant, Kind::Thread] {
        let id = format!("{}_inline", if kind == Kind::Assistant { "asst" } else { "thread" });
        let made = json!({"id": id, "object": "x", "tool_resources":
            {"file_search": {"vector_store_ids": ["vs_inline"]}}});
        ada.call(Method::GET, &stores, None).await.assert_refused(404, "object_not_found");
        world.azure().script(Reply::json(200, made.to_string()));
        ada.call(Method::POST, &path(kind), Some(&body(&file))).await.assert_ok();
        let shown = json!({"id": "vs_inline", "object": "vector_store"});
        world.azure().script(Reply::json(200, shown.to_string()));
        assert_eq!(ada.call(Method::GET, &stores, None).await.assert_ok().json(), shown);
        bob.call(Method::GET, &stores, None).await.assert_refused(404, "object_not_found");
        let gone = json!({"id": "vs_inline", "deleted": true});
        world.azure().script(Reply::json(200, gone.to_string()));
        ada.call(Method::DELETE, &stores, None).await.assert_ok();
    }
    // Files of others do not come along, and nothing else makes stores.
    let calls = world.azure().calls();
    let refused = bob.call(Method::POST, &path(Kind::Assistant), Some(&body(&file))).await;
    refused.assert_refused(404, "object_not_found");
    for resources in [
        json!({"file_search": {"Vector_Stores": [{}]}}),
        json!({"file_search": {"vector_stores": [{}, {}]}}),
        json!({"other": {"vector_stores": [{}]}}),
        json!({"file_search": {"vector_stores": [{"vector_stores": [{}]}]}}),
    ] {
        let body = json!({"model": "gpt-4o-mini", "tool_resources": resources});
        let refused = ada.call(Method::POST, &path(Kind::Assistant), Some(&body)).await;
        refused.assert_refused(400, "parameter_not_allowed");
    }
    assert_eq!(world.azure().calls(), calls);
    world.settle().await;
}

#[tokio::test]
async fn azures_message_about_retired_services_passes() {
    let world = world("retired").await;
    let ada = world.attendee("ada").await;
    for (status, code) in [(404, "404"), (410, "gone")] {
        world.azure().script(Reply::error(status, code, "The Assistants API is retired."));
        let body = json!({"model": "gpt-4o-mini"});
        let response = ada.call(Method::POST, &path(Kind::Assistant), Some(&body)).await;
        assert_eq!(response.status().as_u16(), status);
        assert!(response.text().contains("The Assistants API is retired."), "{}", response.text());
    }
    // The 410 is a refusal like any other. A 404 is not counted.
    assert_eq!(world.settle().await.counts(), (1, 0, 0));
}
