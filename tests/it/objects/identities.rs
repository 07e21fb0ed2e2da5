//! The owner of an object is the same with each of the four credentials.

use http::Method;
use lanyard_domain::access::Access;
use lanyard_domain::object::Kind;
use serde_json::json;

use crate::support::kept::path;
use crate::support::{TestResponse, World};

async fn call(world: &World, method: Method, credential: &str, path: &str) -> TestResponse {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {credential}"))
        .body(bytes::Bytes::new());
    world.send(request.unwrap()).await
}

#[tokio::test]
async fn the_same_name_is_the_same_owner_by_every_credential() {
    let world = World::event("owner").keeping().start().await;
    let ada = world.attendee("ada").await;
    let code = world.code().to_owned();
    let (token, _) = world.token("Ada").await;
    let (of_another, _) = world.token("bob").await;
    let named = format!("{}@{code}/ADA", world.id());
    let unclaimed = Access::Registered { auto_register: true };
    world.change_event(|event| event.access = unclaimed).await;
    world.wait(chrono::TimeDelta::seconds(6));

    let files = path(Kind::File);
    let by_code = ada.own(Kind::File).await;
    let one = format!("{files}/{by_code}");
    for credential in [&ada.token(), &named, &token] {
        call(&world, Method::GET, credential, &one).await.assert_ok();
        let list = call(&world, Method::GET, credential, &files).await;
        assert_eq!(list.assert_ok().json()["data"][0]["id"], by_code);
    }
    // Any person with the code may have stored it, so no key for the name is made.
    ada.register(&world, "correct horse battery").await.assert_refused(403, "already_registered");
    let cleo = world.attendee("cleo").await;
    let registered = cleo.register(&world, "correct horse battery").await;
    let key = registered.json()["api_key"].as_str().unwrap().to_owned();
    call(&world, Method::GET, &key, &one).await.assert_refused(404, "object_not_found");
    for credential in [&cleo.token(), &named.replace("/ADA", "/cleo")] {
        // The name is claimed now: the code alone shows nothing of it.
        let refused = call(&world, Method::GET, credential, &files).await;
        refused.assert_refused(403, "registration_required");
    }
    let unknown = call(&world, Method::GET, &of_another, &format!("{files}/file-none")).await;
    let of_ada = call(&world, Method::GET, &of_another, &one).await;
    of_ada.assert_refused(404, "object_not_found");
    assert_eq!(of_ada.line(), unknown.line());
    call(&world, Method::DELETE, &token, &one).await.assert_ok();
    call(&world, Method::GET, &token, &one).await.assert_refused(404, "object_not_found");
    world.quiet().await;
}

#[tokio::test]
async fn an_attendee_removed_from_the_roster_reads_nothing_more() {
    let world = World::event("off").keeping().with(|event| event.access = Access::Roster);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    world.organise("PUT", "/roster", json!({"users": ["ada"]}), 200).await;
    let id = ada.own(Kind::Conversation).await;
    let one = format!("{}/{id}", path(Kind::Conversation));
    ada.call(Method::GET, &one, None).await.assert_ok();
    world.organise("PUT", "/roster", json!({"users": []}), 200).await;
    ada.call(Method::GET, &one, None).await.assert_refused(403, "not_on_roster");
    ada.call(Method::DELETE, &one, None).await.assert_refused(403, "not_on_roster");
    world.quiet().await;
}
