//! A cap that Lanyard filled in is lowered before a request is refused.

use lanyard_domain::account::{Change, Field};
use lanyard_domain::allowance::Limit;
use serde_json::json;

use crate::support::attendee::{CHAT, chat};
use crate::support::{Gate, Reply, World};

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
            named["max_tokens"] = json!(6_000);
            let refused = ada.send(ada.post(CHAT, named.to_string())).await;
            assert_ne!(refused.status(), 200, "{limit:?}");
            gate.open();
            slow.join_next().await.unwrap().unwrap().assert_ok();
            let totals = world.settle().await;
            assert_eq!(totals.requests, 2, "{limit:?}");
        }
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
