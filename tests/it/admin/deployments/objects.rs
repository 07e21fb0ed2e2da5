//! A deployment stays where an event's stored objects are.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use lanyard_domain::ids::EventId;
use lanyard_gateway::ports::Clock;
use lanyard_objects::store::ObjectStore;
use serde_json::{Value, json};

use super::super::harness::{Harness, Reply, deployment};

const ONE: &str = "https://one.openai.azure.com";
const TWO: &str = "https://two.openai.azure.com";
const GPT: &str = "/deployments/gpt-4o";

/// Marks an event as the first stored object at an endpoint does.
async fn store_at(harness: &Harness, event: &Value, endpoint: &str) {
    let id: EventId = event["id"].as_str().unwrap().parse().unwrap();
    let until = harness.clock.now() + TimeDelta::days(60);
    harness.table.mark(&id, endpoint, until).await.unwrap();
}

/// A deployment for chat at an endpoint, with another replica name or weight.
fn at(endpoint: &str, more: Value) -> Value {
    let mut body = deployment("chat_completions");
    body["endpoint"] = json!(endpoint);
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

#[track_caller]
fn held(reply: Reply, events: &str) {
    let refused = reply.refused(400, "deployment_has_objects");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("leads there: {events}. The objects")), "{message}");
}

#[tokio::test]
async fn a_deployment_stays_at_its_endpoint_while_only_it_leads_to_stored_objects() {
    let harness = Harness::open().await;
    harness.put(GPT, at(ONE, json!({}))).await.ok(201);
    let (path, event) = harness.event(json!({"keeps_objects": true})).await;
    harness.put(GPT, at(TWO, json!({}))).await.ok(200);
    harness.put(GPT, at(ONE, json!({}))).await.ok(200);
    store_at(&harness, &event, TWO).await;
    store_at(&harness, &event, ONE).await;
    store_at(&harness, &event, ONE).await;

    held(harness.put(GPT, at(TWO, json!({}))).await, "Oslo Hack");
    let list = harness.get("/deployments").await.ok(200);
    assert_eq!(list["deployments"][0]["endpoint"], ONE);
    // What the message advises.
    harness.put(GPT, at(TWO, json!({"replica": "new"}))).await.ok(201);
    harness.put(GPT, at(ONE, json!({"weight": 0}))).await.ok(200);
    held(harness.put(GPT, at(TWO, json!({}))).await, "Oslo Hack");

    harness.post(&format!("{path}/end"), json!({})).await.ok(200);
    held(harness.delete(GPT).await, "Oslo Hack");
    harness.wait(TimeDelta::hours(1));
    let id = event["id"].as_str().unwrap().parse().unwrap();
    harness.table.unmark(&id).await.unwrap();
    harness.delete(GPT).await.ok(200);
}

#[tokio::test]
async fn another_deployment_at_the_endpoint_lets_it_go_if_the_event_offers_that() {
    let harness = Harness::open().await;
    harness.put(GPT, at(ONE, json!({}))).await.ok(201);
    harness.put("/deployments/gpt-4o-mini", at(ONE, json!({}))).await.ok(201);
    let (all, of_all) = harness.event(json!({"name": "All"})).await;
    let listed = json!({"name": "Listed", "deployments": ["gpt-4o"]});
    let (listed, of_one) = harness.event(listed).await;
    for event in [&of_all, &of_one] {
        store_at(&harness, event, ONE).await;
    }
    // Attendees of the one event would reach their objects by the other model.
    held(harness.put(GPT, at(TWO, json!({}))).await, "Listed");
    let both = json!({"deployments": ["gpt-4o", "gpt-4o-mini"]});
    harness.patch(&listed, both).await.ok(200);
    harness.put(GPT, at(TWO, json!({}))).await.ok(200);
    harness.put(GPT, at(ONE, json!({}))).await.ok(200);
    for path in [all, listed] {
        harness.post(&format!("{path}/end"), json!({})).await.ok(200);
    }
    harness.delete("/deployments/gpt-4o-mini").await.ok(200);
    let refused = harness.delete(GPT).await.refused(400, "deployment_has_objects");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("All") && message.contains("Listed"), "{message}");
}

#[tokio::test]
async fn objects_that_are_left_a_day_after_their_event_hold_no_deployment() {
    let harness = Harness::open().await;
    harness.put(GPT, at(ONE, json!({}))).await.ok(201);
    let (path, event) = harness.event(json!({})).await;
    store_at(&harness, &event, ONE).await;
    harness.post(&format!("{path}/end"), json!({})).await.ok(200);
    harness.wait(TimeDelta::days(1) - TimeDelta::seconds(1));
    held(harness.put(GPT, at(TWO, json!({}))).await, "Oslo Hack");
    harness.wait(TimeDelta::seconds(1));
    harness.put(GPT, at(TWO, json!({}))).await.ok(200);
}

#[tokio::test]
async fn only_the_organisers_own_events_hold_a_deployment() {
    let harness = Harness::open().await;
    harness.put(GPT, at(ONE, json!({}))).await.ok(201);
    let other = harness.organiser("other").await;
    let event = super::super::harness::oslo(json!({})).to_string();
    let event = harness.send(http::Method::POST, "/events", &other, event).await.ok(201);
    store_at(&harness, &event, ONE).await;
    harness.put(GPT, at(TWO, json!({}))).await.ok(200);
    harness.delete(GPT).await.ok(200);
}

#[tokio::test]
async fn a_mark_of_an_earlier_release_is_one_of_every_endpoint() {
    let harness = Harness::open().await;
    harness.put(GPT, at(ONE, json!({}))).await.ok(201);
    let (_, event) = harness.event(json!({})).await;
    let text = |text: String| AttributeValue::S(text);
    let sort_key = format!("EVENT#{}", event["id"].as_str().unwrap());
    let put = harness.table.client.put_item().table_name(&harness.table.name);
    let put = put.item("pk", text("MARKS".to_owned())).item("sk", text(sort_key.clone()));
    put.item("expires_at", AttributeValue::N("1800000000".to_owned())).send().await.unwrap();
    held(harness.put(GPT, at(TWO, json!({}))).await, "Oslo Hack");
    // It still is when this release has marked another endpoint.
    store_at(&harness, &event, TWO).await;
    held(harness.put(GPT, at(TWO, json!({}))).await, "Oslo Hack");
    // And it lasts as long as the objects of now.
    let kept = harness.table.client.get_item().table_name(&harness.table.name);
    let kept = kept.key("pk", text("MARKS".to_owned())).key("sk", text(sort_key));
    let kept = kept.send().await.unwrap().item.unwrap();
    assert_ne!(kept["expires_at"].as_n().unwrap(), "1800000000");
}
