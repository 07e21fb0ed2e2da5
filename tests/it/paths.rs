//! Paths and queries that lead nowhere (wire contract, section 2).

use http::{Method, Uri};
use lanyard_gateway::ApiError;

use crate::bad_input::{nothing_happened, strict_world};
use crate::support::attendee::{CHAT, chat};

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let (world, ada) = strict_world().await;
    for path in [
        "/",
        "/api/v1",
        "/api/v2/chat/completions",
        // Azure has none.
        "/api/v1/images/variations",
        "/api/v1/chat",
        "/api/v1/chat/completions/more",
        "/api/v1//chat/completions",
        "/chat/completions",
        "/api/openai/chat/completions",
        "/api/openai/deployments//chat/completions",
        "/api/openai/deployments/a/b/chat/completions",
        "/API/V1/CHAT/COMPLETIONS",
    ] {
        let response = ada.send(ada.post(path, chat("hello").to_string())).await;
        assert_eq!(
            (response.status().as_u16(), response.code().as_str()),
            (404, "unknown_route"),
            "{path}"
        );
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "HEAD"] {
        let mut request = ada.post(CHAT, chat("hello").to_string());
        *request.method_mut() = method.parse().unwrap();
        let response = ada.send(request).await;
        response.assert_refused(405, "method_not_allowed");
        assert_eq!(response.header("allow"), Some("POST, OPTIONS"));
    }
    // API Gateway routes this as a legacy completion by a deployment named `chat`.
    let request = ada.post("/api/openai/deployments/chat/completions", chat("hello").to_string());
    let refused = chat_completions::handle(world.gateway(), world.request(request)).await;
    assert!(matches!(refused, Err(ApiError::UnknownRoute)));
    nothing_happened(&world).await;
}

#[tokio::test]
async fn the_paths_of_azure_ai_inference_are_served_with_the_model_of_the_body() {
    let world = crate::support::World::event("inference").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let sent = |path: &str, body: serde_json::Value| {
        let mut request = ada.post(path, body.to_string());
        let headers = request.headers_mut();
        headers.insert("extra-parameters", http::HeaderValue::from_static("pass-through"));
        request
    };
    let mut chat = chat("hello");
    chat["model"] = "gpt-4o".into();
    let path = "/api/models/chat/completions?api-version=2024-05-01-preview";
    ada.send(sent(path, chat.clone())).await.assert_ok();
    chat["stream"] = true.into();
    let payloads = world.open(sent(path, chat)).await.rest().await;
    assert_eq!(payloads.last().unwrap(), "[DONE]");
    let input = serde_json::json!({"model": "text-embedding-3-small", "input": ["a"], "input_type": "document"});
    ada.send(sent("/api/models/embeddings/", input)).await.assert_ok();
    let asked = world.azure().requests();
    assert!(asked.iter().all(|asked| asked.header("extra-parameters").is_none()));
    assert_eq!(asked[2].json()["input_type"], "document");
    for path in ["/api/models/completions", "/api/v1/images/embeddings", "/api/models/info"] {
        let body = serde_json::json!({"input": "a", "prompt": "a"});
        let refused = ada.send(sent(path, body)).await;
        assert_eq!(
            (refused.status().as_u16(), refused.code().as_str()),
            (404, "unknown_route"),
            "{path}"
        );
    }
    assert_eq!(world.settle().await.requests, 3);
}

/// Tools forget `/v1`, or append it to an address that ends in it.
#[tokio::test]
async fn an_address_that_is_almost_right_is_served() {
    let world = crate::support::World::event("almost").in_memory().keeping().everything();
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    for base in ["/api", "/api/v1/v1", "/api/v1/openai/v1"] {
        for (path, body) in [
            ("chat/completions", chat("hello")),
            ("responses", serde_json::json!({"input": "hello"})),
            ("embeddings", serde_json::json!({"input": "hello"})),
            ("completions", serde_json::json!({"prompt": "hello"})),
            ("images/generations", serde_json::json!({"prompt": "hello"})),
            ("audio/speech", serde_json::json!({"input": "hello", "voice": "alloy"})),
        ] {
            let path = format!("{base}/{path}");
            ada.send(ada.post(&path, body.to_string())).await.assert_ok();
            ada.send(ada.post(&format!("{path}/"), body.to_string())).await.assert_ok();
            let doubled = path.replacen("/api/", "/api//", 1);
            let refused = ada.send(ada.post(&doubled, body.to_string())).await;
            refused.assert_refused(404, "unknown_route");
            assert!(refused.text().contains("/api/v1"), "{}", refused.text());
        }
        ada.send(ada.get(&format!("{base}/models"))).await.assert_ok();
    }
    assert_eq!(world.settle().await.requests, 36);
}

#[tokio::test]
async fn tricks_in_the_deployment_lead_nowhere() {
    let (world, ada) = strict_world().await;
    let mut tried = 0;
    for name in [
        "..",
        ".",
        "%2e%2e",
        ".%2e",
        "%2e",
        "a%2f..%2fb",
        "..%2f..%2fopenai",
        "%252e%252e",
        "gpt%5c..",
        "gpt\\..",
        "gpt%00",
        "gpt-4o-mini%00",
        "gpt;x",
        "gpt-4o-mini;x=y",
        "gpt-4o-mini%3fapi-version=x",
        "gpt-4o-mini%23",
        "..%2f..%2fgpt-4o-minx",
        "gpt-4o-min%2569",
        "*",
        "{deployment}",
        "gpt@evil.example",
        "http:%2f%2fevil.example",
    ] {
        for base in ["/api/openai/deployments", "/api/v1/openai/deployments"] {
            let path = format!("{base}/{name}/chat/completions?api-version=2024-10-21");
            // A malformed path reaches no function.
            let Ok(uri) = path.parse::<Uri>() else { continue };
            let mut request = ada.post(CHAT, chat("hello").to_string());
            *request.uri_mut() = uri;
            let response = ada.send(request).await;
            assert_eq!(response.status(), 404, "{path}: {}", response.text());
            tried += 1;
        }
    }
    assert!(tried >= 40, "only {tried} were paths");
    nothing_happened(&world).await;
}

#[tokio::test]
async fn the_query_of_a_call_is_ignored_on_every_base() {
    let world = crate::support::World::event("query").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let queries = [
        "",
        "?",
        "?api-version=",
        "?api-version",
        "?api-version=1",
        "?api-version=2024-10-21&api-version=2024-10-21",
        "?api-version=2024-10-21&API-VERSION=v1",
        "?api-version=2024-10-21%26x=y",
        "?%61pi-version=%32024-10-21",
        "?API-VERSION=soon",
        "?a=%2",
        "?a=%zz",
        "?=x&&",
    ];
    for base in [
        "/api",
        "/api/v1",
        "/api/v1/v1",
        "/api/openai/v1",
        "/api/v1/openai/v1",
        "/api/openai-proxy",
        "/api/models",
        "/api/openai/deployments/gpt-4o-mini",
        "/api/v1/openai/deployments/gpt-4o-mini",
    ] {
        for query in queries {
            let path = format!("{base}/chat/completions{query}");
            ada.send(ada.post(&path, chat("hello").to_string())).await.assert_ok();
        }
    }
    for query in queries {
        ada.send(ada.get(&format!("/api/v1/files{query}"))).await.assert_ok();
        ada.send(ada.get(&format!("/api/v1/models{query}"))).await.assert_ok();
    }
    assert!(world.azure().requests().iter().all(|asked| !asked.target.contains("soon")));
    world.settle().await;
}

/// `AzureOpenAI` with a base URL that ends in a deployment asks for everything below it, and without
/// one it asks for moderations beside the deployments.
#[tokio::test]
async fn azures_clients_find_responses_below_their_deployment_and_moderations_beside_it() {
    let world = crate::support::World::event("azure-sdk").in_memory().everything().keeping();
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    for base in ["/api/openai", "/api/v1/openai"] {
        let moderation = serde_json::json!({"input": "hello"}).to_string();
        let path = format!("{base}/moderations?api-version=2024-10-21");
        ada.send(ada.post(&path, moderation)).await.assert_ok();

        let base = format!("{base}/deployments/gpt-4o-mini");
        let body = serde_json::json!({"model": "another", "input": "hello", "store": true});
        let made = ada.call(Method::POST, &format!("{base}/responses"), Some(&body)).await;
        let id = made.assert_ok().json()["id"].as_str().unwrap().to_owned();
        let one = format!("{base}/responses/{id}");
        ada.call(Method::GET, &format!("{one}?api-version=2025-04-01-preview"), None)
            .await
            .assert_ok();
        ada.call(Method::GET, &format!("{one}/input_items"), None).await.assert_ok();
        ada.call(Method::POST, &format!("{one}/cancel"), None).await.assert_ok();
        ada.call(Method::DELETE, &one, None).await.assert_ok();
        ada.call(Method::GET, &one, None).await.assert_refused(404, "object_not_found");
        let input = serde_json::json!({"input": "hello"});
        for call in ["compact", "input_tokens"] {
            let answer = serde_json::json!({"object": "response.x", "input_tokens": 1});
            world.azure().script(crate::support::Reply::json(200, answer.to_string()));
            let path = format!("{base}/responses/{call}");
            ada.call(Method::POST, &path, Some(&input)).await.assert_ok();
            let sent = world.azure().requests().pop().unwrap();
            assert_eq!(sent.path(), format!("/openai/v1/responses/{call}"));
            assert!(sent.json()["model"].as_str().unwrap().ends_with("gpt-4o-mini"), "{call}");
        }
        for (method, rest, known) in [
            (Method::GET, "files", "files"),
            (Method::POST, "batches", "batches"),
            (Method::GET, "models/gpt-4o-mini", "models"),
            (Method::POST, "threads/thread_1/runs", "threads"),
        ] {
            let refused = ada.call(method, &format!("{base}/{rest}"), None).await;
            refused.assert_refused(404, "unknown_route");
            let text = refused.text();
            assert!(text.contains(&format!("Use /api/openai/{known}: ")), "{text}");
        }
        let unknown = ada.call(Method::POST, &format!("{base}/fine_tuning/jobs"), None).await;
        unknown.assert_refused(404, "unknown_route");
        assert!(unknown.text().contains("The base is /api/v1"), "{}", unknown.text());
    }
    world.settle().await;
}
