//! The log for operators, next to each request's line.

use lanyard_domain::allowance::Limit;
use lanyard_gateway::ports::Incident;

use crate::support::World;
use crate::support::attendee::{CHAT, chat};

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

#[tokio::test]
async fn an_event_without_a_budget_uses_none_of_it() {
    let world = World::event("endless").in_memory().start().await;
    world.attendee("ada").await.chat("hello").await.assert_ok();
    world.settle().await;
    assert_eq!(world.request_log().lines()[0].budget_used_percent, None);
}
