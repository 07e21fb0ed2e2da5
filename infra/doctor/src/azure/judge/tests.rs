use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::*;
use crate::client::EventStream;
use crate::delivery::ChunkTimes;
use crate::finding::Level;
use crate::inventory::samples::{a_deployment, a_deployment_at};

const BASE: &str = "https://h/api";

fn response(status: u16, body: &str) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        sent_at: DateTime::UNIX_EPOCH,
        elapsed: Duration::from_millis(212),
    }
}

fn called(response: &Response) -> (Level, String, String) {
    let finding = call(&a_deployment("gpt-4o"), response, BASE);
    (finding.level, finding.seen, finding.advice.unwrap_or_default())
}

#[test]
fn a_response_is_timed() {
    let (level, seen, _) = called(&response(200, r#"{"choices":[]}"#));
    assert_eq!((level, seen.as_str()), (Level::Ok, "Responds in 212 ms."));
}

#[test]
fn every_error_has_a_cause_and_advice() {
    let not_found = r#"{"error":{"code":"DeploymentNotFound","message":"canary"}}"#;
    for (status, body, seen_words, advice_words) in [
        (
            401,
            r#"{"error":{"code":"401","message":"canary"}}"#,
            "rejects the key",
            r#""key":"KEY""#,
        ),
        (403, "", "rejects the request", "network rules"),
        (404, not_found, "no deployment named gpt-4o", r#""azure_name":"NAME""#),
        (404, r#"{"error":{"code":"404"}}"#, "does not have this path", r#""api":"classic""#),
        (400, "canary", "rejects a simple request", "supports chat_completions"),
        (302, "", "redirects", r#""endpoint":"ENDPOINT""#),
        (503, "canary", "returned an error", "status.azure.com"),
        (200, "<html>canary", "not from a model", "Keys and Endpoint"),
    ] {
        let (level, seen, advice) = called(&response(status, body));
        assert_eq!(level, Level::Fail, "{status}");
        assert!(seen.contains(seen_words), "{seen}");
        assert!(advice.contains(advice_words), "{advice}");
        // Azure's messages may quote the request.
        assert!(!format!("{seen}{advice}").contains("canary"), "{seen}{advice}");
    }
}

#[test]
fn a_busy_deployment_is_not_a_failure() {
    assert_eq!(called(&response(429, "")).0, Level::Warn);
}

#[test]
fn a_missing_response_is_explained() {
    let finding = no_response(NoResponse::UnknownName);
    let (level, seen, advice) = (finding.level, finding.seen, finding.advice.unwrap_or_default());
    assert_eq!(level, Level::Fail);
    assert_eq!(seen, "Cannot be reached: the host name cannot be resolved.");
    assert!(advice.contains("private endpoint"), "{advice}");
}

#[test]
fn the_needed_field_is_advised() {
    let field = CompletionField::MaxCompletionTokens;
    let advice = other_field(&a_deployment("o3"), field, BASE).advice.unwrap();
    assert!(advice.contains(r#""completion_field":"max_completion_tokens""#), "{advice}");
}

fn limited(headers: &[(&'static str, &'static str)]) -> Finding {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    limits(&a_deployment("gpt-4o"), Limits::of(&headers), BASE)
}

#[test]
fn limits_are_compared_with_the_configured_ones() {
    let enough = limited(&[
        ("x-ratelimit-limit-tokens", "100000"),
        ("x-ratelimit-limit-requests", "1000"),
        ("x-ratelimit-remaining-tokens", "99990"),
    ]);
    assert_eq!(
        enough,
        Finding::ok(
            "",
            "Azure grants 100,000 tokens/min, 1,000 requests/min; configured: 100,000 tokens/min."
        )
    );
    let low = limited(&[("x-ratelimit-limit-tokens", "30000")]);
    assert_eq!(low.level, Level::Warn);
    assert!(low.advice.unwrap().contains(r#""tokens_per_minute":30000"#));
    let few =
        limited(&[("x-ratelimit-limit-tokens", "100000"), ("x-ratelimit-limit-requests", "100")]);
    assert!(few.advice.unwrap().contains(r#""requests_per_minute":100"#));
    let charged = limited(&[
        ("x-ratelimit-limit-tokens", "100000"),
        ("x-ratelimit-remaining-tokens", "9999"),
    ]);
    assert!(charged.seen.contains("are used"), "{}", charged.seen);
}

#[test]
fn a_limit_of_another_period_becomes_one_of_a_minute() {
    let low = limited(&[
        ("x-ratelimit-limit-tokens", "10000"),
        ("x-ratelimit-renewalperiod-tokens", "10"),
    ]);
    assert!(low.seen.starts_with("Azure grants 60,000 tokens/min"), "{}", low.seen);
}

#[test]
fn a_missing_limit_is_skipped() {
    assert_eq!(limited(&[]).level, Level::Skip);
    assert_eq!(limited(&[("x-ratelimit-limit-tokens", "0")]).level, Level::Skip);
}

fn streamed(arrivals_ms: &[u64], total_tokens: Option<u64>, is_done: bool) -> Finding {
    let mut times = ChunkTimes::default();
    for at in arrivals_ms {
        times.frame(Duration::from_millis(*at));
    }
    times.end(Duration::from_millis(arrivals_ms.last().copied().unwrap_or_default()));
    let frames =
        EventStream { headers: HeaderMap::new(), times, total_tokens, has_error: false, is_done };
    stream(&Ok(Streamed::EventStream(frames)), true)
}

#[test]
fn a_stream_must_be_incremental_complete_and_have_usage() {
    const APART: [u64; 7] = [200, 220, 240, 260, 280, 300, 320];
    const BUFFERED_SHARE: [u64; 7] = [800; 7];
    assert_eq!(
        streamed(&APART, Some(22), true),
        Finding::ok("", "7 chunks, first after 200 ms, last 120 ms later, usage at the end.")
    );
    assert_eq!(streamed(&BUFFERED_SHARE, Some(22), true).level, Level::Warn);
    assert_eq!(streamed(&APART, None, true).level, Level::Fail);
    assert_eq!(streamed(&APART, Some(22), false).level, Level::Fail);
}

#[test]
fn a_model_that_is_not_known_or_retired_is_a_warning() {
    let now = "2026-11-29T12:00:00Z".parse().unwrap();
    let levels = |name| model(&a_deployment(name), "azure model", now);
    assert!(levels("gpt-5-mini").is_empty());
    for (name, said) in [("prod-smart", "is not known"), ("o4-mini", "retired this model")] {
        let found = levels(name);
        assert_eq!((found.len(), found[0].level), (1, Level::Warn), "{name}");
        assert!(found[0].seen.contains(said), "{}", found[0].seen);
    }
}

#[test]
fn a_retired_model_is_a_warning_wherever_it_is() {
    let now = "2026-11-29T12:00:00Z".parse().unwrap();
    let warnings =
        |endpoint| model(&a_deployment_at("o4-mini", endpoint), "azure model", now).len();
    for endpoint in [
        "https://oslo.openai.azure.com",
        "https://oslo.services.ai.azure.com",
        "https://oslo.openai.azure.us",
        "https://oslo.cognitiveservices.azure.cn",
        "https://models.example.org",
    ] {
        assert_eq!(warnings(endpoint), 1, "{endpoint}");
    }
    assert_eq!(warnings("http://127.0.0.1:4000"), 0);
}
