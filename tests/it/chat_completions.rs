//! Buffered `POST …/chat/completions`.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use insta::assert_snapshot;
use lanyard_domain::account::Field;
use lanyard_domain::allowance::Limit;
use serde_json::{Value, json};

use crate::support::attendee::{CHAT, chat};
use crate::support::{Reply, World, canary, usual};

#[tokio::test]
async fn spent_allowance_is_refused_without_calling_azure() {
    let world = World::event("build-2026").requests_per_day(1).start().await;
    let ada = world.attendee("ada").await;

    ada.chat("hello").await.assert_ok();
    // Until the request is settled it is only reserved, and the response is a 429.
    world.quiet().await;
    let second = ada.chat("again").await;

    assert_snapshot!(second.status(), @"402 Payment Required");
    assert_snapshot!(second.text(), @r#"{"error":{"message":"Your allowance of 1 requests per day is used up. It is full again at 2026-12-06 00:00 UTC.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#);
    assert_eq!(world.azure().calls(), 1);
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}

#[tokio::test]
async fn the_response_is_azures_unchanged() {
    let world = World::event("oslo").start().await;
    let ada = world.attendee("ada").await;

    let response = ada.chat("hello").await;
    let (choice, usage) = (&response.json()["choices"][0], &response.json()["usage"]);
    assert_eq!(choice["message"]["content"], format!("Hello, {}!", canary::COMPLETION));
    assert_eq!(usage["total_tokens"], 22);
    assert_eq!(
        response.header("x-upstream-request-id"),
        Some("5c5f1d5e-0a52-4a9e-b7d0-2f0c5f9f1a11")
    );
    assert_eq!(response.header("content-type"), Some("application/json"));

    let odd = r#"{"usage":{"prompt_tokens":1,"completion_tokens":2}, "x" : 1.50e2 ,"é":"\u00e9"}"#;
    world.azure().script(Reply::json(200, odd));
    assert_eq!(ada.chat("again").await.text(), odd);
    assert_eq!(world.settle().await.counts(), (2, 18, 7));
}

/// The first request of the seed, word for word: it names no model.
#[tokio::test]
async fn the_seeds_request_gets_the_events_default_deployment() {
    let world = World::event("hackathon").start().await;
    let user = world.attendee("githubuser").await;
    let body = r#"{
    "max_tokens": 256,
    "temperature": 1,
    "messages": [
        {
            "role": "system",
            "content": "You are an AI assistant that writes poems in the style of William Shakespeare."
        },
        {
            "role": "user",
            "content": "Write a poem about indian elephants"
        }
    ]
}"#;
    user.send(user.post(CHAT, body)).await.assert_ok();

    let sent = world.azure().requests().remove(0);
    assert_eq!(sent.target, "/openai/v1/chat/completions");
    assert_eq!(sent.json()["model"], format!("{}-gpt-4o-mini", canary::AZURE_NAME));
    assert_eq!(sent.json()["max_tokens"], 256);
    assert_eq!(sent.json()["temperature"], 1);
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test]
async fn every_base_and_every_form_of_the_credential_is_the_same_attendee() {
    let world = World::event("bases").requests_per_day(16).start().await;
    let ada = world.attendee("Ada").await;
    let token = ada.token();
    let code = world.code().to_ascii_uppercase();
    let headers = |pairs: &[(&'static str, String)]| -> HeaderMap {
        let value = |text: &String| HeaderValue::from_str(text).unwrap();
        pairs.iter().map(|(name, text)| (name.parse().unwrap(), value(text))).collect()
    };
    let forms = [
        headers(&[("openai-event-code", token.clone())]),
        headers(&[("openai-event-code", token.clone()), ("authorization", "Bearer dummy".into())]),
        headers(&[("openai-event-code", token.clone()), ("api-key", "other/eve".into())]),
        headers(&[("api-key", token.clone())]),
        headers(&[("api-key", token.clone()), ("authorization", "Bearer other/eve".into())]),
        headers(&[("authorization", format!("Bearer {token}"))]),
        headers(&[("authorization", format!("bearer {code}/ADA"))]),
        headers(&[("openai-event-code", code.clone()), ("x-user-id", " ada ".into())]),
        headers(&[("api-key", format!("{code}/ ada")), ("x-user-id", "eve".into())]),
    ];
    let bases = [
        "/api/v1/chat/completions",
        "/api/v1/chat/completions/",
        "/api/openai/v1/chat/completions",
        "/api/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        "/api/v1/openai/deployments/gpt-4o/chat/completions?api-version=2023-07-01-preview",
        "/api/openai-proxy/chat/completions",
        "/v1/chat/completions",
    ];
    let with_forms = forms.into_iter().map(|form| (bases[0], form));
    let with_bases = bases.map(|base| (base, headers(&[("openai-event-code", token.clone())])));
    for (base, headers) in with_forms.chain(with_bases) {
        let mut request = ada.post(base, chat("hello").to_string());
        *request.headers_mut() = headers;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        ada.send(request).await.assert_ok();
    }
    // Sixteen requests, sixteen a day: all of them were one attendee's.
    world.quiet().await;
    ada.chat("one more").await.assert_refused(402, "insufficient_quota");
    assert_eq!(world.settle().await.requests, 16);
    assert_eq!(world.account("ada").await.count(Field::Requests), 16);
}

#[tokio::test]
async fn the_model_is_taken_from_the_path_then_the_header_then_the_body() {
    let world = World::event("models").start().await;
    let ada = world.attendee("ada").await;
    let path = |model: &str| format!("/api/openai/deployments/{model}/chat/completions");
    let cases = [
        (path("gpt-4o"), Some("o4-mini"), Some("gpt-4o-mini"), "gpt-4o"),
        (CHAT.to_owned(), Some("gpt-4o"), Some("gpt-4o-mini"), "gpt-4o"),
        (CHAT.to_owned(), None, Some("gpt-4o"), "gpt-4o"),
        (CHAT.to_owned(), None, None, "gpt-4o-mini"),
    ];
    for (path, header, body, expected) in cases {
        let mut fields = chat("hello");
        fields["model"] = body.map_or(Value::Null, Value::from);
        let mut request = ada.post(&path, fields.to_string());
        if let Some(model) = header {
            request.headers_mut().insert("x-model", HeaderValue::from_static(model));
        }
        ada.send(request).await.assert_ok();
        let sent = world.azure().requests().pop().unwrap().json();
        assert_eq!(sent["model"], format!("{}-{expected}", canary::AZURE_NAME));
    }
    world.settle().await;
}

#[tokio::test]
async fn a_model_is_understood_in_other_letters_with_a_provider_or_a_date() {
    let world = World::event("spelling").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let names = ["GPT-4o", "openai/gpt-4o", "azure/GPT-4O", "gpt-4o-2024-11-20"];
    for name in names {
        let mut body = chat("hello");
        body["model"] = json!(name);
        ada.send(ada.post(CHAT, body.to_string())).await.assert_ok();
        // Every sign may be escaped in a path, and a slash must be.
        let escaped = name.replace('/', "%2F").replace('-', "%2D");
        let slash = name.replace('/', "%2f");
        for name in [escaped, slash] {
            let path = format!("/api/openai/deployments/{name}/chat/completions");
            ada.send(ada.post(&path, chat("hello").to_string())).await.assert_ok();
        }
    }
    let asked = world.azure().requests();
    let is_meant = |model: &Value| *model == format!("{}-gpt-4o", canary::AZURE_NAME);
    assert!(asked.len() == 12 && asked.iter().all(|call| is_meant(&call.json()["model"])));
    world.settle().await;
}

#[tokio::test]
async fn a_model_that_is_not_offered_costs_nothing_and_calls_nothing() {
    let world = World::event("unknown").start().await;
    let ada = world.attendee("ada").await;
    let mut body = chat("hello");
    body["model"] = json!("gpt-5-ultra");
    let response = ada.send(ada.post(CHAT, body.to_string())).await;
    assert_snapshot!(response.line(), @r#"404 {"error":{"message":"The event does not offer this model for chat/completions. For chat/completions it offers: gpt-4o, gpt-4o-mini, o4-mini.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#);
    // A model that is offered, but not for this operation.
    body["model"] = json!("text-embedding-3-small");
    let elsewhere = ada.send(ada.post(CHAT, body.to_string())).await;
    elsewhere.assert_refused(404, "model_not_found");
    let said = "The event offers text-embedding-3-small for embeddings, and not for \
                chat/completions. For chat/completions it offers: gpt-4o, gpt-4o-mini, o4-mini.";
    assert!(elsewhere.text().contains(said), "{}", elsewhere.text());
    // An operation that no model does.
    let body = json!({"model": "gpt-4o", "input": "hello"});
    let refused = ada.send(ada.post("/api/v1/responses", body.to_string())).await;
    refused.assert_refused(403, "not_offered");
    let said = "no model for responses. It has models for: chat/completions, embeddings.";
    assert!(refused.text().contains(said), "{}", refused.text());
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

#[tokio::test]
async fn azure_gets_our_headers_only_and_the_governed_fields_as_we_want_them() {
    let world = World::event("outgoing").start().await;
    let ada = world.attendee("ada").await;
    let fields = json!({
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]},
            {"role": "user", "content": [{"type": "text", "text": "x"}]},
        ],
        "store": true,
        "service_tier": "priority",
        "user": "github.com/ada",
        "seed": 7,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "x-unknown": {"deep": [1, 2, 3]},
    });
    let mut request = ada.post(CHAT, fields.to_string());
    for (name, value) in [
        ("x-forwarded-for", "10.0.0.1"),
        ("cookie", "a=b"),
        ("openai-organization", "org"),
        ("x-ms-client-request-id", "theirs"),
        ("host", "evil.example"),
    ] {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let response = ada.send(request).await;
    response.assert_ok();

    let sent = world.azure().requests().remove(0);
    let names: Vec<_> = sent.headers.keys().map(|name| name.as_str()).collect();
    let ours = ["api-key", "content-type", "accept", "user-agent", "x-ms-client-request-id"];
    let framing = ["host", "content-length"];
    for name in &names {
        assert!(ours.contains(name) || framing.contains(name), "{name} went to Azure");
    }
    assert_eq!(sent.header("api-key"), Some(canary::KEY));
    assert_eq!(sent.header("x-ms-client-request-id"), response.header("x-request-id"));
    let body = sent.json();
    for (name, expected) in [
        ("store", json!(false)),
        ("service_tier", json!("default")),
        ("max_tokens", json!(4_096)),
        ("messages", fields["messages"].clone()),
        ("seed", json!(7)),
        ("tools", fields["tools"].clone()),
        ("x-unknown", fields["x-unknown"].clone()),
    ] {
        assert_eq!(body[name], expected, "{name}");
    }
    let user = body["user"].as_str().unwrap();
    assert!(user.len() == 32 && !user.contains("ada"), "{user}");
    world.settle().await;
}

#[tokio::test]
async fn a_cap_above_the_events_is_lowered_and_a_header_says_so() {
    let world =
        World::event("cap").with(|event| event.max_completion_tokens = Some(100)).start().await;
    let ada = world.attendee("ada").await;
    let newer = "/api/openai/deployments/o4-mini/chat/completions";
    let cases = [
        (CHAT, json!({"max_tokens": 5_000}), "max_tokens", 100, Some("100;clamped-from=5000")),
        (CHAT, json!({"max_tokens": 100}), "max_tokens", 100, None),
        (CHAT, json!({"max_tokens": 7}), "max_tokens", 7, None),
        (CHAT, json!({"max_completion_tokens": 7}), "max_tokens", 7, None),
        (CHAT, json!({}), "max_tokens", 100, Some("100")),
        (CHAT, json!({"max_tokens": null}), "max_tokens", 100, Some("100")),
        (newer, json!({"max_tokens": 7}), "max_completion_tokens", 7, None),
        (newer, json!({}), "max_completion_tokens", 100, Some("100")),
    ];
    for (path, fields, name, cap, notice) in cases {
        let mut body = chat("hello");
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let response = ada.send(ada.post(path, body.to_string())).await;
        assert_eq!(response.assert_ok().header("x-event-max-tokens"), notice, "{fields}");
        let sent = world.azure().requests().pop().unwrap().json();
        let caps = ["max_tokens", "max_completion_tokens"].map(|name| sent.get(name).is_some());
        assert_eq!(caps.iter().filter(|is_there| **is_there).count(), 1, "{sent}");
        assert_eq!(sent[name], cap, "{fields}");
    }
    world.settle().await;
}

#[tokio::test]
async fn the_rate_headers_describe_the_attendees_own_allowance() {
    let world = World::event("rates")
        .attendee(Limit::RequestsPerMinute, 20)
        .attendee(Limit::TokensPerMinute, 60_000)
        .everybody(Limit::RequestsPerMinute, 5)
        .start()
        .await;
    let ada = world.attendee("ada").await;
    let response = ada.chat("hello").await;
    let header = |name: &str| response.header(&format!("x-ratelimit-{name}")).unwrap().to_owned();
    assert_eq!(header("limit-requests"), "20");
    assert_eq!(header("remaining-requests"), "19");
    assert_eq!(header("reset-requests"), "3.000s");
    assert_eq!(header("limit-tokens"), "60000");
    let remaining: u64 = header("remaining-tokens").parse().unwrap();
    assert!((55_000..60_000 - 4_096).contains(&remaining), "{remaining}");
    world.settle().await;
}

#[tokio::test]
async fn azures_message_about_the_request_passes_and_about_our_key_does_not() {
    let world = World::event("refused").start().await;
    let ada = world.attendee("ada").await;

    world.azure().script(Reply::content_filter());
    let filtered = ada.chat("hello").await;
    assert_snapshot!(filtered.line(), @r#"400 {"error":{"message":"The scripted filter is triggered.","type":"invalid_request_error","param":"prompt","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true,"severity":"medium"}}}}}"#);

    let host = world.azure().endpoint();
    let message = format!("The deployment {}-gpt-4o-mini at {host} is full.", canary::AZURE_NAME);
    world.azure().script(Reply::json(
        400,
        json!({"error": {"message": message, "type": "invalid_request_error",
            "param": "messages", "code": "context_length_exceeded"}})
        .to_string(),
    ));
    let too_long = ada.chat("hello").await;
    assert_snapshot!(too_long.line(), @r#"400 {"error":{"message":"The deployment gpt-4o-mini at http://the model's resource is full.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#);

    world.azure().script(Reply::error(409, "conflict", "Scripted conflict."));
    assert_eq!(ada.chat("hello").await.status(), 400);
    // The filter read the prompt, so it is charged; the others cost no tokens.
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.completion_tokens), (3, 0));
    let paid = totals.records.iter().filter(|record| record.charge.prompt_tokens > 0);
    assert_eq!(paid.count(), 1);
}

#[tokio::test]
async fn a_browser_may_send_every_header_that_it_asks_for() {
    let world = World::event("browser").in_memory().start().await;
    let ask = async |headers: Option<&str>| {
        let mut request = http::Request::options(CHAT).body(bytes::Bytes::new()).unwrap();
        if let Some(headers) = headers {
            let headers = headers.parse().unwrap();
            request.headers_mut().insert("access-control-request-headers", headers);
        }
        let response = world.send(request).await;
        response.assert_ok();
        assert_eq!(response.header("access-control-max-age"), Some("7200"));
        response.header("access-control-allow-headers").unwrap().to_owned()
    };
    let asked = "authorization, x-client-request-id, traceparent, baggage, x-stainless-retry-count";
    assert_eq!(ask(Some(asked)).await, asked);
    // A value that is not a list of names is not repeated.
    for odd in [None, Some("a: b"), Some("<script>")] {
        let allowed = ask(odd).await;
        for name in ["authorization", "api-key", "openai-event-code", "*"] {
            assert!(allowed.contains(name), "{name}");
        }
    }
    world.settle().await;
}

#[tokio::test]
async fn the_record_has_the_usage_and_the_attendee() {
    let world = World::event("record").start().await;
    let ada = world.attendee("Ada").await;
    let mut request = ada.post(CHAT, chat("hello").to_string());
    let bearer = format!("Bearer {}", ada.token());
    request.headers_mut().remove("openai-event-code");
    request.headers_mut().insert(AUTHORIZATION, bearer.parse().unwrap());
    ada.send(request).await.assert_ok();

    let totals = world.settle().await;
    let expected = (1, usual::PROMPT_TOKENS, usual::COMPLETION_TOKENS);
    assert_eq!(totals.counts(), expected);
    let record = &totals.records[0];
    assert_eq!(record.user.as_str(), "ada");
    assert_eq!(record.model.as_ref().unwrap().as_str(), "gpt-4o-mini");
    assert_eq!((record.status, record.is_estimated, record.is_streamed), (200, false, false));
    let line = &world.request_log().lines()[0];
    assert_eq!((line.outcome, line.status, line.charge), ("ok", 200, record.charge));
}
