use std::time::Duration;

use chrono::DateTime;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;

use super::*;
use crate::delivery::stream;
use crate::finding::Level;

fn frames(arrivals_ms: &[u64]) -> EventStream {
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", HeaderValue::from_static("req_1"));
    EventStream {
        headers,
        times: stream(arrivals_ms),
        total_tokens: Some(22),
        has_error: false,
        is_done: true,
    }
}

const APART: [u64; 7] = [200, 220, 240, 260, 280, 300, 320];
const BUFFERED_SHARE: [u64; 7] = [330; 7];

fn judged(frames: &EventStream, direct: Option<&[u64]>) -> Finding {
    judge_frames("stream".to_owned(), frames, true, direct.map(stream).as_ref())
}

#[test]
fn buffering_is_the_services_fault_only_if_azure_streams() {
    assert_eq!(judged(&frames(&APART), Some(&APART)).level, Level::Ok);
    let buffered = judged(&frames(&BUFFERED_SHARE), Some(&APART));
    assert_eq!(buffered.level, Level::Fail);
    assert!(buffered.advice.unwrap().contains("ResponseTransferMode: RESPONSE_STREAM"));
    assert_eq!(judged(&frames(&BUFFERED_SHARE), Some(&BUFFERED_SHARE)).level, Level::Warn);
    assert_eq!(judged(&frames(&BUFFERED_SHARE), None).level, Level::Warn);
}

#[test]
fn a_stream_without_end_usage_or_id_fails() {
    let cut_off = EventStream { is_done: false, ..frames(&APART) };
    assert!(judged(&cut_off, None).seen.contains("ended early"));
    let unpriced = EventStream { total_tokens: None, ..frames(&APART) };
    assert!(judged(&unpriced, None).seen.contains("usage is missing"));
    let nameless = EventStream { headers: HeaderMap::new(), ..frames(&APART) };
    assert!(judged(&nameless, None).seen.contains("x-request-id"));
}

#[test]
fn every_token_must_be_in_the_account() {
    let before = Usage { requests: 3, total_tokens: 100, held_tokens: 0 };
    let charged = Charged { requests: 2, tokens: 44 };
    let level = |requests, total_tokens, held_tokens| {
        judge_account(before, Usage { requests, total_tokens, held_tokens }, charged).level
    };
    assert_eq!(level(5, 144, 0), Level::Ok);
    assert_eq!(level(5, 144, 900), Level::Warn);
    assert_eq!(level(5, 143, 0), Level::Fail);
    assert_eq!(level(4, 144, 0), Level::Fail);
}

#[test]
fn errors_tell_an_operator_what_to_do() {
    let response = |status: u16, code: &str| Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: json!({"error": {"code": code, "message": "canary"}}).to_string().into(),
        sent_at: DateTime::UNIX_EPOCH,
        elapsed: Duration::ZERO,
    };
    for (status, code, level, words) in [
        (401, "invalid_event_code", Level::Fail, "No event has this code"),
        (503, "upstream_misconfigured", Level::Fail, "azure checks"),
        (429, "rate_limit_exceeded", Level::Warn, "limit"),
        (429, "upstream_busy", Level::Warn, "limits"),
        (500, "internal_error", Level::Fail, "log"),
    ] {
        let finding = rejected("call".to_owned(), &response(status, code));
        assert_eq!(finding.level, level, "{code}");
        let advice = finding.advice.unwrap();
        assert!(advice.contains(words) && !advice.contains("canary"), "{advice}");
    }
}
