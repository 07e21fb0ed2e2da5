//! A cap of Lanyard's own is lowered before a request is refused.

use lanyard_domain::account::{Change, Field};
use lanyard_domain::allowance::Limit;
use lanyard_domain::unit::Unit;
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

/// Of the attendee, of the event, and of the event on the model.
type Limits = [&'static [(Limit, u64)]; 3];

/// The tokens, or the money in tokens of completion, that the strictest limit allows.
enum Strictest {
    Tokens(i64),
    Money(i64),
}

/// Every limit is read before the cap is lowered, not one after the other.
#[tokio::test]
async fn a_lowered_cap_is_all_that_fits_beside_a_request_in_flight() {
    use Limit::{TokensPerDay, TokensPerMinute, TokensTotal, UsdPerDay, UsdTotal};
    use Strictest::{Money, Tokens};
    const fn usd(tokens: u64) -> u64 {
        tokens * 600
    }
    const CASES: [(Limits, Strictest); 9] = [
        ([&[(TokensTotal, 3_800)], &[], &[]], Tokens(3_800)),
        ([&[(TokensPerDay, 3_900), (TokensTotal, 3_800)], &[], &[]], Tokens(3_800)),
        (
            [&[(TokensPerDay, 3_800), (TokensTotal, 3_900)], &[(TokensTotal, 4_000)], &[]],
            Tokens(3_800),
        ),
        (
            [&[(TokensPerDay, 4_000)], &[(TokensPerDay, 3_900), (TokensTotal, 3_800)], &[]],
            Tokens(3_800),
        ),
        (
            [&[(TokensPerDay, 3_900), (UsdTotal, usd(3_800))], &[(UsdPerDay, usd(3_700))], &[]],
            Money(3_700),
        ),
        (
            [&[(UsdTotal, usd(3_700)), (UsdPerDay, usd(3_800))], &[(TokensTotal, 4_000)], &[]],
            Money(3_700),
        ),
        ([&[(TokensPerMinute, 4_500), (TokensTotal, 4_300)], &[], &[]], Tokens(4_300)),
        (
            [&[(TokensTotal, 4_500)], &[(TokensPerMinute, 4_300), (TokensPerDay, 4_400)], &[]],
            Tokens(4_300),
        ),
        (
            [
                &[(TokensTotal, 4_000)],
                &[(TokensPerDay, 3_900)],
                &[(TokensPerDay, 3_850), (TokensTotal, 3_800), (UsdTotal, usd(3_850))],
            ],
            Tokens(3_800),
        ),
    ];
    for ([attendee, event, of_model], strictest) in CASES {
        let mut world = World::event("beside").in_memory();
        for (limit, allowed) in attendee {
            world = world.attendee(*limit, *allowed);
        }
        for (limit, allowed) in event {
            world = world.everybody(*limit, *allowed);
        }
        for (limit, allowed) in of_model {
            world = world.of_model(false, "gpt-4o-mini", *limit, *allowed);
        }
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        let gate = Gate::closed();
        world.azure().script(Reply::chat("slow").held(&gate));
        let mut first = chat("hello");
        first["max_tokens"] = json!(1_100);
        let first = ada.post(CHAT, first.to_string());
        let mut running = tokio::task::JoinSet::new();
        running.spawn({
            let ada = ada.clone();
            async move { ada.send(first).await }
        });
        world.azure().called(1).await;
        world.azure().script(Reply::chat("slow").held(&gate));
        running.spawn({
            let ada = ada.clone();
            async move { ada.chat("hello").await }
        });
        world.azure().called(2).await;
        let account = world.account("ada").await;
        let (tokens, usd) = (account.get(Field::Held), account.get(Field::UnitHeld(Unit::Usd)));
        // Not one token more would fit.
        match strictest {
            Tokens(allowed) => assert_eq!(tokens, allowed, "{attendee:?} {event:?} {of_model:?}"),
            Money(allowed) => assert!((0..600).contains(&(allowed * 600 - usd)), "{usd} {event:?}"),
        }
        gate.open();
        for response in running.join_all().await {
            response.assert_ok();
        }
        assert_eq!(world.settle().await.requests, 2);
    }
}

/// Another process has settled a request since the refusal that this one remembers.
#[tokio::test]
async fn a_lowered_cap_does_not_depend_on_what_a_process_remembers() {
    let world =
        World::event("remembers").in_memory().attendee(Limit::TokensTotal, 6_000).start().await;
    let ada = world.attendee("ada").await;
    let used = async |tokens| {
        world.change_attendee("ada", vec![Change::Add(Field::Committed, tokens)]).await;
    };
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    used(4_000).await;
    let mut named = chat("hello");
    named["max_tokens"] = json!(4_000);
    let refused = ada.send(ada.post(CHAT, named.to_string())).await;
    refused.assert_refused(402, "insufficient_quota");
    used(-1_000).await;
    let cap: u64 = {
        let lowered = ada.chat("hello").await;
        lowered.assert_ok().header("x-event-max-tokens").unwrap().parse().unwrap()
    };
    assert!((2_900..3_000).contains(&cap), "{cap}");
    world.quiet().await;
    used(-3_000).await;
    world.settle().await;
}

/// The organiser has raised the attendee's total since this process has seen the smaller one.
#[tokio::test]
async fn a_cap_is_not_lowered_and_a_request_not_refused_by_a_limit_that_was_raised() {
    let world =
        World::event("raised").in_memory().attendee(Limit::TokensTotal, 2_000).start().await;
    let ada = world.attendee("ada").await;
    let mut named = chat("hello");
    named["max_tokens"] = json!(4_000);
    let refused = ada.send(ada.post(CHAT, named.to_string())).await;
    refused.assert_refused(400, "allowance_too_small");
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let raised = Change::Set(Field::Override(Limit::TokensTotal), 20_000);
    world.change_attendee("ada", vec![raised, Change::Add(Field::Terms, 1)]).await;
    let full = ada.chat("hello").await;
    assert_eq!(full.assert_ok().header("x-event-max-tokens"), Some("4096"));
    ada.send(ada.post(CHAT, named.to_string())).await.assert_ok();
    assert_eq!(world.settle().await.requests, 3);
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
