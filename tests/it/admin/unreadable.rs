//! A list shows what can be read of it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::harness::Harness;

/// Puts an item that no release wrote.
async fn put(harness: &Harness, pk: &str, sk: &str, more: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = harness.table.client.put_item().table_name(&harness.table.name);
    let put = put.item("pk", text(pk)).item("sk", text(sk)).item("document", text("spoilt"));
    put.item(more, text("spoilt")).send().await.unwrap();
}

fn entries(list: &Value, field: &str) -> usize {
    list[field].as_array().unwrap_or_else(|| panic!("no {field} in {list}")).len()
}

#[tokio::test]
async fn lists_leave_out_unreadable_items() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({"access": "roster"})).await;
    let id = event["id"].as_str().unwrap();
    let pk = format!("EVENT#{id}");
    harness.deployment("gpt-4o-mini", "chat_completions").await;
    harness.put(&format!("{path}/roster"), json!({"users": ["ada", "eve"]})).await.ok(200);

    // Each sorts between or after the good ones.
    put(&harness, "ORGANISER#main", "EVENT#evt-aa", "x").await;
    put(&harness, "EVENT#evt-aa", "EVENT", "x").await;
    put(&harness, "ORGANISER#main", "EVENT#", "x").await;
    put(&harness, "ORGANISER#main", "DEPLOYMENT#gpt-4o#main", "x").await;
    put(&harness, &pk, "ATTENDEE#bob", "requests").await;
    put(&harness, &pk, "ATTENDEE#zoe", "hold@req-1").await;
    put(&harness, &pk, "AUDIT#2026-12-05T12:30:00Z#req-1", "x").await;
    put(&harness, &pk, "ISSUED#tok-1", "x").await;
    put(&harness, &pk, "HOUR#2026-12-05T12#gpt-4o-mini", "requests").await;
    put(&harness, &pk, "SESSION#ses-1#ada#req-1", "prompt_tokens").await;
    put(&harness, &format!("RATING#{id}"), "2026-12-05T12:30:00Z#req-1", "rating").await;

    assert_eq!(entries(&harness.get("/events").await.ok(200), "events"), 1);
    assert_eq!(entries(&harness.get("/deployments").await.ok(200), "deployments"), 1);
    let read = async |rest: &str| harness.get(&format!("{path}/{rest}")).await.ok(200);
    assert_eq!(entries(&read("attendees").await, "attendees"), 2);
    assert_eq!(entries(&read("attendees?limit=1").await, "attendees"), 1);
    assert!(entries(&read("audit").await, "audit") >= 2);
    assert_eq!(entries(&read("tokens").await, "tokens"), 0);
    assert_eq!(entries(&read("ratings").await, "ratings"), 0);
    for by in ["attendee", "hour", "session"] {
        read(&format!("usage?by={by}")).await;
    }
}
