//! Sessions: accepted or made, on every response, and exact in the organiser's report.

use serde_json::json;

use crate::support::{World, usual};

#[tokio::test]
async fn a_session_is_made_or_reused_and_returned_also_on_streams_and_errors() {
    let world = World::event("sessions").start().await;
    let ada = world.attendee("ada").await;
    let response = ada.chat("hello").await;
    let made = response.assert_ok().header("x-session-id").unwrap().to_owned();
    let request = response.header("x-request-id").unwrap();
    assert_eq!(made, request.replace("req_", "sess_"));
    assert_eq!(ada.chat_in("my.session-1").await.header("x-session-id"), Some("my.session-1"));

    let mut request = ada.post("/api/v1/chat/completions", r#"{"stream":true,"messages":[]}"#);
    request.headers_mut().insert("x-session-id", "streamed".parse().unwrap());
    let mut stream = world.open(request).await;
    assert_eq!(stream.header("x-session-id"), Some("streamed"));
    stream.rest().await;

    let mut request = ada.post("/api/v1/chat/completions", r#"{"model":"none"}"#);
    request.headers_mut().insert("x-session-id", "erring".parse().unwrap());
    let refused = ada.send(request).await;
    refused.assert_refused(404, "model_not_found");
    assert_eq!(refused.header("x-session-id"), Some("erring"));
    world.settle().await;
}

#[tokio::test]
async fn odd_headers_are_refused_by_name_and_empty_ones_are_none() {
    let world = World::event("odd-headers").start().await;
    let ada = world.attendee("ada").await;
    let long = "s".repeat(65);
    let send = async |name: &'static str, value: &str| {
        let mut request = ada.post("/api/openai-proxy/chat/completions", r#"{"messages":[]}"#);
        request.headers_mut().insert(name, value.parse().unwrap());
        ada.send(request).await
    };
    for (name, value) in [
        ("x-session-id", long.as_str()),
        ("x-session-id", "a b"),
        ("x-session-id", "a#b"),
        ("x-session-id", "---"),
        ("x-app-id", "a/b"),
        ("x-company-id", "a b"),
    ] {
        let refused = send(name, value).await;
        refused.assert_refused(400, "invalid_value");
        assert_eq!(refused.json()["error"]["param"], name);
    }
    assert_eq!(world.azure().calls(), 0);
    for (name, value) in [
        ("x-session-id", ""),
        ("x-app-id", "app_1"),
        ("x-company-id", "company/1"),
        ("x-api-version", "yesterday"),
    ] {
        send(name, value).await.assert_ok();
    }
    let totals = world.settle().await;
    let apps: Vec<_> = totals.records.iter().filter_map(|record| record.app.as_ref()).collect();
    assert_eq!(apps.iter().map(|app| app.as_str()).collect::<Vec<_>>(), ["app_1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_by_session_is_exact_and_separate_by_attendee() {
    let world = World::event("by-session").processes(2).start().await;
    let ada = world.attendee("ada").await;
    let odd = world.attendee("ada#req_1 100%").await;
    let made = ada.chat("hello").await.header("x-session-id").unwrap().to_owned();
    // A generated session counts from its first request, if the client continues it.
    for _ in 0..3 {
        ada.chat_in(&made).await.assert_ok();
    }
    odd.chat_in(&made).await.assert_ok();
    odd.chat_in("another").await.assert_ok();
    ada.chat("alone").await.assert_ok();
    world.settle().await;

    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/usage?by=session&limit=1{cursor}");
        let page = world.organise("GET", &path, json!(null), 200).await;
        rows.extend(page["rows"].as_array().unwrap().iter().map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("session"), text("user"), row["requests"].as_u64().unwrap())
        }));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let other = "ada#req_1 100%".to_owned();
    assert_eq!(
        rows,
        [
            ("another".to_owned(), other.clone(), 1),
            (made.clone(), "ada".to_owned(), 4),
            (made.clone(), other, 1),
        ]
    );
    let page = world.organise("GET", "/usage?by=session", json!(null), 200).await;
    let tokens = page["rows"][1]["total_tokens"].as_u64().unwrap();
    assert_eq!(tokens, 4 * (usual::PROMPT_TOKENS + usual::COMPLETION_TOKENS));
}
