use bytes::Bytes;

use super::*;

#[test]
fn a_count_that_cannot_be_read_costs_what_the_complete_text_does() {
    let settle = |usage: Option<&str>, is_broken| {
        let mut state = StreamState { most_tokens: 1_000_000, ..StreamState::default() };
        let text = r#"data: {"choices":[{"delta":{"content":"Hello there."}}]}"#;
        let usage = usage.map(|usage| format!(r#"data: {{"choices":[],"usage":{usage}}}"#));
        for frame in std::iter::once(text.to_owned()).chain(usage) {
            (FORMAT.read)(&Frame(Bytes::from(frame + "\n\n")), &mut state);
        }
        let hold = Hold {
            prompt_tokens: 30,
            completion_tokens: 4_096,
            ..crate::response::tests::a_hold()
        };
        (FORMAT.settle)(&state, &hold, is_broken)
    };
    let absent = settle(None, false);
    assert!(matches!(absent, Settlement::Estimated(usage) if usage.completion_tokens < 20));
    for unread in [
        r#"{"total_tokens":15}"#,
        r#"{"prompt_tokens":"10","completion_tokens":"5"}"#,
        r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#,
    ] {
        assert_eq!(settle(Some(unread), false), absent, "{unread}");
        assert!(matches!(settle(Some(unread), true), Settlement::AtLeast(_)), "{unread}");
    }
    // What can be read of it is charged.
    let half = settle(Some(r#"{"prompt_tokens":9000,"completion_tokens":null}"#), false);
    assert_eq!(half.usage().map(|usage| usage.prompt_tokens), Some(9_000));
    // If it broke off, the prompt that was counted and the output that was reserved.
    let half = settle(Some(r#"{"prompt_tokens":9000,"completion_tokens":null}"#), true);
    let half = half.usage().map(|usage| (usage.prompt_tokens, usage.completion_tokens));
    assert_eq!(half, Some((9_000, 4_096)));
    let read = settle(Some(r#"{"prompt_tokens":10,"completion_tokens":5}"#), false);
    assert_eq!(read, Settlement::Exact(Usage::of_tokens(10, 5)));
}

#[test]
fn hidden_reasoning_is_charged_by_the_model_that_the_stream_names() {
    let completion = |reasons, model: &str| {
        let mut state = StreamState { reasons, ..StreamState::default() };
        let text = format!(
            "data: {{\"model\":\"{model}\",\"choices\":[{{\"delta\":{{\"content\":\"Hi\"}}}}]}}\n\n"
        );
        (FORMAT.read)(&Frame(Bytes::from(text)), &mut state);
        let hold = Hold { completion_tokens: 4_096, ..crate::response::tests::a_hold() };
        let settled = (FORMAT.settle)(&state, &hold, false);
        settled.charge(&hold).unwrap().completion_tokens
    };
    assert!(completion(true, "gpt-4.1-mini-2025-04-14") < 20);
    assert!(completion(false, "of-tomorrow") < 20);
    assert_eq!(completion(false, "gpt-5-mini-2025-08-07"), 4_096);
    assert_eq!(completion(true, "model-router-2025-11-18"), 4_096);
}

#[test]
fn usage_of_null_is_no_reason_to_parse() {
    let governs = |text: &'static str| may_govern(&Frame(Bytes::from(text)));
    assert!(!governs("data: {\"choices\":[],\"usage\" : null}\n\n"));
    assert!(governs("data: {\"usage\":{\"prompt_tokens\":1}}\n\n"));
    assert!(!governs("data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n"));
}

#[test]
fn an_error_is_known_by_the_name_of_its_event() {
    let read = |text: &'static str| {
        let mut state = StreamState::default();
        let event = Chunk::read(&Frame(Bytes::from(text)), &mut state).event;
        (event, state.failure.and_then(|failure| failure.code))
    };
    let code = || Some("rate_limit_exceeded".to_owned());
    for text in [
        "event: error\ndata: {\"code\":\"rate_limit_exceeded\",\"message\":\"x\"}\n\n",
        "data: {\"code\":\"rate_limit_exceeded\"}\nevent:error\n\n",
        "event: error\ndata: {\"error\":{\"code\":\"rate_limit_exceeded\"}}\n\n",
        "data: {\"error\":{\"code\":\"rate_limit_exceeded\"}}\n\n",
    ] {
        assert_eq!(read(text), (StreamEvent::Fails, code()), "{text}");
    }
    for text in [
        ": error\n\n",
        "event: error\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"event: error\"}}]}\n\n",
        "event: ping\ndata: {\"code\":\"error\"}\n\n",
    ] {
        assert_eq!(read(text), (StreamEvent::Pass, None), "{text}");
    }
}

#[test]
fn a_role_or_a_filters_result_is_no_output() {
    for (data, expected) in [
        (r#"{"choices":[{"delta":{"content":"","refusal":null,"role":"assistant"}}]}"#, false),
        (r#"{"choices":[{"delta":{"role":"assistant"}}]}"#, false),
        (r#"{"choices":[{"content_filter_offsets":{"check_offset":3}}]}"#, false),
        (r#"{"choices":[],"prompt_filter_results":[{}]}"#, false),
        (r#"{"choices":[{"delta":{"content":"Hi","role":"assistant"}}]}"#, true),
        (r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, true),
        (r#"{"choices":[{"delta":{"reasoning_content":"Hm"}}]}"#, true),
        (r#"{"choices":[{"text":"Hi"}]}"#, true),
        (r#"{"choices":[{"text":""}]}"#, false),
        (r#"{"type":"transcript.text.delta","delta":"Hi"}"#, true),
        ("", false),
    ] {
        let state = &mut StreamState::default();
        assert_eq!(has_output(data.as_bytes(), state), expected, "{data}");
    }
}
