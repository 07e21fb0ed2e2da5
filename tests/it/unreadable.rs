//! An item that cannot be read stops nothing but itself.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use lanyard_domain::account::Field;
use lanyard_domain::event::OwnDeployments;
use lanyard_domain::object::Kind;
use lanyard_gateway::ports::{Clock, Incident};
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};
use lanyard_objects::deletion::Cleared;
use lanyard_objects::finish::Finished;
use lanyard_platform::table::Table;
use serde_json::json;
use tokio::time::Instant;

use crate::support::World;
use crate::support::azure::kept::run_usage;

/// Overwrites attributes of an item, or makes it.
async fn spoil(table: &Table, pk: &str, sk: &str, name: &str, value: AttributeValue) {
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let update = table.client.update_item().table_name(&table.name);
    let update =
        update.key("pk", key(pk)).key("sk", key(sk)).update_expression("SET #name = :value");
    let update = update.expression_attribute_names("#name", name);
    update.expression_attribute_values(":value", value).send().await.unwrap();
}

fn word() -> AttributeValue {
    AttributeValue::S("spoilt".to_owned())
}

/// A hold of a request whose process died.
async fn crash(world: &World, user: &str) {
    for _ in 0..3 {
        world.ledger().next(LedgerCall::Record, LedgerTrouble::Throttle);
    }
    world.attendee(user).await.chat("hello").await.assert_ok();
    world.quiet().await;
}

fn unreadable(world: &World) -> usize {
    let incidents = world.request_log().incidents();
    incidents.iter().filter(|incident| **incident == Incident::ItemUnreadable).count()
}

async fn sweep(world: &World) -> lanyard_gateway::sweep::Swept {
    ::sweep::handle(world.gateway(), world.clock().now()).await.unwrap()
}

#[tokio::test]
async fn the_sweep_settles_and_reconciles_around_an_unreadable_account() {
    let world = World::event("spoilt-account").start().await;
    // An account whose settled requests can be read although it has a broken hold.
    world.attendee("bob").await.chat("hello").await.assert_ok();
    world.quiet().await;
    crash(&world, "ada").await;
    crash(&world, "eve").await;
    let table = world.engine().table();
    let pk = format!("EVENT#{}", world.id());
    spoil(&table, &pk, "ATTENDEE#bob", "hold@req-x", word()).await;
    world.wait(TimeDelta::minutes(30));
    let swept = sweep(&world).await;
    assert_eq!((swept.expired_holds, swept.reconciled_periods, swept.unreadable), (2, 1, 1));
    assert_eq!(unreadable(&world), 1);
    let event = world.event_account().await;
    assert_eq!((event.count(Field::Held), event.count(Field::Open)), (0, 0));
    assert_eq!(event.count(Field::Requests), 3);

    // Without the item's numbers the event keeps what was posted to it.
    spoil(&table, &pk, "ATTENDEE#bob", "requests", word()).await;
    world.attendee("ada").await.chat("hello").await.assert_ok();
    world.quiet().await;
    world.wait(TimeDelta::minutes(30));
    sweep(&world).await;
    assert_eq!(world.event_account().await.count(Field::Requests), 4);
}

#[tokio::test]
async fn an_event_never_falls_below_what_was_posted_while_an_account_is_unreadable() {
    let world = World::event("posted").start().await;
    world.attendee("bob").await.chat("hello").await.assert_ok();
    world.attendee("ada").await.chat("hello").await.assert_ok();
    world.quiet().await;
    let before = world.event_account().await.spent();
    let account = world.account("bob").await;
    let table = world.engine().table();
    let pk = format!("EVENT#{}", world.id());
    for item in world.engine().items().await {
        for name in item.keys().filter(|name| name.starts_with("period_")) {
            if item["sk"].as_s().unwrap() == "ATTENDEE#bob" {
                spoil(&table, &pk, "ATTENDEE#bob", name, word()).await;
            }
        }
    }
    world.wait(TimeDelta::minutes(30));
    sweep(&world).await;
    assert!(account.spent().tokens() > 0);
    assert_eq!(world.event_account().await.spent(), before);
}

#[tokio::test]
async fn holds_expire_at_an_event_whose_own_account_is_unreadable() {
    let world = World::event("spoilt-event").start().await;
    crash(&world, "ada").await;
    let table = world.engine().table();
    let pk = format!("EVENT#{}", world.id());
    spoil(&table, &pk, "ACCOUNT", "held", word()).await;
    world.wait(TimeDelta::minutes(30));
    let swept = sweep(&world).await;
    assert_eq!((swept.expired_holds, swept.reconciled_periods, swept.unreadable), (1, 0, 1));
    assert_eq!(unreadable(&world), 1);
    assert!(world.account("ada").await.holds.is_empty());
}

#[tokio::test]
async fn a_hold_whose_record_is_unreadable_costs_its_estimate() {
    let world = World::event("spoilt-record").start().await;
    for _ in 0..3 {
        world.ledger().next(LedgerCall::AttendeeSettle, LedgerTrouble::Throttle);
    }
    world.attendee("ada").await.chat("hello").await.assert_ok();
    world.quiet().await;
    let account = world.account("ada").await;
    let (id, hold) = account.holds.iter().next().unwrap();
    let pk = format!("REQUEST#{}#ada", world.id());
    spoil(&world.engine().table(), &pk, id.as_str(), "document", word()).await;
    world.wait(TimeDelta::minutes(30));
    let swept = sweep(&world).await;
    assert_eq!((swept.expired_holds, swept.unreadable), (1, 1));
    let after = world.account("ada").await;
    assert!(after.holds.is_empty());
    assert_eq!(after.spent().tokens(), hold.tokens());
}

#[tokio::test]
async fn the_sweep_leaves_out_an_event_that_it_cannot_read() {
    let world = World::event("spoilt-list").start().await;
    crash(&world, "ada").await;
    let table = world.engine().table();
    spoil(&table, "SWEEP", "EVENT#evt-aa", "expires_at", word()).await;
    spoil(&table, "SWEEP", "EVENT#evt-bb", "listed", word()).await;
    spoil(&table, "EVENT#evt-bb", "EVENT", "document", word()).await;
    spoil(&table, "SWEEP", "EVENT#", "listed", word()).await;
    world.wait(TimeDelta::minutes(30));
    let swept = sweep(&world).await;
    assert_eq!((swept.expired_holds, swept.reconciled_periods, swept.unreadable), (1, 1, 3));
    assert_eq!(unreadable(&world), 3);
}

#[tokio::test]
async fn jobs_are_finished_around_an_unreadable_one() {
    let world = World::event("spoilt-job").keeping().start().await;
    let own = world.attendee("ada").await.own(Kind::Run).await;
    let (_, run) = own.split_once('|').unwrap();
    world.quiet().await;
    let table = world.engine().table();
    spoil(&table, "JOBS", "EVENT#a#ada#run#run_0", "document", word()).await;
    world.azure().set_job(run, json!({"status": "completed", "usage": run_usage()}));
    let until = Instant::now() + Duration::from_secs(30);
    let now = world.clock().now();
    let finished = finish_jobs::handle(world.process(), now, until).await.unwrap();
    assert_eq!(finished, Finished { settled: 1, left: 1 });
    assert_eq!(unreadable(&world), 1);
}

#[tokio::test]
async fn jobs_are_finished_around_a_job_of_an_unreadable_event() {
    let world = World::event("spoilt-job-event").keeping().start().await;
    let own = world.attendee("ada").await.own(Kind::Run).await;
    let (_, run) = own.split_once('|').unwrap();
    world.quiet().await;
    let table = world.engine().table();
    // A copy of the job, at an event that cannot be read.
    let items = world.engine().items().await;
    let job = items.iter().find(|item| item["pk"].as_s().is_ok_and(|pk| pk == "JOBS")).unwrap();
    let copied = job["document"].as_s().unwrap().replace(world.id().as_str(), "evt-aa");
    spoil(&table, "JOBS", "EVENT#evt-aa#ada#run#run_0", "document", AttributeValue::S(copied))
        .await;
    spoil(&table, "JOBS", "EVENT#evt-aa#ada#run#run_0", "schema", job["schema"].clone()).await;
    spoil(&table, "EVENT#evt-aa", "EVENT", "document", word()).await;
    world.azure().set_job(run, json!({"status": "completed", "usage": run_usage()}));
    let until = Instant::now() + Duration::from_secs(30);
    let now = world.clock().now();
    let finished = finish_jobs::handle(world.process(), now, until).await.unwrap();
    assert_eq!(finished, Finished { settled: 1, left: 1 });
    assert_eq!(unreadable(&world), 1);
}

#[tokio::test]
async fn objects_are_cleared_around_an_unreadable_record() {
    let world = World::event("spoilt-object").keeping().start().await;
    let ada = world.attendee("ada").await;
    for kind in [Kind::File, Kind::Thread, Kind::Response] {
        ada.own(kind).await;
    }
    world.quiet().await;
    let table = world.engine().table();
    let objects = format!("OBJECTS#{}", world.id());
    spoil(&table, &objects, "aaa#file#file_0", "document", word()).await;
    spoil(&table, &objects, "zzz#file#file_9", "document", word()).await;
    spoil(&table, "MARKS", "EVENT#", "expires_at", word()).await;
    spoil(&table, "MARKS", "EVENT#evt-aa", "listed", word()).await;
    spoil(&table, "EVENT#evt-aa", "EVENT", "document", word()).await;
    world.wait(TimeDelta::days(2));
    let until = Instant::now() + Duration::from_secs(60);
    let now = world.clock().now();
    let cleared = clear_objects::handle(world.process(), now, until).await.unwrap();
    assert_eq!(cleared, Cleared { events: 1, deleted: 3, left: 2 });
    assert_eq!(unreadable(&world), 4);
    assert!(world.azure().kept().is_empty());
    // The event stays marked, so that the records are looked at again.
    let cleared = clear_objects::handle(world.process(), now, until).await.unwrap();
    assert_eq!(cleared, Cleared { events: 1, deleted: 0, left: 2 });
}

#[tokio::test]
async fn an_unreadable_deployment_is_left_out_and_counted() {
    let world = World::event("spoilt-deployment");
    let world = world.with(|event| event.own_deployments = OwnDeployments::Attendee);
    let world = world.start().await;
    let ada = world.signed("ada").await;
    let table = world.engine().table();
    let own = format!("OWN#{}#ada", world.id());
    spoil(&table, "ORGANISER#organiser", "DEPLOYMENT#gpt-0#main", "document", word()).await;
    spoil(&table, &own, "DEPLOYMENT#gpt-0#main", "document", word()).await;
    ada.chat("hello").await.assert_ok();
    // One of the organiser's and one of the attendee's, once in five seconds.
    assert_eq!(unreadable(&world), 2);
    ada.chat("hello").await.assert_ok();
    assert_eq!(unreadable(&world), 2);
    world.settle().await;
}

#[tokio::test]
async fn an_unreadable_account_is_503_only_for_its_attendee() {
    let world = World::event("spoilt-attendee").start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    bob.chat("hello").await.assert_ok();
    world.quiet().await;
    let pk = format!("EVENT#{}", world.id());
    let table = world.engine().table();
    spoil(&table, &pk, "ATTENDEE#bob", "requests", word()).await;
    bob.chat("hello").await.assert_refused(503, "accounting_unavailable");
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
}

#[tokio::test]
async fn an_unreadable_item_of_each_kind_stops_no_job() {
    let world = World::event("spoilt-all").keeping().start().await;
    let ada = world.attendee("ada").await;
    let own = ada.own(Kind::Run).await;
    let (_, run) = own.split_once('|').unwrap();
    ada.own(Kind::File).await;
    world.attendee("bob").await.chat("hello").await.assert_ok();
    world.quiet().await;
    crash(&world, "eve").await;
    let table = world.engine().table();
    let (event, objects) = (format!("EVENT#{}", world.id()), format!("OBJECTS#{}", world.id()));
    for (pk, sk, name) in [
        (event.as_str(), "ATTENDEE#bob", "requests"),
        ("SWEEP", "EVENT#evt-aa", "listed"),
        ("EVENT#evt-aa", "EVENT", "document"),
        ("JOBS", "EVENT#a#ada#run#run_0", "document"),
        (objects.as_str(), "aaa#file#file_0", "document"),
        ("MARKS", "EVENT#evt-aa", "listed"),
    ] {
        spoil(&table, pk, sk, name, word()).await;
    }
    world.azure().set_job(run, json!({"status": "completed", "usage": run_usage()}));
    let until = Instant::now() + Duration::from_secs(30);
    let finished = finish_jobs::handle(world.process(), world.clock().now(), until).await.unwrap();
    assert_eq!((finished, unreadable(&world)), (Finished { settled: 1, left: 1 }, 1));
    world.wait(TimeDelta::minutes(30));
    let swept = sweep(&world).await;
    assert_eq!((swept.expired_holds, swept.unreadable), (1, 2));
    assert!(world.account("eve").await.holds.is_empty());
    world.wait(TimeDelta::days(2));
    let until = Instant::now() + Duration::from_secs(60);
    let cleared = clear_objects::handle(world.process(), world.clock().now(), until).await.unwrap();
    assert_eq!((cleared.events, cleared.left), (1, 1));
    // The thread takes its run along.
    assert_eq!(world.azure().kept(), [run]);
}
