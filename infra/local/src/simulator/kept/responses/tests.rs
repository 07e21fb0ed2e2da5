//! Responses as a client sees them.

use bytes::Bytes;
use http::{Request, StatusCode};

use super::super::tests::call;
use super::*;
use crate::simulator::stamp::Stamp;

const RESPONSES: &str = "/openai/v1/responses";

fn post(kept: &mut Kept, body: &Value) -> (StatusCode, Value) {
    call(kept, "POST", RESPONSES, body)
}

/// The events of a stream.
fn stream(kept: &mut Kept, body: &Value) -> Vec<Value> {
    let head = Request::post(RESPONSES).header("api-key", "k").body(()).unwrap().into_parts().0;
    let response = kept.respond(&head, body.to_string().as_bytes(), &Stamp::now(0)).unwrap();
    let Body::Frames(frames) = response.body else { panic!("a stream was asked for") };
    let event = |frame: Bytes| {
        let text = String::from_utf8(frame.to_vec()).unwrap();
        serde_json::from_str(text.split_once("data: ").unwrap().1).unwrap()
    };
    frames.map(event).collect()
}

fn ask(rest: Value) -> Value {
    let mut body = json!({"model": "gpt-5-mini", "input": "Hello"});
    body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    body
}

fn text(body: &Value) -> &str {
    let items = body["output"].as_array().unwrap();
    items.last().unwrap()["content"][0]["text"].as_str().unwrap()
}

fn error(response: &(StatusCode, Value)) -> (u16, &Value, &Value) {
    let error = &response.1["error"];
    (response.0.as_u16(), &error["code"], &error["param"])
}

#[test]
fn a_response_remembers_what_was_said_before_it() {
    let mut kept = Kept::default();
    let ask = |previous: &Value| json!({"model": "gpt-4o-mini", "input": "Hello", "previous_response_id": previous});
    let first = post(&mut kept, &ask(&Value::Null)).1;
    let second = post(&mut kept, &ask(&first["id"])).1;
    assert!(text(&second).contains("It saw 3 messages"), "{second}");
    assert!(second["usage"]["input_tokens"].as_u64() > first["usage"]["total_tokens"].as_u64());
    let one = format!("{RESPONSES}/{}", first["id"].as_str().unwrap());
    assert_eq!(call(&mut kept, "GET", &one, &Value::Null).1, first);
    let items = call(&mut kept, "GET", &format!("{one}/input_items"), &Value::Null).1;
    assert_eq!(items["data"][0]["content"][0]["text"], "Hello");
    assert_eq!(call(&mut kept, "DELETE", &one, &Value::Null).1["deleted"], true);
    assert_eq!(call(&mut kept, "GET", &one, &Value::Null).0, StatusCode::NOT_FOUND);
    let gone = post(&mut kept, &ask(&first["id"]));
    assert_eq!(error(&gone).1, "previous_response_not_found");
}

#[test]
fn a_model_that_reasons_says_so_and_seals_its_reasoning_where_asked() {
    let mut kept = Kept::of("one".to_owned());
    let plain = post(&mut kept, &ask(json!({}))).1;
    assert_eq!(plain["output"][0]["type"], "reasoning");
    assert!(plain["output"][0].get("encrypted_content").is_none());
    assert_eq!(plain["usage"]["output_tokens_details"]["reasoning_tokens"], 128);
    let asked = json!({"include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"}});
    let sealed = post(&mut kept, &ask(asked.clone())).1;
    let item = &sealed["output"][0];
    assert!(item["encrypted_content"].is_string() && item["summary"][0]["text"].is_string());
    assert_eq!(sealed["usage"]["output_tokens_details"]["reasoning_tokens"], 64);
    let older = json!({"model": "gpt-4o", "input": "Hello", "include": asked["include"]});
    assert_eq!(error(&post(&mut kept, &older)).2, "include");
    let none = post(&mut kept, &ask(json!({"reasoning": {"effort": "minimal"}}))).1;
    assert_eq!(none["output"][0]["type"], "message");
}

#[test]
fn what_was_never_stored_is_404_and_another_resources_reasoning_is_refused() {
    let (mut kept, mut other) = (Kept::of("one".to_owned()), Kept::of("two".to_owned()));
    let stateless = json!({"store": false, "include": ["reasoning.encrypted_content"]});
    let first = post(&mut kept, &ask(stateless)).1;
    let again = |items: Vec<Value>| {
        let hello = json!({"role": "user", "content": "Hello"});
        let input: Vec<Value> = items.into_iter().chain([hello]).collect();
        ask(json!({"store": false, "input": input}))
    };
    let output = first["output"].as_array().unwrap().clone();
    for item in &output {
        let response = post(&mut kept, &again(vec![item.clone()]));
        assert_eq!(error(&response), (404, &Value::Null, &json!("input")), "{item}");
        let message = response.1["error"]["message"].as_str().unwrap();
        assert!(message.contains("Items are not persisted when `store` is set to false"));
        let reference = json!({"type": "item_reference", "id": item["id"]});
        assert_eq!(post(&mut kept, &again(vec![reference])).0, StatusCode::NOT_FOUND);
    }
    let mut nameless = output;
    for item in &mut nameless {
        item.as_object_mut().unwrap().remove("id");
    }
    let second = again(nameless);
    assert_eq!(post(&mut kept, &second).0, StatusCode::OK);
    assert_eq!(error(&post(&mut other, &second)).1, "invalid_encrypted_content");

    let stored = post(&mut kept, &ask(json!({}))).1;
    let whole = again(stored["output"].as_array().unwrap().clone());
    assert_eq!(post(&mut kept, &whole).0, StatusCode::OK);
    let reference = json!({"type": "item_reference", "id": stored["output"][1]["id"]});
    let referred = post(&mut kept, &again(vec![reference])).1;
    assert!(text(&referred).contains("It saw 2 messages"), "{referred}");
}

#[test]
fn a_schema_shapes_the_text() {
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["n"],
        "properties": {"n": {"type": "integer", "minimum": 3}}});
    let format = json!({"type": "json_schema", "name": "s", "strict": true, "schema": schema});
    let made = post(&mut Kept::default(), &ask(json!({"text": {"format": format}}))).1;
    assert_eq!(text(&made), r#"{"n":3}"#);
    assert_eq!(made["text"]["format"], format);
    let open = json!({"type": "json_schema", "name": "s", "strict": true, "schema": {"type": "object", "properties": {}}});
    let refused = post(&mut Kept::default(), &ask(json!({"text": {"format": open}})));
    assert_eq!(error(&refused), (400, &json!("invalid_json_schema"), &json!("text.format")));
}

#[test]
fn tools_are_called_wherever_they_stand_and_in_their_own_shape() {
    let mut kept = Kept::default();
    let function =
        |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object"}});
    let patch = json!({"type": "custom", "name": "apply_patch", "format": {"type": "grammar",
        "syntax": "lark", "definition": "start: \"*** Begin Patch\""}});
    let tools = json!([{"type": "web_search"}, {"type": "local_shell"}, patch,
        {"type": "namespace", "name": "git", "tools": [function("log_lines")]}]);
    let added =
        json!({"type": "additional_tools", "role": "developer", "tools": [function("late_tool")]});
    let say = |text: &str| {
        let hello = json!({"role": "user", "content": text});
        ask(json!({"tools": tools, "input": [added, hello]}))
    };
    let called = post(&mut kept, &say("Use apply_patch.")).1["output"][1].clone();
    assert_eq!(
        (&called["type"], &called["input"]),
        (&json!("custom_tool_call"), &json!("*** Begin Patch"))
    );
    let called = post(&mut kept, &say("Use late_tool with {\"a\": 1}")).1["output"][1].clone();
    assert_eq!(
        (&called["type"], &called["arguments"]),
        (&json!("function_call"), &json!("{\"a\":1}"))
    );
    let called = post(&mut kept, &say("Use log_lines.")).1["output"][1].clone();
    assert_eq!((&called["name"], &called["namespace"]), (&json!("log_lines"), &json!("git")));
    assert_eq!(post(&mut kept, &say("Hello")).1["output"][1]["type"], "message");
    let unknown = post(&mut kept, &ask(json!({"tools": [{"type": "teleport"}]})));
    assert_eq!(error(&unknown), (400, &json!("invalid_value"), &json!("tools[0].type")));
}

#[test]
fn a_tool_loop_ends_in_words_and_each_call_has_its_output() {
    let mut kept = Kept::default();
    let tools = json!([{"type": "custom", "name": "run_code"}]);
    let first =
        post(&mut kept, &ask(json!({"tools": tools, "input": "Use run_code with `1 + 1`"}))).1;
    let called = first["output"][1].clone();
    assert_eq!(called["input"], "1 + 1");
    let output =
        json!({"type": "custom_tool_call_output", "call_id": called["call_id"], "output": "2"});
    let next = |input: Value| {
        ask(json!({"tools": tools, "input": input, "previous_response_id": first["id"]}))
    };
    let second = post(&mut kept, &next(json!([output]))).1;
    assert!(text(&second).contains("The tool said: \"2\""), "{second}");
    let alone = post(&mut kept, &ask(json!({"input": [output]})));
    assert!(alone.1["error"]["message"].as_str().unwrap().contains("No tool call found"));
    let without = post(&mut kept, &next(json!("And now?")));
    assert!(without.1["error"]["message"].as_str().unwrap().contains("No tool output found"));
}

#[test]
fn a_cap_leaves_a_response_incomplete_and_it_may_go_into_reasoning_whole() {
    let mut kept = Kept::default();
    let cut = post(&mut kept, &ask(json!({"max_output_tokens": 140}))).1;
    assert_eq!(
        (&cut["status"], &cut["output"][1]["status"]),
        (&json!("incomplete"), &json!("incomplete"))
    );
    let empty = post(&mut kept, &ask(json!({"max_output_tokens": 16}))).1;
    assert_eq!(empty["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(empty["output"].as_array().unwrap().len(), 1);
    assert_eq!(empty["usage"]["output_tokens"], 16);
    let small = post(&mut kept, &ask(json!({"max_output_tokens": 15})));
    assert_eq!(error(&small).2, "max_output_tokens");
}

#[test]
fn an_input_past_the_context_is_refused_and_within_a_stream_it_is_its_last_event() {
    let mut kept = Kept::default();
    let long = "word".repeat(272_001);
    let refused = post(&mut kept, &ask(json!({"input": long})));
    assert_eq!(error(&refused), (400, &json!("context_length_exceeded"), &json!("input")));
    let events = stream(&mut kept, &ask(json!({"input": long, "stream": true})));
    let names: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(names, ["response.created", "response.in_progress", "error", "response.failed"]);
    assert_eq!(events[2]["error"]["code"], "context_length_exceeded");
    assert_eq!(events[3]["response"]["error"]["code"], "context_length_exceeded");
    let cut = post(&mut kept, &ask(json!({"input": long, "truncation": "auto"})));
    assert_eq!(cut.0, StatusCode::OK);
}

#[test]
fn a_stream_has_the_events_of_each_item() {
    let mut kept = Kept::default();
    let tools = json!([{"type": "custom", "name": "run_code"}]);
    let body = json!({"tools": tools, "input": "Use run_code with `1 + 1`", "stream": true,
        "reasoning": {"summary": "auto"}});
    let events = stream(&mut kept, &ask(body));
    let count = |name: &str| events.iter().filter(|event| event["type"] == name).count();
    assert_eq!(count("response.output_item.added"), 2);
    assert_eq!(count("response.reasoning_summary_text.delta"), 1);
    assert_eq!(count("response.custom_tool_call_input.delta"), 2);
    assert_eq!(events.last().unwrap()["response"]["output"][1]["input"], "1 + 1");
    let numbers: Vec<_> =
        events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert!(numbers.iter().enumerate().all(|(at, number)| u64::try_from(at).unwrap() == *number));
}

#[test]
fn a_repeated_beginning_is_cached_and_an_unknown_parameter_is_named() {
    let mut kept = Kept::default();
    let body = ask(json!({"input": "word".repeat(2_000)}));
    let usage = |made: &Value| made["usage"]["input_tokens_details"]["cached_tokens"].clone();
    assert_eq!(usage(&post(&mut kept, &body).1), 0);
    assert!(usage(&post(&mut kept, &body).1).as_u64().unwrap() >= 1_024);

    let unknown = post(&mut kept, &ask(json!({"colour": 1})));
    assert_eq!(error(&unknown), (400, &json!("unknown_parameter"), &json!("colour")));
    let item = json!([{"role": "user", "content": "Hello", "colour": 1}]);
    let unknown = post(&mut kept, &ask(json!({"input": item})));
    assert_eq!(error(&unknown).2, "input[0].colour");
    assert_eq!(error(&post(&mut kept, &ask(json!({"temperature": 0})))).2, "temperature");
}
