//! Holds that crashes leave open, and how the sweep closes them.

use chrono::TimeDelta;
use lanyard_domain::account::Field;
use lanyard_domain::allowance::Limit;
use lanyard_domain::reconcile;
use lanyard_gateway::ports::{Clock, Incident};
use lanyard_gateway::sweep::Swept;
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};

use crate::support::World;

async fn sweep(world: &World) -> Swept {
    ::sweep::handle(world.gateway(), world.clock().now()).await.unwrap()
}

fn fail_thrice(world: &World, call: LedgerCall) {
    for _ in 0..3 {
        world.ledger().next(call, LedgerTrouble::Throttle);
    }
}

#[tokio::test]
async fn a_hold_whose_process_died_is_charged_at_its_estimate_when_it_expires() {
    let world = World::event("estimate").with(|e| e.max_completion_tokens = Some(50)).start().await;
    let ada = world.attendee("ada").await;
    fail_thrice(&world, LedgerCall::Record);
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    assert_eq!(world.request_log().incidents(), [Incident::SettleFailed]);
    let account = world.account("ada").await;
    assert_eq!((account.holds.len(), account.count(Field::Requests)), (1, 0));

    // A buffered response may take 285 s, and settling it 5 s. The hold expires a minute later.
    world.wait(TimeDelta::seconds(350) - TimeDelta::milliseconds(1));
    assert_eq!(sweep(&world).await.expired_holds, 0);
    world.wait(TimeDelta::milliseconds(1));
    assert_eq!(sweep(&world).await.expired_holds, 1);
    assert_eq!(sweep(&world).await.expired_holds, 0);
    // The event learns of it when the period is over.
    world.wait(TimeDelta::minutes(28));
    assert_eq!(sweep(&world).await.reconciled_periods, 1);
    assert_eq!(sweep(&world).await.reconciled_periods, 0);
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.completion_tokens), (1, 50));
    assert!(totals.records[0].is_estimated && totals.records[0].model.is_none());
}

#[tokio::test]
async fn a_hold_whose_request_was_recorded_is_charged_as_recorded() {
    let world = World::event("recorded").start().await;
    let ada = world.attendee("ada").await;
    fail_thrice(&world, LedgerCall::AttendeeSettle);
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    assert_eq!(world.account("ada").await.holds.len(), 1);
    world.wait(TimeDelta::minutes(34));
    let swept = sweep(&world).await;
    assert_eq!((swept.expired_holds, swept.reconciled_periods), (1, 1));
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}

#[tokio::test]
async fn an_event_that_a_crash_left_over_held_is_reconciled() {
    let world = World::event("reconcile").everybody(Limit::TokensTotal, 50_000).start().await;
    let ada = world.attendee("ada").await;
    world.ledger().next(LedgerCall::EventSettle, LedgerTrouble::OutcomeUnknown);
    ada.chat("hello").await.assert_ok();
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    // The safe side: too much is held, never too little.
    assert!(world.event_account().await.count(Field::Held) > 0);
    assert_eq!(sweep(&world).await.reconciled_periods, 0, "the period is not over");
    // A request of a later period goes on meanwhile.
    world.wait(TimeDelta::minutes(28));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    assert_eq!(sweep(&world).await.reconciled_periods, 1);
    assert_eq!(world.request_log().incidents(), [Incident::AccountReconciled]);
    assert_eq!(world.settle().await.counts(), (3, 51, 15));
}

#[tokio::test]
async fn a_settlement_of_the_event_with_a_lost_response_is_counted_once() {
    let world = World::event("lost").start().await;
    let ada = world.attendee("ada").await;
    world.ledger().next(LedgerCall::EventSettle, LedgerTrouble::LoseResponse);
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    world.wait(TimeDelta::minutes(30));
    assert_eq!(sweep(&world).await.reconciled_periods, 0, "there is nothing to reconcile");
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}

#[tokio::test]
async fn a_hold_of_the_event_with_a_lost_response_is_released() {
    let world = World::event("charge").start().await;
    let ada = world.attendee("ada").await;
    world.ledger().next(LedgerCall::EventHold, LedgerTrouble::LoseResponse);
    ada.chat("hello").await.assert_refused(503, "accounting_unavailable");
    world.quiet().await;
    assert!(world.account("ada").await.holds.is_empty());
    assert!(world.event_account().await.count(Field::Held) > 0);
    world.wait(TimeDelta::minutes(30));
    assert_eq!(sweep(&world).await.reconciled_periods, 1);
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

#[tokio::test]
async fn a_quiet_event_needs_no_reconciliation() {
    let world = World::event("quiet").start().await;
    for user in ["ada", "bob", "eve"] {
        world.attendee(user).await.chat("hello").await.assert_ok();
    }
    world.quiet().await;
    world.wait(TimeDelta::minutes(30));
    let swept = sweep(&world).await;
    assert_eq!((swept.events, swept.expired_holds, swept.reconciled_periods), (1, 0, 0));
    assert!(world.request_log().incidents().is_empty());
    // After the reconciliation, the counters of the period are gone and requests go on.
    world.attendee("ada").await.chat("hello").await.assert_ok();
    assert_eq!(world.settle().await.counts(), (4, 68, 20));
}

#[tokio::test]
async fn a_period_is_closed_two_minutes_after_its_end_unless_something_of_it_is_held() {
    for is_held in [false, true] {
        let world = World::event("closed").start().await;
        let ada = world.attendee("ada").await;
        if is_held {
            fail_thrice(&world, LedgerCall::AttendeeSettle);
        }
        ada.chat("hello").await.assert_ok();
        world.quiet().await;
        let periods = async || reconcile::periods([&world.event_account().await]).len();
        world.wait(TimeDelta::minutes(12) - TimeDelta::milliseconds(1));
        assert_eq!(sweep(&world).await.reconciled_periods, 0);
        assert_eq!(periods().await, 1);
        world.wait(TimeDelta::milliseconds(1));
        assert_eq!(sweep(&world).await.reconciled_periods, 0);
        assert_eq!(periods().await, usize::from(is_held));
        ada.chat("hello").await.assert_ok();
        world.quiet().await;
        world.wait(TimeDelta::minutes(28));
        assert_eq!(sweep(&world).await.reconciled_periods, u64::from(is_held));
        assert_eq!(world.settle().await.counts(), (2, 34, 10));
    }
}

#[tokio::test]
async fn the_next_request_removes_what_earlier_periods_do_not_hold_any_more() {
    let world = World::event("removed").everybody(Limit::TokensTotal, 50_000).start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    world.wait(TimeDelta::minutes(10));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let account = world.event_account().await;
    let count = |is_its: fn(&Field) -> bool| account.numbers.keys().filter(|f| is_its(f)).count();
    assert_eq!(count(|field| matches!(field, Field::PeriodOpen(_))), 1);
    assert_eq!(count(|field| matches!(field, Field::PeriodHeld(_))), 1);
    assert_eq!(count(|field| matches!(field, Field::PeriodUnitHeld(..))), 1);
    assert_eq!(count(|field| matches!(field, Field::PeriodRequests(_))), 2);
    assert_eq!(world.settle().await.counts(), (2, 34, 10));
}

#[tokio::test]
async fn a_period_waits_for_an_earlier_one_that_a_crash_left_over_held() {
    let world = World::event("ordered").start().await;
    let ada = world.attendee("ada").await;
    world.ledger().next(LedgerCall::EventSettle, LedgerTrouble::OutcomeUnknown);
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    world.wait(TimeDelta::minutes(10));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    // The second period has ended, and nothing of it is held. The first one is not over.
    world.wait(TimeDelta::minutes(12));
    assert_eq!(sweep(&world).await.reconciled_periods, 0);
    assert!(world.event_account().await.count(Field::Held) > 0);
    world.wait(TimeDelta::minutes(28));
    assert_eq!(sweep(&world).await.reconciled_periods, 1);
    assert_eq!(world.event_account().await.count(Field::Held), 0);
    assert_eq!(world.settle().await.counts(), (2, 34, 10));
}
