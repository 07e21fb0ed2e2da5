//! The checks of a body, its estimate, and the body for Azure.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lanyard_domain::catalog::CompletionField;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::images::{Detail, ImageRule};
use lanyard_domain::models::ModelFacts;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::Unit;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MOST_BYTES, Payload, Target};
use crate::Protocol;
use crate::added::RefusedFields;
use crate::demand::{Caps, Demanded};
use crate::error::{BadRequestCode, BodyRefused};

static NO_TOOLS: HostedTools = HostedTools::none();

const CAPS: Caps<'static> = Caps {
    completion_tokens: 100,
    choices: 2,
    hosted_tools: &NO_TOOLS,
    keeps_objects: false,
    facts: &ModelFacts::UNKNOWN,
};

fn request(body: impl Into<Bytes>) -> http::Request<Bytes> {
    http::Request::new(body.into())
}

fn read(operation: Operation, request: &http::Request<Bytes>) -> Result<Payload<'_>, BodyRefused> {
    Payload::read(Protocol::of(operation), request, &"req_1".parse().unwrap())
}

fn demanded(operation: Operation, body: &Value) -> Result<Demanded, BodyRefused> {
    let request = request(body.to_string());
    read(operation, &request)?.demanded(&CAPS)
}

fn name(refused: &BodyRefused) -> &'static str {
    match refused {
        BodyRefused::Bad { code, .. } => code.name(),
        BodyRefused::TooLarge { .. } => "too large",
        BodyRefused::UnsupportedMediaType { .. } => "unsupported media type",
    }
}

fn chat(body: &Value) -> Demanded {
    demanded(Operation::ChatCompletions, body).unwrap()
}

/// The body for Azure.
fn sent(body: &str, field: CompletionField) -> Value {
    let request = request(body.to_owned());
    let payload = read(Operation::ChatCompletions, &request).unwrap();
    let demanded = payload.demanded(&CAPS).unwrap();
    let refused = RefusedFields::default();
    let target = Target {
        azure_name: "azure-name",
        completion_field: field,
        user: "hash",
        refused,
        left_out: crate::reasoning::LeftOut::NONE,
    };
    serde_json::from_slice(&payload.for_azure(&demanded, &target)).unwrap()
}

fn code(body: &Value) -> (BadRequestCode, Option<String>) {
    let refused = demanded(Operation::ChatCompletions, body).unwrap_err();
    let BodyRefused::Bad { code, param, .. } = refused else { panic!("no bad request: {refused}") };
    (code, param)
}

#[test]
fn the_cap_is_the_clients_or_the_events_whichever_is_less() {
    for (body, cap, asked) in [
        (json!({}), 100, None),
        (json!({"max_tokens": null}), 100, None),
        (json!({"max_tokens": 7}), 7, Some(7)),
        (json!({"max_completion_tokens": 7}), 7, Some(7)),
        (json!({"max_tokens": 100}), 100, Some(100)),
        (json!({"max_tokens": 101}), 100, Some(101)),
        (json!({"max_tokens": 2_147_483_647}), 100, Some(2_147_483_647)),
    ] {
        let demanded = chat(&body);
        assert_eq!((demanded.completion_cap, demanded.asked_cap), (Some(cap), asked), "{body}");
        assert_eq!(demanded.estimate.completion_tokens, cap, "{body}");
    }
}

#[test]
fn a_legacy_completion_without_a_cap_gets_16_tokens() {
    let cap = |body| demanded(Operation::Completions, &body).unwrap().completion_cap;
    assert_eq!(cap(json!({"prompt": "a"})), Some(16));
    assert_eq!(cap(json!({"prompt": "a", "max_tokens": 17})), Some(17));
    assert_eq!(cap(json!({"prompt": "a", "max_tokens": 101})), Some(100));
}

#[test]
fn a_cap_that_is_filled_in_leaves_room_for_the_prompt() {
    let facts = ModelFacts::of("gpt-35-turbo").unwrap();
    let caps = Caps { completion_tokens: facts.output_cap(None), facts, ..CAPS };
    let cap = |body: Value| {
        let request = request(body.to_string());
        let payload = read(Operation::ChatCompletions, &request).unwrap();
        let demanded = payload.demanded(&caps).unwrap();
        (demanded.completion_cap.unwrap(), demanded.estimate.tokens())
    };
    let prompt = json!({"messages": [{"role": "user", "content": "word ".repeat(2_000)}]});
    let (filled, held) = cap(prompt.clone());
    assert!((1_000..2_100).contains(&filled) && held <= 4_097, "{filled} {held}");
    let mut named = prompt;
    named["max_tokens"] = json!(4_000);
    assert_eq!(cap(named).0, 4_000);
    assert!(cap(json!({"messages": []})).0 > 4_000);
}

#[test]
fn choices_multiply_the_estimate_and_images_count_by_their_size() {
    let body = json!({"n": 2, "max_tokens": 10});
    assert_eq!(chat(&body).estimate.completion_tokens, 20);
    assert_eq!(code(&json!({"n": 3})), (BadRequestCode::ParameterNotAllowed, Some("n".to_owned())));

    let image = json!({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}});
    let text = json!({"type": "text", "text": "word ".repeat(1_000)});
    let body = json!({"messages": [{"role": "user", "content": [text, image, image]}]});
    let estimate = chat(&body).estimate.prompt_tokens;
    let images = 2 * ImageRule::UNKNOWN.tokens(None, Detail::High);
    assert!((1_000..1_300).contains(&(estimate - images)), "{estimate}");
}

#[test]
fn the_choices_of_a_response_are_known_whatever_its_cap_is() {
    let choices = |body| demanded(Operation::Completions, &body).unwrap().choices;
    assert_eq!(choices(json!({"prompt": "a"})), 1);
    assert_eq!(choices(json!({"prompt": "a", "max_tokens": 0, "echo": true, "n": 2})), 2);
    assert_eq!(choices(json!({"prompt": ["a", "b"], "max_tokens": 0, "n": 2})), 4);
}

#[test]
fn embeddings_complete_nothing() {
    let body = json!({"input": "word ".repeat(100), "max_tokens": 7});
    let demanded = demanded(Operation::Embeddings, &body).unwrap();
    assert_eq!(demanded.completion_cap, None);
    assert_eq!(demanded.estimate.completion_tokens, 0);
    assert!(demanded.estimate.prompt_tokens >= 100);
}

#[test]
fn governed_fields_are_ours_and_the_rest_is_the_clients() {
    let body = r#"{"model":"x","user":"ada","store":true,"service_tier":"flex","seed":1.50e2,
        "messages":[{"content":null,"é":"\u00e9"}],"logit_bias":{"1":2}}"#;
    let expected = json!({
        "model": "azure-name", "user": "hash", "max_tokens": 100, "store": false,
        "service_tier": "default", "seed": 150.0,
        "messages": [{"content": null, "é": "é"}], "logit_bias": {"1": 2},
    });
    assert_eq!(sent(body, CompletionField::MaxTokens), expected);
}

#[test]
fn the_cap_goes_by_the_field_that_the_deployment_takes() {
    let newer = CompletionField::MaxCompletionTokens;
    assert_eq!(sent(r#"{"max_tokens":7}"#, newer)["max_completion_tokens"], 7);
    assert_eq!(sent(r#"{"max_tokens":7}"#, newer).get("max_tokens"), None);
    let older = CompletionField::MaxTokens;
    assert_eq!(sent(r#"{"max_completion_tokens":7}"#, older)["max_tokens"], 7);
    assert_eq!(sent(r#"{"max_completion_tokens":7}"#, older).get("max_completion_tokens"), None);
    assert_eq!(sent("{}", older)["max_tokens"], 100);
}

#[test]
fn usage_is_always_asked_for_and_only_of_streams() {
    let sent = |body| sent(body, CompletionField::MaxTokens);
    assert_eq!(sent("{}").get("stream_options"), None);
    assert_eq!(sent(r#"{"stream":false}"#).get("stream"), None);
    for body in [
        r#"{"stream":true}"#,
        r#"{"stream":true,"stream_options":null}"#,
        r#"{"stream":true,"stream_options":{"include_usage":false}}"#,
    ] {
        let sent = sent(body);
        assert_eq!(
            (&sent["stream"], &sent["stream_options"]["include_usage"]),
            (&json!(true), &json!(true))
        );
    }
    assert!(!chat(&json!({"stream": true})).wants_usage);
    assert!(chat(&json!({"stream": true, "stream_options": {"include_usage": true}})).wants_usage);
}

#[test]
fn a_field_that_could_be_read_in_two_ways_is_refused() {
    let refused = |body: &str| {
        let request = request(body.to_owned());
        read(Operation::ChatCompletions, &request).err().map(|error| name(&error))
    };
    assert_eq!(refused(r#"{"model":"a","model":"a"}"#), Some("duplicate_key"));
    assert_eq!(refused(r#"{"model":"a","mod\u0065l":"b"}"#), Some("duplicate_key"));
    assert_eq!(refused(r#"{"Model":"a"}"#), Some("unknown_parameter"));
    // Other fields may appear twice, and nested fields are not checked.
    assert_eq!(refused(r#"{"seed":1,"seed":2,"x":{"model":1,"Model":2}}"#), None);
}

#[test]
fn token_numbers_count_as_tokens_and_texts_by_their_estimate() {
    let tokens =
        |body: Value| demanded(Operation::Embeddings, &body).unwrap().estimate.prompt_tokens;
    assert_eq!(tokens(json!({"input": vec![100_000; 250]})), 250);
    assert_eq!(tokens(json!({"input": vec![vec![1; 250]; 60]})), 15_000);
    assert!((4..12).contains(&tokens(json!({"input": ["Hello there", "you"]}))));
    let prompts = json!({"prompt": vec![vec![1; 5]; 2], "max_tokens": 7});
    let estimate = demanded(Operation::Completions, &prompts).unwrap().estimate;
    assert_eq!((estimate.prompt_tokens, estimate.completion_tokens), (10, 14));
}

#[test]
fn every_text_of_speech_is_counted() {
    let body = json!({"input": "hi", "voice": "alloy", "instructions": "x".repeat(1_000)});
    let units = demanded(Operation::AudioSpeech, &body).unwrap().estimate.units;
    assert_eq!(units.get(Unit::Characters), 1_002);
}

#[test]
fn size_and_media_type_are_checked_before_the_body_is_read() {
    let read = |request: &http::Request<Bytes>| {
        read(Operation::ChatCompletions, request).err().map(|error| name(&error))
    };
    let mut largest = b"{\"a\":\"".to_vec();
    largest.resize(MOST_BYTES - 2, b'x');
    largest.extend_from_slice(b"\"}");
    assert_eq!(read(&request(largest.clone())), None);
    largest.push(b' ');
    assert_eq!(read(&request(largest)), Some("too large"));

    let with = |name, value: &str| {
        let mut request = request("not JSON at all");
        request.headers_mut().insert(name, value.parse().unwrap());
        read(&request)
    };
    assert_eq!(with(CONTENT_TYPE, "text/plain"), Some("unsupported media type"));
    assert_eq!(with(CONTENT_TYPE, "application/json;charset=utf-8"), Some("invalid_json"));
    assert_eq!(with(CONTENT_ENCODING, "gzip"), Some("unsupported media type"));
    assert_eq!(with(CONTENT_ENCODING, "identity"), Some("invalid_json"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\é\u{1f600}]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever a client sends beside the governed fields, Azure gets it with the same value.
    #[test]
    fn other_fields_reach_azure_unchanged(fields in prop::collection::btree_map("x_[a-zé]{1,6}", any_json(), 0..6)) {
        let body = Value::Object(fields.clone().into_iter().collect()).to_string();
        let sent = sent(&body, CompletionField::MaxTokens);
        for (name, value) in &fields {
            prop_assert_eq!(&sent[name.as_str()], value);
        }
        prop_assert_eq!(sent.as_object().unwrap().len(), fields.len() + 3);
    }

    /// However a cap is written, the cap for Azure is within the event's.
    #[test]
    fn no_cap_gets_past_the_events(cap in any_json(), name in prop_oneof![Just("max_tokens"), Just("max_completion_tokens")]) {
        if let Ok(demanded) = demanded(Operation::ChatCompletions, &json!({name: cap})) {
            prop_assert!(demanded.completion_cap.is_some_and(|cap| (1..=100).contains(&cap)));
        }
    }
}
