//! Changes of an event's phase: pause, resume, end, another code.

use chrono::TimeDelta;
use lanyard_platform::table::{get_number, get_text};
use serde_json::json;

use super::harness::{Harness, oslo};

#[tokio::test]
async fn an_event_is_paused_and_resumed() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({})).await;
    let paused = harness.post(&format!("{path}/pause"), json!({})).await.ok(200);
    assert_eq!((&paused["status"], &paused["paused"]), (&json!("paused"), &json!(true)));
    assert!(harness.stored(&path).await.is_paused);
    let again = harness.post(&format!("{path}/pause"), json!({})).await.ok(200);
    assert_eq!(again, paused);
    let resumed = harness.post(&format!("{path}/resume"), json!({})).await.ok(200);
    assert_eq!((&resumed["status"], &resumed["version"]), (&json!("open"), &json!(3)));
    let odd = harness.post(&format!("{path}/pause"), json!({"until": "noon"})).await;
    assert_eq!(odd.wrong_fields(), ["until"]);
}

#[tokio::test]
async fn an_open_event_ends_now_and_stays_ended() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({})).await;
    let ended = harness.post(&format!("{path}/end"), json!({})).await.ok(200);
    assert_eq!(
        (&ended["status"], &ended["ends_at"]),
        (&json!("ended"), &json!("2026-12-05T13:00:00+01:00"))
    );
    assert_eq!(ended["starts_at"], "2026-12-05T09:00:00+01:00");
    harness.wait(TimeDelta::hours(1));
    assert_eq!(harness.post(&format!("{path}/end"), json!({})).await.ok(200), ended);
}

#[tokio::test]
async fn an_event_ended_before_its_start_has_ended() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"starts_at": "2026-12-05T17:00"})).await;
    let ended = harness.post(&format!("{path}/end"), json!({})).await.ok(200);
    assert_eq!(ended["status"], "ended");
    assert_eq!(ended["starts_at"], "2026-12-05T12:59:59+01:00");
    assert_eq!(ended["ends_at"], "2026-12-05T13:00:00+01:00");
}

#[tokio::test]
async fn the_sweep_learns_of_every_new_window() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({})).await;
    let swept = async || {
        let items = harness.engine.items().await;
        let item = items.iter().find(|item| get_text(item, "pk").unwrap() == "SWEEP").unwrap();
        (get_number(item, "starts_at").unwrap(), get_number(item, "expires_at").unwrap())
    };
    let seconds =
        |text: &str| Some(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp());
    let start = seconds("2026-12-05T08:00:00Z");
    assert_eq!(swept().await, (start, seconds("2026-12-06T17:00:00Z")));
    harness.patch(&path, json!({"ends_at": "2026-12-07T18:00"})).await.ok(200);
    assert_eq!(swept().await, (start, seconds("2026-12-08T17:00:00Z")));
}

#[tokio::test]
async fn a_replaced_code_works_until_its_grace_is_over() {
    let harness = Harness::open().await;
    let (path, before) = harness.event(json!({})).await;
    let old = before["code"].as_str().unwrap();
    let rotate = format!("{path}/rotate-code");
    let after = harness.post(&rotate, json!({"grace_minutes": 10})).await.ok(200);
    let new = after["code"].as_str().unwrap();
    assert_ne!(new, old);
    assert_eq!(after["version"], 2);
    let until = harness.found(old).await.unwrap().code_works_until.unwrap();
    assert_eq!(until.to_rfc3339(), "2026-12-05T12:10:00+00:00");
    let listing = harness.found(new).await.unwrap();
    assert_eq!((listing.code_works_until, listing.event.version), (None, 2));

    // No other event gets the old one before it expires.
    let same = json!({"code": old});
    harness.post("/events", oslo(same.clone())).await.refused(400, "code_taken");
    harness.wait(TimeDelta::minutes(10));
    harness.post("/events", oslo(same)).await.ok(201);
}

#[tokio::test]
async fn a_replaced_code_stops_at_once_without_a_grace() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"code": "hackathon"})).await;
    let rotate = http::Request::post(format!("/api/admin{path}/rotate-code"))
        .header("authorization", format!("Bearer {}", harness.token))
        .body(bytes::Bytes::new())
        .unwrap();
    harness.ask(rotate).await.ok(200);
    let until = harness.found("hackathon").await.unwrap().code_works_until;
    assert_eq!(until.unwrap().to_rfc3339(), "2026-12-05T12:00:00+00:00");
}

#[tokio::test]
async fn a_code_can_be_chosen_unless_it_is_taken() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"code": "first"})).await;
    harness.event(json!({"code": "taken"})).await;
    let rotate = format!("{path}/rotate-code");
    harness.post(&rotate, json!({"code": "Taken"})).await.refused(400, "code_taken");
    let same = harness.post(&rotate, json!({"code": "FIRST"})).await;
    assert_eq!(same.wrong_fields(), ["code"]);
    let wrong = harness.post(&rotate, json!({"code": "a b", "grace_minutes": 1_441, "x": 1})).await;
    assert_eq!(wrong.wrong_fields(), ["code", "grace_minutes", "x"]);

    let second = harness.post(&rotate, json!({"code": "second", "grace_minutes": 5})).await.ok(200);
    assert!(second["warnings"][0].as_str().unwrap().contains("guessed"));
    // One's own old code can be had back while it still works.
    harness.post(&rotate, json!({"code": "first"})).await.ok(200);
    assert_eq!(harness.found("first").await.unwrap().code_works_until, None);
}
