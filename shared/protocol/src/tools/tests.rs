use bytes::Bytes;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::operation::Operation;
use serde_json::{Value, json};

use super::*;
use crate::Protocol;
use crate::payload::Target;

fn caps(hosted_tools: &HostedTools) -> Caps<'_> {
    Caps {
        completion_tokens: 100,
        choices: 1,
        hosted_tools,
        keeps_objects: false,
        facts: &ModelFacts::UNKNOWN,
    }
}

fn decisions(json: Value) -> HostedTools {
    serde_json::from_value(json).unwrap()
}

/// The body for Azure, and the removed types; or the parameter and the message.
fn call(
    operation: Operation,
    hosted: &HostedTools,
    body: &str,
) -> Result<(Value, Vec<String>), (String, String)> {
    let request = http::Request::new(Bytes::from(body.to_owned()));
    let id = "req_1".parse().unwrap();
    let refused = |refused| {
        let BodyRefused::Bad { param, message, .. } = refused else { panic!("{refused}") };
        (param.unwrap_or_default(), message)
    };
    let payload = Payload::read(Protocol::of(operation), &request, &id).map_err(refused)?;
    let demanded = payload.demanded(&caps(hosted)).map_err(refused)?;
    let target = Target {
        azure_name: "azure-name",
        completion_field: lanyard_domain::catalog::CompletionField::MaxTokens,
        user: "hash",
        refused: crate::added::RefusedFields::default(),
        left_out: crate::reasoning::LeftOut::NONE,
    };
    let sent = serde_json::from_slice(&payload.for_azure(&demanded, &target)).unwrap();
    Ok((sent, demanded.dropped_tools))
}

fn respond(body: Value) -> Result<(Value, Vec<String>), (String, String)> {
    call(Operation::Responses, &HostedTools::default(), &body.to_string())
}

fn function() -> Value {
    json!({"type": "function", "name": "f", "parameters": {"type": "object",
        "properties": {"tools": {"type": "array"}, "Type": {"type": "string"}}}})
}

#[test]
fn what_the_client_executes_passes_unchanged() {
    let tools = json!([
        function(), {"type": "custom", "name": "c"}, {"type": "tool_search"},
        {"type": "namespace", "name": "n", "tools": [function()]}, {"type": "local_shell"},
        {"type": "shell"}, {"type": "shell", "environment": {"type": "local"}},
        {"type": "apply_patch"}, {"type": "computer"}, {"type": "computer_use_preview"},
        {"type": "computer_use_preview_2025_03_11"},
    ]);
    let (sent, dropped) = respond(json!({"input": "x", "tools": tools})).unwrap();
    assert_eq!((&sent["tools"], dropped), (&tools, vec![]));
}

#[test]
fn hosted_tools_are_removed_wherever_they_stand_and_named_once() {
    let body = json!({
        "tools": [function(), {"type": "web_search"}, {"type": "telepathy"},
            {"type": "shell", "environment": {"type": "container_auto"}}],
        "input": [
            {"role": "user", "content": "x"},
            {"type": "additional_tools", "role": "developer",
                "tools": [{"type": "web_search"}, {"type": "mcp", "server_url": "https://a.example"}]},
            {"type": "tool_search_output", "call_id": "c", "tools": [
                {"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]},
                {"type": "namespace", "name": "m", "tools": [{"type": "mcp"}, function()]}]},
        ],
    });
    let (sent, dropped) = respond(body).unwrap();
    assert_eq!(dropped, ["hosted_shell", "mcp", "telepathy", "web_search"]);
    assert_eq!(sent["tools"], json!([function()]));
    let input = json!([
        {"role": "user", "content": "x"},
        {"type": "tool_search_output", "call_id": "c", "tools": [
            {"type": "namespace", "name": "m", "tools": [function()]}]},
    ]);
    assert_eq!(sent["input"], input);
}

#[test]
fn a_tool_of_the_client_may_stand_in_any_place() {
    let added = json!([{"type": "additional_tools", "tools": [function()]}]);
    let (sent, dropped) =
        respond(json!({"input": added, "tools": [{"type": "web_search"}]})).unwrap();
    assert_eq!(dropped, ["web_search"]);
    assert!(sent.get("tools").is_none() && sent["input"] == added);
}

#[test]
fn a_request_that_needs_a_hosted_tool_is_refused_and_told_which() {
    let web = json!({"type": "web_search_preview_2025_03_11"});
    for (fields, param) in [
        (json!({"tools": [web]}), "tools"),
        (json!({"tools": [{"type": "namespace", "name": "n", "tools": [web]}]}), "tools"),
        (json!({"input": [{"type": "additional_tools", "tools": [web]}]}), "input"),
        (
            json!({"input": [{"type": "other", "deep": {"tools": [web]}}], "tools": [function()]}),
            "input",
        ),
        (json!({"tools": [function(), web], "tool_choice": {"type": "web_search"}}), "tool_choice"),
        (
            json!({"tools": [function(), web], "tool_choice": {"type": "allowed_tools",
                "mode": "required", "tools": [{"type": "web_search_preview"}]}}),
            "tool_choice",
        ),
    ] {
        let mut body = json!({"input": "x"});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (at, message) = respond(body.clone()).unwrap_err();
        assert_eq!(at, param, "{body}");
        assert!(message.contains("web_search_preview_2025_03_11"), "{message}");
    }
    // Another choice leaves nothing to refuse.
    let choice = json!({"type": "function", "name": "web_search"});
    let body = json!({"input": "x", "tools": [function(), web], "tool_choice": choice});
    assert_eq!(respond(body).unwrap().0["tool_choice"], choice);
}

#[test]
fn removed_tools_are_removed_from_those_that_a_choice_allows() {
    let tools = json!([function(), {"type": "web_search"},
        {"type": "mcp", "server_label": "wiki", "server_url": "https://a.example"}]);
    let own = json!({"type": "function", "name": "f"});
    let wiki = json!({"type": "mcp", "server_label": "wiki"});
    let choice = |mode: &str, tools: Value| {
        let mut choice = json!({"type": "allowed_tools", "tools": tools});
        if !mode.is_empty() {
            choice["mode"] = json!(mode);
        }
        choice
    };
    let search = json!({"type": "web_search_preview"});
    let unlabelled = json!({"server_label": "wiki"});
    for (asked, sent) in [
        (choice("auto", json!([search, own, wiki])), choice("auto", json!([own]))),
        (choice("required", json!([own, unlabelled])), choice("required", json!([own]))),
        (choice("auto", json!([search])), json!("none")),
        (choice("", json!([wiki])), json!("none")),
        (choice("auto", json!([own])), choice("auto", json!([own]))),
        (json!("auto"), json!("auto")),
        (json!("required"), json!("required")),
    ] {
        let body = json!({"input": "x", "tools": tools, "tool_choice": asked});
        let (body, dropped) = respond(body).unwrap();
        assert_eq!((&body["tool_choice"], dropped.len()), (&sent, 2), "{asked}");
    }
    for needed in [
        choice("required", json!([search, wiki])),
        search,
        wiki,
        unlabelled,
        json!({"type": "mcp", "server_label": "wiki", "name": "read"}),
    ] {
        let body = json!({"input": "x", "tools": tools, "tool_choice": needed});
        assert_eq!(respond(body).unwrap_err().0, "tool_choice", "{needed}");
    }
}

#[test]
fn a_chat_lists_the_allowed_tools_in_its_own_way() {
    let function = json!({"type": "function", "function": {"name": "f"}});
    let chat = |mode: &str, allowed: Value| {
        let choice = json!({"type": "allowed_tools",
            "allowed_tools": {"mode": mode, "tools": allowed}});
        let body = json!({"messages": [], "tool_choice": choice,
            "tools": [function, {"type": "web_search"}]});
        call(Operation::ChatCompletions, &HostedTools::default(), &body.to_string())
    };
    let search = json!({"type": "web_search"});
    let (sent, _) = chat("required", json!([search, function])).unwrap();
    let left = json!({"mode": "required", "tools": [function]});
    assert_eq!(sent["tool_choice"]["allowed_tools"], left);
    assert_eq!(chat("auto", json!([search])).unwrap().0["tool_choice"], "none");
    assert_eq!(chat("required", json!([search])).unwrap_err().0, "tool_choice");
}

#[test]
fn a_shell_is_chosen_by_its_type_wherever_it_runs() {
    let hosted = json!({"type": "shell", "environment": {"type": "container_auto"}});
    let choice = json!({"type": "allowed_tools", "mode": "auto",
        "tools": [{"type": "shell"}, {"type": "function", "name": "f"}]});
    let sent = |tools: Value| {
        let body = json!({"input": "x", "tools": tools, "tool_choice": choice});
        respond(body).unwrap().0["tool_choice"]["tools"].as_array().unwrap().len()
    };
    assert_eq!(sent(json!([function(), hosted])), 1);
    assert_eq!(sent(json!([function(), hosted, {"type": "shell"}])), 2);
}

#[test]
fn the_event_decides_by_type() {
    let hosted = decisions(json!({"web_search": "allow", "mcp": "refuse"}));
    let respond = |tools: Value| {
        let body = json!({"input": "x", "tools": tools}).to_string();
        call(Operation::Responses, &hosted, &body)
    };
    let web = json!([{"type": "web_search_preview"}]);
    assert_eq!(respond(web.clone()).unwrap().0["tools"], web);
    let (param, message) = respond(json!([function(), {"type": "mcp"}])).unwrap_err();
    assert!(param == "tools" && message.contains("mcp"), "{param} {message}");
}

#[test]
fn web_search_options_of_a_chat_are_a_tool() {
    let chat = |fields: &str| {
        let body = format!(r#"{{"messages":[],"web_search_options":{{}}{fields}}}"#);
        call(Operation::ChatCompletions, &HostedTools::default(), &body)
    };
    let (param, message) = chat("").unwrap_err();
    assert!(param == "web_search_options" && message.contains("web_search"), "{message}");
    for client in [
        r#","tools":[{"type":"function","function":{"name":"f"}}]"#,
        r#","functions":[{"name":"f"}]"#,
    ] {
        let (sent, dropped) = chat(client).unwrap();
        assert_eq!(dropped, ["web_search"]);
        assert!(sent.get("web_search_options").is_none());
    }
    let hosted = HostedTools::allowing(["web_search"]);
    let body = r#"{"messages":[],"web_search_options":{}}"#;
    let (sent, _) = call(Operation::ChatCompletions, &hosted, body).unwrap();
    assert_eq!(sent["web_search_options"], json!({}));
}

#[test]
fn a_type_cannot_be_hidden_by_doubles_or_letters() {
    for tools in [
        r#""tools":[{"type":"function","Type":"mcp"}]"#,
        r#""tools":[{"type":"function","type":"mcp"}]"#,
        r#""tools":[{"type":"function","typ\u0065":"mcp"}]"#,
        r#""tools":[{"TYPE":"mcp"}]"#,
        r#""tools":[{"type":"namespace","Tools":[]}]"#,
        r#""tools":[{"type":"namespace","tools":[{"type":"function","Type":"mcp"}]}]"#,
        r#""input":[{"type":"additional_tools","Tools":[{"type":"mcp"}]}]"#,
        r#""input":[{"type":"additional_tools","tools":[],"tools":[{"type":"mcp"}]}]"#,
        r#""input":[{"type":"additional_tools","tools":[{"type":"function","Type":"mcp"}]}]"#,
        r#""instructions":[{"type":"additional_tools","tools":[{"type":"mcp"}]}]"#,
        r#""instructions":[{"type":"item_reference","id":"msg_1"}]"#,
        r#""tools":[{"type":"shell","environment":{"type":"local","type":"container_auto"}}]"#,
        r#""tools":[{"type":null}]"#,
        r#""tools":[{}]"#,
        r#""tools":[{"type":"web search\n"},{"type":"function"}]"#,
        r#""tools":["mcp"]"#,
        r#""tools":{"type":"function"}"#,
        r#""Tools":[]"#,
    ] {
        let body = format!(r#"{{{tools}}}"#);
        assert!(call(Operation::Responses, &HostedTools::default(), &body).is_err(), "{body}");
    }
}

#[test]
fn tools_are_counted_over_all_places() {
    let body = |extra: usize| {
        let functions = |count: usize| json!(vec![json!({"type": "custom", "name": "c"}); count]);
        json!({
            "tools": [{"type": "namespace", "name": "n", "tools": functions(100)}],
            "input": [{"type": "additional_tools", "tools": functions(28 + extra)}],
        })
    };
    assert!(respond(body(0)).is_ok());
    assert!(respond(body(1)).unwrap_err().1.contains("128"));
}

#[test]
fn a_listing_of_tools_is_no_list_of_tools() {
    let listing = json!([{"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s",
        "tools": [{"name": "t", "input_schema": {"type": "object"}}]}]);
    assert!(respond(json!({"input": listing})).is_ok());
}

#[test]
fn no_tool_names_a_dropped_one_as_its_caller() {
    let send = |callers: Value| {
        let tool = json!({"name": "f", "input_schema": {}, "allowed_callers": callers});
        let code = json!({"type": "code_execution_20250825", "name": "code_execution"});
        let body = json!({"messages": [], "max_tokens": 9, "tools": [tool, code]}).to_string();
        let (sent, dropped) = call(Operation::Messages, &HostedTools::default(), &body).unwrap();
        assert_eq!(dropped, ["code_execution_20250825"]);
        sent["tools"][0]["allowed_callers"].clone()
    };
    assert_eq!(send(json!(["direct", "code_execution_20250825"])), json!(["direct"]));
    assert_eq!(send(json!(["code_execution_20250825"])), Value::Null);
    assert_eq!(send(json!(["direct"])), json!(["direct"]));
}

#[test]
fn an_empty_list_of_mcp_servers_is_none_however_it_is_written() {
    for servers in ["[]", "[ ]", "[\n]", "null"] {
        let body = format!(r#"{{"messages": [], "max_tokens": 9, "mcp_servers": {servers}}}"#);
        call(Operation::Messages, &HostedTools::default(), &body).unwrap();
    }
}
