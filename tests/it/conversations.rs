//! `…/conversations`

use http::Method;
use lanyard_domain::object::Kind;
use serde_json::json;

use crate::support::World;
use crate::support::kept::path;

#[tokio::test]
async fn a_conversation_is_made_talked_in_read_and_deleted() {
    let world = World::event("talk").keeping().start().await;
    let ada = world.attendee("ada").await;
    let first = json!({"items": [{"type": "message", "role": "user", "content": "Hello"}]});
    let made = ada.call(Method::POST, &path(Kind::Conversation), Some(&first)).await;
    let id = made.assert_ok().json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.azure().requests()[0].json(), first);
    ada.respond(json!({"conversation": id})).await.assert_ok();
    ada.respond(json!({"conversation": {"id": id}, "store": false})).await.assert_ok();
    let one = format!("{}/{id}", path(Kind::Conversation));
    let items = ada.call(Method::GET, &format!("{one}/items?limit=2&order=asc"), None).await;
    assert_eq!(items.assert_ok().json()["path"], "items");
    let target = world.azure().requests().pop().unwrap().target;
    assert_eq!(target, format!("/openai/v1/conversations/{id}/items?limit=2&order=asc"));
    ada.call(Method::DELETE, &format!("{one}/items/msg_1"), None).await.assert_ok();
    ada.call(Method::GET, &one, None).await.assert_ok();
    ada.call(Method::DELETE, &one, None).await.assert_ok();
    ada.respond(json!({"conversation": id})).await.assert_refused(404, "object_not_found");
    ada.call(Method::GET, &one, None).await.assert_refused(404, "object_not_found");
    // Made, two responses, items listed, one deleted, all deleted.
    assert_eq!(world.settle().await.counts(), (6, 34, 10));
}
