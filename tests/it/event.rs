//! `GET /api/v1/event` and its predecessor; what organisers change of an attendee.

use chrono::TimeDelta;
use http::Method;
use insta::assert_snapshot;
use lanyard_domain::account::{Change, Field};
use lanyard_domain::allowance::Limit;
use serde_json::json;

use crate::support::World;

const EVENT: &str = "/api/v1/event";

#[tokio::test]
async fn an_attendee_sees_the_event_and_the_remaining_limits() {
    let world = World::event("view")
        .window("2026-12-05T08:00:00Z", "2026-12-06T17:00:00Z", "Europe/Oslo")
        .attendee(Limit::RequestsPerMinute, 20)
        .attendee(Limit::TokensPerMinute, 60_000)
        .attendee(Limit::TokensPerDay, 100_000)
        .attendee(Limit::TokensTotal, 100_000)
        .attendee(Limit::InFlight, 4)
        .requests_per_day(100)
        .with(|event| event.contact.email = "kari@example.org".to_owned())
        .start()
        .await;
    let ada = world.attendee("Ada").await;
    ada.chat("hello").await.assert_ok();
    world.gateway().settled().await;
    let response = ada.send(ada.get(EVENT)).await;
    assert_snapshot!(serde_json::to_string_pretty(&response.assert_ok().json()).unwrap(), @r#"
    {
      "allowance": {
        "in_flight": {
          "allowed": 4,
          "remaining": 4
        },
        "requests_per_day": {
          "allowed": 100,
          "remaining": 99,
          "resets_at": "2026-12-05T23:00:00.000Z"
        },
        "requests_per_minute": {
          "allowed": 20,
          "remaining": 19,
          "resets_at": "2026-12-05T12:00:03.000Z"
        },
        "tokens_per_day": {
          "allowed": 100000,
          "remaining": 99978,
          "resets_at": "2026-12-05T23:00:00.000Z"
        },
        "tokens_per_minute": {
          "allowed": 60000,
          "remaining": 59978,
          "resets_at": "2026-12-05T12:00:00.022Z"
        },
        "tokens_total": {
          "allowed": 100000,
          "remaining": 99978
        }
      },
      "event": {
        "contact": {
          "email": "kari@example.org",
          "name": ""
        },
        "description": "",
        "ends_at": "2026-12-06T18:00:00+01:00",
        "image_url": "",
        "name": "A test's event",
        "starts_at": "2026-12-05T09:00:00+01:00",
        "status": "open",
        "time_zone": "Europe/Oslo",
        "url": "",
        "url_text": ""
      },
      "hosted_tools": {},
      "keeps_objects": false,
      "max_choices": 1,
      "max_completion_tokens": 4096,
      "models": [
        {
          "default_for": [],
          "id": "gpt-4o",
          "max_completion_tokens": 4096,
          "operations": [
            "chat_completions"
          ]
        },
        {
          "default_for": [
            "chat_completions"
          ],
          "id": "gpt-4o-mini",
          "max_completion_tokens": 4096,
          "operations": [
            "chat_completions"
          ]
        },
        {
          "default_for": [],
          "id": "o4-mini",
          "max_completion_tokens": 16384,
          "operations": [
            "chat_completions"
          ]
        },
        {
          "default_for": [
            "embeddings"
          ],
          "id": "text-embedding-3-small",
          "operations": [
            "embeddings"
          ]
        }
      ],
      "usage": {
        "completion_tokens": 5,
        "held_tokens": 0,
        "prompt_tokens": 17,
        "requests": 1,
        "total_tokens": 22,
        "usd": 5.55e-6
      },
      "user": "ada"
    }
    "#);
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test]
async fn reading_the_event_costs_nothing_and_takes_no_seat() {
    let world = World::event("look").seats(0).start().await;
    let ada = world.attendee("ada").await;
    for path in [EVENT, "/api/openai-proxy/event", "/api/openai/v1/event/"] {
        ada.send(ada.get(path)).await.assert_ok();
    }
    ada.chat("hello").await.assert_refused(403, "event_full");
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

#[tokio::test]
async fn the_contract_of_the_first_proxies_is_kept() {
    let world = World::event("first-era")
        .with(|event| {
            event.page.url = "https://example.org/oslo".to_owned();
            event.page.url_text = "Oslo Hack".to_owned();
        })
        .start()
        .await;
    let ada = world.attendee("ada").await;
    for path in ["/api/eventinfo", "/api/v1/eventinfo"] {
        let mut request = ada.post(path, "");
        // A code alone was enough then.
        request.headers_mut().insert("openai-event-code", world.code().parse().unwrap());
        let expected = json!({
            "is_authorized": true,
            "max_token_cap": 4_096,
            "event_name": "A test's event",
            "event_url": "https://example.org/oslo",
            "event_url_text": "Oslo Hack",
        });
        assert_eq!(ada.send(request).await.assert_ok().json(), expected);
    }
    world.settle().await;
}

#[tokio::test]
async fn other_methods_and_codes_are_refused() {
    let world = World::event("methods").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let posted = ada.send(ada.post(EVENT, "{}")).await;
    posted.assert_refused(405, "method_not_allowed");
    assert_eq!(posted.header("allow"), Some("GET, OPTIONS"));
    let got = ada.send(ada.get("/api/eventinfo")).await;
    assert_eq!(
        got.assert_refused(405, "method_not_allowed").header("allow"),
        Some("POST, OPTIONS")
    );
    let mut head = ada.get(EVENT);
    *head.method_mut() = Method::HEAD;
    assert_eq!(ada.send(head).await.status(), 405);
    let mut unknown = ada.get(EVENT);
    unknown.headers_mut().insert("openai-event-code", "nobody-knows/ada".parse().unwrap());
    ada.send(unknown).await.assert_refused(401, "invalid_event_code");
    let mut nobody = ada.get(EVENT);
    nobody.headers_mut().clear();
    ada.send(nobody).await.assert_refused(401, "invalid_event_code");
    world.settle().await;
}

/// The page of a code shows the event whenever it is opened.
#[tokio::test]
async fn a_code_shows_its_event_and_ones_own_usage_whether_the_event_is_open_or_not() {
    let world = World::event("any-time")
        .window("2026-12-05T08:00:00Z", "2026-12-06T17:00:00Z", "Europe/Oslo")
        .start()
        .await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.settle().await;
    let mine = async |credential: &str| {
        let mut request = ada.get("/api/event/mine");
        request.headers_mut().insert("openai-event-code", credential.parse().unwrap());
        ada.send(request).await
    };
    let code = world.code();
    let with_user = format!("{code}/ada");
    for (status, days) in [("open", 0), ("ended", 3)] {
        world.wait(TimeDelta::days(days));
        let shown = mine(&with_user).await.assert_ok().json();
        assert_eq!((&shown["status"], &shown["user"]), (&json!(status), &json!("ada")));
        assert_eq!(shown["usage"]["requests"], 1, "{shown}");
        let of_code = mine(code).await.assert_ok().json();
        assert_eq!((&of_code["status"], &of_code["name"]), (&json!(status), &shown["name"]));
        assert!(of_code.get("usage").is_none() && of_code.get("user").is_none(), "{of_code}");
    }
    mine("nobody-knows/ada").await.assert_refused(401, "invalid_event_code");
    mine("nobody-knows").await.assert_refused(401, "invalid_event_code");
    let posted = ada.send(ada.post("/api/event/mine", "{}")).await;
    posted.assert_refused(405, "method_not_allowed");
    world.settle().await;
}

#[tokio::test]
async fn a_block_is_seen_at_once_and_so_is_its_end() {
    let world = World::event("block").start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.change_attendee("ada", vec![Change::Set(Field::Blocked, 1)]).await;
    let blocked = ada.chat("hello").await;
    assert_snapshot!(blocked.line(), @r#"403 {"error":{"message":"The organiser has blocked this user at this event.","type":"permission_error","param":null,"code":"attendee_blocked"}}"#);
    assert_eq!(blocked.header("x-should-retry"), Some("false"));
    ada.send(ada.get(EVENT)).await.assert_refused(403, "attendee_blocked");
    world.change_attendee("ada", vec![Change::Remove(Field::Blocked)]).await;
    ada.chat("hello").await.assert_ok();
    assert_eq!((world.azure().calls(), world.settle().await.requests), (2, 2));
}

#[tokio::test]
async fn an_attendee_blocked_before_the_first_request_is_refused() {
    let world = World::event("never").start().await;
    world.change_attendee("eve", vec![Change::Set(Field::Blocked, 1)]).await;
    let eve = world.attendee("eve").await;
    eve.chat("hello").await.assert_refused(403, "attendee_blocked");
    assert_eq!(world.azure().calls(), 0);
    world.settle().await;
}

#[tokio::test]
async fn an_own_allowance_counts_from_the_next_request() {
    let world = World::event("own").requests_per_day(1).start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let own = |value| {
        let limit = Field::Override(Limit::RequestsPerDay);
        vec![Change::Set(limit, value), Change::Add(Field::Terms, 1)]
    };
    world.change_attendee("ada", own(2)).await;
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    ada.chat("hello").await.assert_refused(402, "insufficient_quota");
    // A refusal is remembered for five seconds at most.
    world.change_attendee("ada", own(-1)).await;
    world.wait(TimeDelta::seconds(5));
    ada.chat("hello").await.assert_ok();
    // Less than before counts as soon.
    world.change_attendee("ada", own(0)).await;
    ada.chat("hello").await.assert_refused(400, "allowance_too_small");
    assert_eq!((world.azure().calls(), world.settle().await.requests), (3, 3));
}
