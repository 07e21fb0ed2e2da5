//! Events of a stream, and the charge of a failed response.

use super::*;
use crate::usage::Counted;
use lanyard_domain::usage::Usage;

fn meaning(text: &'static str) -> (StreamEvent, StreamState) {
    let mut state = StreamState { most_tokens: 1_002_000, ..StreamState::default() };
    let event = read_event(&Frame(Bytes::from(text)), &mut state);
    (event, state)
}

#[test]
fn only_ids_errors_and_the_end_with_its_usage_are_read() {
    let event = |text| meaning(text).0;
    let id = || Some("resp_1".to_owned());
    let named = r#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","usage":null,"error":null}}"#;
    assert_eq!(event(named), StreamEvent::Names(id()));
    let words = r#"data: {"type":"response.output_text.delta","delta":"\"error\""}"#;
    assert_eq!(event(words), StreamEvent::Pass);
    assert_eq!(event("event: x.delta\ndata: {\"type\":\"error\"}"), StreamEvent::Pass);
    assert_eq!(event(": ping"), StreamEvent::Pass);
    let ended = r#"data: {"type":"response.incomplete","response":{"id":"resp_1","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}}"#;
    let (event, state) = meaning(ended);
    assert_eq!(event, StreamEvent::Names(id()));
    let usage = Usage::of_tokens(3, 4);
    assert_eq!(state.counted, Some(Counted { usage, is_credible: true }));
    assert!(state.is_done);
}

#[test]
fn azures_errors_are_found_in_every_shape() {
    for (text, code) in [
        (r#"data: {"type":"error","code":"server_error","message":"x"}"#, "server_error"),
        (r#"data: {"type":"error","error":{"code":"too_many_requests"}}"#, "too_many_requests"),
        (
            "event: error\ndata: {\"error\":{\"code\":\"rate_limit_exceeded\"}}\n\n",
            "rate_limit_exceeded",
        ),
        ("event: error\ndata: {\"code\":\"NoCapacity\",\"message\":\"x\"}\n\n", "NoCapacity"),
        ("event: error\ndata: {\"type\":null,\"code\":\"server_error\"}\n\n", "server_error"),
        (r#"data: {"error":{"code":"rate_limit_exceeded","message":"x"}}"#, "rate_limit_exceeded"),
        (r#"data: {"type":null,"error":{"code":429}}"#, "429"),
    ] {
        let (event, state) = meaning(text);
        assert_eq!(event, StreamEvent::Fails);
        assert_eq!(state.failure.unwrap().code.as_deref(), Some(code), "{text}");
    }
    let failed = r#"data: {"type":"response.failed","response":{"id":"resp_1","error":{"code":"context_length_exceeded","message":"x"},"usage":null}}"#;
    let (event, state) = meaning(failed);
    assert_eq!(event, StreamEvent::Names(Some("resp_1".to_owned())));
    assert_eq!(state.failure.unwrap().code.as_deref(), Some("context_length_exceeded"));
    assert_eq!(state.counted, None);
}

#[test]
fn events_that_keep_a_stream_alive_are_no_output() {
    for text in [
        "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":3}\n\n",
        "event: keepalive\ndata: {\"sequence_number\":3,\"error\":null}\n\n",
        "event: error\n\n",
        ": ping\n\n",
    ] {
        let (event, state) = meaning(text);
        assert_eq!(event, StreamEvent::Pass);
        assert!(state.produced.is_nothing() && !state.is_done);
    }
}

#[test]
fn a_buffered_response_that_failed_without_usage_does_not_cost_its_output_limit() {
    let hold =
        Hold { prompt_tokens: 40, completion_tokens: 4_096, ..crate::response::tests::a_hold() };
    let cost = |code: &str, usage: &str| {
        let body = format!(
            r#"{{"id":"resp_1","status":"failed","error":{{"code":"{code}"}},"output":[],"usage":{usage}}}"#
        );
        PROTOCOL.read_response(body.as_bytes(), &hold, u64::MAX).unwrap().settlement
    };
    assert_eq!(cost("rate_limit_exceeded", "null"), Settlement::Void);
    assert_eq!(cost("server_error", "null"), Settlement::Estimated(Usage::of_tokens(40, 0)));
    let counted = r#"{"input_tokens":3,"output_tokens":4,"total_tokens":7}"#;
    assert_eq!(cost("server_error", counted), Settlement::Exact(Usage::of_tokens(3, 4)));
}

#[test]
fn an_earlier_response_is_named_by_a_text_alone() {
    let caps = Caps { keeps_objects: true, ..Caps::of_model("gpt-4o") };
    for (value, is_read) in [
        (r#""resp_1""#, true),
        ("null", true),
        (r#"{"id":"resp_1"}"#, false),
        (r#"["resp_1"]"#, false),
        ("1", false),
    ] {
        let body = format!(r#"{{"input":"x","previous_response_id":{value}}}"#);
        let request = http::Request::new(Bytes::from(body));
        let id = "req_1".parse().unwrap();
        let payload = Payload::read(&PROTOCOL, &request, &id).unwrap();
        assert_eq!(payload.demanded(&caps).is_ok(), is_read, "{value}");
    }
}
