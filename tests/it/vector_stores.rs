//! `…/vector_stores`

use http::Method;
use lanyard_domain::object::Kind;
use serde_json::json;

use crate::support::World;
use crate::support::kept::path;

#[tokio::test]
async fn a_vector_store_is_made_of_own_files_and_searched() {
    let world = World::event("store").keeping().start().await;
    let ada = world.attendee("ada").await;
    let file = ada.own(Kind::File).await;
    let body = json!({"name": "notes", "file_ids": [file]});
    let made = ada.call(Method::POST, &path(Kind::VectorStore), Some(&body)).await;
    let id = made.assert_ok().json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.azure().requests().pop().unwrap().json(), body);
    let one = format!("{}/{id}", path(Kind::VectorStore));
    for (method, end, body) in [
        (Method::POST, "/files", Some(json!({"file_id": file}))),
        (Method::GET, "/files?filter=completed&limit=3", None),
        (Method::POST, "/file_batches", Some(json!({"file_ids": [file]}))),
        (Method::GET, "/file_batches/vsfb_1", None),
        (Method::GET, "/file_batches/vsfb_1/files", None),
        (Method::POST, "/file_batches/vsfb_1/cancel", None),
        (Method::POST, "/search", Some(json!({"query": "notes"}))),
    ] {
        let response = ada.call(method, &format!("{one}{end}"), body.as_ref()).await;
        let path = response.assert_ok().json()["path"].clone();
        assert_eq!(path, end.trim_start_matches('/').split('?').next().unwrap());
    }
    let changed = ada.call(Method::POST, &one, Some(&json!({"name": "x"}))).await;
    changed.assert_ok();
    ada.call(Method::DELETE, &one, None).await.assert_ok();
    assert_eq!(world.azure().kept(), [file]);
    // The batch was read for nothing.
    assert_eq!(world.settle().await.counts(), (10, 0, 0));
}
