//! Headers, queries and bodies survive the conversion to an event.

use serde_json::json;

use super::harness::{self, Harness};

#[tokio::test(flavor = "multi_thread")]
async fn organisers_and_their_queries_reach_the_admin_function_in_both_formats() {
    for format in ["1.0", "2.0"] {
        let harness = Harness::start(&["--payload-format-version", format]).await;
        let event = harness.event().as_str();
        harness.chat("ada lovelace", json!({})).await;
        for (path, status) in [
            ("/api/admin/events".to_owned(), 200),
            (format!("/api/admin/events/{event}/usage?by=attendee"), 200),
            (format!("/api/admin/events/{event}/usage?by=%61ttendee"), 200),
            (format!("/api/admin/events/{event}/usage?by=nothing"), 400),
            ("/api/admin/events/evt%2Dnone".to_owned(), 404),
        ] {
            let request = harness.request("GET", &path).bearer_auth(harness.organiser());
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{format} {path}");
            assert!(response.headers().contains_key("x-request-id"), "{format} {path}");
        }
        let stranger = harness.request("GET", "/api/admin/events").bearer_auth("nobody");
        assert_eq!(stranger.send().await.unwrap().status(), 401);
        harness.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_by_parameter_store() {
    let harness = Harness::start(&[]).await;
    let made = json!({"method": "POST", "path": "/organisers", "body": {"name": "other"}});
    assert_eq!(harness.invoke("admin", made.to_string()).await["status"], 201);
    let call = |method: &str, body| {
        let call = json!({
            "method": method, "path": "/deployments/extra", "organiser": "other", "body": body,
        });
        harness.invoke("admin", call.to_string())
    };
    let deployment = json!({
        "endpoint": "https://some-resource.openai.azure.com", "azure_name": "extra",
        "operations": ["chat_completions"], "key": "a-key-of-its-own",
    });
    let key = || harness.keys.read("other/extra/main");
    assert!(key().await.is_err());
    let put = call("PUT", Some(deployment)).await;
    assert_eq!(put["status"], 201, "{put}");
    assert_eq!(key().await.unwrap().reveal(), "a-key-of-its-own");
    let deleted = call("DELETE", None).await;
    assert_eq!(deleted["status"], 200, "{deleted}");
    assert!(key().await.is_err());
    // The other deployments' keys were written by this process and are read by the binaries.
    assert_eq!(harness.chat("ada", json!({})).await.status(), 200);
    assert_eq!(harness.azure.requests()[0].header("api-key"), Some(harness::AZURE_KEY));
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_json_are_refused_by_the_function_itself() {
    for format in ["1.0", "2.0"] {
        let harness = Harness::start(&["--payload-format-version", format]).await;
        for body in [&b"\xff\xfe"[..], b"{", b"", "{\"messages\": \"é".as_bytes()] {
            let request = harness.request("POST", "/api/v1/chat/completions");
            let request = request
                .header("openai-event-code", harness.token("ada"))
                .header("content-type", "application/json")
                .body(body.to_vec());
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 400, "{format} {body:?}");
            assert!(response.headers().contains_key("x-request-id"), "{format} {body:?}");
            assert_eq!(harness::code(response).await, "invalid_json", "{format} {body:?}");
        }
        let odd =
            harness.request("GET", "/api/v1/models").header("api-key", b"\xc3\xa9/x".as_slice());
        assert_eq!(odd.send().await.unwrap().status(), 401, "{format}");
        harness.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_sent_twice_arrives_with_both_values_in_both_formats() {
    for format in ["1.0", "2.0"] {
        let harness = Harness::start(&["--payload-format-version", format]).await;
        let (token, dummy) = (harness.token("ada"), "dummy".to_owned());
        let (bearer, other) = (format!("Bearer {token}"), "Bearer dummy".to_owned());
        for (name, first, second, status) in [
            ("openai-event-code", &token, &dummy, 200),
            ("openai-event-code", &dummy, &token, 200),
            ("api-key", &token, &dummy, 200),
            ("api-key", &dummy, &token, 200),
            ("authorization", &bearer, &other, 200),
            ("authorization", &other, &bearer, 200),
            ("api-key", &dummy, &dummy, 401),
        ] {
            let request = harness.request("GET", "/api/v1/models");
            let response = request.header(name, first).header(name, second).send().await.unwrap();
            assert_eq!(response.status(), status, "{format} {name}: {first} {second}");
        }
        harness.end().await;
    }
}
