//! Records that must not get lost: an owner, an object that has none, and what Azure has lost.

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::object::Kind;
use lanyard_gateway::ports::Incident;
use serde_json::json;

use crate::support::kept::path;
use crate::support::{Reply, World};

#[tokio::test]
async fn an_object_whose_owner_cannot_be_stored_is_deleted_with_503() {
    // The tests of jobs check their charge.
    for kind in Kind::ALL.iter().copied().filter(|kind| !kind.is_job()) {
        let world = World::event("unwritten").in_memory().keeping().requests_per_day(3).start();
        let world = world.await;
        let ada = world.attendee("ada").await;
        world.objects().fail_puts(3);
        let refused = ada.make(kind).await;
        refused.assert_refused(503, "ownership_unavailable");
        assert!(refused.header("retry-after").is_some());
        assert!(world.azure().kept().is_empty(), "{kind}");
        assert_eq!(world.request_log().incidents(), [Incident::ObjectUnrecorded]);
        // A write that fails twice is made the third time.
        world.objects().fail_puts(2);
        let id = ada.own(kind).await;
        assert_eq!(world.azure().kept(), [id]);
        let response = ada.own(kind).await;
        assert!(world.azure().kept().contains(&response));
        // A model has worked for the response; nothing else was used.
        let is_by_model = matches!(kind, Kind::Response | Kind::Container);
        let (requests, tokens) = if is_by_model { (3, 3) } else { (2, 0) };
        let totals = world.settle().await;
        assert_eq!(totals.counts(), (requests, 17 * tokens, 5 * tokens), "{kind}");
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_deleted_either_is_reported_and_nobodys() {
    let world = World::event("orphan").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    world.objects().fail_puts(3);
    let made = json!({"id": "vs_orphan", "object": "vector_store"});
    world.azure().script(Reply::json(200, made.to_string()));
    world.azure().script(Reply::error(500, "500", "Out of order."));
    world.azure().script(Reply::error(500, "500", "Out of order."));
    ada.make(Kind::VectorStore).await.assert_refused(503, "ownership_unavailable");
    let incidents = [Incident::ObjectUnrecorded, Incident::ObjectOrphaned];
    assert_eq!(world.request_log().incidents(), incidents);
    let one = format!("{}/vs_orphan", path(Kind::VectorStore));
    ada.call(Method::GET, &one, None).await.assert_refused(404, "object_not_found");
    assert_eq!(world.settle().await.requests, 0);
}

#[tokio::test]
async fn an_object_without_a_response_has_no_owner_and_costs_its_request() {
    let world = World::event("lost").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    for reply in [Reply::dropped(), Reply::reset(), Reply::malformed_json(), Reply::html()] {
        world.azure().script(reply);
        let response = ada.make(Kind::VectorStore).await;
        response.assert_refused(502, "upstream_unreachable");
    }
    for body in ["{}", r#"{"id":"../x"}"#, r#"{"id":7}"#] {
        world.azure().script(Reply::json(200, body));
        ada.make(Kind::VectorStore).await.assert_refused(502, "upstream_unreachable");
    }
    let list = ada.call(Method::GET, &path(Kind::VectorStore), None).await;
    assert_eq!(list.assert_ok().json()["data"], json!([]));
    assert_eq!(world.settle().await.counts(), (8, 0, 0));
}

#[tokio::test]
async fn azures_refusal_costs_no_tokens_and_passes_its_message() {
    let world = World::event("refused").in_memory().keeping().requests_per_day(9).start().await;
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::VectorStore).await;
    let one = format!("{}/{id}", path(Kind::VectorStore));
    let azure = |status, code| Reply::error(status, code, "Azure's own words.");
    for (reply, status, code) in [
        (azure(400, "bad_name"), 400, "bad_name"),
        (azure(409, "conflict"), 400, "conflict"),
        (azure(401, "401"), 503, "upstream_misconfigured"),
        (azure(403, "403"), 503, "upstream_misconfigured"),
        (azure(404, "DeploymentNotFound"), 503, "upstream_misconfigured"),
        (azure(404, "404"), 503, "upstream_misconfigured"),
        (azure(404, "not_found"), 404, "object_not_found"),
        (azure(429, "429"), 429, "upstream_busy"),
        (azure(500, "500"), 502, "upstream_unreachable"),
    ] {
        for method in [Method::POST, Method::GET] {
            world.azure().script(reply.clone());
            let body = (method == Method::POST).then(|| json!({"name": "x"}));
            let response = ada.call(method, &one, body.as_ref()).await;
            response.assert_refused(status, code);
        }
    }
    // The object is still ours to use.
    ada.call(Method::GET, &one, None).await.assert_ok();
    // A change that Azure refuses or fails at counts as a request.
    assert_eq!(world.settle().await.counts(), (4, 0, 0));
}

#[tokio::test]
async fn a_list_leaves_out_and_forgets_objects_that_azure_lost() {
    let world = World::event("gone").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let (gone, kept) = (ada.own(Kind::File).await, ada.own(Kind::File).await);
    world.azure().lose(&gone);
    let list = || async {
        let list = ada.call(Method::GET, &path(Kind::File), None).await.assert_ok().json();
        assert_eq!(list["data"].as_array().unwrap().len(), 1);
        assert_eq!((&list["first_id"], &list["last_id"]), (&json!(kept), &json!(kept)));
        world.azure().calls()
    };
    // A new object may not be visible everywhere yet: it is requested again.
    let before = list().await;
    assert_eq!(list().await, before + 2);
    world.wait(TimeDelta::minutes(6));
    let before = list().await;
    assert_eq!(list().await, before + 1);
    world.settle().await;
}

#[tokio::test]
async fn an_object_that_azure_lost_is_404_and_can_be_deleted() {
    let world = World::event("lost-one").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::Response).await;
    world.azure().lose(&id);
    let one = format!("{}/{id}", path(Kind::Response));
    for method in [Method::GET, Method::DELETE, Method::DELETE] {
        ada.call(method, &one, None).await.assert_refused(404, "object_not_found");
    }
    let calls = world.azure().calls();
    ada.call(Method::GET, &one, None).await.assert_refused(404, "object_not_found");
    assert_eq!(world.azure().calls(), calls, "it is forgotten");
    let id = ada.own(Kind::Response).await;
    world.azure().lose(&id);
    let next = ada.respond(json!({"previous_response_id": id})).await;
    next.assert_refused(404, "object_not_found");
    assert_eq!(world.settle().await.requests, 2);
}
