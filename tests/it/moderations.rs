//! `POST …/moderations`: counted as requests, and as nothing else.

use lanyard_domain::operation::Operation;
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn a_moderation_costs_a_request_and_no_tokens() {
    let world = World::event("judged").everything().requests_per_day(2).start().await;
    let ada = world.attendee("ada").await;
    let response = ada.send(ada.asks_for(Operation::Moderations)).await;
    assert_eq!(response.assert_ok().json()["results"][0]["flagged"], false);
    let image = json!([{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]);
    let body = json!({"input": image, "model": "model-moderations"}).to_string();
    ada.send(ada.post("/api/v1/moderations", body)).await.assert_ok();
    world.quiet().await;
    let refused = ada.send(ada.asks_for(Operation::Moderations)).await;
    refused.assert_refused(402, "insufficient_quota");
    assert_eq!(world.azure().requests()[0].json().get("user"), None);
    assert_eq!(world.settle().await.counts(), (2, 0, 0));
}
