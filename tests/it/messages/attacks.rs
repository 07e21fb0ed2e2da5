//! Messages that try to cost less than they do, or to reach what the event does not allow.

use super::*;

/// What a body holds, as the refusal of a budget of one token says.
async fn held(fields: Value) -> u64 {
    held_as_written(&body(fields).to_string()).await
}

async fn held_as_written(text: &str) -> u64 {
    let world = world("held").attendee(Limit::TokensTotal, 1).start().await;
    let ada = world.attendee("ada").await;
    let refused = ada.send(ada.post(MESSAGES, text.to_owned())).await;
    let message = refused.assert_refused(400, "").text().to_owned();
    world.settle().await;
    let digits = message.split("may need ").nth(1).unwrap_or_else(|| panic!("{message}"));
    digits.split(' ').next().unwrap().parse().unwrap()
}

fn said(content: Value) -> Value {
    json!({"messages": [{"role": "user", "content": content}]})
}

#[tokio::test]
async fn what_cannot_be_sized_is_held_at_its_maximum_wherever_it_stands_and_however_it_is_written()
{
    let plain = held(json!({})).await;
    let url =
        |kind: &str| json!({"type": kind, "source": {"type": "url", "url": "https://a.example"}});
    // An unknown model: 128,000 tokens of context, and the largest image of any model.
    for (kind, least) in [("document", 128_000), ("image", 1_000)] {
        let part = url(kind);
        let result = json!({"type": "tool_result", "tool_use_id": "t", "content": [part]});
        let nested = json!({"type": "content", "content": [part]});
        for content in [
            json!([part]),
            json!([result]),
            json!([{"type": "document", "source": nested}]),
            json!([{"type": "web_fetch_tool_result", "content": {"type": "web_fetch_result", "content": part}}]),
            json!([{"cache_control": {"type": "ephemeral", "ttl": "1h"}, "type": "tool_result", "content": [part]}]),
        ] {
            let found = held(said(content.clone())).await;
            assert!(found >= plain / 2 + least, "{content}: {found}");
            let text = body(said(content.clone())).to_string();
            let escaped = text.replace("\"document\"", "\"\\u0064ocument\"");
            let escaped = escaped.replace("\"image\"", "\"\\u0069mage\"");
            assert_ne!(text, escaped);
            assert!(held_as_written(&escaped).await >= found, "{escaped}");
        }
        let twice = body(said(json!([part]))).to_string();
        let twice = twice.replace(r#""type":"url""#, r#""type":"text","data":"a","type":"url""#);
        assert!(held_as_written(&twice).await >= plain / 2 + least, "{twice}");
    }
}

#[tokio::test]
async fn text_of_each_field_is_held() {
    let plain = held(json!({})).await;
    let words = "some words ".repeat(1_000);
    for fields in [
        json!({"system": words}),
        json!({"system": [{"type": "text", "text": words, "cache_control": {"type": "ephemeral"}}]}),
        json!({"tools": [{"name": "a", "description": words, "input_schema": {}}]}),
        json!({"output_config": {"format": {"type": "json_schema", "schema": {"description": words}}}}),
        said(
            json!([{"type": "search_result", "source": "a", "title": "b", "content": [{"type": "text", "text": words}]}]),
        ),
        said(json!([{"type": "tool_result", "tool_use_id": "t", "content": words}])),
        said(
            json!([{"type": "document", "source": {"type": "text", "data": words}, "context": "c"}]),
        ),
        said(
            json!([{"type": "document", "source": {"type": "text", "data": "a"}, "context": words}]),
        ),
    ] {
        let found = held(fields.clone()).await;
        let name = fields.to_string().chars().take(60).collect::<String>();
        assert!(found >= plain + 1_800, "{name}: {found}");
    }
}

#[tokio::test]
async fn no_field_buys_another_price_another_model_or_more_output() {
    let world = world("price").start().await;
    let ada = world.attendee("ada").await;
    let fields = json!({
        "max_tokens": 1_000_000,
        "thinking": {"type": "enabled", "budget_tokens": 900_000},
        "service_tier": "auto", "speed": "fast", "fallbacks": "default",
        "fallback_credit_token": "token", "user_profile_id": "profile",
    });
    ask(&ada, fields).await.assert_ok();
    let sent = world.azure().requests().pop().unwrap().json();
    assert_eq!(sent["max_tokens"], 4_096);
    assert_eq!(sent["thinking"]["budget_tokens"], 3_072);
    assert_eq!(sent["service_tier"], "standard_only");
    for gone in ["speed", "fallbacks", "fallback_credit_token", "user_profile_id"] {
        assert_eq!(sent.get(gone), None, "{gone}");
    }
    for (fields, word) in [
        (json!({"container": {"id": "container_1"}}), "Containers"),
        (json!({"inference_geo": "us"}), "inference_geo"),
        (json!({"mcp_servers": [{"type": "url", "url": "https://a.example", "name": "a"}]}), "mcp"),
        (said(json!([{"type": "container_upload", "file_id": "file-1"}])), ""),
    ] {
        let refused = ask(&ada, fields).await;
        assert!(
            refused.status().is_client_error() && refused.text().contains(word),
            "{}",
            refused.line()
        );
    }
    assert_eq!(world.azure().calls(), 1);
    world.settle().await;
}

#[tokio::test]
async fn batches_and_other_calls_below_messages_are_unknown_in_anthropics_shape() {
    let world = world("batches").start().await;
    let ada = world.attendee("ada").await;
    for path in [
        "/api/v1/messages/batches",
        "/api/anthropic/v1/messages/batches",
        "/api/v1/messages/batches/msgbatch_1/results",
        "/api/v1/messages/count_tokens/x",
        "/api/anthropic/v1/files",
        "/api/anthropic/v1/complete",
    ] {
        for request in [request(&ada, path, json!({"requests": []})), ada.get(path)] {
            let response = ada.send(request).await;
            let expected = response.assert_refused(404, "").json();
            assert_eq!(expected["error"]["type"], "not_found_error", "{path}");
        }
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

#[tokio::test]
async fn a_flood_of_counts_is_stopped_before_azure_and_costs_nothing() {
    let world = world("flood").start().await;
    let ada = world.attendee("ada").await;
    // Time stands still, so those of a minute pass.
    for _ in 0..600 {
        ada.send(request(&ada, COUNT, json!({}))).await.assert_ok();
    }
    let refused = ada.send(request(&ada, COUNT, json!({}))).await;
    refused.assert_refused(429, "");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(world.azure().calls(), 600);
    assert_eq!(world.settle().await.counts(), (0, 0, 0));
}
