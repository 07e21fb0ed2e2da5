//! Events whose account is in shards: as exact as those of one, over many items.

use chrono::TimeDelta;
use lanyard_administration::direct::{DirectCall, direct};
use lanyard_domain::account::{AccountKey, Change, Field, Write};
use lanyard_domain::allowance::Limit;
use lanyard_domain::shard;
use lanyard_domain::time::EpochNanos;
use lanyard_gateway::ports::{Clock, Incident};
use lanyard_gateway::sweep::Swept;
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};
use lanyard_platform::table::{Key, get_text};
use serde_json::json;

use crate::races::Race;
use crate::support::{Gate, Reply, World};

async fn sweep(world: &World) -> Swept {
    ::sweep::handle(world.gateway(), world.clock().now()).await.unwrap()
}

/// Whether no number of shards may be so large: a rate is not gathered.
fn is_too_small(limit: Limit, k: usize, shards: u16) -> bool {
    limit == Limit::TokensPerMinute && k < shards.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_of_an_event_in_shards_admits_exactly_what_fits() {
    for shards in [4, 16] {
        for (n, k) in [(2, 1), (16, 7), (256, 100)] {
            let is_fit = |limit: &Limit| !is_too_small(*limit, k, shards);
            for limit in Limit::ALL.iter().copied().filter(is_fit) {
                let is_in_memory = n > 16;
                Race { n, k, limit, is_one_attendee: false, shards, is_in_memory }.run().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_256_requests_at_once_to_sixteen_items_of_the_engine_exactly_100_fit() {
    for limit in [Limit::TokensTotal, Limit::TokensPerMinute, Limit::ImagesTotal] {
        let (n, k, shards) = (256, 100, 16);
        Race { n, k, limit, is_one_attendee: false, shards, is_in_memory: false }.run().await;
    }
}

#[tokio::test]
async fn a_request_above_a_shards_part_of_the_minute_is_admitted_and_delays_the_next_one() {
    for (asked, then) in [(1_500, 200), (3_000, 429), (9_000, 429)] {
        let world = World::event("large").in_memory().with(|event| event.shards = 4);
        let world = world.everybody(Limit::TokensPerMinute, 4_000).start().await;
        let gate = Gate::closed();
        world.azure().script(Reply::chat("slow").held(&gate));
        let send = || {
            let (world, gate) = (&world, &gate);
            async move {
                let ada = world.attendee("ada").await;
                let body =
                    json!({"max_tokens": asked, "messages": [{"role": "user", "content": "Hi"}]});
                let request = ada.post("/api/v1/chat/completions", body.to_string());
                let response = ada.send(request).await;
                gate.open();
                response
            }
        };
        let second = async {
            world.azure().called(1).await;
            // Until the other shards have taken over the debt.
            world.quiet().await;
            send().await
        };
        let (first, second) = tokio::join!(send(), second);
        first.assert_ok();
        assert_eq!(second.status(), then, "{asked}");
        if then == 429 {
            second.assert_refused(429, "rate_limit_exceeded");
        }
        world.settle().await;
    }
}

#[tokio::test]
async fn a_flood_of_refused_requests_costs_no_calls() {
    let world = World::event("flood").everybody(Limit::RequestsPerDay, 3).with(|e| e.shards = 8);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..3 {
        ada.chat("hello").await.assert_ok();
    }
    world.quiet().await;
    ada.chat("hello").await.assert_refused(402, "insufficient_quota");
    world.quiet().await;
    let before = world.ledger().asked_in_all();
    for _ in 0..20 {
        ada.chat("hello").await.assert_refused(402, "insufficient_quota");
    }
    assert_eq!(world.ledger().asked_in_all(), before);
    assert_eq!(world.settle().await.requests, 3);
}

#[tokio::test]
async fn with_enough_room_a_request_to_shards_costs_no_more_calls() {
    let mut costs = Vec::new();
    for shards in [1, 16] {
        let world = World::event("plenty").everybody(Limit::TokensTotal, 10_000_000);
        let world = world.with(|e| e.shards = shards).start().await;
        let ada = world.attendee("ada").await;
        ada.chat("hello").await.assert_ok();
        world.quiet().await;
        let before = world.ledger().asked_in_all();
        for _ in 0..10 {
            ada.chat("hello").await.assert_ok();
        }
        world.quiet().await;
        costs.push(world.ledger().asked_in_all() - before);
        assert_eq!(world.settle().await.requests, 11);
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test]
async fn room_lost_between_two_shards_is_restored_by_the_sweep() {
    let world = World::event("lost").everybody(Limit::TokensTotal, 20_000);
    let world = world.with(|e| e.shards = 4).start().await;
    let ada = world.attendee("ada").await;
    // A process took all there was, and died a moment ago.
    let now = world.clock().now();
    for shard in 0..4 {
        let changes = vec![
            Change::Add(Field::Committed, 5_000),
            Change::Add(Field::Moved(Limit::TokensTotal.into(), None), 5_000),
            Change::Set(Field::MovedAt, EpochNanos::from(now - TimeDelta::seconds(10)).0),
        ];
        let write = Write { conditions: Vec::new(), changes };
        world.true_ledger().apply(&AccountKey::of_shard(world.id(), shard), &write).await.unwrap();
    }
    ada.chat("hello").await.assert_refused(402, "insufficient_quota");
    world.quiet().await;
    sweep(&world).await;
    world.wait(TimeDelta::seconds(6));
    ada.chat("hello").await.assert_refused(402, "insufficient_quota");
    world.wait(TimeDelta::seconds(105));
    sweep(&world).await;
    world.wait(TimeDelta::seconds(6));
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.requests, 1);
    // All of it is in the first, whatever was spent there: it is still one budget.
    let first = world.true_ledger().account(&AccountKey::Event(world.id().clone())).await;
    assert!(first.unwrap().unwrap().get(Field::Committed) <= 22 - 15_000);
}

#[tokio::test]
async fn shards_that_crashes_left_over_held_are_reconciled_together() {
    let world = World::event("reconcile").with(|e| e.shards = 4).start().await;
    let ada = world.attendee("ada").await;
    for request in 0..12 {
        if request % 3 == 0 {
            world.ledger().next(LedgerCall::EventSettle, LedgerTrouble::OutcomeUnknown);
        }
        ada.chat("hello").await.assert_ok();
        world.quiet().await;
    }
    assert!(world.event_account().await.count(Field::Held) > 0);
    assert_eq!(sweep(&world).await.reconciled_periods, 0, "the period is not over");
    world.wait(TimeDelta::minutes(28));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    assert_eq!(sweep(&world).await.reconciled_periods, 1);
    assert_eq!(sweep(&world).await.reconciled_periods, 0);
    assert_eq!(world.request_log().incidents(), [Incident::AccountReconciled]);
    assert_eq!(world.settle().await.counts(), (13, 221, 65));
    // A quiet period needs none, and leaves nothing behind.
    world.wait(TimeDelta::minutes(30));
    assert_eq!(sweep(&world).await.reconciled_periods, 0);
    assert_eq!(world.settle().await.requests, 13);
}

#[tokio::test]
async fn usage_of_shards_is_reported_as_one() {
    let world = World::event("report").with(|e| e.shards = 16).start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..12 {
        ada.chat("hello").await.assert_ok();
    }
    assert_eq!(world.settle().await.counts(), (12, 204, 60));
    let items = world.table_items().await;
    let keys = |sk: &str| {
        let keys = items.iter().filter_map(|item| Some((get_text(item, "pk").ok()?, item)));
        let are =
            keys.filter(|(_, item)| get_text(item, "sk").is_ok_and(|key| key.starts_with(sk)));
        are.map(|(pk, _)| pk.to_owned()).collect::<Vec<_>>()
    };
    let (accounts, hours) = (keys("ACCOUNT"), keys("HOUR#"));
    assert!(accounts.len() > 4 && hours.len() > 4, "{accounts:?} {hours:?}");
    let used: Vec<_> = (0..16)
        .map(|n| AccountKey::of_shard(world.id(), n))
        .filter(|key| accounts.contains(&Key::account(key).pk))
        .collect();
    assert_eq!(used.len(), accounts.len());
    let shards = world.true_ledger().accounts(&used).await.unwrap();
    assert_eq!(shard::total(&shards).count(Field::Requests), 12);

    for by in ["model", "hour"] {
        let path = format!("/events/{}/usage?by={by}", world.id());
        let call = DirectCall {
            method: "GET".to_owned(),
            path,
            organiser: Some("organiser".to_owned()),
            body: None,
        };
        let usage = direct(&world.admin(), call).await.unwrap().body;
        assert_eq!(usage["total"]["requests"], json!(12));
        assert_eq!(usage["rows"].as_array().unwrap().len(), 1, "{usage}");
        assert_eq!(usage["rows"][0]["requests"], json!(12));
    }
}
