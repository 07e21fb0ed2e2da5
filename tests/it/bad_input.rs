//! Bad bodies, row by row (wire contract, section 3): the message, that Azure is not called, and
//! that it costs nothing.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use insta::assert_snapshot;
use lanyard_gateway::testing::LedgerCall;
use serde_json::{Value, json};

use crate::support::attendee::{Attendee, CHAT, EMBEDDINGS, chat};
use crate::support::{Reply, TestResponse, World};

/// One world for many cases, in none of which anything may leave or be charged.
pub(crate) async fn strict_world() -> (World, Attendee) {
    let world = World::event("strict").in_memory().start().await;
    let ada = world.attendee("ada").await;
    (world, ada)
}

pub(crate) async fn nothing_happened(world: &World) {
    assert_eq!(world.azure().calls(), 0);
    assert_eq!(world.settle().await.requests, 0);
    // But for the chart of errors and the attendee's last rejections: however many cases there are,
    // each is counted in one write.
    let counted = world.ledger().asked(LedgerCall::Hour);
    assert_eq!(world.ledger().asked_in_all() - counted, 0, "the ledger was asked");
    assert!(counted <= 2, "{counted} writes for rejections");
}

/// `code param: message` of an error, or the unexpected response.
fn summary(response: &TestResponse) -> String {
    let error = &response.json()["error"];
    let param = error["param"].as_str().unwrap_or("-");
    format!("{} {} {param}: {}", response.status().as_u16(), response.code(), error["message"])
}

#[tokio::test]
async fn bodies_that_are_not_json_objects_are_refused() {
    let (world, ada) = strict_world().await;
    let deep = |levels| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let mut said = String::new();
    for (name, body) in [
        ("empty", Bytes::new()),
        ("array", Bytes::from("[1]")),
        ("scalar", Bytes::from("1")),
        ("text", Bytes::from("\"x\"")),
        ("null", Bytes::from("null")),
        ("broken", Bytes::from("{\"messages\": [")),
        ("trailing comma", Bytes::from("{\"a\":1,}")),
        ("two", Bytes::from("{} {}")),
        ("not utf-8", Bytes::from_static(b"{\"a\":\"\xff\"}")),
        ("half a surrogate", Bytes::from("{\"a\":\"\\ud800\"}")),
        ("129 deep", Bytes::from(deep(128))),
        ("100000 deep", Bytes::from(deep(100_000))),
    ] {
        let response = ada.send(ada.post(CHAT, body)).await;
        said.push_str(&format!("{name} → {}\n", summary(&response)));
    }
    assert_snapshot!(said, @r#"
    empty → 400 invalid_json -: "The body is empty. Send a JSON object."
    array → 400 invalid_json -: "The body is not a JSON object: it is something else."
    scalar → 400 invalid_json -: "The body is not a JSON object: it is something else."
    text → 400 invalid_json -: "The body is not a JSON object: it is something else."
    null → 400 invalid_json -: "The body is not a JSON object: it is something else."
    broken → 400 invalid_json -: "The body is not a JSON object: it ends too early at line 1, column 14."
    trailing comma → 400 invalid_json -: "The body is not a JSON object: it is malformed at line 1, column 8."
    two → 400 invalid_json -: "The body is not a JSON object: it is malformed at line 1, column 4."
    not utf-8 → 400 invalid_json -: "The body is not UTF-8 text."
    half a surrogate → 400 invalid_json -: "The body holds half of a surrogate pair."
    129 deep → 400 invalid_json -: "The body nests deeper than 128 levels."
    100000 deep → 400 invalid_json -: "The body nests deeper than 128 levels."
    "#);
    nothing_happened(&world).await;
}

#[tokio::test]
async fn a_mark_before_json_is_skipped_in_requests_and_responses() {
    let world = World::event("mark").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let marked = |json: String| format!("\u{feff}{json}");
    ada.send(ada.post(CHAT, marked(chat("hello").to_string()))).await.assert_ok();
    let completion = json!({"id": "x", "object": "chat.completion", "choices": [],
        "usage": {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}});
    world.azure().script(Reply::json(200, marked(completion.to_string())));
    let response = ada.send(ada.post(CHAT, chat("hello").to_string())).await;
    assert_eq!(response.assert_ok().text(), completion.to_string());
    let error = json!({"error": {"code": "odd", "message": "It is too odd."}});
    world.azure().script(Reply::json(400, marked(error.to_string())));
    let refused = ada.send(ada.post(CHAT, chat("hello").to_string())).await;
    refused.assert_refused(400, "odd");
    assert!(world.settle().await.records.iter().all(|record| !record.is_estimated));
}

#[tokio::test]
async fn agents_and_data_sources_of_the_organisers_are_refused_in_responses() {
    let world = World::event("agents").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    for (field, value, code) in [
        ("agent_reference", json!({"type": "agent_reference", "name": "x"}), NOT_ALLOWED),
        ("agent", json!({"name": "x"}), NOT_ALLOWED),
        ("data_sources", json!([{"type": "azure_search"}]), NOT_ALLOWED),
        ("dataSources", json!([]), NOT_ALLOWED),
        ("Agent_Reference", json!({"name": "x"}), "unknown_parameter"),
    ] {
        for path in ["/api/v1/responses", "/api/v1/responses/compact"] {
            let mut body = json!({"model": "gpt-4o-mini", "input": "hello"});
            body[field] = value.clone();
            let refused = ada.send(ada.post(path, body.to_string())).await;
            refused.assert_refused(400, code);
        }
        // A word for nothing is no agent.
        if code == NOT_ALLOWED {
            let mut body = json!({"model": "gpt-4o-mini", "input": "hello"});
            body[field] = Value::Null;
            ada.send(ada.post("/api/v1/responses", body.to_string())).await.assert_ok();
            assert_eq!(world.azure().requests().pop().unwrap().json().get(field), None);
        }
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (4, 4));
}

#[tokio::test]
async fn a_tool_may_nest_to_the_depth_that_is_allowed() {
    let world = World::event("deep").in_memory().start().await;
    let ada = world.attendee("ada").await;
    // The body, its tools, one of them and its function are around the parameters.
    for (levels, status) in [(124, 200), (125, 400)] {
        let body = chat("hello").to_string();
        let body = body.strip_suffix('}').unwrap();
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let function = format!(r#"{{"name":"f","parameters":{deep}}}"#);
        let body = format!(r#"{body},"tools":[{{"type":"function","function":{function}}}]}}"#);
        let response = ada.send(ada.post(CHAT, body)).await;
        assert_eq!(response.status(), status, "{levels}: {}", response.text());
    }
    world.settle().await;
}

const NOT_ALLOWED: &str = "parameter_not_allowed";

#[tokio::test]
async fn governed_fields_that_cannot_be_are_refused_by_name() {
    let (world, ada) = strict_world().await;
    let many = |count: usize, one: Value| Value::from(vec![one; count]);
    let image = json!({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}});
    let mut said = String::new();
    for fields in [
        json!({"model": 7}),
        json!({"model": ["gpt-4o"]}),
        json!({"stream": "true"}),
        json!({"stream": 1}),
        json!({"stream_options": {"include_usage": true}}),
        json!({"stream": true, "stream_options": "x"}),
        json!({"stream": true, "stream_options": {"include_usage": "yes"}}),
        json!({"max_tokens": 0}),
        json!({"max_tokens": -1}),
        json!({"max_tokens": 1.5}),
        json!({"max_tokens": "100"}),
        json!({"max_tokens": 4_294_967_296_u64}),
        json!({"max_completion_tokens": 0}),
        json!({"max_tokens": 1, "max_completion_tokens": 1}),
        json!({"max_output_tokens": 1}),
        json!({"n": 2}),
        json!({"n": 0}),
        json!({"n": "1"}),
        json!({"best_of": 2}),
        json!({"background": true}),
        json!({"background": "x"}),
        json!({"data_sources": [{"type": "azure_search"}]}),
        json!({"dataSources": []}),
        json!({"tools": [{"type": "web_search"}]}),
        json!({"tool_choice": {"type": "mcp"}, "tools": [{"type": "function"}, {"type": "mcp"}]}),
        json!({"tools": [{}]}),
        json!({"tools": "x"}),
        json!({"tools": many(129, json!({"type": "function"}))}),
        json!({"messages": "hello"}),
        json!({"messages": many(2_049, json!({"role": "user", "content": "x"}))}),
        json!({"messages": [{"role": "user", "content": many(51, image)}]}),
    ] {
        let mut body = chat("hello");
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let response = ada.send(ada.post(CHAT, body.to_string())).await;
        let name: String = fields.to_string().chars().take(60).collect();
        said.push_str(&format!("{name} → {}\n", summary(&response)));
    }
    assert_snapshot!(said, @r#"
    {"model":7} → 400 invalid_value model: "model must be the name of a model, as text."
    {"model":["gpt-4o"]} → 400 invalid_value model: "model must be the name of a model, as text."
    {"stream":"true"} → 400 invalid_value stream: "stream must be true or false, without quotes."
    {"stream":1} → 400 invalid_value stream: "stream must be true or false, without quotes."
    {"stream_options":{"include_usage":true}} → 400 invalid_value stream_options: "stream_options is only allowed together with \"stream\": true."
    {"stream":true,"stream_options":"x"} → 400 invalid_value stream_options: "stream_options must be an object such as {\"include_usage\": true}."
    {"stream":true,"stream_options":{"include_usage":"yes"}} → 400 invalid_value stream_options: "stream_options must be an object such as {\"include_usage\": true}."
    {"max_tokens":0} → 400 invalid_value max_tokens: "max_tokens must be a whole number from 1 to 2147483647."
    {"max_tokens":-1} → 400 invalid_value max_tokens: "max_tokens must be a whole number from 1 to 2147483647."
    {"max_tokens":1.5} → 400 invalid_value max_tokens: "max_tokens must be a whole number from 1 to 2147483647."
    {"max_tokens":"100"} → 400 invalid_value max_tokens: "max_tokens must be a whole number from 1 to 2147483647."
    {"max_tokens":4294967296} → 400 invalid_value max_tokens: "max_tokens must be a whole number from 1 to 2147483647."
    {"max_completion_tokens":0} → 400 invalid_value max_completion_tokens: "max_completion_tokens must be a whole number from 1 to 2147483647."
    {"max_completion_tokens":1,"max_tokens":1} → 400 invalid_value max_tokens: "max_tokens and max_completion_tokens are both there. Send only one of them."
    {"max_output_tokens":1} → 400 unknown_parameter max_output_tokens: "max_output_tokens does not belong to this operation. Use max_completion_tokens."
    {"n":2} → 400 parameter_not_allowed n: "n is at most 1 at this event. Ask again instead."
    {"n":0} → 400 invalid_value n: "n must be a whole number from 1 to 2147483647."
    {"n":"1"} → 400 invalid_value n: "n must be a whole number from 1 to 2147483647."
    {"best_of":2} → 400 parameter_not_allowed best_of: "best_of is at most 1 at this event. Ask again instead."
    {"background":true} → 400 parameter_not_allowed background: "background is not allowed: it would return before the response is there. Leave it out."
    {"background":"x"} → 400 invalid_value background: "background must be true or false, without quotes."
    {"data_sources":[{"type":"azure_search"}]} → 400 parameter_not_allowed data_sources: "data_sources is not allowed here. Leave it out."
    {"dataSources":[]} → 400 parameter_not_allowed dataSources: "dataSources is not allowed here. Leave it out."
    {"tools":[{"type":"web_search"}]} → 400 parameter_not_allowed tools: "This event does not allow tools of the type web_search, and without them no tool is left that your program executes. Leave web_search out of tools, or ask the organiser to allow it."
    {"tool_choice":{"type":"mcp"},"tools":[{"type":"function"},{ → 400 parameter_not_allowed tool_choice: "tool_choice asks for a tool of the type mcp, which this event does not allow. Leave mcp out of tools and tool_choice, or ask the organiser to allow it."
    {"tools":[{}]} → 400 invalid_value tools: "tools must be a list of objects that each have a type."
    {"tools":"x"} → 400 invalid_value tools: "tools must be a list of objects that each have a type."
    {"tools":[{"type":"function"},{"type":"function"},{"type":"f → 400 invalid_value tools: "tools may hold at most 128 tools in all places."
    {"messages":"hello"} → 400 invalid_value messages: "messages must be a list."
    {"messages":[{"content":"x","role":"user"},{"content":"x","r → 400 invalid_value messages: "messages may hold at most 2048 messages."
    {"messages":[{"content":[{"image_url":{"url":"https://exampl → 400 invalid_value messages: "messages may hold at most 50 images."
    "#);
    nothing_happened(&world).await;
}

#[tokio::test]
async fn fields_that_azure_might_read_another_way_are_refused() {
    let (world, ada) = strict_world().await;
    let mut said = String::new();
    for fields in [
        r#""max_tokens":1,"max_tokens":100000"#,
        r#""max_tokens":1,"max\u005ftokens":100000"#,
        r#""\u006dodel":"gpt-4o","model":"gpt-4o-mini""#,
        r#""stream":false,"stream":true"#,
        r#""Max_Tokens":100000"#,
        r#""MAX_COMPLETION_TOKENS":100000"#,
        r#""max\u005fTokens":1"#,
        r#""Stream":true"#,
        r#""Data_Sources":[]"#,
        r#""messages":[],"messages":[]"#,
    ] {
        let response = ada.send(ada.post(CHAT, format!("{{{fields}}}"))).await;
        said.push_str(&format!("{fields} → {}\n", summary(&response)));
    }
    assert_snapshot!(said, @r#"
    "max_tokens":1,"max_tokens":100000 → 400 duplicate_key max_tokens: "max_tokens is there twice. Send it once."
    "max_tokens":1,"max\u005ftokens":100000 → 400 duplicate_key max_tokens: "max_tokens is there twice. Send it once."
    "\u006dodel":"gpt-4o","model":"gpt-4o-mini" → 400 duplicate_key model: "model is there twice. Send it once."
    "stream":false,"stream":true → 400 duplicate_key stream: "stream is there twice. Send it once."
    "Max_Tokens":100000 → 400 unknown_parameter max_tokens: "There is a field that is almost max_tokens, in other letters. Write it as max_tokens."
    "MAX_COMPLETION_TOKENS":100000 → 400 unknown_parameter max_completion_tokens: "There is a field that is almost max_completion_tokens, in other letters. Write it as max_completion_tokens."
    "max\u005fTokens":1 → 400 unknown_parameter max_tokens: "There is a field that is almost max_tokens, in other letters. Write it as max_tokens."
    "Stream":true → 400 unknown_parameter stream: "There is a field that is almost stream, in other letters. Write it as stream."
    "Data_Sources":[] → 400 unknown_parameter data_sources: "There is a field that is almost data_sources, in other letters. Write it as data_sources."
    "messages":[],"messages":[] → 400 duplicate_key messages: "messages is there twice. Send it once."
    "#);
    nothing_happened(&world).await;
}

#[tokio::test]
async fn embeddings_have_rows_of_their_own() {
    let (world, ada) = strict_world().await;
    let mut said = String::new();
    for body in [
        json!({}),
        json!({"input": null}),
        json!({"input": 7}),
        json!({"input": {"a": 1}}),
        json!({"input": vec!["x"; 2_049]}),
        json!({"input": "x", "model": "gpt-4o-mini"}),
        json!({"input": "x", "stream": "true"}),
    ] {
        let response = ada.send(ada.post(EMBEDDINGS, body.to_string())).await;
        let name: String = body.to_string().chars().take(40).collect();
        said.push_str(&format!("{name} → {}\n", summary(&response)));
    }
    assert_snapshot!(said, @r#"
    {} → 400 invalid_value input: "input is missing. Send a text or a list of texts."
    {"input":null} → 400 invalid_value input: "input is missing. Send a text or a list of texts."
    {"input":7} → 400 invalid_value input: "input must be a text, a list of texts or lists of tokens."
    {"input":{"a":1}} → 400 invalid_value input: "input must be a text, a list of texts or lists of tokens."
    {"input":["x","x","x","x","x","x","x","x → 400 invalid_value input: "input may hold at most 2048 texts."
    {"input":"x","model":"gpt-4o-mini"} → 404 model_not_found model: "The event offers gpt-4o-mini for chat/completions, and not for embeddings. For embeddings it offers: text-embedding-3-small."
    {"input":"x","stream":"true"} → 400 invalid_value stream: "stream must be true or false, without quotes."
    "#);
    nothing_happened(&world).await;
}

#[tokio::test]
async fn bodies_that_are_too_large_or_of_another_type_are_refused() {
    let (world, ada) = strict_world().await;
    let limit = 5 * 1024 * 1024;
    let padded = |bytes: usize| {
        let body = format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        assert_eq!(body.len(), bytes);
        body
    };
    let too_large = ada.send(ada.post(CHAT, padded(limit + 1))).await;
    assert_snapshot!(too_large.line(), @r#"413 {"error":{"message":"The request is larger than 5 MiB. Send less: shorten the conversation or shrink the images.","type":"invalid_request_error","param":null,"code":"request_too_large"}}"#);
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
    {
        let mut request = ada.post(CHAT, chat("hello").to_string());
        request.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
        ada.send(request).await.assert_refused(415, "unsupported_media_type");
    }
    for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
        let mut request = ada.post(CHAT, chat("hello").to_string());
        request.headers_mut().insert(CONTENT_ENCODING, encoding.parse().unwrap());
        let response = ada.send(request).await;
        response.assert_refused(415, "unsupported_media_type");
    }
    nothing_happened(&world).await;
}

#[tokio::test]
async fn odd_but_valid_bodies_pass() {
    let world = World::event("odd").in_memory().with(|event| event.max_choices = 4).start().await;
    let ada = world.attendee("ada").await;
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let bodies = [
        json!({"messages": []}),
        json!({"messages": [{"role": "assistant", "content": null}]}),
        json!({"messages": [{"role": "user", "content": vec![image; 50]}]}),
        json!({"messages": [], "max_tokens": 2_147_483_647}),
        json!({"messages": [], "max_tokens": 1, "max_completion_tokens": null}),
        json!({"messages": [], "n": 4}),
        json!({"messages": [], "stream": null, "stream_options": null}),
        json!({"messages": [], "background": false}),
        json!({"messages": [], "tools": [{"type": "function"}, {"type": "custom"}]}),
        json!({"messages": [], "é": {"max_tokens": 9, "Max_Tokens": 9}}),
    ];
    let count = bodies.len();
    for body in bodies {
        ada.send(ada.post(CHAT, body.to_string())).await.assert_ok();
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let mut request = ada.post(CHAT, "{\"messages\":[]}");
        request.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
        ada.send(request).await.assert_ok();
    }
    let mut bare = ada.post(CHAT, "{\"messages\":[]}");
    bare.headers_mut().remove(CONTENT_TYPE);
    bare.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    ada.send(bare).await.assert_ok();
    assert_eq!(world.azure().calls(), count + 3);
    world.settle().await;
}
