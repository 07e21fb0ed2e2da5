//! Deployments that one attendee alone uses, before the event's.

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::account::{Change, Field};
use lanyard_domain::event::OwnDeployments;
use serde_json::{Value, json};

use crate::support::attendee::Attendee;
use crate::support::{Reply, TestResponse, World, canary, usual};

const PATH: &str = "/api/v1/deployments";

fn described(world: &World) -> Value {
    json!({
        "endpoint": world.azure().endpoint(), "azure_name": format!("{}-own", canary::AZURE_NAME),
        "operations": ["chat_completions"], "key": canary::KEY,
    })
}

async fn call(ada: &Attendee, method: Method, name: &str, body: Value) -> TestResponse {
    let mut request = ada.post(&format!("{PATH}{name}"), body.to_string());
    *request.method_mut() = method;
    ada.send(request).await
}

async fn world(name: &str, who: OwnDeployments) -> World {
    World::event(name).with(move |event| event.own_deployments = who).start().await
}

#[tokio::test]
async fn an_attendees_own_deployment_comes_first_and_costs_the_event_no_tokens() {
    let world = world("own", OwnDeployments::Attendee).await;
    let (ada, bob) = (world.signed("ada").await, world.attendee("bob").await);
    let put = call(&ada, Method::PUT, "/gpt-4o-mini", described(&world)).await;
    assert_eq!(put.status(), 201, "{}", put.text());
    let listed = call(&ada, Method::GET, "", json!({})).await;
    assert_eq!(listed.json()["deployments"][0]["name"], "gpt-4o-mini");
    assert!(!listed.text().contains("key") && !listed.text().contains("endpoint"));
    assert_eq!(call(&bob, Method::GET, "", json!({})).await.json()["deployments"], json!([]));

    world.wait(TimeDelta::seconds(6));
    ada.chat("hello").await.assert_ok();
    bob.chat("hello").await.assert_ok();
    let sent_to: Vec<_> =
        world.azure().requests().iter().map(|sent| sent.json()["model"].clone()).collect();
    assert_eq!(sent_to[0], format!("{}-own", canary::AZURE_NAME));
    assert_ne!(sent_to[1], sent_to[0]);
    let totals = world.settle().await;
    let spent = (2, usual::PROMPT_TOKENS, usual::COMPLETION_TOKENS);
    assert_eq!(totals.counts(), spent);
    let own = totals.records.iter().find(|record| record.user.as_str() == "ada").unwrap();
    assert_eq!(own.own_charge.unwrap().tokens(), usual::PROMPT_TOKENS + usual::COMPLETION_TOKENS);

    assert_eq!(call(&ada, Method::DELETE, "/gpt-4o-mini", json!({})).await.status(), 200);
    call(&ada, Method::DELETE, "/gpt-4o-mini", json!({}))
        .await
        .assert_refused(404, "deployment_not_found");
    world.wait(TimeDelta::seconds(6));
    ada.chat("hello").await.assert_ok();
    let last = world.azure().requests().last().unwrap().json()["model"].clone();
    assert_eq!(last, sent_to[1]);
    world.settle().await;
}

#[tokio::test]
async fn the_shared_code_changes_nobodys_deployments() {
    let world = world("own-shared", OwnDeployments::Attendee).await;
    let (ada, mallory) = (world.signed("ada").await, world.attendee("ada").await);
    let refused = call(&mallory, Method::PUT, "/gpt-4o-mini", described(&world)).await;
    assert!(refused.assert_refused(403, "not_offered").text().contains("personal key"));
    assert_eq!(call(&ada, Method::PUT, "/gpt-4o-mini", described(&world)).await.status(), 201);
    call(&mallory, Method::PUT, "/gpt-4o-mini", described(&world))
        .await
        .assert_refused(403, "not_offered");
    call(&mallory, Method::DELETE, "/gpt-4o-mini", json!({}))
        .await
        .assert_refused(403, "not_offered");
    let listed = call(&ada, Method::GET, "", json!({})).await;
    assert_eq!(listed.json()["deployments"][0]["name"], "gpt-4o-mini");
    world.settle().await;
}

#[tokio::test]
async fn a_blocked_attendee_adds_rates_and_reads_nothing() {
    let world = World::event("blocked").keeping();
    let world = world.with(|event| event.own_deployments = OwnDeployments::Attendee).start().await;
    let ada = world.signed("ada").await;
    assert_eq!(call(&ada, Method::PUT, "/mine", described(&world)).await.status(), 201);
    let chat = ada.chat("hello").await;
    let response = chat.assert_ok().json()["id"].as_str().unwrap().to_owned();
    let kept = ada.respond(json!({})).await.assert_ok().json()["id"].as_str().unwrap().to_owned();
    world.quiet().await;
    world.change_attendee("ada", vec![Change::Set(Field::Blocked, 1)]).await;
    let blocked = |response: &TestResponse| {
        response.assert_refused(403, "attendee_blocked");
    };
    blocked(&call(&ada, Method::PUT, "/mine", described(&world)).await);
    blocked(&call(&ada, Method::DELETE, "/mine", json!({})).await);
    blocked(&call(&ada, Method::GET, "", json!({})).await);
    blocked(&ada.rate(&response, json!({"rating": 1})).await);
    for path in ["/api/v1/models", "/api/v1/event", "/api/v1/files"] {
        blocked(&ada.send(ada.get(path)).await);
    }
    blocked(&ada.send(ada.get(&format!("/api/v1/responses/{kept}"))).await);
    world.settle().await;
}

#[tokio::test]
async fn an_endpoint_is_checked_as_an_organisers() {
    let world = world("ssrf", OwnDeployments::Attendee).await;
    let ada = world.signed("ada").await;
    for endpoint in [
        "http://169.254.169.254",
        "https://169.254.169.254",
        "https://evil.example",
        "https://my-resource.openai.azure.com.evil.example",
        "https://user@my-resource.openai.azure.com",
        "https://my-resource.openai.azure.com/x",
        "http://my-resource.openai.azure.com",
    ] {
        let mut body = described(&world);
        body["endpoint"] = endpoint.into();
        let refused = call(&ada, Method::PUT, "/mine", body).await;
        refused.assert_refused(400, "invalid_value");
        assert_eq!(refused.json()["error"]["param"], "endpoint");
    }
    // An identity does not identify the owner of a resource: it may be the event's.
    let tenant = "00000000-0000-0000-0000-000000000001";
    let identity = json!({"tenant_id": tenant, "client_id": tenant});
    for (name, change) in [
        ("/..%2f..", json!({})),
        ("/mine", json!({"key": null})),
        ("/mine", json!({"key": "a b"})),
        ("/mine", json!({"operations": ["none"]})),
        ("/mine", json!({"credential": "identity"})),
        ("/mine", json!({"key": null, "identity": identity})),
    ] {
        let mut body = described(&world);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = call(&ada, Method::PUT, name, body).await;
        assert_eq!(refused.status(), 400, "{name} {change} {}", refused.text());
    }
    for i in 0..20 {
        let put = call(&ada, Method::PUT, &format!("/mine-{i}"), described(&world)).await;
        assert_eq!(put.status(), 201);
    }
    call(&ada, Method::PUT, "/mine-20", described(&world))
        .await
        .assert_refused(400, "invalid_value");
    world.settle().await;
}

#[tokio::test]
async fn the_event_decides_who_may_add_own_deployments() {
    let none = world("own-none", OwnDeployments::None).await;
    let ada = none.signed("ada").await;
    call(&ada, Method::GET, "", json!({})).await.assert_refused(403, "not_offered");
    none.organise("PUT", "/own-deployments/mine?user=ada", described(&none), 400).await;
    none.settle().await;

    let world = world("own-organiser", OwnDeployments::Organiser).await;
    let ada = world.signed("ada").await;
    call(&ada, Method::PUT, "/mine", described(&world)).await.assert_refused(403, "not_offered");
    world.organise("PUT", "/own-deployments/mine?user=ada", described(&world), 201).await;
    world.organise("PUT", "/own-deployments/mine", described(&world), 400).await;
    let listed = world.organise("GET", "/own-deployments?user=ada", json!(null), 200).await;
    assert_eq!(listed["deployments"][0]["name"], "mine");
    assert_eq!(call(&ada, Method::GET, "/mine", json!({})).await.status(), 200);
    call(&ada, Method::GET, "/other", json!({})).await.assert_refused(404, "deployment_not_found");
    call(&ada, Method::POST, "", json!({})).await.assert_refused(405, "method_not_allowed");
    world.wait(TimeDelta::seconds(6));
    // Their only own deployment, so the one for a request without a model.
    let models = ada.send(ada.get("/api/v1/models")).await;
    assert!(models.text().contains("\"mine\""));
    ada.send(ada.post("/api/v1/chat/completions", r#"{"messages":[]}"#)).await.assert_ok();
    let sent = world.azure().requests().last().unwrap().json()["model"].clone();
    assert_eq!(sent, format!("{}-own", canary::AZURE_NAME));
    world.organise("DELETE", "/own-deployments/mine?user=ada", json!({}), 200).await;
    world.settle().await;
}

#[tokio::test]
async fn an_event_without_deployments_serves_only_attendees_with_their_own() {
    let world = World::event("empty")
        .deployments(Vec::clear)
        .with(|event| {
            event.default_deployments.clear();
            event.own_deployments = OwnDeployments::Attendee;
        })
        .start()
        .await;
    let (ada, bob) = (world.signed("ada").await, world.attendee("bob").await);
    ada.chat("hello").await.assert_refused(403, "no_deployment");
    call(&ada, Method::PUT, "/gpt-4o-mini", described(&world)).await;
    world.wait(TimeDelta::seconds(6));
    ada.chat("hello").await.assert_ok();
    bob.chat("hello").await.assert_refused(403, "no_deployment");
    assert_eq!(world.settle().await.counts(), (1, 0, 0));
}

#[tokio::test]
async fn an_attendees_own_key_that_azure_refuses_raises_no_alarm() {
    let world = world("own-key", OwnDeployments::Attendee).await;
    let ada = world.signed("ada").await;
    call(&ada, Method::PUT, "/gpt-4o-mini", described(&world)).await;
    world.wait(TimeDelta::seconds(6));
    world.azure().script(Reply::error(401, "401", "Access denied."));
    ada.chat("hello").await.assert_refused(403, "own_deployment_refused");
    assert_eq!(world.request_log().incidents(), []);
    assert_eq!(world.settle().await.requests, 0);
}

#[tokio::test]
async fn objects_are_stored_at_the_events_resource_and_deleted_after_the_event() {
    let world = World::event("own-kept").keeping();
    let world = world.with(|event| event.own_deployments = OwnDeployments::Attendee).start().await;
    let ada = world.signed("ada").await;
    let mut body = described(&world);
    body["operations"] = json!(["responses", "conversations", "files", "vector_stores"]);
    assert_eq!(call(&ada, Method::PUT, "/gpt-4o-mini", body).await.status(), 201);
    world.wait(TimeDelta::seconds(6));
    let model = || world.azure().requests().last().unwrap().json()["model"].clone();
    let own = format!("{}-own", canary::AZURE_NAME);

    let kept = ada.respond(json!({})).await.assert_ok().json()["id"].clone();
    assert_ne!(model(), own);
    ada.respond(json!({"store": false, "previous_response_id": kept})).await.assert_ok();
    assert_ne!(model(), own);
    ada.own(lanyard_domain::object::Kind::File).await;
    ada.respond(json!({"store": false})).await.assert_ok();
    assert_eq!(model(), own);
    world.settle().await;
}
