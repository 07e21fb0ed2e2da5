//! The AWS calls of running functions: each makes every call of its table and no other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::access::Access;
use lanyard_domain::event::{Event, OwnDeployments};
use lanyard_domain::limit::Limit;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_functions::Target;
use lanyard_gateway::people::People;
use lanyard_gateway::ports::Clock;
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};
use lanyard_protocol::Protocol;
use serde_json::json;
use tokio::time::Instant;

use crate::support::asking::is_one_call;
use crate::support::azure::kept::run_usage;
use crate::support::canary::KEY;
use crate::support::kept::path;
use crate::support::policed::row;
use crate::support::{World, policed};

/// The rows of a function that the SDK's calls show.
pub(crate) fn rows(function: &str) -> BTreeSet<(String, Target)> {
    let calls = lanyard_functions::named(function).unwrap().calls();
    calls.into_iter().filter(|grant| grant.on != Target::AzureIdentity).map(row).collect()
}

/// Lets attendees bring deployments, which are looked for then.
fn bringing(event: &mut Event) {
    event.own_deployments = OwnDeployments::Attendee;
}

/// Cuts what the event grants into parts, of which most are empty.
fn in_many_shards(event: &mut Event) {
    event.shards = 64;
    event.allowances.event.set(Limit::RequestsPerDay, Some(2));
}

/// Splits the event's limits into parts that are too small for a request.
fn in_small_shards(event: &mut Event) {
    event.shards = 64;
    event.allowances.event.set(Limit::TokensTotal, Some(200_000));
}

/// The function of an operation.
fn function(operation: Operation) -> &'static str {
    let name = operation.name().replace('_', "-");
    policed::functions().find(|function| *function == name).expect("each operation has one")
}

#[tokio::test]
async fn relaying_functions_make_only_the_allowed_calls() {
    let relayed = Operation::ALL.iter().copied();
    for operation in relayed.filter(|operation| is_one_call(*operation)) {
        let function = function(operation);
        let world = World::event(function).only(function).everything().keeping();
        let world = world.with(bringing).with(in_many_shards).start().await;
        let ada = world.attendee("ada").await;
        // The second shard that it tries has no room.
        for _ in 0..2 {
            ada.send(ada.asks_for(operation)).await.assert_ok();
        }
        let files = [
            (Operation::ChatCompletions, json!({"type": "file", "file": {"file_id": "file-none"}})),
            (
                Operation::Messages,
                json!({"type": "document", "source": {"type": "file", "file_id": "file-none"}}),
            ),
        ];
        if let Some((_, file)) = files.into_iter().find(|(of, _)| *of == operation) {
            // Whose the file is must be looked up.
            let body = json!({"messages": [{"role": "user", "content": [file]}]});
            let path = format!("/api/v1/{}", Protocol::of(operation).path);
            let refused = ada.send(ada.post(&path, body.to_string())).await;
            refused.assert_refused(404, "object_not_found");
        }
        world.settle().await;
        assert_eq!(world.engine().policed().asked(function), rows(function), "{function}");
    }
}

#[tokio::test]
async fn functions_of_stored_objects_make_only_the_allowed_calls() {
    // A function of jobs may do what a function of objects may.
    let mut asked = BTreeSet::new();
    for of in ["responses", "threads"] {
        // A container comes from a response, whose function makes it.
        for kind in Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Container) {
            let function = function(kind.operation());
            if rows(function) != rows(of) {
                continue;
            }
            let world = World::event(function)
                .only(function)
                .keeping()
                .with(bringing)
                .with(in_small_shards);
            let world = world.start().await;
            let ada = world.attendee("ada").await;
            let id = ada.own(kind).await;
            let (parent, one) = match id.split_once('|') {
                Some((thread, run)) => (thread.to_owned(), format!("{thread}/runs/{run}")),
                None => (id.clone(), id),
            };
            let job = one.rsplit('/').next().unwrap_or_default();
            world.azure().set_job(job, json!({"status": "completed", "usage": run_usage()}));
            let below = |id: &str| format!("{}/{id}", path(kind));
            ada.call(Method::GET, &below(&one), None).await.assert_ok();
            if matches!(kind, Kind::File | Kind::Video) {
                ada.call(Method::GET, &path(kind), None).await.assert_ok();
            }
            world.quiet().await;
            ada.call(Method::DELETE, &below(&parent), None).await.assert_ok();
            world.settle().await;
            asked.extend(world.engine().policed().asked(function));
        }
        assert_eq!(asked, rows(of));
    }
}

#[tokio::test]
async fn finish_jobs_makes_only_the_allowed_calls() {
    let world = World::event("finish").keeping().start().await;
    let ada = world.attendee("ada").await;
    let own = ada.own(Kind::Run).await;
    let (_, run) = own.split_once('|').unwrap();
    world.azure().set_job(run, json!({"status": "completed", "usage": run_usage()}));
    world.quiet().await;
    let (finishing, now) = (world.function("finish-jobs"), world.clock().now());
    let until = Instant::now() + Duration::from_secs(60);
    let finished = ::finish_jobs::handle(finishing, now, until).await.unwrap();
    assert_eq!((finished.settled, finished.left), (1, 0));
    world.settle().await;
    assert_eq!(world.engine().policed().asked("finish-jobs"), rows("finish-jobs"));
}

#[tokio::test]
async fn clear_objects_makes_only_the_allowed_calls() {
    let world = World::event("clear").keeping().start().await;
    let ada = world.attendee("ada").await;
    ada.own(Kind::File).await;
    world.quiet().await;
    world.wait(TimeDelta::days(2));
    let (clearing, now) = (world.function("clear-objects"), world.clock().now());
    let until = Instant::now() + Duration::from_secs(60);
    let cleared = ::clear_objects::handle(clearing, now, until).await.unwrap();
    assert_eq!((cleared.events, cleared.deleted), (1, 1));
    assert_eq!(world.engine().policed().asked("clear-objects"), rows("clear-objects"));
}

#[tokio::test]
async fn reading_functions_make_only_the_allowed_calls() {
    for (function, path) in [("event", "/api/v1/event"), ("models", "/api/v1/models")] {
        let world = World::event(function).only(function).with(bringing).start().await;
        let ada = world.attendee("ada").await;
        ada.send(ada.get(path)).await.assert_ok();
        world.settle().await;
        assert_eq!(world.engine().policed().asked(function), rows(function));
    }
}

#[tokio::test]
async fn the_sweep_makes_only_the_allowed_calls() {
    let world = World::event("sweep").start().await;
    let ada = world.attendee("ada").await;
    for _ in 0..3 {
        world.ledger().next(LedgerCall::Record, LedgerTrouble::Throttle);
    }
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    world.wait(TimeDelta::minutes(30));
    let swept =
        ::sweep::handle(world.function("sweep").gateway(), world.clock().now()).await.unwrap();
    assert_eq!((swept.expired_holds, swept.reconciled_periods), (1, 1));
    world.settle().await;
    assert_eq!(world.engine().policed().asked("sweep"), rows("sweep"));
}

#[tokio::test]
async fn rating_makes_only_the_allowed_calls() {
    let world = World::event("rate").with(bringing).start().await;
    let ada = world.attendee("ada").await;
    let response = ada.chat_in("mine").await.assert_ok().json()["id"].as_str().unwrap().to_owned();
    world.quiet().await;
    let gateway = world.function("rate").gateway();
    let store = Arc::new(world.engine().table_of(&["rate"]));
    let path = format!("/api/v1/responses/{response}/rate");
    let mut rating = ada.post(&path, r#"{"rating": 1}"#);
    rating.headers_mut().insert("x-session-id", "mine".parse().unwrap());
    let rating = world.request(rating);
    rate::handle(Arc::new(People { gateway, store }), rating).await.unwrap();
    world.settle().await;
    assert_eq!(world.engine().policed().asked("rate"), rows("rate"));
}

#[tokio::test]
async fn registering_makes_only_the_allowed_calls() {
    let registered = |event: &mut Event| {
        event.access = Access::Registered { auto_register: false };
    };
    let world = World::event("register").only("register").with(registered).start().await;
    let ada = world.attendee("ada").await;
    ada.register(&world, "a long enough proof").await;
    world.quiet().await;
    // Before there is a key it has no attendee, and so no own deployments.
    let mut expected = rows("register");
    expected.remove(&("dynamodb:Query".to_owned(), Target::Items("OWN#*")));
    assert_eq!(world.engine().policed().asked("register"), expected);
}

#[tokio::test]
async fn own_deployments_make_only_the_allowed_calls() {
    let function = "own-deployments";
    let world = World::event("bind").only(function).with(bringing).start().await;
    let ada = world.signed("ada").await;
    let body = json!({
        "endpoint": world.azure().endpoint(), "operations": ["chat_completions"], "key": KEY,
    });
    let one = "/api/v1/deployments/mine";
    assert_eq!(ada.call(Method::PUT, one, Some(&body)).await.status(), 201);
    ada.call(Method::DELETE, one, None).await.assert_ok();
    // Those who have the code alone may look.
    let bob = world.attendee("bob").await;
    bob.call(Method::GET, "/api/v1/deployments", None).await.assert_ok();
    world.quiet().await;
    assert_eq!(world.engine().policed().asked(function), rows(function));
}
