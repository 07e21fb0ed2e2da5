use insta::assert_snapshot;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::{Authority, Credential, Identity};
use serde_json::{Value, json};

use super::draft::{Described, Terms, described};
use super::view::DeploymentView;
use crate::AdminError;

const KEY: &str = "canary-key-7f3a";

fn describe(name: &str, body: &Value, has_key: bool) -> Result<Described, AdminError> {
    let before = Credential::Key("main/before/main".to_owned());
    describe_over(name, body, has_key.then_some(&before))
}

fn describe_over(
    name: &str,
    body: &Value,
    before: Option<&Credential>,
) -> Result<Described, AdminError> {
    let endpoint = super::endpoint::read(body["endpoint"].as_str().unwrap_or_default(), false);
    let before = before.map(|credential| at(&endpoint.unwrap_or_default(), credential));
    describe_in_place_of(name, body, before.as_ref())
}

fn describe_in_place_of(
    name: &str,
    body: &Value,
    before: Option<&Deployment>,
) -> Result<Described, AdminError> {
    let organiser = "main".parse().unwrap();
    let terms = Terms { before, allow_loopback: false };
    described(name, body.as_object().unwrap(), &organiser, terms)
}

/// A deployment at an endpoint.
fn at(endpoint: &str, credential: &Credential) -> Deployment {
    let body = json!({
        "endpoint": "https://r.openai.azure.com", "operations": ["embeddings"], "key": KEY,
    });
    let any = describe_in_place_of("gpt-4o", &body, None).unwrap().deployment;
    Deployment { endpoint: endpoint.to_owned(), credential: credential.clone(), ..any }
}

#[test]
fn another_endpoint_needs_its_key_but_an_identity_does_not() {
    let key = Credential::Key("main/gpt-4o/main".to_owned());
    let identity = Credential::Identity(Identity {
        tenant_id: "contoso.onmicrosoft.com".parse().unwrap(),
        client_id: "6731de76-14a6-49ae-97bc-6eba6914391e".parse().unwrap(),
        authority: Authority::Public,
    });
    let before = |credential| at("https://r.openai.azure.com", credential);
    let to = |host: &str, key: Value| json!({"endpoint": format!("https://{host}"), "operations": ["embeddings"], "key": key});
    for host in ["other.openai.azure.com", "r.services.ai.azure.com"] {
        let moved = describe_in_place_of("gpt-4o", &to(host, Value::Null), Some(&before(&key)));
        let Err(AdminError::Invalid(mistakes)) = moved else { panic!("{moved:?}") };
        assert_eq!(mistakes.first().unwrap().field, "key");
        assert!(describe_in_place_of("gpt-4o", &to(host, json!(KEY)), Some(&before(&key))).is_ok());
        let kept = describe_in_place_of("gpt-4o", &to(host, Value::Null), Some(&before(&identity)));
        assert_eq!(kept.unwrap().deployment.credential, identity);
    }
    let same = to("R.openai.azure.com/", Value::Null);
    assert!(describe_in_place_of("gpt-4o", &same, Some(&before(&key))).is_ok());
}

fn mistakes(name: &str, body: &Value, has_key: bool) -> String {
    let error = describe(name, body, has_key).err();
    let Some(AdminError::Invalid(mistakes)) = error else { panic!("{error:?}") };
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
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
    assert_eq!(deployment.credential, Credential::Key("main/gpt-4o-mini/main".to_owned()));
    assert!(!serde_json::to_string(&deployment).unwrap().contains(KEY));
    let shown = serde_json::to_string_pretty(&DeploymentView::of(&deployment)).unwrap();
    assert_snapshot!(shown, @r#"
    {
      "name": "gpt-4o-mini",
      "replica": "main",
      "endpoint": "https://my-resource.openai.azure.com",
      "azure_name": "gpt-4o-mini",
      "model": null,
      "operations": [
        "chat_completions"
      ],
      "api": "v1",
      "weight": 1,
      "requests_per_minute": null,
      "tokens_per_minute": null,
      "completion_field": "max_tokens",
      "prices": null,
      "identity": null
    }
    "#);
}

#[test]
fn every_field_can_be_set() {
    let body = json!({
        "endpoint": "https://r.services.ai.azure.com", "azure_name": "my-gpt", "model": "Prod-Model",
        "context_window": 200_000, "max_output_tokens": 8_000, "reasoning": true,
        "operations": ["embeddings", "chat_completions"],
        "api": "classic", "api_version": "2024-10-21",
        "replica": "sweden", "weight": 3, "requests_per_minute": 1_000, "tokens_per_minute": 9,
        "completion_field": "max_completion_tokens",
        "prices": {"prompt": 0.15, "completion": 0.60, "cached_prompt": 0.075, "image": 0.04},
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
      "model": "prod-model",
      "context_window": 200000,
      "max_output_tokens": 8000,
      "reasoning": true,
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
        "completion": 0.6,
        "cached_prompt": 0.075,
        "image": 0.04
      },
      "identity": null
    }
    "#);
}

#[test]
fn a_model_that_is_paid_by_the_image_needs_no_price_of_tokens() {
    let body = json!({
        "endpoint": "https://r.services.ai.azure.com", "operations": ["images_generations"],
        "prices": {"image": 0.04}, "key": "secret",
    });
    let prices = describe("flux", &body, true).unwrap().deployment.prices.unwrap();
    assert_eq!((prices.prompt, prices.completion, prices.image), (0, 0, Some(40_000_000)));
}

#[test]
fn every_wrong_field_is_reported_at_once() {
    let body = json!({
        "endpoint": "https://169.254.169.254", "azure_name": "a/b",
        "operations": ["chat", "embeddings", "embeddings"], "api": "v2", "api_version": "soon",
        "replica": "a b", "weight": 1_001, "requests_per_minute": 0, "tokens_per_minute": 1.5,
        "completion_field": "max", "prices": {"completion": "free", "image": "x", "tokens": 1}, "region": "x",
    });
    assert_snapshot!(mistakes("..", &body, false), @r#"
    name must be 1 to 64 of A-Z a-z 0-9 . _ -
    replica must be 1 to 32 of A-Z a-z 0-9 . _ -
    endpoint must be https://RESOURCE.openai.azure.com, https://RESOURCE.services.ai.azure.com, https://RESOURCE.cognitiveservices.azure.com, https://RESOURCE.openai.azure.us, https://RESOURCE.cognitiveservices.azure.us, https://RESOURCE.cognitiveservices.azure.cn, with nothing behind it
    azure_name must be 1 to 64 of A-Z a-z 0-9 . _ -
    operations [0] no such operation; [2] repeats a name; the operations are: chat_completions, embeddings, completions, images_generations, images_edits, audio_transcriptions, audio_translations, audio_speech, moderations, responses, messages, conversations, files, vector_stores, assistants, threads, videos, containers
    api must be one of: v1, classic
    api_version must be a date such as 2024-10-21 or 2024-10-01-preview
    weight must be a whole number from 0 to 1000
    requests_per_minute must be a whole number from 1 to 1000000000000
    tokens_per_minute must be a whole number from 1 to 1000000000000
    completion_field must be one of: max_tokens, max_completion_tokens
    prices.completion must be dollars per million tokens, a number from 0 to 1000000
    prices.image must be dollars for one, a number from 0 to 1000
    prices.prompt is required
    prices.tokens is not a field that can be set; there are: completion, cached_prompt, cache_write, image, audio_second, character, video_second, prompt
    key is required, unless there is an "identity"
    region is not a field that can be set; there are: replica, endpoint, azure_name, model, context_window, max_output_tokens, reasoning, operations, api, api_version, weight, requests_per_minute, tokens_per_minute, completion_field, prices, key, identity
    "#);
}

#[test]
fn an_api_version_needs_the_classic_path() {
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
    assert_snapshot!(mistakes("e", &body, false), @"key must be 1 to 512 visible ASCII characters without spaces");
}

const TENANT: &str = "contoso.onmicrosoft.com";
const CLIENT: &str = "6731de76-14a6-49ae-97bc-6eba6914391e";

fn with_identity(host: &str, more: Value) -> Value {
    let mut body = json!({
        "endpoint": format!("https://r.{host}"), "operations": ["embeddings"],
        "identity": {"tenant_id": TENANT, "client_id": CLIENT},
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

fn an_identity(authority: Authority) -> Credential {
    Credential::Identity(Identity {
        tenant_id: TENANT.parse().unwrap(),
        client_id: CLIENT.parse().unwrap(),
        authority,
    })
}

#[test]
fn an_identity_replaces_a_key_and_is_shown() {
    let body = with_identity("openai.azure.com", json!({"key": null}));
    let Described { deployment, key } = describe("e", &body, false).unwrap();
    assert_eq!((&deployment.credential, key), (&an_identity(Authority::Public), None));
    let shown = serde_json::to_value(DeploymentView::of(&deployment)).unwrap();
    assert_snapshot!(shown["identity"], @r#"{"authority":"login.microsoftonline.com","client_id":"6731de76-14a6-49ae-97bc-6eba6914391e","tenant_id":"contoso.onmicrosoft.com"}"#);
}

#[test]
fn the_authority_is_that_of_the_endpoints_cloud() {
    for (host, authority) in [
        ("services.ai.azure.com", Authority::Public),
        ("openai.azure.us", Authority::Government),
        ("cognitiveservices.azure.cn", Authority::China),
    ] {
        let identity =
            json!({"tenant_id": TENANT, "client_id": CLIENT, "authority": authority.host()});
        for more in [json!({}), json!({"identity": identity})] {
            let described = describe("e", &with_identity(host, more), true).unwrap();
            assert_eq!(described.deployment.credential, an_identity(authority));
        }
    }
}

#[test]
fn a_change_without_a_credential_keeps_the_credential() {
    let body = with_identity("openai.azure.com", json!({"identity": null, "weight": 2}));
    let key = Credential::Key("main/e/main".to_owned());
    for before in [an_identity(Authority::Public), key] {
        let Described { deployment, key } = describe_over("e", &body, Some(&before)).unwrap();
        assert_eq!((deployment.credential, key), (before, None));
    }
    // A token of one cloud is never sent to another.
    let before = an_identity(Authority::Government);
    let Err(AdminError::Invalid(mistakes)) = describe_over("e", &body, Some(&before)) else {
        panic!("it was taken")
    };
    assert_snapshot!(mistakes[0], @"identity is required, because the endpoint is in another cloud");
}

#[test]
fn a_wrong_identity_is_refused_field_by_field() {
    let of = |identity: Value| {
        mistakes("e", &with_identity("openai.azure.com", json!({"identity": identity})), true)
    };
    assert_snapshot!(of(json!("me")), @"identity must be an object");
    assert_snapshot!(of(json!({})), @"
    identity.tenant_id is required
    identity.client_id is required
    ");
    assert_snapshot!(of(json!({"tenant_id": "common", "client_id": "me", "client_secret": KEY})), @"
    identity.tenant_id must be the directory's id or one of its domains, such as contoso.onmicrosoft.com
    identity.client_id must be the application's id, such as 6731de76-14a6-49ae-97bc-6eba6914391e
    identity.client_secret is not a field that can be set; there are: tenant_id, client_id, authority
    ");
    let hosts = Authority::ALL.iter().map(|one| one.host()).collect::<Vec<_>>().join(", ");
    for authority in ["https://login.microsoftonline.com", "evil.example", "127.0.0.1:80", ""] {
        let identity = json!({"tenant_id": TENANT, "client_id": CLIENT, "authority": authority});
        let expected = format!("identity.authority must be one of: {hosts}");
        assert_eq!(of(identity), expected, "{authority:?}");
    }
    let identity =
        json!({"tenant_id": TENANT, "client_id": CLIENT, "authority": "login.microsoftonline.us"});
    assert_snapshot!(of(identity), @"identity.authority must be login.microsoftonline.com, as the endpoint is in its cloud");
}

#[test]
fn a_key_and_an_identity_do_not_go_together() {
    let body = with_identity("openai.azure.com", json!({"key": KEY}));
    assert_snapshot!(mistakes("e", &body, true), @r#"identity does not go with "key"; give one of them"#);
}
