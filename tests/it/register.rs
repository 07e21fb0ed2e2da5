//! `POST /api/event/{id}/register`, personal keys, and the event's public page.

use chrono::TimeDelta;
use lanyard_domain::access::Access;
use lanyard_domain::event::Event;
use lanyard_domain::object::Kind;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::builder::Builder;
use crate::support::{TestResponse, World};

const PROOF: &str = "correct horse battery";

fn registered(name: &str, auto_register: bool) -> Builder {
    World::event(name).with(|event| {
        event.access = Access::Registered { auto_register };
        event.signing.secret = "a secret of this test".to_owned();
    })
}

fn key(response: &TestResponse) -> String {
    response.json()["api_key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_is_claimed_once_seen_again_and_admits_its_user() {
    let world = registered("claim", false).start().await;
    let ada = world.attendee("Ada").await;
    let refused = ada.chat("hello").await;
    refused.assert_refused(403, "registration_required");
    assert!(refused.text().contains("POST /api/event/evt-claim/register"));

    let first = ada.register(&world, PROOF).await;
    assert_eq!(first.status(), 201, "{}", first.text());
    let again = ada.register(&world, PROOF).await;
    assert_eq!((again.status().as_u16(), key(&again)), (201, key(&first)));
    ada.register(&world, "another proof!").await.assert_refused(403, "already_registered");
    world.chat_as(&key(&first)).await.assert_ok();
    // The code alone still does not do.
    ada.chat("hello").await.assert_refused(403, "registration_required");
    let totals = world.settle().await;
    assert_eq!(totals.records[0].user.as_str(), "ada");
    for item in world.table_items().await {
        let text = format!("{item:?}");
        assert!(!text.contains(PROOF) && !text.contains(&key(&first)));
    }
}

#[tokio::test]
async fn a_removed_registration_ends_its_key_and_frees_the_name() {
    let world = registered("reset", false).start().await;
    let ada = world.attendee("ada").await;
    world.random().set(10);
    let old = key(&ada.register(&world, PROOF).await);
    world.organise("DELETE", "/registrations/ada", json!({}), 200).await;
    world.organise("DELETE", "/registrations/ada", json!({}), 404).await;
    world.chat_as(&old).await.assert_refused(401, "invalid_event_code");
    world.random().set(20);
    let new = key(&ada.register(&world, "another proof!").await);
    world.chat_as(&old).await.assert_refused(401, "invalid_event_code");
    world.chat_as(&new).await.assert_ok();
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_256_claims_of_one_name_exactly_one_proof_wins() {
    let world = registered("race-claim", false).seats(1).processes(3).start().await;
    let mut claims = JoinSet::new();
    for i in 0..256 {
        let (world, ada) = (world.clone(), world.attendee("ada").await);
        let proof = format!("proof number {:06}", i);
        claims.spawn(async move {
            // A store that is too slow gives 503, and the client tries again.
            loop {
                let response = ada.register(&world, &proof).await;
                if response.status() != 503 {
                    return (proof, response);
                }
            }
        });
    }
    let responses = claims.join_all().await;
    let won: Vec<_> = responses.iter().filter(|(_, response)| response.status() == 201).collect();
    assert_eq!(won.len(), 1);
    let (proof, response) = won[0];
    for (_, lost) in responses.iter().filter(|(of, _)| of != proof) {
        // More than twenty proofs in a minute are not even looked at.
        match lost.status().as_u16() {
            429 => lost.assert_refused(429, "rate_limit_exceeded"),
            _ => lost.assert_refused(403, "already_registered"),
        };
    }
    world.wait(TimeDelta::minutes(1));
    let ada = world.attendee("ada").await;
    assert_eq!(key(&ada.register(&world, proof).await), key(response));
    world.chat_as(&key(response)).await.assert_ok();
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_registrations_at_once_as_many_succeed_as_there_are_seats() {
    let world = registered("race-seats", false).seats(10).processes(3).start().await;
    let mut claims = JoinSet::new();
    for i in 0..64 {
        let (world, user) = (world.clone(), world.attendee(&format!("user-{i}")).await);
        claims.spawn(async move { user.register(&world, PROOF).await });
    }
    let responses = claims.join_all().await;
    let count = |status| responses.iter().filter(|response| response.status() == status).count();
    assert_eq!((count(201), count(403)), (10, 54));
    for response in responses.iter().filter(|response| response.status() == 403) {
        response.assert_refused(403, "event_full");
    }
    world.settle().await;
}

#[tokio::test]
async fn with_auto_register_the_code_admits_unclaimed_names() {
    let world = registered("auto", true).seats(2).start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    ada.chat("hello").await.assert_ok();
    let named = format!("evt-auto@{}/ada", world.code());
    world.chat_as(&named).await.assert_ok();
    world
        .chat_as(&named.replace("evt-auto", "evt-other"))
        .await
        .assert_refused(401, "invalid_event_code");
    let key = key(&bob.register(&world, PROOF).await);
    bob.chat("hello").await.assert_refused(403, "registration_required");
    world.chat_as(&key).await.assert_ok();
    // Others find no seat.
    world.attendee("cleo").await.chat("hello").await.assert_refused(403, "event_full");
    world.attendee("cleo").await.register(&world, PROOF).await.assert_refused(403, "event_full");
    // A person who has the code can still claim the name, which then needs the key.
    ada.register(&world, PROOF).await;
    ada.chat("hello").await.assert_refused(403, "registration_required");
    assert_eq!(world.settle().await.requests, 3);
}

#[tokio::test]
async fn a_name_that_may_have_stored_objects_cannot_be_claimed() {
    let world = registered("objects", true).keeping().start().await;
    let ada = world.attendee("ada").await;
    let file = ada.own(Kind::File).await;
    let path = format!("/api/v1/files/{file}");
    let mallory = world.attendee("ada").await;
    let refused = mallory.register(&world, PROOF).await;
    assert!(refused.assert_refused(403, "already_registered").text().contains("in use"));
    ada.send(ada.get(&path)).await.assert_ok();
    // An unused name is free, and its objects are its own.
    let bob = key(&world.attendee("bob").await.register(&world, PROOF).await);
    let mut request = ada.get(&path);
    request.headers_mut().insert("openai-event-code", bob.parse().unwrap());
    world.send(request).await.assert_refused(404, "object_not_found");
    world.settle().await;
}

#[tokio::test]
async fn after_the_event_a_key_can_still_be_seen_and_nobody_registers() {
    let world = registered("afterwards", false);
    let world = world.window("2026-12-05T08:00:00Z", "2026-12-06T17:00:00Z", "UTC").start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let first = key(&ada.register(&world, PROOF).await);
    world.chat_as(&first).await.assert_ok();
    world.settle().await;
    world.wait(TimeDelta::days(3));
    let again = key(&ada.register(&world, PROOF).await);
    assert_eq!(again, first);
    let mut mine = ada.get("/api/event/mine");
    mine.headers_mut().insert("openai-event-code", again.parse().unwrap());
    let mine = world.send(mine).await.assert_ok().json();
    assert_eq!((&mine["usage"]["requests"], &mine["status"]), (&json!(1), &json!("ended")));
    world.chat_as(&again).await.assert_refused(403, "event_ended");
    ada.register(&world, "another proof!").await.assert_refused(403, "already_registered");
    for proof in [PROOF, "short"] {
        bob.register(&world, proof).await.assert_refused(403, "event_ended");
    }
    world.settle().await;
}

#[tokio::test]
async fn proofs_for_one_name_have_a_rate() {
    let world = registered("proofs", false).start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    ada.register(&world, PROOF).await;
    for _ in 0..19 {
        ada.register(&world, "another long proof").await.assert_refused(403, "already_registered");
    }
    let refused = ada.register(&world, "another long proof").await;
    refused.assert_refused(429, "rate_limit_exceeded");
    assert_eq!(refused.header("retry-after"), Some("3"));
    bob.register(&world, PROOF).await;
    world.wait(TimeDelta::seconds(3));
    ada.register(&world, PROOF).await;
    world.settle().await;
}

#[tokio::test]
async fn odd_registrations_are_refused() {
    let world = registered("odd", false).start().await;
    let ada = world.attendee("ada").await;
    for body in [r#"{}"#, r#"{"proof":1}"#, "[]", "", r#"{"proof":"long enough here","x":1}"#] {
        let path = format!("/api/event/{}/register", world.id());
        ada.send(ada.post(&path, body)).await.assert_refused(400, "invalid_json");
    }
    for proof in ["", "too short", &"x".repeat(257)] {
        ada.register(&world, proof).await.assert_refused(400, "invalid_value");
    }
    let large = ada.register(&world, &"x".repeat(10_000)).await;
    large.assert_refused(413, "request_too_large");
    assert!(large.text().contains("larger than 8 KiB"), "{}", large.text());
    let unknown = ada.post("/api/event/evt-other/register", json!({"proof": PROOF}).to_string());
    ada.send(unknown).await.assert_refused(401, "invalid_event_code");
    let open = World::event("open").start().await;
    let bob = open.attendee("bob").await;
    bob.register(&open, PROOF).await.assert_refused(403, "not_offered");
    open.settle().await;
    world.settle().await;
}

#[tokio::test]
async fn a_dummy_key_hides_no_good_code_when_a_name_is_registered() {
    let world = registered("dummy", false).start().await;
    let ada = world.attendee("ada").await;
    let path = format!("/api/event/{}/register", world.id());
    let code = world.code();
    for (user, dummy, good) in [
        ("user-1", "dummy", format!("Bearer {code}")),
        ("user-2", "sk-x/y", format!("Bearer {code}/user-2")),
    ] {
        let mut request = ada.post(&path, json!({"proof": PROOF}).to_string());
        let headers = request.headers_mut();
        headers.remove("openai-event-code");
        headers.insert("api-key", dummy.parse().unwrap());
        headers.insert("x-user-id", user.parse().unwrap());
        headers.insert("authorization", good.parse().unwrap());
        let response = ada.send(request).await;
        assert_eq!(response.status(), 201, "{}", response.text());
        assert_eq!(response.json()["user"], user);
    }
    world.settle().await;
}

#[tokio::test]
async fn a_registered_user_may_look_and_others_may_not() {
    let world = registered("look", true).start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    ada.register(&world, PROOF).await;
    ada.send(ada.get("/api/v1/models")).await.assert_refused(403, "registration_required");
    bob.send(bob.get("/api/v1/models")).await.assert_ok();
    world.settle().await;
}

#[tokio::test]
async fn the_public_page_has_no_code_and_an_address_only_on_demand() {
    let change = |event: &mut Event| {
        event.contact.name = "Kari".to_owned();
        event.contact.email = "kari@example.org".to_owned();
    };
    let world = World::event("page").with(change).start().await;
    let page = async || {
        let request = http::Request::get("/api/event/evt-page").body(Default::default()).unwrap();
        world.send(request).await
    };
    let shown = page().await.assert_ok().json();
    assert_eq!(shown["organiser"], json!({"name": "Kari", "email": null}));
    assert_eq!((&shown["status"], &shown["access"]), (&json!("open"), &json!("open")));
    assert_eq!(shown.as_object().unwrap().len(), 12, "{shown}");
    world.change_event(|event| event.contact.is_email_public = true).await;
    world.wait(chrono::TimeDelta::seconds(6));
    assert_eq!(page().await.json()["organiser"]["email"], "kari@example.org");
    let request = http::Request::get("/api/event/evt-none").body(Default::default()).unwrap();
    world.send(request).await.assert_refused(404, "event_not_found");
    world.settle().await;
}
