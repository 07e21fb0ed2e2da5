//! The store's faults: nothing unmetered leaves, and nothing is counted twice.

use std::time::Duration;

use chrono::TimeDelta;
use lanyard_domain::allowance::Limit;
use lanyard_gateway::ports::Incident;
use lanyard_gateway::testing::{EventTrouble, LedgerCall, LedgerTrouble};

use crate::support::World;

const HOLDS: [LedgerCall; 2] = [LedgerCall::AttendeeHold, LedgerCall::EventHold];

/// An attendee with a seat.
async fn a_seated_world(name: &str) -> World {
    let world = World::event(name).in_memory().timeout(Duration::from_millis(300));
    let world = world.requests_per_day(9).start().await;
    world.attendee("ada").await.chat("hello").await.assert_ok();
    world.quiet().await;
    world
}

#[tokio::test]
async fn a_store_that_does_not_work_is_503_and_nothing_is_sent() {
    for trouble in [LedgerTrouble::Throttle, LedgerTrouble::OutcomeUnknown, LedgerTrouble::Hang] {
        for call in HOLDS {
            let world = a_seated_world("unavailable").await;
            let ada = world.attendee("ada").await;
            world.ledger().always(call, trouble);
            let response = ada.chat("hello").await;
            let case = format!("{trouble:?} {call:?} {}", response.text());
            assert_eq!(
                (response.status().as_u16(), response.code().as_str()),
                (503, "accounting_unavailable"),
                "{case}"
            );
            let wait: u64 = response.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=5).contains(&wait), "{case}");
            assert_eq!(world.azure().calls(), 1, "{case}");
            world.ledger().recover();
            ada.chat("hello").await.assert_ok();
            assert_eq!(world.settle().await.requests, 2, "{case}");
        }
    }
}

#[tokio::test]
async fn a_new_attendee_can_retry_after_the_store_failed() {
    for trouble in [LedgerTrouble::Throttle, LedgerTrouble::OutcomeUnknown, LedgerTrouble::Hang] {
        let world = World::event("newcomer").in_memory().timeout(Duration::from_millis(300));
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        world.ledger().always(LedgerCall::OtherWrite, trouble);
        ada.chat("hello").await.assert_refused(503, "accounting_unavailable");
        world.ledger().recover();
        world.wait(TimeDelta::seconds(6));
        ada.chat("hello").await.assert_ok();
        assert_eq!((world.azure().calls(), world.settle().await.requests), (1, 1), "{trouble:?}");
    }
}

#[tokio::test]
async fn one_throttled_write_is_tried_again() {
    for call in [
        LedgerCall::AttendeeHold,
        LedgerCall::EventHold,
        LedgerCall::AttendeeSettle,
        LedgerCall::EventSettle,
        LedgerCall::Record,
        LedgerCall::OtherWrite,
    ] {
        let world = World::event("once").in_memory().start().await;
        let ada = world.attendee("ada").await;
        world.ledger().next(call, LedgerTrouble::Throttle);
        ada.chat("hello").await.assert_ok();
        assert_eq!(world.settle().await.counts(), (1, 17, 5), "{call:?}");
        assert!(world.request_log().incidents().is_empty());
    }
}

#[tokio::test]
async fn a_write_with_a_lost_response_is_made_once() {
    for call in [LedgerCall::AttendeeHold, LedgerCall::AttendeeSettle, LedgerCall::Record] {
        for engine in [false, true] {
            let world = World::event("lost").requests_per_day(2);
            let world = if engine { world } else { world.in_memory() };
            let world = world.start().await;
            let ada = world.attendee("ada").await;
            world.ledger().next(call, LedgerTrouble::LoseResponse);
            ada.chat("hello").await.assert_ok();
            assert_eq!(world.settle().await.counts(), (1, 17, 5), "{call:?}");
            ada.chat("hello").await.assert_ok();
            world.quiet().await;
            ada.chat("hello").await.assert_refused(402, "insufficient_quota");
            assert_eq!(world.settle().await.counts(), (2, 34, 10), "{call:?}");
        }
    }
}

#[tokio::test]
async fn a_failed_settlement_keeps_its_hold_and_can_be_replayed() {
    for call in [LedgerCall::Record, LedgerCall::AttendeeSettle] {
        let world = World::event("replay").in_memory().start().await;
        let ada = world.attendee("ada").await;
        for _ in 0..3 {
            world.ledger().next(call, LedgerTrouble::OutcomeUnknown);
        }
        ada.chat("hello").await.assert_ok();
        world.quiet().await;
        assert_eq!(world.ledger().asked(call), 3);
        assert_eq!(world.request_log().incidents(), [Incident::SettleFailed]);
        assert_eq!(world.account("ada").await.holds.len(), 1);
    }
}

#[tokio::test]
async fn a_failed_count_for_charts_fails_no_request() {
    let world = World::event("chart").in_memory().start().await;
    world.ledger().always(LedgerCall::Hour, LedgerTrouble::OutcomeUnknown);
    world.attendee("ada").await.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}

#[tokio::test]
async fn a_refusal_by_one_account_releases_the_hold_on_the_other() {
    let world = World::event("undo").requests_per_day(1).everybody(Limit::RequestsPerDay, 2);
    let world = world.start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    // Ada's refusal must not use up what is left for everybody.
    ada.chat("hello").await.assert_refused(402, "insufficient_quota");
    world.quiet().await;
    bob.chat("hello").await.assert_ok();
    world.quiet().await;
    // And everybody's must not use up Eve's.
    let eve = world.attendee("eve").await;
    eve.chat("hello").await.assert_refused(402, "insufficient_quota");
    assert_eq!(world.azure().calls(), 2);
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn a_flood_of_refused_requests_writes_nothing() {
    for (limit, status) in [(Limit::RequestsPerMinute, 429), (Limit::RequestsPerDay, 402)] {
        let world = World::event("flood").attendee(limit, 1).start().await;
        let ada = world.attendee("ada").await;
        ada.chat("hello").await.assert_ok();
        // A settlement may make room, so refusals are forgotten then.
        world.quiet().await;
        assert_eq!(ada.chat("hello").await.status(), status);
        world.quiet().await;
        let before = world.ledger().asked_in_all();
        for _ in 0..50 {
            assert_eq!(ada.chat("hello").await.status(), status);
        }
        world.quiet().await;
        assert_eq!(world.ledger().asked_in_all(), before, "{limit:?}");
        // It is not believed for ever.
        world.wait(TimeDelta::seconds(5));
        ada.chat("hello").await;
        assert!(world.ledger().asked_in_all() > before, "{limit:?}");
        assert_eq!(world.settle().await.requests, 1);
    }
}

#[tokio::test]
async fn a_rate_limit_names_the_moment_from_which_the_request_fits() {
    let world = World::event("exact").attendee(Limit::RequestsPerMinute, 7).start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..7 {
        ada.chat("hello").await.assert_ok();
    }
    let refused = ada.chat("hello").await;
    refused.assert_refused(429, "rate_limit_exceeded");
    let ms: i64 = refused.header("retry-after-ms").unwrap().parse().unwrap();
    assert_eq!(refused.header("retry-after"), Some("9"));
    assert_eq!(refused.header("x-should-retry"), None);
    world.wait(TimeDelta::milliseconds(ms - 1));
    ada.chat("hello").await.assert_refused(429, "rate_limit_exceeded");
    world.wait(TimeDelta::milliseconds(1));
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.requests, 8);
}

#[tokio::test]
async fn an_unreadable_event_is_503() {
    let world = World::event("unreadable").in_memory().start().await;
    let ada = world.attendee("ada").await;
    world.events().trouble(Some(EventTrouble::Unreadable));
    ada.chat("hello").await.assert_refused(503, "accounting_unavailable");
    world.events().trouble(None);
    ada.chat("hello").await.assert_ok();
    assert_eq!((world.azure().calls(), world.settle().await.requests), (1, 1));
}
