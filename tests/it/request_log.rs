//! The log for operators, next to each request's line.

use lanyard_domain::allowance::Limit;
use lanyard_gateway::ports::Incident;
use serde_json::json;

use crate::support::attendee::{CHAT, chat};
use crate::support::{Reply, World};

#[tokio::test]
async fn each_wrong_code_is_counted_also_cached_ones() {
    let world = World::event("codes").in_memory().start().await;
    let ada = world.attendee("ada").await;
    for path in [CHAT, CHAT, "/api/v1/models", "/api/v1/event"] {
        let request =
            if path == CHAT { ada.post(path, chat("hi").to_string()) } else { ada.get(path) };
        let (mut head, body) = request.into_parts();
        head.headers.insert("openai-event-code", "nobody/ada".parse().unwrap());
        let response = ada.send(http::Request::from_parts(head, body)).await;
        response.assert_refused(401, "invalid_event_code");
    }
    assert_eq!(world.request_log().incidents(), [Incident::InvalidCode; 4]);
    ada.chat("hello").await.assert_ok();
    world.settle().await;
    assert_eq!(world.request_log().incidents().len(), 4);
}

#[tokio::test]
async fn each_of_several_wrong_codes_in_one_request_is_counted() {
    let world = World::event("guesses").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let guess = |path: &str, keys: String| {
        let mut request = ada.post(path, chat("hi").to_string());
        request.headers_mut().insert("openai-event-code", keys.parse().unwrap());
        ada.send(request)
    };
    for path in [CHAT, "/api/v1/eventinfo"] {
        let before = world.request_log().incidents().len();
        let refused = guess(path, "wrong1/a, wrong2/a, wrong3/a".to_owned()).await;
        refused.assert_refused(401, "invalid_event_code");
        assert_eq!(world.request_log().incidents()[before..], [Incident::InvalidCode; 3], "{path}");
    }
    // A dummy beside a good credential is no guess.
    guess(CHAT, format!("wrong1/a, {}", ada.token())).await.assert_ok();
    world.settle().await;
    assert_eq!(world.request_log().incidents().len(), 6);
}

#[tokio::test]
async fn a_settled_request_logs_the_used_part_of_the_budget() {
    let world = World::event("budget").everybody(Limit::TokensTotal, 20_000).in_memory();
    let world = world.with(|event| event.max_completion_tokens = Some(50)).start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..10 {
        ada.chat("hello").await.assert_ok();
        world.quiet().await;
    }
    world.settle().await;
    let used: Vec<_> = world.request_log().lines().iter().map(|l| l.budget_used_percent).collect();
    // 22 tokens each: 1 per cent is 200 of them.
    let expected: Vec<_> = (1..=10).map(|requests| Some(requests * 22 * 100 / 20_000)).collect();
    assert_eq!(used, expected);
}

/// A response of 17 prompt tokens and so many others.
fn of_tokens(completion: u64) -> Reply {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
        "usage": {"prompt_tokens": 17, "completion_tokens": completion, "total_tokens": 17 + completion},
    });
    Reply::json(200, body.to_string())
}

#[tokio::test]
async fn the_last_per_cent_is_logged_when_nothing_is_left_for_a_request() {
    // A request needs at least a token of a prompt and the cap of 50.
    for (left, percent) in [(51, Some(94)), (50, Some(100))] {
        let world = World::event("last").everybody(Limit::TokensTotal, 1_000).in_memory();
        let world = world.with(|event| event.max_completion_tokens = Some(50)).start().await;
        world.azure().script(of_tokens(1_000 - 17 - left));
        world.attendee("ada").await.chat("hello").await.assert_ok();
        assert_eq!(world.settle().await.requests, 1);
        assert_eq!(world.request_log().lines()[0].budget_used_percent, percent, "{left}");
    }
}

#[tokio::test]
async fn a_refusal_for_what_is_spent_logs_the_last_per_cent_unless_the_request_is_large() {
    let world = World::event("left").everybody(Limit::TokensTotal, 4_000).in_memory().start().await;
    let ada = world.attendee("ada").await;
    // 1,178 tokens are left: enough for 1,024 and some words.
    world.azure().script(of_tokens(2_805));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let last = || world.request_log().lines().last().unwrap().budget_used_percent;
    assert_eq!(last(), Some(70));
    ada.chat(&"word ".repeat(1_050)).await.assert_refused(402, "insufficient_quota");
    assert_eq!(last(), None);
    ada.chat(&"word ".repeat(400)).await.assert_refused(402, "insufficient_quota");
    assert_eq!(last(), Some(100));
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn an_event_without_a_budget_uses_none_of_it() {
    let world = World::event("endless").in_memory().start().await;
    world.attendee("ada").await.chat("hello").await.assert_ok();
    world.settle().await;
    assert_eq!(world.request_log().lines()[0].budget_used_percent, None);
}
