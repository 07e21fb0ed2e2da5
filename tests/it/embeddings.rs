//! `POST …/embeddings`

use http::HeaderValue;
use lanyard_domain::allowance::Limit;
use serde_json::{Value, json};

use crate::support::attendee::EMBEDDINGS;
use crate::support::{Reply, World, canary, usual};

#[tokio::test]
async fn text_lists_and_tokens_are_embedded() {
    let world = World::event("embed").start().await;
    let ada = world.attendee("ada").await;
    let inputs = [
        (json!("one"), 1),
        (json!(["one", "two", "three"]), 3),
        (json!([1, 2, 3]), 1),
        (json!([[1, 2], [3]]), 2),
    ];
    for (input, expected) in inputs {
        let response = ada.embed(input.clone()).await;
        let body = response.assert_ok().json();
        assert_eq!(body["data"].as_array().unwrap().len(), expected, "{input}");
        assert_eq!(body["data"][0]["embedding"], json!(usual::EMBEDDING));
        let sent = world.azure().requests().pop().unwrap();
        assert_eq!(sent.target, "/openai/v1/embeddings");
        assert_eq!(sent.json()["input"], input);
        assert!(sent.json().get("max_tokens").is_none());
        let name = format!("{}-text-embedding-3-small", canary::AZURE_NAME);
        assert_eq!(sent.json()["model"], name);
    }
    // An embedding has no completion.
    assert_eq!(world.settle().await.counts(), (4, 4 * usual::PROMPT_TOKENS, 0));
}

#[tokio::test]
async fn many_texts_may_use_more_tokens_than_one_context() {
    let world = World::event("many").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let report = |tokens: u64| {
        let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
        let data = json!([{"object": "embedding", "index": 0, "embedding": [0.1]}]);
        let body = json!({"object": "list", "model": "x", "data": data, "usage": usage});
        Reply::json(200, body.to_string())
    };
    world.azure().script(report(900_000));
    ada.embed(json!(vec!["some words"; 40])).await.assert_ok();
    assert_eq!(world.settle().await.counts(), (1, 900_000, 0));
    // One text has one context.
    world.azure().script(report(900_000));
    ada.embed(json!("some words")).await.assert_ok();
    let totals = world.settle().await;
    assert!((930_000..940_000).contains(&totals.prompt_tokens), "{}", totals.prompt_tokens);
    assert!(totals.records[1].is_estimated && !totals.records[0].is_estimated);
}

#[tokio::test]
async fn base64_and_dimensions_pass_in_both_directions() {
    let world = World::event("base64").start().await;
    let ada = world.attendee("ada").await;
    let body = json!({"input": "one", "encoding_format": "base64", "dimensions": 3});
    let response = ada.send(ada.post(EMBEDDINGS, body.to_string())).await;
    assert_eq!(response.assert_ok().json()["data"][0]["embedding"], usual::EMBEDDING_BASE64);
    assert_eq!(world.azure().requests()[0].json()["dimensions"], 3);
    world.settle().await;
}

#[tokio::test]
async fn every_base_embeds() {
    let world = World::event("embed-bases").start().await;
    let ada = world.attendee("ada").await;
    let model = "text-embedding-3-small";
    let azure = format!("openai/deployments/{model}");
    let bases = ["v1", "openai/v1", &azure, &format!("v1/{azure}"), "openai-proxy"];
    for base in bases {
        let path = format!("/api/{base}/embeddings?api-version=2024-10-21");
        let body = json!({"model": model, "input": ["one", "two"]});
        ada.send(ada.post(&path, body.to_string())).await.assert_ok();
    }
    assert_eq!(world.settle().await.requests, 5);
}

#[tokio::test]
async fn embeddings_and_chats_are_charged_to_one_account() {
    let world = World::event("both").requests_per_day(2).start().await;
    let ada = world.attendee("ada").await;
    ada.embed(json!("one")).await.assert_ok();
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    ada.embed(json!("two")).await.assert_refused(402, "insufficient_quota");
    ada.chat("again").await.assert_refused(402, "insufficient_quota");
    let counts = (2, 2 * usual::PROMPT_TOKENS, usual::COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), counts);
}

#[tokio::test]
async fn an_image_is_embedded_below_models_and_held_by_the_models_rule() {
    let world = World::event("image-embed").in_memory().attendee(Limit::TokensTotal, 2_000);
    let world = world.deployments(|deployments| {
        let model =
            deployments.iter_mut().find(|it| it.name.as_str() == "text-embedding-3-small").unwrap();
        model.model = Some("cohere-embed-v3-english".to_owned());
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let image = json!({"image": "data:image/png;base64,iVBORw0KGgo=", "text": "a cat"});
    let ask = |path: &str, input: Value| {
        let fields = json!({"input": input, "input_type": "document", "user": "ada@example.org"});
        let mut request = ada.post(path, fields.to_string());
        let pass = HeaderValue::from_static("pass-through");
        request.headers_mut().insert("extra-parameters", pass);
        request
    };
    let path = "/api/models/images/embeddings?api-version=2024-05-01-preview";
    // Two images may need 2,000 tokens and more, by the model's rule and not by their length.
    let refused = ada.send(ask(path, json!([image, image]))).await;
    refused.assert_refused(400, "allowance_too_small");
    let refused = ada.send(ask(path, json!("a text"))).await;
    refused.assert_refused(400, "invalid_value");
    let response = ada.send(ask(path, json!([image]))).await;
    assert_eq!(response.assert_ok().json()["data"][0]["embedding"], json!(usual::EMBEDDING));
    assert_eq!(world.azure().calls(), 1);
    let sent = world.azure().requests().pop().unwrap();
    assert_eq!(sent.target, "/models/images/embeddings?api-version=2024-05-01-preview");
    let name = format!("{}-text-embedding-3-small", canary::AZURE_NAME);
    let expected = json!({"model": name, "input": [image], "input_type": "document"});
    assert_eq!(sent.json(), expected);
    assert_eq!(sent.header("extra-parameters"), None);
    // A resource that has no such path is not the organiser's mistake.
    world.azure().script(Reply::error(404, "404", "Resource not found"));
    ada.send(ask(path, json!([image]))).await.assert_refused(404, "unknown_route");
    for elsewhere in ["/api/v1/images/embeddings", "/api/openai/v1/images/embeddings"] {
        ada.send(ask(elsewhere, json!([image]))).await.assert_refused(404, "unknown_route");
    }
    assert_eq!(world.settle().await.counts(), (1, usual::PROMPT_TOKENS, 0));
}
