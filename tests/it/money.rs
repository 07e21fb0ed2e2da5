//! Budgets in money: what is reserved, what is charged, and that no race passes them.

mod crowd;
mod hosted;
mod router;

use lanyard_domain::account::{Change, Field};
use lanyard_domain::allowance::Limit;
use lanyard_domain::amount::NANO_PER_USD;
use lanyard_domain::bill::{Bill, Line, Priced};
use lanyard_domain::catalog::Prices;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::Unit;
use lanyard_domain::usage::UsageRecord;
use lanyard_gateway::testing::a_deployment;
use serde_json::{Value, json};

use crate::support::attendee::{Attendee, CHAT, chat};
use crate::support::builder::Builder;
use crate::support::{Gate, Reply, World, canary};

/// A world with Claude, whose cache has prices of its own.
pub(crate) fn with_claude(name: &str) -> Builder {
    World::event(name).in_memory().deployments(|deployments| {
        deployments.push(a_deployment("claude-haiku-4-5", Operation::Messages));
    })
}

/// The body of a message to Claude.
pub(crate) fn message(max_tokens: u64) -> Value {
    json!({
        "model": "claude-haiku-4-5", "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": canary::PROMPT}],
    })
}

async fn only_record(world: &World) -> UsageRecord {
    let mut records = world.settle().await.records;
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn lines(bill: &Bill) -> Vec<(Priced, Line)> {
    bill.lines().collect()
}

fn capped(tokens: u64) -> Value {
    let mut body = chat("hello");
    body["max_tokens"] = json!(tokens);
    body
}

async fn ask(ada: &Attendee, body: &Value) -> crate::support::TestResponse {
    ada.send(ada.post(CHAT, body.to_string())).await
}

#[tokio::test]
async fn a_request_is_charged_to_the_nano_dollar_and_its_record_says_by_which_prices() {
    let world = World::event("cost").everybody(Limit::UsdTotal, NANO_PER_USD).start().await;
    let response = world.attendee("ada").await.chat("hello").await;
    // 17 tokens at 0.15 and 5 at 0.60 dollars per million.
    assert_eq!(response.assert_ok().header("x-event-cost"), Some("0.00000555"));
    let record = only_record(&world).await;
    assert_eq!(record.charge.units.get(Unit::Usd), 5_550);
    let bill = record.bill.unwrap();
    let expected = [(Priced::Input, Line(17, 150_000)), (Priced::Output, Line(5, 600_000))];
    assert_eq!((bill.version.as_ref(), lines(&bill)), ("2026-11", expected.to_vec()));
}

#[tokio::test]
async fn cached_tokens_cost_less() {
    let world = World::event("cached").in_memory().start().await;
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {
            "prompt_tokens": 1_200, "completion_tokens": 10, "total_tokens": 1_210,
            "prompt_tokens_details": {"cached_tokens": 1_024, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0},
        },
    });
    world.azure().script(Reply::json(200, body.to_string()));
    let response = world.attendee("ada").await.chat("hello").await;
    // 176 tokens at 0.15, 1,024 at half of it, 10 at 0.60.
    assert_eq!(response.assert_ok().header("x-event-cost"), Some("0.0001092"));
    let bill = only_record(&world).await.bill.unwrap();
    assert_eq!((bill.count(Priced::CachedInput), bill.nano_usd()), (1_024, 109_200));
}

#[tokio::test]
async fn cache_reads_and_writes_of_a_message_are_charged_at_their_own_prices() {
    let world = with_claude("claude").start().await;
    let ada = world.attendee("ada").await;
    let response = ada.send(ada.post("/api/v1/messages", message(100).to_string())).await;
    response.assert_ok();
    let bill = only_record(&world).await.bill.unwrap();
    let expected = [
        (Priced::Input, Line(10, 1_000_000)),
        (Priced::CachedInput, Line(4, 100_000)),
        (Priced::CacheWrite, Line(3, 1_250_000)),
        (Priced::Output, Line(5, 5_000_000)),
    ];
    assert_eq!(lines(&bill), expected);
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_only_where_money_is_limited() {
    for (limits, status) in [(0, 200), (1, 403), (2, 403)] {
        let world = World::event("unknown").in_memory().deployments(|deployments| {
            deployments.push(a_deployment("prod-smart", Operation::ChatCompletions));
        });
        let world = match limits {
            0 => world,
            1 => world.everybody(Limit::UsdTotal, NANO_PER_USD),
            _ => world.attendee(Limit::UsdPerDay, NANO_PER_USD),
        };
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        let mut body = capped(100);
        body["model"] = json!("prod-smart");
        let response = ask(&ada, &body).await;
        assert_eq!(response.status(), status, "{limits}");
        if status == 403 {
            response.assert_refused(403, "price_unknown");
            let text = response.text();
            assert!(text.contains("prod-smart") && text.contains("organiser"), "{text}");
        }
        // Another model goes on.
        ada.chat("hello").await.assert_ok();
        let requests = world.settle().await.requests;
        assert_eq!(
            (requests, world.azure().calls() as u64),
            (2 - u64::from(status == 403), requests)
        );
    }
}

#[tokio::test]
async fn tools_that_azure_runs_are_refused_only_where_money_is_limited() {
    let allowing = || {
        World::event("hosted").in_memory().with(|event| {
            event.hosted_tools = HostedTools::allowing(["web_search"]);
        })
    };
    let mut body = capped(100);
    body["web_search_options"] = json!({});
    let free = allowing().start().await;
    ask(&free.attendee("ada").await, &body).await.assert_ok();
    free.settle().await;
    // The limit of one attendee, which the event's settings do not show.
    let world = allowing().start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    let own = Change::Set(Field::Override(Limit::UsdTotal), 1_000_000_000);
    world.change_attendee("ada", vec![own, Change::Add(Field::Terms, 1)]).await;
    let refused = ask(&ada, &body).await;
    refused.assert_refused(403, "price_unknown");
    assert!(refused.text().contains("web search"), "{}", refused.text());
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn an_organiser_may_give_a_model_its_price() {
    let world = World::event("priced").in_memory().everybody(Limit::UsdTotal, NANO_PER_USD);
    let world = world.deployments(|deployments| {
        let mut smart = a_deployment("prod-smart", Operation::ChatCompletions);
        smart.prices =
            Some(Prices { prompt: 1_000_000, completion: 2_000_000, ..Prices::default() });
        deployments.push(smart);
    });
    let world = world.start().await;
    let mut body = capped(100);
    body["model"] = json!("prod-smart");
    let response = ask(&world.attendee("ada").await, &body).await;
    assert_eq!(response.assert_ok().header("x-event-cost"), Some("0.000027"));
    assert_eq!(&*only_record(&world).await.bill.unwrap().version, "organiser");
}

#[tokio::test]
async fn money_that_is_only_reserved_is_429_and_money_that_is_spent_is_402() {
    for (limit, is_everybodys) in
        [(Limit::UsdTotal, true), (Limit::UsdTotal, false), (Limit::UsdPerDay, true)]
    {
        // Two of a named cap of 1,000 tokens do not fit.
        let allowed = 1_000 * 600 * 3 / 2;
        let world = World::event("spent").in_memory();
        let world = match is_everybodys {
            true => world.everybody(limit, allowed),
            false => world.attendee(limit, allowed),
        };
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        let gate = Gate::closed();
        // It breaks off, so all of its reservation is charged.
        world.azure().script(Reply::dropped().held(&gate));
        let mut first = tokio::task::JoinSet::new();
        first.spawn({
            let ada = ada.clone();
            async move { ask(&ada, &capped(1_000)).await }
        });
        world.azure().called(1).await;
        let second = ask(&ada, &capped(1_000)).await;
        second.assert_refused(429, "rate_limit_exceeded");
        assert!(second.header("retry-after").is_some());
        gate.open();
        assert_ne!(first.join_next().await.unwrap().unwrap().status(), 200);
        world.quiet().await;
        let third = ask(&ada, &capped(1_000)).await;
        third.assert_refused(402, "insufficient_quota");
        assert!(third.text().contains(&format!("0.0009 {limit}")), "{}", third.text());
        assert_eq!(third.header("retry-after"), None);
        // A cheaper one fits what is left.
        ask(&ada, &capped(100)).await.assert_ok();
        let spent = world.settle().await.units.get(Unit::Usd);
        assert!(spent <= allowed, "{limit:?} {spent}");
    }
}

#[tokio::test]
async fn a_request_that_no_budget_of_the_event_can_pay_is_400() {
    let world = World::event("dear").in_memory().everybody(Limit::UsdTotal, 100_000).start().await;
    let refused = ask(&world.attendee("ada").await, &capped(1_000)).await;
    refused.assert_refused(400, "allowance_too_small");
    assert!(refused.text().contains("0.0001 total US dollars"), "{}", refused.text());
    assert_eq!(world.settle().await.requests, 0);
}

#[tokio::test]
async fn an_attendees_own_limit_of_money_holds_for_them_alone() {
    let world = World::event("own-limit").in_memory().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    ada.chat("hello").await.assert_ok();
    let own = |limit| Change::Set(Field::Override(limit), 12_000);
    let changes = vec![own(Limit::UsdTotal), Change::Add(Field::Terms, 1)];
    world.change_attendee("ada", changes).await;
    // The first one cost 5,550 nano-dollars, and another may cost 6,900.
    ask(&ada, &capped(1)).await.assert_refused(402, "insufficient_quota");
    bob.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn what_was_spent_before_a_limit_was_set_counts() {
    let world = World::event("later").in_memory().start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    world.change_event(|event| event.allowances.event.set(Limit::UsdTotal, Some(12_000))).await;
    world.wait(chrono::TimeDelta::seconds(6));
    // Too little of it is left.
    ask(&ada, &capped(1)).await.assert_refused(402, "insufficient_quota");
    assert_eq!(world.settle().await.units.get(Unit::Usd), 5_550);
}

#[tokio::test]
async fn a_request_that_reaches_no_model_costs_no_money() {
    let world = World::event("void").in_memory().everybody(Limit::UsdTotal, NANO_PER_USD);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    for reply in [Reply::too_many_requests(Some("1")), Reply::error(404, "DeploymentNotFound", "x")]
    {
        world.azure().script(reply);
        assert_ne!(ada.chat("hello").await.status(), 200);
    }
    assert_eq!(world.settle().await.units.get(Unit::Usd), 0);
}

#[tokio::test]
async fn the_attendee_sees_money_in_dollars() {
    let world = World::event("shown").in_memory().attendee(Limit::UsdTotal, 2 * NANO_PER_USD);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let shown = ada.send(ada.get("/api/v1/event")).await.assert_ok().json();
    let text = shown.to_string();
    let left = json!({"allowed": 2.0, "remaining": 1.999_994_45});
    assert!(text.contains(&format!("\"usd_total\":{left}")), "{text}");
    assert!(text.contains("\"usd\":5.55e-6"), "{text}");
    assert_eq!(world.settle().await.requests, 1);
}
