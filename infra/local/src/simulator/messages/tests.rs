use http::Request;
use serde_json::{Value, json};

use super::*;

fn ask_with(betas: &str, path: &str, mut body: Value) -> (u16, Value) {
    body["model"] = "claude-sonnet-5".into();
    let request = Request::post(format!("/anthropic/v1/{path}"))
        .header("api-key", "k")
        .header("anthropic-version", "2023-06-01");
    let request = if betas.is_empty() { request } else { request.header("anthropic-beta", betas) };
    let head = request.body(()).unwrap().into_parts().0;
    let response = respond(&head, body.to_string().as_bytes(), &Stamp::fixed()).unwrap();
    let text = match response.body {
        Body::Buffered(bytes) => serde_json::from_slice(&bytes).unwrap(),
        Body::Frames(frames) => {
            let all: Vec<_> =
                frames.map(|frame| String::from_utf8(frame.to_vec()).unwrap()).collect();
            all.concat().into()
        }
        Body::Octets(_) | Body::Typed(..) => panic!("JSON or events were asked for"),
    };
    (response.status.as_u16(), text)
}

fn ask(body: Value) -> (u16, Value) {
    ask_with("", "messages", body)
}

fn say(text: &str) -> Value {
    json!({"max_tokens": 500, "messages": [{"role": "user", "content": text}]})
}

#[test]
fn a_message_is_answered_whole_or_in_events() {
    let (status, message) = ask(say("Hello"));
    assert_eq!((status, &message["stop_reason"]), (200, &json!("end_turn")));
    assert!(message["content"][0]["text"].as_str().unwrap().starts_with("[simulated] "));
    let mut body = say("Hello");
    body["stream"] = true.into();
    let (_, events) = ask(body);
    let events = events.as_str().unwrap();
    for name in ["message_start", "ping", "content_block_delta", "message_delta", "message_stop"] {
        assert!(events.contains(&format!("event: {name}\n")), "{name}");
    }
    let mut short = say("Hello");
    short["max_tokens"] = 3.into();
    let (_, message) = ask(short);
    assert_eq!(
        (&message["stop_reason"], &message["usage"]["output_tokens"]),
        (&json!("max_tokens"), &json!(3))
    );
}

#[test]
fn the_prompt_chooses_tools_and_their_arguments_one_after_another() {
    let prompt = r#"Please call Read with {"path": "a"} and then call Write with {"path": "b"}."#;
    let tools =
        json!([{"name": "Write", "input_schema": {}}, {"name": "Read", "input_schema": {}}]);
    let mut body = say(prompt);
    body["tools"] = tools;
    let (_, message) = ask(body.clone());
    let call = &message["content"][0];
    assert_eq!((&call["name"], &call["input"]), (&json!("Read"), &json!({"path": "a"})));
    let messages = body["messages"].as_array_mut().unwrap();
    for _ in 0..2 {
        messages.push(json!({"role": "assistant", "content": [call]}));
        let result = json!({"type": "tool_result", "tool_use_id": call["id"], "content": "ok"});
        messages.push(json!({"role": "user", "content": [result]}));
    }
    let third = body.clone();
    body["messages"].as_array_mut().unwrap().truncate(3);
    assert_eq!(ask(body).1["content"][0]["name"], "Write");
    assert_eq!(ask(third).1["stop_reason"], "end_turn");
}

#[test]
fn a_prompt_that_asks_for_no_tool_gets_none_and_many_tools_need_arguments() {
    let tools = |count: usize| -> Value {
        let tool =
            |number: usize| json!({"name": format!("get_weather{number}"), "input_schema": {}});
        (0..count).map(tool).collect()
    };
    let called = |text: &str, count: usize| {
        let mut body = say(text);
        body["tools"] = tools(count);
        ask(body).1["content"][0]["name"].as_str().map(str::to_owned)
    };
    assert_eq!(called("A zebra?", 2), None);
    assert_eq!(called("Use get_weather1", 2).as_deref(), Some("get_weather1"));
    assert_eq!(called("Use get_weather1", 9), None);
    assert_eq!(called("Use get_weather1 with {}", 9).as_deref(), Some("get_weather1"));
}

#[test]
fn a_cache_is_written_first_and_read_when_the_conversation_goes_on() {
    let mut body = say("Hello");
    let cached =
        json!({"type": "text", "text": "x".repeat(400), "cache_control": {"type": "ephemeral"}});
    body["system"] = json!([cached]);
    let usage = |body: &Value| {
        let usage = ask(body.clone()).1["usage"].clone();
        let of = |name: &str| usage[name].as_u64().unwrap();
        (of("cache_creation_input_tokens"), of("cache_read_input_tokens"))
    };
    let (written, read) = usage(&body);
    assert!(written > 100 && read == 0);
    let more = json!([{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]);
    body["messages"].as_array_mut().unwrap().extend(more.as_array().unwrap().clone());
    assert_eq!(usage(&body), (0, written));
}

#[test]
fn refusals_have_anthropics_shape() {
    for (body, status, kind) in [
        (json!({"messages": [{"role": "user", "content": "a"}]}), 400, "invalid_request_error"),
        (json!({"max_tokens": 5}), 400, "invalid_request_error"),
        (say("trigger a rate limit"), 429, "rate_limit_error"),
        (say("trigger an overload"), 529, "overloaded_error"),
    ] {
        let (found, error) = ask(body);
        assert_eq!((found, &error["error"]["type"]), (status, &json!(kind)));
        assert_eq!(error["type"], "error");
    }
    let (status, error) =
        ask_with("interleaved-thinking-2025-05-14, new-2030-01-01", "messages", say("a"));
    let message = error["error"]["message"].as_str().unwrap();
    assert!(status == 400 && message.contains("`new-2030-01-01`") && !message.contains("inter"));
    let (_, counted) = ask_with("", "messages/count_tokens", say("Hello"));
    assert!(counted["input_tokens"].as_u64().unwrap() > 3);
}
