//! Jobs that are deleted before their end was seen, and deletion after the event.

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::account::Field;
use lanyard_domain::object::Kind;
use lanyard_domain::unit::Unit;
use lanyard_gateway::ports::Clock;
use lanyard_objects::finish::Finished;
use serde_json::json;
use tokio::time::Instant;

use super::{MADE, a_run, ended, finish, world};
use crate::support::World;
use crate::support::kept::path;
use crate::support::usual::{COMPLETION_TOKENS, PROMPT_TOKENS};

#[tokio::test]
async fn an_ended_run_is_charged_exactly_when_its_thread_is_deleted() {
    let world = world("thread").await;
    let ada = world.attendee("ada").await;
    let (one, run) = a_run(&ada).await;
    world.azure().set_job(&run, ended("completed"));
    let thread = one.split("/runs").next().unwrap();
    ada.call(Method::DELETE, thread, None).await.assert_ok();
    ada.call(Method::GET, thread, None).await.assert_refused(404, "object_not_found");
    assert_eq!(finish(&world).await, Finished::default());
    let counts = (MADE + 1, PROMPT_TOKENS, COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), counts);
}

#[tokio::test]
async fn a_run_that_is_deleted_while_it_works_is_charged_its_estimate() {
    let world = world("at-work").await;
    let ada = world.attendee("ada").await;
    let (one, run) = a_run(&ada).await;
    let held = world.account("ada").await.count(Field::Held);
    ada.call(Method::DELETE, one.split("/runs").next().unwrap(), None).await.assert_ok();
    world.azure().lose(&run);
    assert_eq!(finish(&world).await, Finished { settled: 0, left: 1 });
    world.wait(TimeDelta::minutes(6));
    assert_eq!(finish(&world).await, Finished { settled: 1, left: 0 });
    let totals = world.settle().await;
    assert_eq!(totals.prompt_tokens + totals.completion_tokens, held);
}

#[tokio::test]
async fn a_video_that_failed_costs_nothing_though_it_is_deleted_unseen() {
    let world = world("video").await;
    let ada = world.attendee("ada").await;
    let (failed, made) = (ada.own(Kind::Video).await, ada.own(Kind::Video).await);
    world.azure().set_job(&failed, json!({"status": "failed"}));
    world.azure().set_job(&made, json!({"status": "completed"}));
    for video in [failed, made] {
        let one = format!("{}/{video}", path(Kind::Video));
        ada.call(Method::DELETE, &one, None).await.assert_ok();
    }
    assert_eq!(finish(&world).await, Finished::default());
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.units.get(Unit::VideoSeconds)), (3, 8));
}

#[tokio::test]
async fn a_run_at_the_events_end_is_charged_and_then_deleted_with_its_thread() {
    let world = World::event("over").keeping().start().await;
    let ada = world.attendee("ada").await;
    let (_, run) = a_run(&ada).await;
    let (_, stuck) = a_run(&ada).await;
    let held = world.account("ada").await.holds.values().map(|hold| hold.tokens()).max().unwrap();
    world.quiet().await;
    let end = world.clock().now() + TimeDelta::minutes(1);
    world
        .change_event(|event| {
            let begin = event.window.starts_at();
            event.window = lanyard_gateway::testing::a_window(begin, end, "UTC");
        })
        .await;
    world.wait(TimeDelta::minutes(2));
    world.azure().set_job(&run, ended("completed"));
    assert_eq!(finish(&world).await, Finished { settled: 1, left: 1 });
    // The clearing uses the event's end at the time of each object's creation.
    world.wait(TimeDelta::minutes(10));
    let until = Instant::now() + std::time::Duration::from_secs(60);
    let cleared = ::clear_objects::handle(world.process(), world.clock().now(), until).await;
    assert_eq!(cleared.unwrap().left, 0);
    world.azure().lose(&stuck);
    assert!(!world.azure().kept().iter().any(|id| id.starts_with("thread_")));
    // It is found though the event has no objects any more.
    assert_eq!(finish(&world).await, Finished { settled: 1, left: 0 });
    let totals = world.settle().await;
    let tokens = totals.prompt_tokens + totals.completion_tokens;
    assert_eq!(tokens, PROMPT_TOKENS + COMPLETION_TOKENS + held);
}
