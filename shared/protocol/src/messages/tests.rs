use bytes::Bytes;
use http::Request;
use lanyard_domain::account::Hold;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::{CacheUse, TokenDetails, Usage};
use serde_json::json;

use super::*;
use crate::added::RefusedFields;
use crate::response::tests::a_hold;
use crate::sse::Frame;
use crate::stream::failure::Blame;
use crate::stream::{StreamEvent, StreamState};

/// What Azure gets of a body, at an event with this cap.
fn written_within(cap: u64, mut body: Value) -> Result<Value, BodyRefused> {
    if body.get("messages").is_none() {
        body["messages"] = json!([{"role": "user", "content": "Hi"}]);
    }
    let request = Request::new(Bytes::from(body.to_string()));
    let id = format!("req_{:032x}", 1).parse().unwrap();
    let payload = Payload::read(&PROTOCOL, &request, &id)?;
    let hosted_tools = HostedTools::none();
    let caps = Caps {
        completion_tokens: cap,
        choices: 1,
        hosted_tools: &hosted_tools,
        keeps_objects: true,
        facts: ModelFacts::of("claude-sonnet-5").unwrap(),
    };
    let demanded = payload.demanded(&caps)?;
    payload.references()?;
    let target = Target {
        azure_name: "azures",
        completion_field: lanyard_domain::models::CompletionField::MaxTokens,
        user: "hash",
        refused: RefusedFields::default(),
        left_out: crate::reasoning::LeftOut::NONE,
    };
    Ok(serde_json::from_slice(&payload.for_azure(&demanded, &target)).unwrap())
}

fn written(body: Value) -> Value {
    written_within(4_096, body).unwrap()
}

fn refused(body: Value) -> String {
    written_within(4_096, body).unwrap_err().to_string()
}

#[test]
fn the_cap_is_lowered_or_filled_in_and_a_budget_of_thinking_fits_into_it() {
    let sent = |cap: u64, body: Value| {
        let sent = written_within(cap, body).unwrap();
        (sent["max_tokens"].as_u64().unwrap(), sent["thinking"]["budget_tokens"].as_u64())
    };
    let thinking = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
    assert_eq!(sent(4_096, json!({})), (4_096, None));
    assert_eq!(sent(4_096, json!({"max_tokens": 100})), (100, None));
    let body = |max: u64, budget: u64| json!({"max_tokens": max, "thinking": thinking(budget)});
    assert_eq!(sent(4_096, body(32_000, 31_999)), (4_096, Some(3_072)));
    assert_eq!(sent(4_096, body(32_000, 2_000)), (4_096, Some(2_000)));
    assert_eq!(sent(1_200, body(32_000, 31_999)), (1_200, None));
    // Between tools a budget may be above the cap that the client itself wants.
    assert_eq!(sent(40_000, body(2_000, 31_999)), (2_000, Some(31_999)));
    let adaptive = json!({"max_tokens": 32_000, "thinking": {"type": "adaptive"}});
    assert_eq!(written(adaptive)["thinking"], json!({"type": "adaptive"}));
}

#[test]
fn what_governs_price_identity_and_ownership_is_ours_and_the_rest_passes() {
    let sent = written(json!({
        "model": "claude", "max_tokens": 5, "stream": true, "temperature": 0.5,
        "metadata": {"user_id": "ada@example.org"}, "service_tier": "auto", "speed": "fast",
        "fallbacks": [{"model": "claude-opus-5"}], "diagnostics": {"previous_message_id": "msg_1"},
        "billing_policy": {"type": "billing_policy", "bill_to": "user_profile"},
        "fallback_credit_token": "token", "user_profile_id": "profile_1",
        "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "new_field": [1, 2],
    }));
    let expected = json!({
        "model": "azures", "max_tokens": 5, "stream": true, "temperature": 0.5,
        "metadata": {"user_id": "hash"}, "service_tier": "standard_only",
        "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "new_field": [1, 2], "messages": [{"role": "user", "content": "Hi"}],
    });
    assert_eq!(sent, expected);
    for (body, word) in [
        (json!({"thread": {"type": "create"}}), "thread"),
        (json!({"inference_geo": "us"}), "inference_geo"),
        (json!({"container": "container_1"}), "Containers"),
        (json!({"container": {"skills": [{"type": "custom", "skill_id": "s_1"}]}}), "skill"),
        (json!({"max_completion_tokens": 5}), "max_tokens"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"Speed": "fast"}), "speed"),
        (json!({"messages": "Hi"}), "list"),
        (json!({"messages": null}), "missing"),
        (json!({"stream": "yes"}), "stream"),
    ] {
        let why = refused(body.clone());
        assert!(why.contains(word), "{body}: {why}");
    }
}

#[test]
fn a_file_is_named_by_its_source_and_nothing_by_the_arguments_of_a_tool() {
    let references = |content: Value| {
        let body = json!({"messages": [{"role": "user", "content": [content]}]}).to_string();
        let request = Request::new(Bytes::from(body));
        let id = format!("req_{:032x}", 1).parse().unwrap();
        let payload = Payload::read(&PROTOCOL, &request, &id).unwrap();
        let found = payload.references().unwrap();
        found.into_iter().map(|reference| reference.id).collect::<Vec<_>>()
    };
    let file = json!({"type": "document", "source": {"type": "file", "file_id": "file_1"}});
    assert_eq!(references(file.clone()), ["file_1"]);
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": [file]});
    assert_eq!(references(result), ["file_1"]);
    let call = json!({"type": "tool_use", "id": "t", "name": "n", "input": {"file_id": "file_1"}});
    assert_eq!(references(call), [""; 0]);
}

#[test]
fn tools_of_the_client_pass_and_those_of_the_server_are_dropped() {
    let own = json!([
        {"name": "weather", "input_schema": {"type": "object", "properties": {"tools": {}}}},
        {"type": "custom", "name": "news", "input_schema": {}},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
        {"type": "computer_20250124", "name": "computer"},
        {"type": "memory_20250818", "name": "memory"},
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
    ]);
    assert_eq!(written(json!({"tools": own}))["tools"], own);
    let search = json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 5});
    let hosted = [
        search.clone(),
        json!({"type": "code_execution_20250825", "name": "code_execution"}),
        json!({"type": "web_fetch_20250910", "name": "web_fetch"}),
        json!({"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-5"}),
        json!({"type": "mcp_toolset", "mcp_server_name": "x"}),
    ];
    for tool in hosted {
        let sent = written(json!({"tools": [own[0], tool]}));
        assert_eq!(sent["tools"], json!([own[0]]), "{tool}");
        assert!(refused(json!({"tools": [tool]})).contains("does not allow"), "{tool}");
    }
    let servers = json!([{"type": "url", "url": "https://example.org", "name": "x"}]);
    let sent = written(json!({"tools": [own[0]], "mcp_servers": servers}));
    assert_eq!((sent.get("mcp_servers"), &sent["tools"]), (None, &json!([own[0]])));
    assert!(refused(json!({"mcp_servers": servers})).contains("mcp"));
    let choose = |name: &str| json!({"tools": [own[0], search], "tool_choice": {"type": "tool", "name": name}});
    assert!(refused(choose("web_search")).contains("web_search_20250305"));
    assert_eq!(written(choose("weather"))["tool_choice"]["name"], "weather");
    let odd = json!({"tools": [own[0], {"type": "web_search_20250305", "Type": "custom"}]});
    assert!(refused(odd).contains("letters"));
}

#[test]
fn tools_that_messages_define_follow_the_policy_as_well() {
    let add = |definition: Value| {
        let tool = json!({"type": "tool_definition", "definition": definition});
        let content = json!([{"type": "tool_addition", "tool": tool}]);
        json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": content}]})
    };
    for own in [
        json!({"name": "weather", "input_schema": {}}),
        json!({"type": "bash_20250124", "name": "bash"}),
        json!({"type": "browser_toolset_20260801"}),
    ] {
        assert_eq!(written(add(own.clone()))["messages"], add(own)["messages"]);
    }
    for hosted in [
        json!({"type": "web_search_20250305", "name": "web_search"}),
        json!({"type": "mcp_toolset", "mcp_server_name": "x", "tools": [{"name": "y"}]}),
    ] {
        let mut body = add(hosted.clone());
        body["tools"] = json!([{"name": "weather", "input_schema": {}}]);
        assert!(refused(body).contains("does not allow"), "{hosted}");
        let escaped = add(hosted).to_string().replace("definition\"", "d\\u0065finition\"");
        let payload = Request::new(Bytes::from(escaped));
        let id = format!("req_{:032x}", 1).parse().unwrap();
        let payload = Payload::read(&PROTOCOL, &payload, &id).unwrap();
        let caps = Caps {
            completion_tokens: 100,
            choices: 1,
            hosted_tools: &HostedTools::none(),
            keeps_objects: true,
            facts: &ModelFacts::UNKNOWN,
        };
        assert!(payload.demanded(&caps).unwrap_err().to_string().contains("does not allow"));
    }
    // A call of a tool may have arguments of this name.
    let call =
        json!({"type": "tool_use", "id": "t", "name": "n", "input": {"definition": {"type": "x"}}});
    let body = json!({"messages": [{"role": "assistant", "content": [call]}]});
    assert_eq!(written(body.clone())["messages"], body["messages"]);
    // A server of MCP is no tool of the client's, whatever it lists.
    let listed = json!({"tools": [{"type": "mcp_toolset", "mcp_server_name": "x", "tools": [{"name": "y"}]}]});
    assert!(refused(listed).contains("mcp"));
}

#[test]
fn what_is_written_with_escapes_counts_as_what_it_is() {
    let estimate = |text: &str| {
        let request = Request::new(Bytes::from(text.to_owned()));
        let id = format!("req_{:032x}", 1).parse().unwrap();
        let payload = Payload::read(&PROTOCOL, &request, &id).unwrap();
        let caps = Caps {
            completion_tokens: 100,
            choices: 1,
            hosted_tools: &HostedTools::none(),
            keeps_objects: true,
            facts: ModelFacts::of("claude-sonnet-5").unwrap(),
        };
        payload.demanded(&caps).unwrap().estimate.prompt_tokens
    };
    for kind in ["document", "image"] {
        let part = json!({"type": kind, "source": {"type": "url", "url": "https://example.org/a"}});
        let result = json!({"type": "tool_result", "tool_use_id": "t", "content": [part]});
        let plain = json!({"messages": [{"role": "user", "content": [result]}]}).to_string();
        let escaped =
            plain.replace("document", "docum\\u0065nt").replace("\"image", "\"\\u0069mage");
        assert!(estimate(&plain) > 1_000, "{kind}");
        assert!(estimate(&escaped) >= estimate(&plain), "{kind}");
    }
}

fn event(name: &str, data: Value) -> Frame {
    Frame(Bytes::from(format!("event: {name}\ndata: {data}\n\n")))
}

fn start(usage: Value) -> Frame {
    let message = json!({"id": "msg_1", "role": "assistant", "usage": usage});
    event("message_start", json!({"type": "message_start", "message": message}))
}

fn delta(text: &str) -> Frame {
    let delta = json!({"type": "text_delta", "text": text});
    let data = json!({"type": "content_block_delta", "index": 0, "delta": delta});
    event("content_block_delta", data)
}

fn last(usage: Value) -> Frame {
    let data =
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage});
    event("message_delta", data)
}

fn stop() -> Frame {
    event("message_stop", json!({"type": "message_stop"}))
}

fn read_all(frames: &[Frame]) -> StreamState {
    let mut state = StreamState { most_tokens: 1_000_000, ..StreamState::default() };
    for frame in frames {
        let read = (PROTOCOL.stream.read)(frame, &mut state);
        assert!(matches!(read, StreamEvent::Pass | StreamEvent::Fails), "{read:?}");
    }
    state
}

fn settled(frames: &[Frame], is_broken: bool) -> Settlement {
    let hold = Hold { prompt_tokens: 40, completion_tokens: 4_096, ..a_hold() };
    let state = read_all(frames);
    match &state.failure {
        Some(failure) => crate::stream::failure::settle(failure, &state, &hold),
        None => (PROTOCOL.stream.settle)(&state, &hold, is_broken),
    }
}

#[test]
fn a_stream_costs_its_input_its_cache_and_its_output() {
    let details = TokenDetails { cached: 200, cache_write: 30, ..TokenDetails::NONE };
    let exact = |prompt, completion| {
        Settlement::Exact(Usage { details, ..Usage::of_tokens(prompt, completion) })
    };
    let begun = || {
        start(json!({"input_tokens": 10, "cache_read_input_tokens": 200,
            "cache_creation_input_tokens": 30, "output_tokens": 1}))
    };
    let old = [begun(), delta("Hi"), last(json!({"output_tokens": 12})), stop()];
    assert_eq!(settled(&old, false), exact(240, 12));
    let whole = json!({"input_tokens": 15, "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30, "output_tokens": 12});
    assert_eq!(settled(&[begun(), last(whole), stop()], false), exact(245, 12));
    let short = json!({"input_tokens": 10, "output_tokens": 12});
    assert_eq!(settled(&[begun(), last(short), stop()], false), exact(240, 12));
    let state = read_all(&old);
    assert!(state.is_done && (PROTOCOL.stream.missing)(&state).is_none());
    assert_eq!((PROTOCOL.stream.last)(&state), None);
    assert_eq!(state.response_id.unwrap().as_str(), "msg_1");
    let unstopped = read_all(&old[..3]);
    assert!((PROTOCOL.stream.missing)(&unstopped).is_none());
    assert_eq!((PROTOCOL.stream.last)(&unstopped), Some(stop().0));
    assert_eq!(settled(&old[..3], false), exact(240, 12));
    let cut = [begun(), delta("Hi")];
    assert!((PROTOCOL.stream.missing)(&read_all(&cut)).is_some());
    let least = Settlement::AtLeast(Usage { details, ..Usage::of_tokens(240, 4_096) });
    assert_eq!(settled(&old, false).cache(), CacheUse { read: 200, written: 30 });
    assert_eq!(settled(&cut, true), least);
    // What nobody has counted is not believed.
    let unknown = [delta("Hi"), last(json!({"output_tokens": 12})), stop()];
    assert!(settled(&unknown, false).is_estimated());
}

#[test]
fn output_costs_what_it_may_have_beside_a_prompt_that_is_larger_than_estimated() {
    let begun = || start(json!({"input_tokens": 6_000, "output_tokens": 1}));
    let text = || delta(&"some words ".repeat(100));
    let hold = Hold { prompt_tokens: 40, completion_tokens: 4_096, ..a_hold() };
    let charged = |settlement: Settlement| {
        let charge = settlement.charge(&hold).unwrap();
        (charge.prompt_tokens, charge.completion_tokens)
    };
    assert_eq!(charged(settled(&[begun(), text()], true)), (6_000, 4_096));
    // The text is complete, and its length is known.
    let end = || last(Value::Null);
    let (prompt, output) = charged(settled(&[begun(), text(), end(), stop()], false));
    assert!(prompt == 6_000 && (150..400).contains(&output), "{output}");
    let uncounted = json!({"usage": {"input_tokens": 6_000}}).to_string();
    let read = PROTOCOL.read_response(uncounted.as_bytes(), &hold, 1_000_000).unwrap();
    assert_eq!(charged(read.settlement), (6_000, 4_096));
}

#[test]
fn rounds_of_the_server_are_added_up() {
    let usage = json!({"input_tokens": 100, "output_tokens": 20, "iterations": [
        {"type": "compaction", "input_tokens": 5_000, "output_tokens": 300},
        {"type": "message", "input_tokens": 100, "cache_read_input_tokens": 7, "output_tokens": 20},
    ]});
    let body = json!({"id": "msg_1", "usage": usage}).to_string();
    let hold = Hold { prompt_tokens: 40, completion_tokens: 4_096, ..a_hold() };
    let read = PROTOCOL.read_response(body.as_bytes(), &hold, 1_000_000).unwrap();
    let (cost, id) = (read.settlement, read.id);
    assert_eq!(cost.cache(), CacheUse { read: 7, written: 0 });
    assert_eq!(
        (cost.exact().unwrap().prompt_tokens, cost.exact().unwrap().completion_tokens),
        (5_107, 320)
    );
    assert_eq!(id.as_deref(), Some("msg_1"));
    let plain = json!({"usage": {"input_tokens": 1, "cache_read_input_tokens": 2,
        "cache_creation_input_tokens": null, "output_tokens": 3}});
    let plain = plain.to_string();
    let cost = PROTOCOL.read_response(plain.as_bytes(), &hold, 1_000_000).unwrap().settlement;
    assert_eq!(cost.cache(), CacheUse { read: 2, written: 0 });
    assert_eq!(cost.exact().unwrap().prompt_tokens, 3);
}

#[test]
fn an_error_event_ends_the_stream_and_costs_what_was_made() {
    let error = |kind: &str| {
        event("error", json!({"type": "error", "error": {"type": kind, "message": "x"}}))
    };
    let begun = || start(json!({"input_tokens": 30, "output_tokens": 1}));
    let busy = read_all(&[begun(), error("overloaded_error")]);
    assert_eq!(busy.failure.unwrap().blame(), Blame::Load);
    assert_eq!(settled(&[begun(), error("overloaded_error")], true), Settlement::Void);
    let estimated =
        |prompt, completion| Settlement::Estimated(Usage::of_tokens(prompt, completion));
    assert_eq!(settled(&[begun(), error("api_error")], true), estimated(30, 0));
    let Settlement::Estimated(usage) =
        settled(&[begun(), delta("Hi"), error("overloaded_error")], true)
    else {
        panic!("it was begun");
    };
    assert!(usage.prompt_tokens == 30 && (1..10).contains(&usage.completion_tokens), "{usage:?}");
    let shaped = (PROTOCOL.stream.error)(b"{\"type\":\"error\"}", 3);
    assert_eq!(shaped, "event: error\ndata: {\"type\":\"error\"}\n\n");
}
