//! A cap of Lanyard's own is lowered before a request is refused.

use lanyard_domain::account::{Change, Field};
use lanyard_domain::allowance::Limit;
use serde_json::json;

use crate::support::attendee::{CHAT, chat};
use crate::support::{Gate, Reply, World, canary};

#[tokio::test]
async fn a_cap_that_the_client_did_not_set_is_lowered_before_a_refusal() {
    let tokens = [Limit::TokensPerMinute, Limit::TokensPerDay, Limit::TokensTotal];
    // A completion token costs 600 nano-dollars.
    let money = [Limit::UsdPerDay, Limit::UsdTotal].map(|limit| (limit, 6_500 * 600));
    for (limit, allowed) in tokens.map(|limit| (limit, 6_500)).into_iter().chain(money) {
        for is_everybodys in [false, true] {
            let world = World::event("lowered").in_memory();
            // Room for one full cap and a part of the next.
            let world = match is_everybodys {
                false => world.attendee(limit, allowed),
                true => world.everybody(limit, allowed),
            };
            let world = world.start().await;
            let ada = world.attendee("ada").await;
            let gate = Gate::closed();
            world.azure().script(Reply::chat("slow").held(&gate));
            let mut slow = tokio::task::JoinSet::new();
            slow.spawn({
                let ada = ada.clone();
                async move { ada.chat("hello").await }
            });
            world.azure().called(1).await;
            let lowered = ada.chat("hello").await;
            let cap: u64 =
                lowered.assert_ok().header("x-event-max-tokens").unwrap().parse().unwrap();
            assert!((1_024..4_096).contains(&cap), "{limit:?} {cap}");
            let sent = world.azure().requests()[1].json();
            assert_eq!(sent["max_tokens"], cap);
            // One that names its cap is refused, and so is one for which too little is left.
            let mut named = chat("hello");
            named["max_tokens"] = json!(4_000);
            let refused = ada.send(ada.post(CHAT, named.to_string())).await;
            assert_ne!(refused.status(), 200, "{limit:?}");
            gate.open();
            slow.join_next().await.unwrap().unwrap().assert_ok();
            let totals = world.settle().await;
            assert_eq!(totals.requests, 2, "{limit:?}");
        }
    }
}

/// Claude Code asks for 64,000 tokens in each request.
#[tokio::test]
async fn a_cap_that_replaced_a_larger_one_of_the_client_is_lowered_to_what_fits() {
    let prompt = json!([{"role": "user", "content": canary::PROMPT}]);
    for (path, model, field, input) in [
        (CHAT, "gpt-4o-mini", "max_tokens", "messages"),
        ("/api/v1/responses", "gpt-4o-mini", "max_output_tokens", "input"),
        ("/api/v1/messages", "model-messages", "max_tokens", "messages"),
    ] {
        let world = World::event("larger").in_memory().keeping().everything();
        let world = world.attendee(Limit::TokensTotal, 3_000).start().await;
        let ada = world.attendee("ada").await;
        let ask = |cap: u64| {
            ada.post(path, json!({"model": model, field: cap, input: prompt}).to_string())
        };
        // The event's own cap is 4,096, and neither fits. The client's own choice is not changed.
        let refused = ada.send(ask(4_000)).await;
        assert_eq!(refused.status(), 400, "{path}: {}", refused.line());
        let lowered = ada.send(ask(64_000)).await;
        let said = lowered.assert_ok().header("x-event-max-tokens").unwrap().to_owned();
        let (cap, asked) = said.split_once(";clamped-from=").unwrap();
        let cap: u64 = cap.parse().unwrap();
        assert!((1_024..3_000).contains(&cap) && asked == "64000", "{path}: {said}");
        assert_eq!(world.azure().requests()[0].json()[field], cap, "{path}");
        // What is left is below the least cap, for which an unused total would have room.
        let used = async |tokens| {
            world.change_attendee("ada", vec![Change::Add(Field::Committed, tokens)]).await;
        };
        used(2_500).await;
        ada.send(ask(64_000)).await.assert_refused(402, "insufficient_quota");
        used(-2_500).await;
        assert_eq!(world.settle().await.requests, 1);
    }
}

#[tokio::test]
async fn a_blocked_attendee_gets_403_also_if_the_usual_cap_would_not_fit() {
    let world = World::event("small").in_memory().attendee(Limit::TokensTotal, 2_000).start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.change_attendee("ada", vec![Change::Set(Field::Blocked, 1)]).await;
    ada.chat("hello").await.assert_refused(403, "attendee_blocked");
    assert_eq!(world.settle().await.requests, 1);
}
