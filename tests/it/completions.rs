//! `POST …/completions`, the legacy operation.

use bytes::Bytes;
use lanyard_domain::allowance::Limit;
use serde_json::{Value, json};

use crate::support::{Reply, World, canary, usual};

const COMPLETIONS: &str = "/api/v1/completions";

#[tokio::test]
async fn the_legacy_sdks_path_names_the_model() {
    let world = World::event("engines").everything().start().await;
    let ada = world.attendee("ada").await;
    for base in ["v1", "openai/v1"] {
        let path = format!("/api/{base}/engines/model-completions/completions");
        ada.send(ada.post(&path, json!({"prompt": "x"}).to_string())).await.assert_ok();
        let path = format!("/api/{base}/engines/gpt-4o-mini/completions");
        let other = ada.send(ada.post(&path, json!({"prompt": "x"}).to_string())).await;
        other.assert_refused(404, "model_not_found");
    }
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn a_stream_is_handed_on_and_settled_before_its_end() {
    let world = World::event("legacy-stream").everything().start().await;
    let ada = world.attendee("ada").await;
    for wants_usage in [false, true] {
        let mut body = json!({"prompt": canary::PROMPT, "stream": true});
        if wants_usage {
            body["stream_options"] = json!({"include_usage": true});
        }
        let response = ada.send(ada.post(COMPLETIONS, body.to_string())).await;
        let text = response.assert_ok().text().to_owned();
        assert!(text.contains("canary-completion") && text.ends_with("data: [DONE]\n\n"), "{text}");
        assert_eq!(text.contains("\"prompt_tokens\""), wants_usage, "{text}");
    }
    let asked = world.azure().requests();
    assert_eq!(asked[0].json()["stream_options"]["include_usage"], true);
    let (prompt, completion) = (usual::PROMPT_TOKENS, usual::COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), (2, 2 * prompt, 2 * completion));
}

#[tokio::test]
async fn every_prompt_and_choice_is_held_and_the_cap_is_the_events() {
    let world = World::event("prompts")
        .in_memory()
        .everything()
        .with(|event| (event.max_completion_tokens, event.max_choices) = (Some(100), 3))
        .attendee(Limit::TokensTotal, 599)
        .start()
        .await;
    let ada = world.attendee("ada").await;
    let needed = |body: serde_json::Value| {
        let ada = ada.clone();
        async move {
            let response = ada.send(ada.post(COMPLETIONS, body.to_string())).await;
            response.assert_refused(400, "allowance_too_small");
            let text = response.text().to_owned();
            let digits = text.split("may need ").nth(1).unwrap().split(' ').next().unwrap();
            digits.parse::<u64>().unwrap()
        }
    };
    let two = needed(json!({"prompt": ["a", "b"], "best_of": 3, "max_tokens": 100})).await;
    assert!((600..650).contains(&two), "{two}");
    let tokens =
        needed(json!({"prompt": [vec![1; 300], vec![2; 300]], "n": 2, "max_tokens": 100})).await;
    assert!(tokens >= 600 + 400, "{tokens}");
    let capped = json!({"prompt": "a", "max_tokens": 5_000});
    let response = ada.send(ada.post(COMPLETIONS, capped.to_string())).await;
    assert_eq!(response.assert_ok().header("x-event-max-tokens"), Some("100;clamped-from=5000"));
    assert_eq!(world.azure().requests()[0].json()["max_tokens"], 100);
    let response = ada.send(ada.post(COMPLETIONS, json!({"prompt": "a"}).to_string())).await;
    assert_eq!(response.assert_ok().header("x-event-max-tokens"), Some("16"));
    assert_eq!(world.azure().requests()[1].json()["max_tokens"], 16);
    world.settle().await;
}

#[tokio::test]
async fn a_prompt_is_scored_without_a_completion() {
    let world = World::event("scoring").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    let choice = |index: u64| {
        json!({"index": index, "text": "a b", "finish_reason": "length",
            "logprobs": {"tokens": ["a", " b"], "token_logprobs": [null, -1.5]}})
    };
    let body = json!({"id": "cmpl-1", "object": "text_completion",
        "choices": [choice(0), choice(1)], "usage": {"prompt_tokens": 4, "total_tokens": 4}});
    let chunk = |choices: Value, usage: Value| {
        format!("data: {}\n\n", json!({"id": "cmpl-1", "choices": choices, "usage": usage}))
    };
    let streamed = [
        chunk(json!([choice(0)]), Value::Null),
        chunk(json!([choice(1)]), Value::Null),
        chunk(json!([]), body["usage"].clone()),
        "data: [DONE]\n\n".to_owned(),
    ];
    let asked = |stream: bool| {
        json!({"prompt": [[64, 293], [65, 293]], "max_tokens": 0, "echo": true, "logprobs": 1,
            "stream": stream})
    };
    world.azure().script(Reply::json(200, body.to_string()));
    let whole = ada.send(ada.post(COMPLETIONS, asked(false).to_string())).await;
    assert_eq!(whole.assert_ok().json(), body);
    assert_eq!(whole.header("x-event-max-tokens"), None);
    world.azure().script(Reply::stream(streamed.into_iter().map(Bytes::from).collect()));
    let stream = ada.send(ada.post(COMPLETIONS, asked(true).to_string())).await;
    assert!(stream.assert_ok().text().ends_with("data: [DONE]\n\n"), "{}", stream.text());
    for sent in world.azure().requests() {
        let sent = sent.json();
        assert_eq!((&sent["max_tokens"], &sent["echo"]), (&json!(0), &json!(true)));
    }
    // Azure decides what nothing is, without echo.
    world.azure().script(Reply::error(400, "invalid_value", "max_tokens must be at least 1"));
    let nothing = json!({"prompt": "a", "max_tokens": 0});
    let refused = ada.send(ada.post(COMPLETIONS, nothing.to_string())).await;
    refused.assert_refused(400, "invalid_value");
    for wrong in [json!(-1), json!(0.5), json!("0"), json!("00")] {
        let body = json!({"prompt": "a", "max_tokens": wrong});
        let refused = ada.send(ada.post(COMPLETIONS, body.to_string())).await;
        refused.assert_refused(400, "invalid_value");
    }
    assert_eq!(world.azure().calls(), 3);
    let totals = world.settle().await;
    assert_eq!(totals.counts(), (3, 8, 0));
}
