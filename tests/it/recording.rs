//! Events that keep no record of single requests: totals are exact all the same.

use chrono::TimeDelta;
use lanyard_domain::account::Field;
use lanyard_domain::ids::RequestId;
use lanyard_gateway::ports::Clock;
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};
use lanyard_platform::table::Key;
use serde_json::json;

use crate::support::attendee::{CHAT, chat};
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
    let details = world.organise("GET", "/attendees/ada", json!(null), 200).await;
    assert_eq!((&details["usage"]["requests"], &details["by_model"]), (&json!(4), &json!([])));
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
    for (form, rows) in [("%Y-%m-%dT%H:%MZ", 1), ("%Y-%m-%dT%H:%M-0300", 0)] {
        let path = format!("/usage?by=model&since={}", now.format(form));
        let found = world.organise("GET", &path, json!(null), 200).await;
        assert_eq!(found["rows"].as_array().unwrap().len(), rows, "{form}");
    }
    let later = world.organise("GET", &since(now + TimeDelta::hours(2)), json!(null), 200).await;
    assert_eq!(later["rows"], json!([]));
    for wrong in ["/usage?by=model&since=yesterday", "/usage?by=hour&since=2026-12-05T09:00:00Z"] {
        let refused = world.organise("GET", wrong, json!(null), 400).await;
        assert_eq!(refused["error"]["param"], "since", "{wrong}");
    }
    world.quiet().await;
}

#[tokio::test]
async fn the_details_of_an_attendee_have_their_usage_by_model() {
    let world = World::event("by-model-of-one").start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob#1").await);
    for model in ["gpt-4o", "gpt-4o-mini", "gpt-4o"] {
        let mut body = chat("hello");
        body["model"] = json!(model);
        ada.send(ada.post(CHAT, body.to_string())).await.assert_ok();
    }
    ada.embed(json!("hello")).await.assert_ok();
    bob.chat("hello").await.assert_ok();
    world.quiet().await;
    let details = async |user: &str| {
        world.organise("GET", &format!("/attendees/{user}"), json!(null), 200).await
    };
    let of_ada = details("ada").await;
    let rows = of_ada["by_model"].as_array().unwrap();
    let counted = |model: &str| {
        let row = rows.iter().find(|row| row["model"] == model);
        row.unwrap_or_else(|| panic!("{model} is missing: {of_ada}")).clone()
    };
    let tokens = usual::PROMPT_TOKENS + usual::COMPLETION_TOKENS;
    let dear = counted("gpt-4o");
    assert_eq!((&dear["requests"], &dear["total_tokens"]), (&json!(2), &json!(2 * tokens)));
    assert_eq!(dear["prompt_tokens"], 2 * usual::PROMPT_TOKENS);
    assert_eq!(counted("gpt-4o-mini")["requests"], 1);
    assert!(dear["usd"].as_f64() > counted("gpt-4o-mini")["usd"].as_f64(), "{of_ada}");
    for field in ["requests", "prompt_tokens", "completion_tokens", "total_tokens"] {
        let sum: u64 = rows.iter().map(|row| row[field].as_u64().unwrap()).sum();
        assert_eq!(json!(sum), of_ada["usage"][field], "{field}: {of_ada}");
    }
    let of_bob = details("bob%231").await;
    assert_eq!(of_bob["by_model"].as_array().unwrap().len(), 1, "{of_bob}");
    assert_eq!(of_bob["by_model"][0]["requests"], 1, "{of_bob}");

    // What a rehearsal used is not counted again after a reset.
    world.organise("POST", "/pause", json!({}), 200).await;
    world.wait(TimeDelta::seconds(1));
    world.organise("POST", "/reset", json!({"confirm": world.id().as_str()}), 200).await;
    world.organise("POST", "/resume", json!({}), 200).await;
    world.wait(TimeDelta::seconds(10));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let of_ada = details("ada").await;
    let rows = of_ada["by_model"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["requests"]), (1, &json!(1)), "{of_ada}");
}

#[tokio::test]
async fn a_record_of_an_earlier_release_is_rated() {
    let world = World::event("earlier-record").start().await;
    let ada = world.attendee("ada").await;
    let id = ada.chat("hello").await.header("x-request-id").unwrap().to_owned();
    world.quiet().await;
    let table = world.engine().table();
    let id: RequestId = id.parse().unwrap();
    let written = Key::request(world.id(), &"ada".parse().unwrap(), &id).attributes();
    let items = world.table_items().await;
    let mut item = items.into_iter().find(|item| item["sk"] == written["sk"]).unwrap();
    item.extend(Key::earlier_request(&id).attributes());
    let delete = table.client.delete_item().table_name(&table.name);
    delete.set_key(Some(written)).send().await.unwrap();
    let put = table.client.put_item().table_name(&table.name).set_item(Some(item));
    put.send().await.unwrap();

    ada.rate(id.as_str(), json!({"rating": 1})).await.assert_ok();

    let rated = world.table_items().await;
    let rated = rated.iter().find(|item| item["sk"].as_s().unwrap() == "REQUEST").unwrap();
    assert_eq!(rated["rating"].as_n().unwrap(), "1");
    let report = world.organise("GET", "/ratings", json!(null), 200).await;
    assert_eq!(report["total"], json!({"up": 1, "down": 0}));
    let bob = world.attendee("bob").await;
    bob.rate(id.as_str(), json!({"rating": 1})).await.assert_refused(404, "request_not_found");
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
