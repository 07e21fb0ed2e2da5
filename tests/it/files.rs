//! `…/files`, and `…/batches`, which are refused.

use http::Method;
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::azure::kept::CONTENT;
use crate::support::kept::{form, path};
use crate::support::{Reply, World};

#[tokio::test]
async fn a_file_is_uploaded_unchanged_and_read_byte_for_byte() {
    let world = World::event("upload").keeping().start().await;
    let ada = world.attendee("ada").await;
    let id = ada.own(Kind::File).await;
    let sent = world.azure().requests().remove(0);
    assert_eq!(sent.body, form("user_data"));
    assert_eq!(sent.header("content-type"), Some("multipart/form-data; boundary=edge"));
    let one = format!("{}/{id}", path(Kind::File));
    let mut content = world.open(ada.get(&format!("{one}/content"))).await;
    assert_eq!(content.header("content-type"), Some("application/octet-stream"));
    let mut bytes = Vec::new();
    while let Some(piece) = content.piece().await {
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(bytes, CONTENT);
    ada.call(Method::DELETE, &one, None).await.assert_ok();
    ada.call(Method::GET, &format!("{one}/content"), None)
        .await
        .assert_refused(404, "object_not_found");
    assert_eq!(world.settle().await.counts(), (3, 0, 0));
}

#[tokio::test]
async fn a_form_that_is_not_right_is_refused_before_anything_is_sent() {
    let world = World::event("forms").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    for purpose in ["batch", "fine-tune", "", "Assistants", "assistants "] {
        ada.upload(purpose).await.assert_refused(400, "parameter_not_allowed");
    }
    for purpose in ["assistants", "vision"] {
        ada.upload(purpose).await.assert_ok();
    }
    let mut request = ada.post(&path(Kind::File), form("vision"));
    ada.send(request).await.assert_refused(415, "unsupported_media_type");
    let kind = "multipart/form-data; boundary=edge";
    request = ada.post(&path(Kind::File), "--edge--");
    request.headers_mut().insert("content-type", kind.parse().unwrap());
    ada.send(request).await.assert_refused(400, "invalid_value");
    request = ada.post(&path(Kind::File), vec![b'x'; 4 * 1024 * 1024 + 1]);
    request.headers_mut().insert("content-type", kind.parse().unwrap());
    ada.send(request).await.assert_refused(413, "request_too_large");
    assert_eq!((world.azure().calls(), world.settle().await.requests), (2, 2));
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_has_own_objects_in_pages_newest_first() {
    let world = World::event("pages").keeping().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let mut made = Vec::new();
    for _ in 0..5 {
        world.wait(chrono::TimeDelta::seconds(1));
        made.push(ada.own(Kind::File).await);
        bob.own(Kind::File).await;
    }
    let newest: Vec<&str> = made.iter().rev().map(String::as_str).collect();
    let list = |query: String| {
        let ada = &ada;
        async move {
            let path = format!("{}?{query}", path(Kind::File));
            ada.call(Method::GET, &path, None).await.assert_ok().json()
        }
    };
    let all = list(String::new()).await;
    assert_eq!(ids(&all), newest);
    assert_eq!(all["has_more"], false);
    assert_eq!((&all["first_id"], &all["last_id"]), (&json!(newest[0]), &json!(newest[4])));
    for limit in 1..=5 {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = list(format!("limit={limit}{after}")).await;
            seen.extend(ids(&page).into_iter().map(ToOwned::to_owned));
            if page["has_more"] == false {
                break;
            }
            after = format!("&after={}", page["last_id"].as_str().unwrap());
        }
        assert_eq!(seen, newest, "in pages of {limit}");
    }
    let back = list(format!("limit=2&before={}", newest[3])).await;
    assert_eq!(ids(&back), newest[1..3]);
    let oldest = list("order=asc&limit=2".to_owned()).await;
    assert_eq!(ids(&oldest), [newest[4], newest[3]]);
    assert_eq!(ids(&list("purpose=user_data".to_owned()).await), newest);
    assert!(ids(&list("purpose=vision".to_owned()).await).is_empty());
    // As at Azure: a page without objects, after which there is nothing to ask for.
    let none = list("limit=0".to_owned()).await;
    assert_eq!(
        none,
        json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false})
    );
    for (query, status) in [("after=file-never", 404), ("limit=-1", 400), ("order=x", 400)] {
        let path = format!("{}?{query}", path(Kind::File));
        assert_eq!(ada.call(Method::GET, &path, None).await.status(), status, "{query}");
    }
    world.settle().await;
}

#[tokio::test]
async fn a_list_without_azures_response_is_an_error_and_not_a_short_list() {
    let world = World::event("short").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    ada.own(Kind::File).await;
    ada.own(Kind::File).await;
    world.azure().script(Reply::error(500, "500", "Out of order."));
    let list = ada.call(Method::GET, &path(Kind::File), None).await;
    list.assert_refused(502, "upstream_unreachable");
    // Azure has responded, so the list counts as a request.
    assert_eq!(world.settle().await.requests, 3);
}

#[tokio::test]
async fn batches_are_refused_with_a_clear_message() {
    let world = World::event("batches").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    for path in ["/api/v1/batches", "/api/openai/batches", "/api/v1/batches/batch_1/cancel"] {
        let response = ada.call(Method::POST, path, Some(&json!({}))).await;
        response.assert_refused(403, "batches_not_offered");
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}
