//! Stored objects are deleted after their event.

use std::time::Duration;

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::object::Kind;
use lanyard_gateway::ports::Clock;
use lanyard_objects::deletion::Cleared;
use lanyard_platform::table::get_text;
use tokio::time::Instant;

use crate::support::kept::path;
use crate::support::{Reply, World};

async fn clear(world: &World) -> Cleared {
    let until = Instant::now() + Duration::from_secs(60);
    ::clear_objects::handle(world.process(), world.clock().now(), until).await.unwrap()
}

async fn a_world_with_objects(name: &str) -> World {
    let world = World::event(name).keeping().start().await;
    for user in ["ada", "bob#1"] {
        let attendee = world.attendee(user).await;
        // A run goes with its thread.
        for kind in Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Run) {
            attendee.own(kind).await;
        }
    }
    world.quiet().await;
    world
}

fn cleared(events: u64, deleted: u64, left: u64) -> Cleared {
    Cleared { events, deleted, left }
}

#[tokio::test]
async fn objects_are_deleted_ten_minutes_after_the_event() {
    let world = a_world_with_objects("over").await;
    assert_eq!(clear(&world).await, cleared(0, 0, 0), "the event is open");
    world.wait(TimeDelta::days(1) + TimeDelta::minutes(10) - TimeDelta::seconds(1));
    assert_eq!(clear(&world).await, cleared(0, 0, 0), "requests may be under way");
    assert_eq!(world.azure().kept().len(), 16);
    world.wait(TimeDelta::seconds(1));
    assert_eq!(clear(&world).await, cleared(1, 16, 0));
    assert!(world.azure().kept().is_empty());
    let calls = world.azure().calls();
    assert_eq!(clear(&world).await, cleared(0, 0, 0));
    assert_eq!(world.azure().calls(), calls);
}

#[tokio::test]
async fn missing_objects_count_as_deleted_and_failures_are_retried() {
    let world = a_world_with_objects("again").await;
    world.azure().lose(&world.azure().kept()[0]);
    world.wait(TimeDelta::days(2));
    for reply in [Reply::error(500, "500", "x"), Reply::too_many_requests(None), Reply::dropped()] {
        world.azure().script(reply);
    }
    assert_eq!(clear(&world).await, cleared(1, 13, 3));
    assert_eq!(clear(&world).await, cleared(1, 3, 0));
    assert!(world.azure().kept().is_empty());
    assert_eq!(clear(&world).await, cleared(0, 0, 0));
}

#[tokio::test]
async fn a_clearing_without_time_leaves_all_to_the_next() {
    let world = a_world_with_objects("late").await;
    world.wait(TimeDelta::days(2));
    let cleared = ::clear_objects::handle(world.process(), world.clock().now(), Instant::now())
        .await
        .unwrap();
    assert_eq!(cleared.deleted, 0);
    assert_eq!(world.azure().kept().len(), 16);
    assert_eq!(clear(&world).await.deleted, 16);
}

#[tokio::test]
async fn an_event_that_is_prolonged_after_the_clearing_stores_and_is_cleared_again() {
    let world = a_world_with_objects("longer").await;
    world.wait(TimeDelta::days(2));
    assert_eq!(clear(&world).await.deleted, 16);
    world
        .change_event(|event| {
            let window = (event.window.starts_at(), event.window.ends_at() + TimeDelta::days(2));
            event.window = lanyard_gateway::testing::a_window(window.0, window.1, "UTC");
        })
        .await;
    world.wait(TimeDelta::minutes(1));
    // Another process, or this one after its memory's life: here it has not lasted that long.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(301)).await;
    tokio::time::resume();
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::File).await;
    ada.call(Method::GET, &format!("{}/{id}", path(Kind::File)), None).await.assert_ok();
    world.quiet().await;
    world.wait(TimeDelta::days(2));
    assert_eq!(clear(&world).await, cleared(1, 1, 0));
    assert!(world.azure().kept().is_empty());
}

#[tokio::test]
async fn an_event_is_marked_with_every_endpoint_that_has_objects_of_it() {
    let world = World::event("marks").keeping().start().await;
    let ada = world.attendee("ada").await;
    for kind in [Kind::File, Kind::Thread] {
        ada.own(kind).await;
    }
    world.quiet().await;
    let items = world.engine().items().await;
    let marks: Vec<_> =
        items.iter().filter(|item| get_text(item, "pk").unwrap() == "MARKS").collect();
    let endpoints: Vec<_> = marks.iter().map(|mark| mark["endpoints"].as_ss().unwrap()).collect();
    assert_eq!(endpoints, [&[world.azure().endpoint()]]);
}
