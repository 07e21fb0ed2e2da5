use insta::assert_snapshot;
use serde_json::{Value, json};

use super::draft::{Described, Terms, described};
use super::view::DeploymentView;
use crate::AdminError;

const KEY: &str = "canary-key-7f3a";

fn describe(name: &str, body: &Value, has_key: bool) -> Result<Described, AdminError> {
    let organiser = "main".parse().unwrap();
    let terms = Terms { has_key, allow_loopback: false };
    described(name, body.as_object().unwrap(), &organiser, terms)
}

fn mistakes(name: &str, body: &Value, has_key: bool) -> String {
    match describe(name, body, has_key).err() {
        Some(AdminError::Invalid(mistakes)) => {
            mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn little_is_needed_and_the_key_is_never_shown() {
    let body = json!({
        "endpoint": "https://My-Resource.openai.azure.com/",
        "operations": ["chat_completions"],
        "key": KEY,
    });
    let Described { deployment, key } = describe("gpt-4o-mini", &body, false).unwrap();
    assert_eq!(key.unwrap().reveal(), KEY);
    assert_eq!(deployment.key_reference, "main/gpt-4o-mini/main");
    assert!(!serde_json::to_string(&deployment).unwrap().contains(KEY));
    let shown = serde_json::to_string_pretty(&DeploymentView::of(&deployment)).unwrap();
    assert_snapshot!(shown, @r#"
    {
      "name": "gpt-4o-mini",
      "replica": "main",
      "endpoint": "https://my-resource.openai.azure.com",
      "azure_name": "gpt-4o-mini",
      "operations": [
        "chat_completions"
      ],
      "api": "v1",
      "weight": 1,
      "requests_per_minute": null,
      "tokens_per_minute": null,
      "completion_field": "max_tokens",
      "prices": null
    }
    "#);
}

#[test]
fn everything_can_be_said() {
    let body = json!({
        "endpoint": "https://r.services.ai.azure.com", "azure_name": "my-gpt",
        "operations": ["embeddings", "chat_completions"],
        "api": "classic", "api_version": "2024-10-21",
        "replica": "sweden", "weight": 3, "requests_per_minute": 1_000, "tokens_per_minute": 9,
        "completion_field": "max_completion_tokens",
        "prices": {"prompt": 0.15, "completion": 0.60},
    });
    let Described { deployment, key } = describe("gpt-4o-mini", &body, true).unwrap();
    assert_eq!(key, None);
    assert_eq!(deployment.prices.unwrap().completion, 600_000);
    let shown = serde_json::to_string_pretty(&DeploymentView::of(&deployment)).unwrap();
    assert_snapshot!(shown, @r#"
    {
      "name": "gpt-4o-mini",
      "replica": "sweden",
      "endpoint": "https://r.services.ai.azure.com",
      "azure_name": "my-gpt",
      "operations": [
        "embeddings",
        "chat_completions"
      ],
      "api": "classic",
      "api_version": "2024-10-21",
      "weight": 3,
      "requests_per_minute": 1000,
      "tokens_per_minute": 9,
      "completion_field": "max_completion_tokens",
      "prices": {
        "prompt": 0.15,
        "completion": 0.6
      }
    }
    "#);
}

#[test]
fn every_wrong_field_is_reported_at_once() {
    let body = json!({
        "endpoint": "https://169.254.169.254", "azure_name": "a/b",
        "operations": ["chat", "embeddings", "embeddings"], "api": "v2", "api_version": "soon",
        "replica": "a b", "weight": 1_001, "requests_per_minute": 0, "tokens_per_minute": 1.5,
        "completion_field": "max", "prices": {"completion": "free", "image": 1}, "region": "x",
    });
    assert_snapshot!(mistakes("..", &body, false), @"
    name must be 1 to 64 of A-Z a-z 0-9 . _ -
    replica must be 1 to 32 of A-Z a-z 0-9 . _ -
    endpoint must be https://RESOURCE.openai.azure.com, https://RESOURCE.services.ai.azure.com, https://RESOURCE.cognitiveservices.azure.com, with nothing behind it
    azure_name must be 1 to 64 of A-Z a-z 0-9 . _ -
    operations [0] no such operation; [2] repeats a name; the operations are: chat_completions, embeddings, responses, conversations, files, vector_stores, assistants, threads, videos, completions, images_generations, images_edits, audio_transcriptions, audio_translations, audio_speech, moderations
    api must be one of: v1, classic
    api_version must be a date such as 2024-10-21 or 2024-10-01-preview
    weight must be a whole number from 0 to 1000
    requests_per_minute must be a whole number from 1 to 1000000000000
    tokens_per_minute must be a whole number from 1 to 1000000000000
    completion_field must be one of: max_tokens, max_completion_tokens
    prices.prompt is required
    prices.completion must be dollars per million tokens, a number from 0 to 1000000
    prices.image is not a field that can be set; there are: prompt, completion
    key is required
    region is not a field that can be set; there are: replica, endpoint, azure_name, operations, api, api_version, weight, requests_per_minute, tokens_per_minute, completion_field, prices, key
    ");
}

#[test]
fn a_version_goes_with_the_classic_form_and_only_with_it() {
    let of = |api: Value| {
        let mut body = json!({
            "endpoint": "https://r.openai.azure.com", "operations": ["embeddings"],
        });
        body.as_object_mut().unwrap().extend(api.as_object().unwrap().clone());
        mistakes("e", &body, true)
    };
    assert_snapshot!(of(json!({"api": "classic"})), @r#"api_version is required with "api": "classic""#);
    assert_snapshot!(of(json!({"api_version": "2024-10-21"})), @r#"api_version goes only with "api": "classic""#);
    assert_snapshot!(of(json!({"api": "classic", "api_version": "2024-10-32"})), @"api_version must be a date such as 2024-10-21 or 2024-10-01-preview");
}

#[test]
fn a_wrong_key_is_not_repeated() {
    let body = json!({
        "endpoint": "https://r.openai.azure.com", "operations": ["embeddings"],
        "key": format!("{KEY} {KEY}"),
    });
    assert_snapshot!(mistakes("e", &body, false), @"key must be 1 to 512 visible ASCII characters without blanks");
}
