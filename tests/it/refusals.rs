//! Which limit a refusal names if several are in the way, and when a request helps again.

use chrono::TimeDelta;
use lanyard_domain::allowance::Limit;
use serde_json::json;

use crate::support::attendee::{CHAT, chat};
use crate::support::{Reply, World};

/// A response to a chat that used so many tokens of completion.
fn used(tokens: u64) -> Reply {
    let usage = json!({"prompt_tokens": 17, "completion_tokens": tokens});
    let choices = json!([{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hi"}}]);
    let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "choices": choices,
        "usage": usage});
    Reply::json(200, body.to_string())
}

#[tokio::test]
async fn a_request_that_comes_back_when_it_is_told_to_is_admitted() {
    // The attendee's limit, the event's, and whether the client names its cap.
    for (attendee, event, cap) in [
        (1_500, 6_000, Some(500)),
        (6_000, 1_500, Some(500)),
        (1_500, 6_000, None),
        (6_000, 1_500, None),
    ] {
        let world = World::event("returns")
            .in_memory()
            .attendee(Limit::TokensPerMinute, attendee)
            .everybody(Limit::TokensPerMinute, event)
            .start()
            .await;
        let ada = world.attendee("ada").await;
        world.azure().script(used(9_000));
        ada.chat("hello").await.assert_ok();
        world.quiet().await;
        let mut asked = chat("again");
        if let Some(cap) = cap {
            asked["max_tokens"] = json!(cap);
        }
        let again = async || ada.send(ada.post(CHAT, asked.to_string())).await;
        // The second refusal is remembered from the first.
        for _ in 0..2 {
            let refused = again().await;
            refused.assert_refused(429, "rate_limit_exceeded");
            let least = attendee.min(event);
            assert!(refused.text().contains(&least.to_string()), "{}", refused.text());
        }
        let refused = again().await;
        let wait = refused.header("retry-after-ms").unwrap().parse().unwrap();
        world.wait(TimeDelta::milliseconds(wait));
        again().await.assert_ok();
        assert_eq!(world.settle().await.requests, 2, "{attendee} {event} {cap:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_events_total_where_that_is_what_is_spent() {
    // The attendee's part is too small for the full cap, and has room for a lower one.
    let world = World::event("binds")
        .in_memory()
        .attendee(Limit::TokensTotal, 4_000)
        .everybody(Limit::TokensTotal, 1_500)
        .start()
        .await;
    let ada = world.attendee("ada").await;
    world.azure().script(used(1_300));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    for _ in 0..2 {
        let refused = ada.chat("hello").await;
        refused.assert_refused(402, "insufficient_quota");
        assert!(refused.text().contains("The event's allowance"), "{}", refused.text());
    }
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test]
async fn of_two_spent_totals_the_one_with_less_left_is_named() {
    for (attendee, event, is_events) in [(2_000, 1_500, true), (1_500, 2_000, false)] {
        let world = World::event("spent")
            .in_memory()
            .attendee(Limit::TokensTotal, attendee)
            .everybody(Limit::TokensTotal, event)
            .start()
            .await;
        let ada = world.attendee("ada").await;
        world.azure().script(used(1_300));
        ada.chat("hello").await.assert_ok();
        world.quiet().await;
        let mut asked = chat("again");
        asked["max_tokens"] = json!(1_000);
        let refused = ada.send(ada.post(CHAT, asked.to_string())).await;
        refused.assert_refused(402, "insufficient_quota");
        let names_events = refused.text().contains("The event's allowance");
        assert_eq!(names_events, is_events, "{}", refused.text());
        world.settle().await;
    }
}
