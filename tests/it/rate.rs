//! `POST /api/v1/responses/{id}/rate`

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Gate, Reply, World};

#[tokio::test]
async fn a_response_is_rated_by_its_request_and_rated_again() {
    let world = World::event("rate").start().await;
    let ada = world.attendee("ada").await;
    let id = ada.chat("hello").await.header("x-request-id").unwrap().to_owned();
    let rated = ada.rate(&id, json!({"rating": 1, "feedback": "Clear."})).await;
    assert_snapshot!(rated.assert_ok().text(), @r#"{"request_id":"req_00000000000000000000000000000000","rating":1,"feedback":"Clear.","rated_at":"2026-12-05T12:00:00.000Z"}"#);
    let again = ada.rate(&id, json!({"rating": -1})).await;
    assert_eq!(again.assert_ok().json()["feedback"], json!(null));
    ada.chat("other").await.assert_ok();
    world.settle().await;
    let report = world.organise("GET", "/ratings", json!(null), 200).await;
    assert_eq!(report["total"], json!({"up": 0, "down": 1}));
    assert_eq!(report["models"], json!([{"model": "gpt-4o-mini", "up": 0, "down": 1}]));
    assert_eq!(report["ratings"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_base_accepts_a_rating() {
    let world = World::event("rate-bases").start().await;
    let ada = world.attendee("ada").await;
    let id = ada.chat("hello").await.header("x-request-id").unwrap().to_owned();
    for base in ["v1", "openai/v1", "openai", "v1/openai", "openai-proxy"] {
        let path = format!("/api/{base}/responses/{id}/rate");
        ada.send(ada.post(&path, r#"{"rating":1}"#)).await.assert_ok();
    }
    ada.send(ada.get(&format!("/api/v1/responses/{id}/rate")))
        .await
        .assert_refused(405, "method_not_allowed");
    world.settle().await;
}

#[tokio::test]
async fn a_responses_own_id_is_found_by_its_session() {
    let world = World::event("rate-answer").start().await;
    let ada = world.attendee("ada").await;
    let first = ada.chat("hello").await;
    let (session, response) = (
        first.header("x-session-id").unwrap().to_owned(),
        first.json()["id"].as_str().unwrap().to_owned(),
    );
    world.gateway().settled().await;
    let rate = async |session: &str, response: &str| {
        let path = format!("/api/v1/responses/{response}/rate");
        let mut request = ada.post(&path, r#"{"rating":1}"#);
        request.headers_mut().insert("x-session-id", session.parse().unwrap());
        ada.send(request).await
    };
    assert_eq!(
        rate(&session, &response).await.assert_ok().json()["request_id"],
        first.header("x-request-id").unwrap()
    );
    let second = ada.chat_in("mine").await;
    world.gateway().settled().await;
    let response = second.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        rate("mine", &response).await.assert_ok().json()["request_id"],
        second.header("x-request-id").unwrap()
    );
    rate("other", &response).await.assert_refused(404, "request_not_found");
    ada.rate(&response, json!({"rating": 1})).await.assert_refused(404, "request_not_found");
    world.settle().await;
}

#[tokio::test]
async fn another_attendees_response_and_an_unknown_one_give_the_same_404() {
    let world = World::event("rate-other").start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let id = ada.chat("hello").await.header("x-request-id").unwrap().to_owned();
    world.gateway().settled().await;
    let of_another = bob.rate(&id, json!({"rating": 1})).await;
    of_another.assert_refused(404, "request_not_found");
    for unknown in ["req_ffffffffffffffffffffffffffffffff", "resp_1", "x", "%2e%2e", "req_1%23x"] {
        let response = bob.rate(unknown, json!({"rating": 1})).await;
        assert_eq!(response.line(), of_another.line(), "{unknown}");
    }
    world.settle().await;
    let report = world.organise("GET", "/ratings", json!(null), 200).await;
    assert_eq!(report["total"], json!({"up": 0, "down": 0}));
}

#[tokio::test]
async fn other_ratings_are_unprocessable_by_name() {
    let world = World::event("rate-odd").start().await;
    let ada = world.attendee("ada").await;
    let id = ada.chat("hello").await.header("x-request-id").unwrap().to_owned();
    let long = "å".repeat(2_001);
    for (body, param) in [
        (json!({}), "rating"),
        (json!({"rating": 0}), "rating"),
        (json!({"rating": 2}), "rating"),
        (json!({"rating": 1.5}), "rating"),
        (json!({"rating": "1"}), "rating"),
        (json!({"rating": true}), "rating"),
        (json!({"rating": 1, "feedback": 5}), "feedback"),
        (json!({"rating": 1, "feedback": long}), "feedback"),
        (json!({"rating": 1, "feedback": "x".repeat(30_000)}), "feedback"),
    ] {
        let refused = ada.rate(&id, body.clone()).await;
        refused.assert_refused(422, "invalid_value");
        assert_eq!(refused.json()["error"]["param"], param, "{body}");
    }
    ada.rate(&id, json!([])).await.assert_refused(400, "invalid_json");
    for large in [json!({"rating": 1, "feedback": "x".repeat(40_000)}), json!("x".repeat(40_000))] {
        let refused = ada.rate(&id, large).await;
        refused.assert_refused(413, "request_too_large");
        assert!(refused.text().contains("larger than 32 KiB"), "{}", refused.text());
    }
    ada.rate(&id, json!({"rating": 1, "feedback": "å".repeat(2_000)})).await.assert_ok();
    world.settle().await;
}

#[tokio::test]
async fn a_rating_before_the_settlement_waits_for_it() {
    let world = World::event("rate-early").start().await;
    let ada = world.attendee("ada").await;
    let gate = Gate::closed();
    world.azure().script(Reply::chat("slow").held(&gate));
    let rating = async {
        world.azure().called(1).await;
        let rating = ada.rate("req_00000000000000000000000000000000", json!({"rating": 1}));
        // It has started to look before the response goes on.
        tokio::join!(rating, async { gate.open() }).0
    };
    let (asked, rated) = tokio::join!(ada.chat("hello"), rating);
    asked.assert_ok();
    rated.assert_ok();
    world.settle().await;
}
