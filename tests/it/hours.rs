//! The hourly counts of an event: errors by kind, and times to the first byte.

use std::time::Duration;

use chrono::TimeDelta;
use lanyard_domain::account::{Change, Field};
use lanyard_domain::allowance::Limit;
use lanyard_domain::hour::FirstBytes;
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};
use serde_json::json;

use crate::support::World;
use crate::support::attendee::CHAT;
use crate::support::azure::Reply;

/// Every error that was counted, summed by code, in the order in which they came.
fn errors(world: &World) -> Vec<(&'static str, u64)> {
    let mut sums: Vec<(&'static str, u64)> = Vec::new();
    for (code, times) in world.hours().into_iter().flat_map(|hour| hour.errors) {
        match sums.iter_mut().find(|(known, _)| *known == code) {
            Some((_, sum)) => *sum += times,
            None => sums.push((code, times)),
        }
    }
    sums
}

#[tokio::test]
async fn a_response_is_counted_with_its_first_byte_in_an_existing_write() {
    let world = World::event("first-byte").in_memory().start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    ada.chat_stream("hello").await.collect().await.assert_ok();
    world.settle().await;
    assert_eq!(world.ledger().asked(LedgerCall::Hour), 2);
    for hour in world.hours() {
        assert_eq!((hour.requests, hour.errors), (1, vec![]));
        assert_eq!(hour.first_byte_ms.map(FirstBytes::bucket), Some(0));
    }
}

#[tokio::test]
async fn azures_refusals_are_counted_by_code_in_one_write() {
    for (reply, code, requests) in [
        (Reply::too_many_requests(None), "upstream_busy", 0),
        (Reply::error(500, "boom", "boom"), "upstream_unreachable", 1),
        (Reply::error(400, "bad", "This cannot be asked."), "refused_by_model", 1),
        (Reply::error(403, "no", "no"), "upstream_misconfigured", 0),
        // It has read the prompt, so it is charged: the write was made before.
        (Reply::content_filter(), "content_filter", 1),
        (Reply::malformed_json(), "upstream_unreachable", 1),
    ] {
        let world = World::event("azure-errors").in_memory().start().await;
        world.azure().script(reply);
        assert!(!world.attendee("ada").await.chat("hello").await.status().is_success());
        world.settle().await;
        assert_eq!(world.ledger().asked(LedgerCall::Hour), 1, "{code}");
        let hour = world.hours().remove(0);
        assert_eq!((hour.requests, hour.first_byte_ms), (requests, None), "{code}");
        assert_eq!((hour.errors, hour.model.is_some()), (vec![(code, 1)], true));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_an_error_with_a_first_byte() {
    let world = World::event("broken").in_memory().start().await;
    world.azure().script(Reply::chat_stream("hello", true).close_after(2));
    world.attendee("ada").await.chat_stream("hello").await.collect().await;
    world.settle().await;
    let hour = world.hours().remove(0);
    assert_eq!(hour.errors, [("upstream_unreachable", 1)]);
    assert!(hour.first_byte_ms.is_some());
}

#[tokio::test]
async fn the_first_refusal_is_written_at_once_and_a_flood_ten_seconds_later() {
    let world = World::event("flood").attendee(Limit::RequestsPerDay, 1).in_memory().start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    for _ in 0..40 {
        ada.chat("hello").await.assert_refused(402, "insufficient_quota");
        world.quiet().await;
    }
    assert_eq!(errors(&world), [("insufficient_quota", 1)]);
    // The response, the refusal at the hour of its model, and who was refused beside it.
    assert_eq!(world.ledger().asked(LedgerCall::Hour), 3);
    world.wait(TimeDelta::seconds(10));
    // Whatever is served next sends them off, be it refused or not.
    ada.send(ada.post(CHAT, "{")).await.assert_refused(400, "invalid_json");
    world.settle().await;
    assert_eq!(errors(&world), [("insufficient_quota", 40), ("invalid_json", 1)]);
    // One row has the model that was asked for, the other none.
    assert_eq!(world.ledger().asked(LedgerCall::Hour), 5);
    let who = world.hours().into_iter().flat_map(|hour| hour.rejected);
    let who: Vec<_> = who.map(|one| (one.user.to_string(), one.code)).collect();
    let ada = |code| ("ada".to_owned(), code);
    let (quota, json) = (ada("insufficient_quota"), ada("invalid_json"));
    assert_eq!(who, [quota.clone(), quota, json]);
}

#[tokio::test]
async fn refusals_are_written_with_the_next_response_of_their_model() {
    let world = World::event("joined").attendee(Limit::RequestsPerDay, 1).in_memory();
    let world = world.start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    for _ in 0..3 {
        ada.chat("hello").await.assert_refused(402, "insufficient_quota");
        world.quiet().await;
    }
    assert_eq!(errors(&world), [("insufficient_quota", 1)]);
    let before = world.ledger().asked(LedgerCall::Hour);
    bob.chat("hello").await.assert_ok();
    world.settle().await;
    assert_eq!(errors(&world), [("insufficient_quota", 3)]);
    assert_eq!(world.ledger().asked(LedgerCall::Hour), before + 1);
}

#[tokio::test]
async fn every_refusal_of_a_known_event_is_counted() {
    let world = World::event("kinds").in_memory().start().await;
    let (ada, eve) = (world.attendee("ada").await, world.attendee("eve").await);
    eve.chat("hello").await.assert_ok();
    world.quiet().await;
    world.change_attendee("eve", vec![Change::Set(Field::Blocked, 1)]).await;
    let mut expected = Vec::new();
    let mut refused = async |response: crate::support::TestResponse| {
        world.quiet().await;
        world.wait(TimeDelta::seconds(11));
        expected.push(response.code());
    };
    refused(eve.chat("hello").await).await;
    refused(ada.send(ada.post(CHAT, "{")).await).await;
    let unknown = json!({"model": "gpt-9", "messages": []}).to_string();
    refused(ada.send(ada.post(CHAT, unknown)).await).await;
    world.change_event(|event| event.is_paused = true).await;
    refused(ada.chat("hello").await).await;
    world.settle().await;
    assert_eq!(expected, ["attendee_blocked", "invalid_json", "model_not_found", "event_paused"]);
    let counted: Vec<_> = errors(&world).into_iter().map(|(code, _)| code).collect();
    assert_eq!(counted, expected);
}

#[tokio::test]
async fn requests_without_an_event_are_not_counted() {
    let world = World::event("guesses").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let (mut head, body) = ada.post(CHAT, "{}").into_parts();
    head.headers.insert("openai-event-code", "nobody-knows/ada".parse().unwrap());
    let guess = ada.send(http::Request::from_parts(head, body)).await;
    guess.assert_refused(401, "invalid_event_code");
    world.settle().await;
    assert_eq!((world.hours(), world.ledger().asked(LedgerCall::Hour)), (vec![], 0));
}

#[tokio::test]
async fn a_failed_count_of_an_hour_changes_no_charge() {
    let world = World::event("unavailable").in_memory().timeout(Duration::from_millis(300));
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    world.ledger().always(LedgerCall::Hour, LedgerTrouble::OutcomeUnknown);
    ada.chat("hello").await.assert_ok();
    ada.send(ada.post(CHAT, "{")).await.assert_refused(400, "invalid_json");
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
    assert_eq!(world.hours(), []);
}
