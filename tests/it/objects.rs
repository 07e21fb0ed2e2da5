//! Objects kept upstream: where they are, what they cost and who may read them.

mod bodies;
mod faults;
mod identities;
mod names;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use lanyard_domain::allowance::Limit;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_gateway::testing::ScriptedUpstream;
use lanyard_objects::store::ObjectStore;
use lanyard_objects::testing::{MemoryObjects, objects_contract};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::attendee::Attendee;
use crate::support::engine::Engine;
use crate::support::kept::path;
use crate::support::{Reply, ScriptedAzure, World};

#[tokio::test]
async fn every_base_leads_to_the_same_objects_and_other_paths_nowhere() {
    let world = World::event("bases").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::VectorStore).await;
    for base in ["v1", "openai/v1", "openai", "v1/openai", "openai-proxy"] {
        let path = format!("/api/{base}/vector_stores/{id}/?api-version=2025-04-01-preview");
        ada.call(Method::GET, &path, None).await.assert_ok();
        assert_eq!(
            world.azure().requests().pop().unwrap().target,
            format!("/openai/v1/vector_stores/{id}")
        );
    }
    for path in [
        format!("/api/v2/vector_stores/{id}"),
        format!("/api/v1/vector_stores/{id}/nothing"),
        format!("/api/v1/vector_stores//{id}"),
        format!("/api/openai/deployments/gpt-4o-mini/vector_stores/{id}"),
        format!("/api/v1/vector_stores/{id}/files/x/y/z"),
    ] {
        ada.call(Method::GET, &path, None).await.assert_refused(404, "unknown_route");
    }
    let wrong = ada.call(Method::PUT, &format!("/api/v1/vector_stores/{id}"), None).await;
    wrong.assert_refused(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), Some("GET, POST, DELETE, OPTIONS"));
    world.settle().await;
}

#[tokio::test]
async fn a_deployment_of_the_classic_api_is_called_by_it() {
    let world = World::event("classic").in_memory().keeping().deployments(|deployments| {
        let classic = lanyard_domain::catalog::AzureApi::Classic("2025-04-01-preview".to_owned());
        deployments[0].api = classic;
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::Response).await;
    let path = format!("/api/v1/responses/{id}/input_items?limit=5&order=asc&x=y");
    ada.call(Method::GET, &path, None).await.assert_ok();
    let targets: Vec<_> = world.azure().requests().into_iter().map(|sent| sent.target).collect();
    assert_eq!(
        targets,
        [
            "/openai/responses?api-version=2025-04-01-preview".to_owned(),
            format!(
                "/openai/responses/{id}/input_items?api-version=2025-04-01-preview&limit=5&order=asc"
            ),
        ]
    );
    world.settle().await;
}

#[tokio::test]
async fn calls_cost_requests_and_reading_one_object_costs_nothing() {
    let world = World::event("cost").in_memory().keeping().requests_per_day(6).start().await;
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::VectorStore).await;
    let one = format!("{}/{id}", path(Kind::VectorStore));
    for call in ["", "/files", "/file_batches/b-1/files"] {
        let listed = if call.is_empty() { path(Kind::VectorStore) } else { format!("{one}{call}") };
        ada.call(Method::GET, &listed, None).await.assert_ok();
    }
    ada.call(Method::POST, &one, Some(&json!({"name": "x"}))).await.assert_ok();
    ada.call(Method::POST, &format!("{one}/search"), Some(&json!({"query": "x"})))
        .await
        .assert_ok();
    world.quiet().await;
    ada.call(Method::DELETE, &one, None).await.assert_refused(402, "insufficient_quota");
    for poll in ["", "/files/f-1", "/file_batches/b-1"] {
        ada.call(Method::GET, &format!("{one}{poll}"), None).await.assert_ok();
    }
    assert_eq!(world.settle().await.counts(), (6, 0, 0));
}

#[tokio::test]
async fn a_call_without_tokens_is_not_refused_when_tokens_are_spent() {
    let world = World::event("no-tokens").in_memory().keeping();
    let world = world.attendee(Limit::TokensTotal, 6_000).attendee(Limit::TokensPerDay, 6_000);
    let world = world.attendee(Limit::TokensPerMinute, 6_000).start().await;
    let ada = world.attendee("ada").await;
    let usage = r#"{"id":"x","usage":{"prompt_tokens":9000,"completion_tokens":5}}"#;
    world.azure().script(crate::support::Reply::json(200, usage));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    assert_eq!(ada.chat("hello").await.status(), 402);
    ada.own(Kind::Conversation).await;
    assert_eq!(world.settle().await.counts(), (2, 9_000, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_files_at_once_an_allowance_of_20_stores_exactly_20() {
    for in_memory in [true, false] {
        let world = World::event("exact").keeping().requests_per_day(20).processes(3);
        let world = if in_memory { world.in_memory() } else { world };
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        let mut making = JoinSet::new();
        for _ in 0..64 {
            let ada = ada.clone();
            making.spawn(async move { ada.make(Kind::File).await.status().as_u16() });
        }
        let statuses = making.join_all().await;
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(200), count(402) + count(429)), (20, 44));
        assert_eq!((world.azure().kept().len(), world.azure().calls()), (20, 20));
        assert_eq!(world.settle().await.counts(), (20, 0, 0));
    }
}

#[tokio::test]
async fn a_blocked_attendee_cannot_read_either() {
    use lanyard_domain::account::{Change, Field};
    let world = World::event("blocked").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::File).await;
    world.change_attendee("ada", vec![Change::Set(Field::Blocked, 1)]).await;
    for end in ["", "/content"] {
        let path = format!("{}/{id}{end}", path(Kind::File));
        ada.call(Method::GET, &path, None).await.assert_refused(403, "attendee_blocked");
    }
    assert_eq!(world.azure().calls(), 1);
    world.settle().await;
}

#[tokio::test]
async fn an_object_is_requested_only_from_the_resource_that_stores_it() {
    let sweden = ScriptedAzure::start().await;
    let endpoint = sweden.endpoint();
    let world = World::event("sticky").in_memory().keeping().two_replicas();
    let world = world.deployments(|deployments| {
        (deployments[4].endpoint, deployments[4].weight) = (endpoint, 1);
        deployments[1].operations.push(Operation::Responses);
    });
    let world = world.start().await;
    for (is_first, here, there) in [(true, world.azure(), &sweden), (false, &sweden, world.azure())]
    {
        let (ada, id) = at_home(&world, here).await;
        let elsewhere = there.calls();
        let one = format!("{}/{id}", path(Kind::Response));
        ada.call(Method::GET, &one, None).await.assert_ok();
        ada.call(Method::GET, &format!("{one}/input_items"), None).await.assert_ok();
        let next = ada.respond(json!({"previous_response_id": id})).await;
        next.assert_ok();
        ada.call(Method::DELETE, &one, None).await.assert_ok();
        assert_eq!(there.calls(), elsewhere);
        // A model that is served at one of the two can go on with it only there.
        let next = next.json()["id"].clone();
        let other = ada.respond(json!({"previous_response_id": next, "model": "gpt-4o"})).await;
        match is_first {
            true => _ = other.assert_ok(),
            false => _ = other.assert_refused(400, "invalid_value"),
        }
    }
    // Busy there is busy: another replica does not have the object.
    let (ada, id) = at_home(&world, world.azure()).await;
    let calls = sweden.calls();
    world.azure().script(crate::support::Reply::too_many_requests(Some("1")));
    let busy = ada.respond(json!({"previous_response_id": id})).await;
    busy.assert_refused(429, "upstream_busy");
    assert_eq!(sweden.calls(), calls);
    world.settle().await;
}

/// An attendee who is served at a resource, and a response of theirs.
async fn at_home(world: &World, home: &ScriptedAzure) -> (Attendee, String) {
    for number in 0..64 {
        let attendee = world.attendee(&format!("attendee-{number}")).await;
        let id = attendee.own(Kind::Response).await;
        if home.kept().contains(&id) {
            return (attendee, id);
        }
    }
    panic!("nobody is served there");
}

#[tokio::test]
async fn objects_of_an_attendee_without_a_model_are_stored_at_one_resource() {
    let sweden = ScriptedAzure::start().await;
    let endpoint = sweden.endpoint();
    let world = World::event("one-place").in_memory().keeping().two_replicas();
    let world = world.deployments(|d| (d[4].endpoint, d[4].weight) = (endpoint, 1)).start().await;
    let mut homes = [0, 0];
    for number in 0..16 {
        let attendee = world.attendee(&format!("attendee-{number}")).await;
        let before = (world.azure().kept().len(), sweden.kept().len());
        for kind in [Kind::File, Kind::VectorStore, Kind::Conversation, Kind::File] {
            attendee.own(kind).await;
        }
        let (here, there) = (world.azure().kept().len() - before.0, sweden.kept().len() - before.1);
        assert!(here == 4 || there == 4, "{here} and {there}");
        homes[usize::from(there == 4)] += 1;
    }
    assert!(homes[0] > 0 && homes[1] > 0, "{homes:?}");
    world.settle().await;
}

#[tokio::test(start_paused = true)]
async fn polls_without_a_pause_are_slowed_to_two_reads_a_second() {
    let azure = Arc::new(ScriptedUpstream::new(|_| {
        Reply::json(200, r#"{"id":"vs_1","object":"vector_store","status":"in_progress"}"#)
    }));
    let world = World::event("pace").in_memory().keeping().requests_per_day(1);
    let world = world.upstream(azure.clone()).start().await;
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::VectorStore).await;
    let one = format!("{}/{id}", path(Kind::VectorStore));
    let begin = Instant::now();
    for _ in 0..20 {
        ada.call(Method::GET, &one, None).await.assert_ok();
    }
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(9_500), "{took:?}");
    assert!(took < Duration::from_millis(9_600), "{took:?}");
    assert_eq!(azure.calls().len(), 21);
    // A read of something else does not wait.
    let begin = Instant::now();
    ada.call(Method::GET, &format!("{one}/files/f-1"), None).await.assert_ok();
    assert!(begin.elapsed() < Duration::from_millis(100));
    assert_eq!(world.settle().await.counts(), (1, 0, 0));
}

#[tokio::test]
async fn memory_keeps_the_owners_contract() {
    let objects: Arc<dyn ObjectStore> = Arc::new(MemoryObjects::default());
    objects_contract(&objects, "memory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_keeps_the_owners_contract() {
    let engine = Engine::start().await;
    let objects: Arc<dyn ObjectStore> = Arc::new(engine.table());
    objects_contract(&objects, "engine").await;
}

/// The same on another engine, as for the ledger.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs another engine, whose address is in LANYARD_ENGINE"]
#[expect(clippy::disallowed_methods, reason = "an engine named by hand is no setting")]
async fn another_engine_keeps_the_owners_contract() {
    let engine = Engine::at(std::env::var("LANYARD_ENGINE").unwrap()).await;
    let objects: Arc<dyn ObjectStore> = Arc::new(engine.table());
    objects_contract(&objects, "another").await;
}

#[tokio::test]
async fn an_event_without_stored_objects_names_no_operation_that_it_refuses() {
    for keeps in [false, true] {
        let world = World::event("stores").with(|event| event.keeps_objects = keeps);
        let world = world.deployments(|deployments| {
            let objects = Operation::ALL.iter().filter(|each| each.needs_stored_objects());
            deployments[0].operations.extend(objects);
        });
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        let body = json!({"model": "gpt-4o-mini", "input": "hello"}).to_string();
        let refused = ada.send(ada.post("/api/v1/responses", body.clone())).await;
        refused.assert_refused(403, "not_offered");
        let event = ada.send(ada.get("/api/v1/event")).await.assert_ok().json();
        let elsewhere = ada.send(ada.post("/api/v1/embeddings", body)).await;
        elsewhere.assert_refused(404, "model_not_found");
        for path in ["files", "vector_stores", "assistants", "threads", "videos", "conversations"] {
            assert_eq!(refused.text().contains(path), keeps, "{}", refused.text());
            assert_eq!(elsewhere.text().contains(path), keeps, "{}", elsewhere.text());
            assert_eq!(event["models"].to_string().contains(path), keeps, "{event}");
        }
        world.settle().await;
    }
}
