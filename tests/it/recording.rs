//! Events that keep no record of single requests: totals are exact all the same.

use chrono::TimeDelta;
use lanyard_domain::account::Field;
use lanyard_gateway::ports::Clock;
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};
use serde_json::json;

use crate::support::{World, usual};

#[tokio::test]
async fn without_records_totals_are_exact_and_no_request_is_recorded() {
    let world =
        World::event("no-records").with(|event| event.records_requests = false).start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..3 {
        ada.chat_in("mine").await.assert_ok();
    }
    let id = ada.chat("hello").await.header("x-request-id").unwrap().to_owned();
    world.quiet().await;
    let event = world.event_account().await;
    assert_eq!(event.count(Field::Requests), 4);
    assert_eq!(event.spent().tokens(), 4 * (usual::PROMPT_TOKENS + usual::COMPLETION_TOKENS));
    assert_eq!(world.account("ada").await.spent(), event.spent());
    let by_model = world.organise("GET", "/usage?by=model", json!(null), 200).await;
    assert_eq!(by_model["rows"][0]["requests"], 4);
    let by_session = world.organise("GET", "/usage?by=session", json!(null), 200).await;
    assert_eq!(by_session["rows"], json!([]));
    ada.rate(&id, json!({"rating": 1})).await.assert_refused(404, "request_not_found");
    let items = format!("{:?}", world.table_items().await);
    assert!(!items.contains("REQUEST#") && !items.contains("SESSION#"));
    world.quiet().await;
}

#[tokio::test]
async fn a_minute_has_its_times_to_first_byte_and_models_are_counted_since_an_instant() {
    let world = World::event("by-minute").start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let by_hour = world.organise("GET", "/usage?by=hour", json!(null), 200).await;
    let times: Vec<_> = by_hour["minutes"].as_array().unwrap().iter().collect();
    let counted = times.iter().map(|minute| minute["first_byte"]["requests"].as_u64().unwrap());
    assert_eq!(counted.sum::<u64>(), 2, "{by_hour}");
    assert!(times.iter().all(|minute| minute["first_byte"]["p95_ms"].is_u64()), "{by_hour}");
    let since = |at: chrono::DateTime<chrono::Utc>| {
        format!("/usage?by=model&since={}", at.format("%Y-%m-%dT%H:%M:%SZ"))
    };
    let now = world.clock().now();
    let during = world.organise("GET", &since(now), json!(null), 200).await;
    assert_eq!(during["rows"][0]["requests"], 2);
    let later = world.organise("GET", &since(now + TimeDelta::hours(2)), json!(null), 200).await;
    assert_eq!(later["rows"], json!([]));
    for wrong in ["/usage?by=model&since=yesterday", "/usage?by=hour&since=2026-12-05T09:00:00Z"] {
        let refused = world.organise("GET", wrong, json!(null), 400).await;
        assert_eq!(refused["error"]["param"], "since", "{wrong}");
    }
    world.quiet().await;
}

#[tokio::test]
async fn a_settlement_without_record_and_with_a_lost_response_counts_once() {
    let world =
        World::event("lost-answer").with(|event| event.records_requests = false).start().await;
    let ada = world.attendee("ada").await;
    world.ledger().next(LedgerCall::AttendeeSettle, LedgerTrouble::LoseResponse);
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let spent = usual::PROMPT_TOKENS + usual::COMPLETION_TOKENS;
    assert_eq!(world.account("ada").await.spent().tokens(), spent);
    assert_eq!(world.event_account().await.spent().tokens(), spent);
}

#[tokio::test]
async fn a_crashed_request_without_record_is_charged_its_estimate_by_the_sweep() {
    let world = World::event("died").with(|event| event.records_requests = false).start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..3 {
        world.ledger().next(LedgerCall::AttendeeSettle, LedgerTrouble::Throttle);
    }
    ada.chat_in("mine").await.assert_ok();
    world.quiet().await;
    let held = world.account("ada").await.count(Field::Held);
    assert!(held > usual::PROMPT_TOKENS + usual::COMPLETION_TOKENS);
    // The sweep uses the setting at admission, not the event's current one.
    world.change_event(|event| event.records_requests = true).await;
    world.wait(TimeDelta::minutes(30));
    let swept =
        ::sweep::handle(world.function("sweep").gateway(), world.clock().now()).await.unwrap();
    assert_eq!(swept.expired_holds, 1);
    for account in [world.account("ada").await, world.event_account().await] {
        assert_eq!((account.spent().tokens(), account.count(Field::Held)), (held, 0));
    }
    let items = format!("{:?}", world.table_items().await);
    assert!(!items.contains("REQUEST#") && !items.contains("SESSION#"));
    world.quiet().await;
}
