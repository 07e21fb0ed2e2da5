//! What functions ask of AWS, seen at work: each asks for every row of its table and no other.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use lanyard_gateway::ports::Clock;
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};
use lanyard_platform::grants::{Target, Work};

use crate::support::World;
use crate::support::policed::row;

/// The rows of a function that the SDK's calls show.
pub(crate) fn rows(function: &str) -> BTreeSet<(String, Target)> {
    let calls = Work::of(function).unwrap().calls();
    calls.into_iter().filter(|grant| grant.on != Target::AzureIdentity).map(row).collect()
}

#[tokio::test]
async fn chat_completions_ask_for_their_rows_and_no_others() {
    let world = World::event("chat").only("chat-completions").start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.settle().await;
    let asked = world.engine().policed().asked("chat-completions");
    assert_eq!(asked, rows("chat-completions"));
}

#[tokio::test]
async fn embeddings_ask_for_their_rows_and_no_others() {
    let world = World::event("embed").only("embeddings").start().await;
    let ada = world.attendee("ada").await;
    ada.embed(serde_json::json!("hello")).await.assert_ok();
    world.settle().await;
    assert_eq!(world.engine().policed().asked("embeddings"), rows("embeddings"));
}

#[tokio::test]
async fn what_attendees_may_know_takes_the_rows_of_reading_and_no_others() {
    for (function, path) in [("event", "/api/v1/event"), ("models", "/api/v1/models")] {
        let world = World::event(function).only(function).start().await;
        let ada = world.attendee("ada").await;
        ada.send(ada.get(path)).await.assert_ok();
        world.settle().await;
        assert_eq!(world.engine().policed().asked(function), rows(function));
    }
}

#[tokio::test]
async fn the_sweep_asks_for_its_rows_and_no_others() {
    let world = World::event("sweep").start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..3 {
        world.ledger().next(LedgerCall::Record, LedgerTrouble::Throttle);
    }
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    world.wait(TimeDelta::minutes(30));
    let swept = ::sweep::handle(world.sweeper(), world.clock().now()).await.unwrap();
    assert_eq!((swept.expired_holds, swept.mended_periods), (1, 1));
    world.settle().await;
    assert_eq!(world.engine().policed().asked("sweep"), rows("sweep"));
}
