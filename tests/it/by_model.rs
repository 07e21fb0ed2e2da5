//! Limits on one model: whom they hold, what they say, and that no race passes them.

use chrono::TimeDelta;
use lanyard_domain::account::{Change, Field, NO_LIMIT};
use lanyard_domain::allowance::Limit;
use lanyard_domain::amount::{NANO_PER_USD, nano_dollars};
use lanyard_domain::by_model::{ByModel, ModelKey};
use lanyard_domain::limit::Quantity;
use lanyard_domain::unit::Unit;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::races::compete;
use crate::support::attendee::{Attendee, CHAT, chat};
use crate::support::{Gate, Reply, TestResponse, World};

const DEAR: &str = "gpt-4o";

fn to(model: &str) -> Value {
    let mut body = chat("hello");
    body["model"] = json!(model);
    body["max_tokens"] = json!(100);
    body
}

async fn ask(ada: &Attendee, model: &str) -> TestResponse {
    ada.send(ada.post(CHAT, to(model).to_string())).await
}

#[tokio::test]
async fn a_limit_holds_under_every_name_of_its_model_and_no_other_model_is_held_to_it() {
    for is_attendees in [true, false] {
        let world = World::event("names").in_memory();
        let world = world.of_model(is_attendees, DEAR, Limit::RequestsTotal, 2).start().await;
        let ada = world.attendee("ada").await;
        ask(&ada, "GPT-4o").await.assert_ok();
        ask(&ada, "gpt-4o-2024-08-06").await.assert_ok();
        world.quiet().await;
        for name in ["gpt-4o", "openai/gpt-4o", "Gpt-4O-2024-08-06", "azure/gpt-4o-latest"] {
            let refused = ask(&ada, name).await;
            let text = refused.assert_refused(402, "insufficient_quota").text().to_owned();
            assert!(text.contains("2 total requests of gpt-4o is used up"), "{name}: {text}");
            assert_eq!(refused.header("x-should-retry"), Some("false"));
        }
        for _ in 0..3 {
            ask(&ada, "gpt-4o-mini").await.assert_ok();
            ada.embed(json!("hello")).await.assert_ok();
        }
        assert_eq!(world.settle().await.requests, 8);
    }
}

#[tokio::test]
async fn an_attendees_own_limit_on_a_model_holds_for_that_attendee_alone() {
    let world = World::event("own").of_model(true, DEAR, Limit::RequestsTotal, 1).start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    for attendee in [&ada, &bob] {
        ask(attendee, DEAR).await.assert_ok();
    }
    world.quiet().await;
    let own = |value| {
        let limit =
            Field::OverrideOfModel(ModelKey::of(&DEAR.parse().unwrap()), Limit::RequestsTotal);
        vec![Change::Set(limit, value), Change::Add(Field::Terms, 1)]
    };
    world.change_attendee("ada", own(2)).await;
    ask(&ada, DEAR).await.assert_ok();
    world.quiet().await;
    ask(&ada, DEAR).await.assert_refused(402, "insufficient_quota");
    ask(&bob, DEAR).await.assert_refused(402, "insufficient_quota");
    world.change_attendee("ada", own(NO_LIMIT)).await;
    // A refusal is remembered for five seconds at most.
    world.wait(TimeDelta::seconds(5));
    ask(&ada, DEAR).await.assert_ok();
    assert_eq!(world.settle().await.requests, 4);
}

#[tokio::test]
async fn a_refusal_names_the_model_the_limit_and_the_time_to_come_back() {
    let world = World::event("says").in_memory();
    let world = world.of_model(true, DEAR, Limit::RequestsPerMinute, 2).start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..2 {
        ask(&ada, DEAR).await.assert_ok();
    }
    let refused = ask(&ada, DEAR).await;
    let text = refused.assert_refused(429, "rate_limit_exceeded").text().to_owned();
    assert!(text.contains("Your allowance of 2 requests per minute of gpt-4o"), "{text}");
    assert_eq!(refused.header("retry-after-ms"), Some("30000"));
    // A refusal that this process remembers holds no other model.
    ask(&ada, "gpt-4o-mini").await.assert_ok();
    ask(&ada, DEAR).await.assert_refused(429, "rate_limit_exceeded");
    world.wait(TimeDelta::seconds(30));
    ask(&ada, DEAR).await.assert_ok();
    assert_eq!(world.settle().await.requests, 4);

    let world = World::event("says-day").in_memory();
    let world = world.of_model(false, DEAR, Limit::TokensPerDay, 10).start().await;
    let ada = world.attendee("ada").await;
    let text = ask(&ada, DEAR).await.assert_refused(400, "allowance_too_small").text().to_owned();
    assert!(text.contains("10 tokens per day of gpt-4o"), "{text}");
    assert_eq!(world.settle().await.requests, 0);

    let world = World::event("says-flight").of_model(true, DEAR, Limit::InFlight, 1);
    let world = world.in_memory().start().await;
    let ada = world.attendee("ada").await;
    let gate = Gate::closed();
    world.azure().script(Reply::chat("slow").held(&gate));
    let mut slow = JoinSet::new();
    slow.spawn({
        let ada = ada.clone();
        async move { ask(&ada, DEAR).await }
    });
    world.azure().called(1).await;
    let text = ask(&ada, DEAR).await.assert_refused(429, "too_many_in_flight").text().to_owned();
    assert!(text.contains("1 requests at once of gpt-4o"), "{text}");
    ask(&ada, "gpt-4o-mini").await.assert_ok();
    gate.open();
    slow.join_all().await[0].assert_ok();
    ask(&ada, DEAR).await.assert_ok();
    assert_eq!(world.settle().await.requests, 3);
}

#[tokio::test]
async fn money_of_one_model_is_limited_to_the_nano_dollar_and_needs_its_price() {
    let world = World::event("dollars").in_memory();
    let world = world.of_model(true, DEAR, Limit::UsdTotal, 10_000_000).start().await;
    let ada = world.attendee("ada").await;
    let cost = ask(&ada, DEAR).await.assert_ok().header("x-event-cost").unwrap().to_owned();
    world.quiet().await;
    let shown = ada.send(ada.get("/api/v1/event")).await.assert_ok().json();
    let left = &shown["allowance_by_model"][DEAR]["usd_total"];
    let left_nano = nano_dollars(left["remaining"].as_f64().unwrap());
    assert_eq!(left_nano, 10_000_000 - nano_dollars(cost.parse().unwrap()), "{shown}");
    assert_eq!(world.settle().await.requests, 1);

    let world = World::event("priceless").in_memory().deployments(|deployments| {
        let chat = lanyard_domain::operation::Operation::ChatCompletions;
        deployments.push(lanyard_gateway::testing::a_deployment("prod-smart", chat));
    });
    let world = world.of_model(true, "prod-smart", Limit::UsdTotal, NANO_PER_USD).start().await;
    let ada = world.attendee("ada").await;
    ask(&ada, "prod-smart").await.assert_refused(403, "price_unknown");
    ask(&ada, DEAR).await.assert_ok();
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test]
async fn an_attendee_sees_the_limits_on_models_and_what_is_left() {
    let world = World::event("sees").in_memory();
    let world = world.of_model(true, DEAR, Limit::RequestsTotal, 20);
    let world = world.of_model(true, DEAR, Limit::TokensPerDay, 1_000);
    let world = world.of_model(false, "o4-mini", Limit::RequestsTotal, 1).start().await;
    let ada = world.attendee("ada").await;
    ask(&ada, DEAR).await.assert_ok();
    world.quiet().await;
    let shown = ada.send(ada.get("/api/v1/event")).await.assert_ok().json();
    let by_model = &shown["allowance_by_model"];
    assert_eq!(by_model[DEAR]["requests_total"], json!({"allowed": 20, "remaining": 19}));
    let tokens = &by_model[DEAR]["tokens_per_day"];
    assert_eq!((&tokens["allowed"], &tokens["remaining"]), (&json!(1_000), &json!(978)));
    assert!(tokens["resets_at"].is_string(), "{tokens}");
    // The event's own are not an attendee's business.
    assert_eq!(by_model.as_object().unwrap().len(), 1);
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test]
async fn a_limit_that_is_lifted_and_set_while_requests_run_holds_nothing_for_ever() {
    let world = World::event("lifted");
    let world = world.of_model(true, DEAR, Limit::RequestsTotal, 5);
    let world = world.of_model(false, DEAR, Limit::TokensTotal, 50_000).start().await;
    let ada = world.attendee("ada").await;
    ask(&ada, DEAR).await.assert_ok();
    world.quiet().await;
    let mut limits = ByModel::default();
    world.change_event(|event| limits = event.allowances.by_model.clone()).await;
    let (calls, gate) = (world.azure().calls(), Gate::closed());
    world.azure().hold(&gate);
    let mut running = JoinSet::new();
    let slow = |running: &mut JoinSet<_>, ada: Attendee| {
        running.spawn(async move { ask(&ada, DEAR).await });
    };
    // One is admitted while the limits are set, and the next one while they are not.
    slow(&mut running, ada.clone());
    world.azure().called(calls + 1).await;
    world.change_event(|event| event.allowances.by_model = ByModel::default()).await;
    world.wait(TimeDelta::seconds(6));
    slow(&mut running, ada.clone());
    world.azure().called(calls + 2).await;
    world.change_event(|event| event.allowances.by_model = limits).await;
    world.wait(TimeDelta::seconds(6));
    gate.open();
    for response in running.join_all().await {
        response.assert_ok();
    }
    assert_eq!(world.settle().await.requests, 3);
    let of_model = |account: lanyard_domain::account::Account| {
        let is_held = |(field, held): (&Field, &i64)| {
            matches!(field, Field::PeriodModelHeld(..)) && *held != 0
        };
        assert!(!account.numbers.iter().any(is_held), "{account:?}");
        let totals =
            account.numbers.iter().filter(|(field, _)| matches!(field, Field::OfModel(..)));
        totals.map(|(_, number)| *number).collect::<Vec<_>>()
    };
    assert_eq!(of_model(world.account("ada").await), [2]);
    assert_eq!(of_model(world.event_account().await), [44]);
}

#[tokio::test]
async fn an_event_reads_and_writes_with_limits_on_models_as_without() {
    let world = World::event("calls").requests_per_day(100);
    let world =
        world.everybody(Limit::UsdTotal, NANO_PER_USD).attendee(Limit::UsdTotal, NANO_PER_USD);
    let kinds =
        [Limit::RequestsTotal, Limit::TokensPerDay, Limit::UsdTotal, Limit::RequestsPerMinute];
    let world = [true, false].into_iter().fold(world, |world, is_attendees| {
        kinds
            .iter()
            .fold(world, |world, limit| world.of_model(is_attendees, DEAR, *limit, 1_000_000_000))
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    ask(&ada, "gpt-4o-mini").await.assert_ok();
    ask(&ada, DEAR).await.assert_ok();
    world.quiet().await;
    let mut readings = Vec::new();
    for model in ["gpt-4o-mini", DEAR] {
        world.engine().meter().read();
        ask(&ada, model).await.assert_ok();
        world.quiet().await;
        let reading = world.engine().meter().read();
        readings.push((reading.calls, reading.units));
    }
    assert_eq!(readings[0], readings[1]);
    assert_eq!(world.settle().await.requests, 4);
}

/// What a usual request of these may need of a limit.
async fn estimate(limit: Limit) -> String {
    let world = World::event("estimate").in_memory().of_model(true, DEAR, limit, 1).start().await;
    let refused = ask(&world.attendee("ada").await, DEAR).await;
    let message = refused.assert_refused(400, "allowance_too_small").text().to_owned();
    world.settle().await;
    message.split("may need ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_a_model_admits_exactly_what_fits_across_three_processes() {
    let of_chats =
        |limit: &Limit| !matches!(limit.quantity(), Quantity::Unit(unit) if unit != Unit::Usd);
    for (n, k) in [(2, 1), (16, 7), (256, 100)] {
        for limit in Limit::BY_MODEL.iter().copied().filter(of_chats) {
            let each = match limit.quantity() {
                Quantity::Requests => 1,
                Quantity::Tokens => estimate(Limit::TokensTotal).await.parse().unwrap(),
                Quantity::Unit(_) => nano_dollars(estimate(Limit::UsdTotal).await.parse().unwrap()),
            };
            for is_one_attendee in [true, false] {
                let world = World::event("race").processes(3);
                let world = if n > 16 { world.in_memory() } else { world };
                let world = world.of_model(is_one_attendee, DEAR, limit, k as u64 * each);
                let world = world.start().await;
                let case = format!("{limit:?} {n} {k} {is_one_attendee}");
                let asks = |ada: Attendee| async move { ask(&ada, DEAR).await };
                compete(&world, (n, k), is_one_attendee, asks, &case).await;
                assert_eq!(world.settle().await.requests, k as u64, "{case}");
            }
        }
    }
}
