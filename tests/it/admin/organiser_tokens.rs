//! Tokens of organisers: listed, with an end, and revoked.

use chrono::TimeDelta;
use http::Method;
use lanyard_administration::organiser_token::OrganiserToken;
use lanyard_platform::table::text;
use serde_json::{Value, json};

use super::harness::Harness;

fn names(list: &Value) -> Vec<&str> {
    let tokens = list["tokens"].as_array().unwrap();
    tokens.iter().map(|token| token["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_token_works_until_it_expires() {
    let harness = Harness::open().await;
    let body = json!({"name": "ci", "days": 1});
    let made = harness.post("/tokens", body).await.ok(201);
    let token = made["token"].as_str().unwrap().to_owned();
    harness.send(Method::GET, "/events", &token, "").await.ok(200);
    harness.wait(TimeDelta::days(1) - TimeDelta::seconds(1));
    harness.send(Method::GET, "/events", &token, "").await.ok(200);
    // What it makes ends with it.
    let longer = json!({"name": "longer", "days": 30}).to_string();
    let child = harness.send(Method::POST, "/tokens", &token, longer).await.ok(201);
    assert_eq!(child["expires_at"], made["expires_at"]);
    harness.wait(TimeDelta::seconds(1));
    for expired in [&token, child["token"].as_str().unwrap()] {
        let refused = harness.send(Method::GET, "/events", expired, "").await;
        refused.refused(401, "invalid_organiser_token");
    }
    harness.get("/events").await.ok(200);
}

#[tokio::test]
async fn tokens_are_listed_and_revoked_by_their_own_organiser() {
    let harness = Harness::open().await;
    let other = harness.organiser("other").await;
    harness.wait(TimeDelta::seconds(1));
    let made = harness.post("/tokens", json!({"name": "laptop"})).await.ok(201);
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let list = harness.get("/tokens").await.ok(200);
    assert_eq!(names(&list), ["laptop", "main"]);
    let current: Vec<_> =
        list["tokens"].as_array().unwrap().iter().map(|t| &t["current"]).collect();
    assert_eq!(current, [&json!(false), &json!(true)]);
    assert!(!list.to_string().contains(token), "{list}");
    let page = harness.get("/tokens?limit=1").await.ok(200);
    let rest = harness.get(&format!("/tokens?cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!(names(&rest.ok(200)), ["main"]);

    let path = format!("/tokens/{id}");
    harness.send(Method::DELETE, &path, &other, "").await.refused(404, "not_found");
    harness.send(Method::GET, "/events", token, "").await.ok(200);
    harness.delete(&path).await.ok(200);
    let refused = harness.send(Method::GET, "/events", token, "").await;
    refused.refused(401, "invalid_organiser_token");
    harness.delete(&path).await.refused(404, "not_found");
    assert_eq!(names(&harness.get("/tokens").await.ok(200)), ["main"]);

    let log = harness.get("/audit?limit=2").await.ok(200);
    let actions: Vec<_> = log["audit"].as_array().unwrap().iter().map(|e| &e["action"]).collect();
    assert!(actions.contains(&&json!("revoke_organiser_token")), "{log}");
    assert!(!log.to_string().contains(token), "{log}");
}

#[tokio::test]
async fn operators_make_tokens_that_expire_and_revoke_any() {
    let harness = Harness::open().await;
    let body = json!({"name": "main", "expires_at": "2026-12-06T12:00:00Z"});
    let made = harness.direct("POST", "/organisers", Some(body)).await;
    assert_eq!((made.status, &made.body["expires_at"]), (201, &json!("2026-12-06T12:00:00Z")));
    let past = json!({"name": "main", "expires_at": "2026-12-05T11:00:00Z"});
    assert_eq!(harness.direct("POST", "/organisers", Some(past)).await.status, 400);
    let list = harness.direct("GET", "/tokens", None).await;
    let ids = list.body["tokens"].as_array().unwrap().iter().map(|token| &token["id"]);
    let ids: Vec<_> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2);
    for id in ids {
        assert_eq!(harness.direct("DELETE", &format!("/tokens/{id}"), None).await.status, 200);
    }
    harness.get("/events").await.refused(401, "invalid_organiser_token");
}

#[tokio::test]
async fn a_token_of_an_earlier_release_works_and_is_listed_once_it_was_used() {
    let harness = Harness::open().await;
    let earlier = OrganiserToken::read(&format!("lanyard_{}", "a".repeat(43))).unwrap();
    let item = [
        ("pk", format!("TOKEN#{}", earlier.sha256_hex())),
        ("sk", "TOKEN".to_owned()),
        ("organiser", "main".to_owned()),
        ("name", "old".to_owned()),
        ("created_at", "2025-01-02T03:04:05+00:00".to_owned()),
    ];
    let item = item.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
    let put = harness.table.client.put_item().table_name(&harness.table.name);
    put.set_item(Some(item)).send().await.unwrap();
    assert_eq!(names(&harness.get("/tokens").await.ok(200)), ["main"]);
    harness.send(Method::GET, "/events", earlier.reveal(), "").await.ok(200);
    harness.wait(TimeDelta::days(4_000));
    harness.send(Method::GET, "/events", earlier.reveal(), "").await.ok(200);
    let list = harness.get("/tokens").await.ok(200);
    assert_eq!(names(&list), ["main", "old"]);
    let id = list["tokens"][1]["id"].as_str().unwrap();
    harness.delete(&format!("/tokens/{id}")).await.ok(200);
    let refused = harness.send(Method::GET, "/events", earlier.reveal(), "").await;
    refused.refused(401, "invalid_organiser_token");
}
