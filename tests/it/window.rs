//! When an event is open, and how soon a change of it is seen.

use chrono::{DateTime, TimeDelta, Utc};
use insta::assert_snapshot;
use lanyard_gateway::ports::{Clock, Incident, Listing};
use lanyard_gateway::testing::{EventTrouble, an_event};

use crate::support::attendee::CHAT;
use crate::support::{World, canary};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn an_event_is_open_from_its_start_until_just_before_its_end() {
    let world = World::event("window")
        .window("2026-12-05T08:00:00Z", "2026-12-05T17:00:00Z", "Europe/Oslo")
        .with(|event| {
            event.contact.name = "Kari".to_owned();
            event.contact.email = "kari@example.org".to_owned();
        })
        .start()
        .await;
    let ada = world.attendee("ada").await;
    let at = async |instant: &str| {
        world.clock().set(utc(instant));
        ada.chat("hello").await
    };
    let early = at("2026-12-05T07:59:59.999Z").await;
    assert_snapshot!(early.line(), @r#"403 {"error":{"message":"The event has not started. It opens at 2026-12-05 09:00 Europe/Oslo (2026-12-05 08:00 UTC). Questions: Kari, kari@example.org.","type":"permission_error","param":null,"code":"event_not_started"}}"#);
    assert_eq!(early.header("x-should-retry"), Some("false"));
    at("2026-12-05T08:00:00Z").await.assert_ok();
    at("2026-12-05T16:59:59.999Z").await.assert_ok();
    let late = at("2026-12-05T17:00:00Z").await;
    assert_snapshot!(late.line(), @r#"403 {"error":{"message":"The event is over. It ended at 2026-12-05 18:00 Europe/Oslo (2026-12-05 17:00 UTC). Questions: Kari, kari@example.org.","type":"permission_error","param":null,"code":"event_ended"}}"#);
    assert_eq!(late.header("x-should-retry"), Some("false"));
    assert_eq!(world.azure().calls(), 2);
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn a_pause_is_seen_within_ten_seconds_and_so_is_its_end() {
    let world = World::event("pause").start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.change_event(|event| event.is_paused = true).await;
    world.wait(TimeDelta::seconds(10));
    let paused = ada.chat("hello").await;
    assert_snapshot!(paused.line(), @r#"403 {"error":{"message":"The organiser has paused the event. Try again when it goes on.","type":"permission_error","param":null,"code":"event_paused"}}"#);
    assert_eq!(paused.header("x-should-retry"), Some("false"));
    world.change_event(|event| event.is_paused = false).await;
    world.wait(TimeDelta::seconds(10));
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn an_open_event_is_read_once_in_five_seconds() {
    let world = World::event("cache").in_memory().start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..5 {
        ada.chat("hello").await.assert_ok();
        world.wait(TimeDelta::milliseconds(999));
    }
    assert_eq!(world.events().lookups(), 1);
    world.wait(TimeDelta::milliseconds(5));
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.events().lookups(), 2);
    world.settle().await;
}

#[tokio::test]
async fn a_rotated_code_works_until_its_grace_is_over() {
    let world = World::event("rotate").start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    let until = world.clock().now() + TimeDelta::minutes(10);
    let new_code = format!("rotated-{}", canary::CODE);
    world.rotate_code(&new_code, until).await;
    let by_new_code = async || world.chat_as(&format!("{new_code}/ada")).await;
    by_new_code().await.assert_ok();
    world.clock().set(until - TimeDelta::milliseconds(1));
    ada.chat("hello").await.assert_ok();
    by_new_code().await.assert_ok();
    world.clock().set(until);
    ada.chat("hello").await.assert_refused(401, "invalid_event_code");
    by_new_code().await.assert_ok();
    // Both codes lead to the same account.
    assert_eq!(world.settle().await.requests, 5);
}

#[tokio::test]
async fn an_unknown_code_is_remembered_for_five_seconds() {
    let world = World::event("known").in_memory().start().await;
    let unknown = format!("unknown-{}", canary::CODE);
    let ask = async || world.chat_as(&format!("{unknown}/ada")).await;
    for _ in 0..3 {
        ask().await.assert_refused(401, "invalid_event_code");
    }
    assert_eq!(world.events().lookups(), 1);
    let mut event = an_event(&unknown, world.clock().now());
    event.id = "evt-unknown".parse().unwrap();
    world.events().put(Listing {
        event,
        deployments: Vec::new(),
        code_works_until: None,
        unreadable: std::sync::Arc::default(),
    });
    world.wait(TimeDelta::seconds(4));
    ask().await.assert_refused(401, "invalid_event_code");
    world.wait(TimeDelta::seconds(1));
    ask().await.assert_refused(403, "no_deployment");
    world.settle().await;
}

#[tokio::test]
async fn a_flood_of_guesses_pushes_no_live_event_out() {
    let world = World::event("live").in_memory().start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    let guesses = 11_000;
    // Each of so many guesses is delayed: no test needs to wait for that.
    tokio::time::pause();
    for guess in 0..guesses {
        let mut request = ada.post(CHAT, "");
        let token = format!("guess-{guess}/eve").parse().unwrap();
        request.headers_mut().insert("openai-event-code", token);
        ada.send(request).await;
    }
    tokio::time::resume();
    assert_eq!(world.events().lookups(), 1 + guesses);
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.events().lookups(), 1 + guesses);
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn a_cached_event_stays_open_for_fifteen_minutes_while_the_store_is_unavailable() {
    let world = World::event("stale").in_memory().start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.events().trouble(Some(EventTrouble::Unavailable));
    world.wait(TimeDelta::minutes(14));
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.request_log().incidents(), [Incident::StaleEvent]);
    world.wait(TimeDelta::minutes(1));
    ada.chat("hello").await.assert_refused(503, "accounting_unavailable");
    world.events().trouble(None);
    ada.chat("hello").await.assert_ok();
    assert_eq!((world.azure().calls(), world.settle().await.requests), (3, 3));
}

#[tokio::test]
async fn a_day_begins_at_midnight_where_the_event_is() {
    let world = World::event("midnight")
        .window("2026-12-05T08:00:00Z", "2026-12-07T08:00:00Z", "Europe/Oslo")
        .requests_per_day(1)
        .start()
        .await;
    let ada = world.attendee("ada").await;
    world.clock().set(utc("2026-12-05T22:50:00Z"));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let spent = ada.chat("hello").await;
    assert_snapshot!(spent.line(), @r#"402 {"error":{"message":"Your allowance of 1 requests per day is used up. It is full again at 2026-12-06 00:00 Europe/Oslo (2026-12-05 23:00 UTC).","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#);
    assert_eq!(spent.header("retry-after"), None);
    assert_eq!(spent.header("x-should-retry"), Some("false"));
    // The limit is free again within two minutes, so the client is asked to wait.
    world.clock().set(utc("2026-12-05T22:59:00Z"));
    let soon = ada.chat("hello").await;
    soon.assert_refused(429, "rate_limit_exceeded");
    assert_eq!(soon.header("retry-after"), Some("60"));
    world.clock().set(utc("2026-12-05T22:59:59.999Z"));
    ada.chat("hello").await.assert_refused(429, "rate_limit_exceeded");
    world.clock().set(utc("2026-12-05T23:00:00Z"));
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.requests, 2);
}
