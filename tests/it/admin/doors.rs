//! Authentication of organisers, and unknown paths.

use std::sync::Arc;

use http::Method;
use insta::assert_snapshot;
use lanyard_administration::Administration;
use lanyard_domain::account::AccountKey;
use lanyard_gateway::handler::{Audience, run_handler};
use lanyard_gateway::ports::Ledger;
use lanyard_platform::organisers::Organisers;
use lanyard_platform::shell::Machine;
use serde_json::json;

use super::harness::{Harness, deployment, oslo};

/// Every call of the API, for one event.
fn calls(event: &str) -> Vec<(Method, String)> {
    let path = |rest: &str| format!("{event}{rest}");
    vec![
        (Method::GET, path("")),
        (Method::PATCH, path("")),
        (Method::DELETE, path("")),
        (Method::POST, path("/pause")),
        (Method::POST, path("/resume")),
        (Method::POST, path("/end")),
        (Method::POST, path("/rotate-code")),
        (Method::POST, path("/reset")),
        (Method::GET, path("/attendees")),
        (Method::GET, path("/attendees/ada")),
        (Method::PATCH, path("/attendees/ada")),
        (Method::GET, path("/usage")),
        (Method::GET, path("/audit")),
    ]
}

fn body(path: &str) -> String {
    let body = if path.contains("/attendees/") { json!({"blocked": true}) } else { json!({}) };
    body.to_string()
}

#[tokio::test]
async fn every_bad_token_gets_the_same_response_at_every_path() {
    let harness = Harness::open().await;
    let (event, _) = harness.event(json!({})).await;
    let unknown = format!("lanyard_{}", "a".repeat(43));
    let tokens = ["", "x", "lanyard_", &unknown, "hackathon/ada", &harness.token[..50]];
    let mut responses = Vec::new();
    for token in tokens {
        let reply = harness.send(Method::GET, "/events", token, "").await;
        assert_eq!(reply.headers["x-should-retry"], "false");
        responses.push(reply.refused(401, "invalid_organiser_token"));
    }
    let mut paths = calls(&event);
    paths.extend([(Method::GET, "/nothing".to_owned()), (Method::POST, "/organisers".to_owned())]);
    paths.extend([(Method::PUT, "/deployments/a".to_owned()), (Method::TRACE, String::new())]);
    for (method, path) in paths {
        let reply = harness.send(method, &path, &unknown, "{").await;
        responses.push(reply.refused(401, "invalid_organiser_token"));
    }
    for header in ["Basic abc", "Bearer", &format!("bearer{}", harness.token)] {
        let mut request = http::Request::new(bytes::Bytes::new());
        *request.uri_mut() = "/api/admin/events".parse().unwrap();
        request.headers_mut().insert("authorization", header.parse().unwrap());
        responses.push(harness.ask(request).await.refused(401, "invalid_organiser_token"));
    }
    let mut request = http::Request::new(bytes::Bytes::new());
    *request.uri_mut() = "/api/admin/events".parse().unwrap();
    responses.push(harness.ask(request).await.refused(401, "invalid_organiser_token"));
    assert!(responses.iter().all(|response| *response == responses[0]));
    assert_snapshot!(serde_json::to_string_pretty(&responses[0]).unwrap(), @r#"
    {
      "error": {
        "code": "invalid_organiser_token",
        "message": "No valid organiser token was sent. Send the header 'Authorization: Bearer TOKEN' with the token that was shown when the organiser was made.",
        "param": null,
        "type": "authentication_error"
      }
    }
    "#);
}

#[tokio::test]
async fn no_page_of_another_origin_may_read_a_response() {
    let harness = Harness::open().await;
    for (method, token) in [
        (Method::GET, harness.token.as_str()),
        (Method::GET, "lanyard_wrong"),
        (Method::OPTIONS, harness.token.as_str()),
        (Method::OPTIONS, ""),
    ] {
        let reply = harness.send(method.clone(), "/events", token, "").await;
        let allowing = |name: &&http::HeaderName| name.as_str().starts_with("access-control-");
        assert_eq!(reply.headers.keys().find(allowing), None, "{method}");
    }
}

#[tokio::test]
async fn a_token_is_stored_only_as_a_hash() {
    let harness = Harness::open().await;
    assert_eq!(harness.token.len(), "lanyard_".len() + 43);
    let items = format!("{:?}", harness.engine.items().await);
    assert!(items.contains("TOKEN#") && !items.contains(&harness.token));
    // Another token for the same organiser opens the same door.
    let (event, _) = harness.event(json!({})).await;
    let second = harness.organiser("main").await;
    harness.send(Method::GET, &event, &second, "").await.ok(200);
}

#[tokio::test]
async fn anothers_event_is_not_there() {
    let harness = Harness::open().await;
    let other = harness.organiser("other").await;
    let (event, before) = harness.event(json!({"code": "hackathon"})).await;
    harness.deployment("gpt-4o-mini", "chat_completions").await;
    for (method, path) in calls(&event) {
        let theirs = harness.send(method.clone(), &path, &other, body(&path)).await;
        let theirs = theirs.refused(404, "not_found");
        let path = path.replace(before["id"].as_str().unwrap(), "evt_0");
        let nobodys =
            harness.send(method, &path, &other, body(&path)).await.refused(404, "not_found");
        assert_eq!(theirs, nobodys, "{path}");
    }
    assert_eq!(harness.get(&event).await.ok(200), before);
    let id = before["id"].as_str().unwrap().parse().unwrap();
    let ada = AccountKey::Attendee(id, "ada".parse().unwrap());
    assert_eq!(harness.table.account(&ada).await.unwrap(), None);

    let see = async |path: &str| harness.send(Method::GET, path, &other, "").await.ok(200);
    assert_eq!(see("/events").await["events"], json!([]));
    assert_eq!(see("/deployments").await["deployments"], json!([]));
    let gone = harness.send(Method::DELETE, "/deployments/gpt-4o-mini", &other, "").await;
    gone.refused(404, "not_found");
    let body = oslo(json!({"deployments": ["gpt-4o-mini"]})).to_string();
    let unknown = harness.send(Method::POST, "/events", &other, body).await;
    assert_eq!(unknown.wrong_fields(), ["deployments"]);
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_named() {
    let harness = Harness::open().await;
    let (event, _) = harness.event(json!({})).await;
    for path in ["", "/", "/nothing", "/events/a%2Fb/pause/x", "/deployments/a/b", "/organisers"] {
        let reply = harness.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    harness.post("/organisers", json!({"name": "x"})).await.refused(404, "unknown_route");
    for (path, allow) in [
        ("/events".to_owned(), "GET, POST"),
        (event.clone(), "GET, PATCH, DELETE"),
        (format!("{event}/pause"), "POST"),
        (format!("{event}/rotate-code"), "POST"),
        (format!("{event}/attendees"), "GET"),
        (format!("{event}/reset"), "POST"),
        (format!("{event}/attendees/ada"), "GET, PATCH, DELETE"),
        (format!("{event}/usage"), "GET"),
        (format!("{event}/audit"), "GET"),
        ("/deployments".to_owned(), "GET"),
        ("/deployments/a".to_owned(), "PUT, DELETE"),
    ] {
        let reply = harness.send(Method::OPTIONS, &path, &harness.token, "").await;
        assert_eq!(reply.headers["allow"], allow, "{path}");
        reply.refused(405, "method_not_allowed");
    }
    harness.get("/events/").await.ok(200);
}

#[tokio::test]
async fn bodies_and_queries_that_cannot_be_read_are_refused() {
    let harness = Harness::open().await;
    let post = async |body: &str| {
        harness.send(Method::POST, "/events", &harness.token, body.to_owned()).await
    };
    for body in ["", "[]", "null", "{", "{\"name\":\"a\",\"name\":\"b\"}", "\u{feff}{"] {
        post(body).await.refused(400, "invalid_json");
    }
    post(&format!("{{\"name\":\"{}\"}}", "x".repeat(262_144)))
        .await
        .refused(413, "request_too_large");
    let compressed = http::Request::post("/api/admin/events")
        .header("authorization", format!("Bearer {}", harness.token))
        .header("content-encoding", "gzip")
        .body("{}".into())
        .unwrap();
    harness.ask(compressed).await.refused(415, "unsupported_media_type");
    let unknown = harness.put("/deployments/a?replca=b", deployment("embeddings")).await;
    assert_eq!(unknown.wrong_fields(), ["query"]);
}

#[tokio::test]
async fn nothing_is_promised_while_the_table_is_away() {
    let harness = Harness::open().await;
    let idle = harness.engine.table_over_http();
    let Harness { engine, token, clock, keys, .. } = harness;
    drop(engine);
    let admin = Administration {
        store: Arc::new(Organisers::new(idle.clone())),
        ledger: Arc::new(idle),
        keys,
        clock: clock.clone(),
        random: Arc::new(Machine),
        allow_loopback: false,
    };
    let request = http::Request::get("/api/admin/events")
        .header("authorization", format!("Bearer {token}"))
        .body(bytes::Bytes::new())
        .unwrap();
    let now = lanyard_gateway::ports::Clock::now(clock.as_ref());
    let id = lanyard_platform::shell::request_id().unwrap();
    let request = lanyard_gateway::Request { id, now, deadline: None, http: request };
    let response = run_handler(Audience::Organisers, request, |r| admin.handle(r)).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
}
