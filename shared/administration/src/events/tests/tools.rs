//! The decisions of an event on hosted tools.

use super::*;

#[test]
fn hosted_tools_are_decided_by_type() {
    let tools = |event: &Event| serde_json::to_value(&event.hosted_tools).unwrap();
    let types = ["apply_patch", "shell", "local_shell", "computer", "web_search"];
    let event = create(oslo(json!({"extra_tool_types": types}))).unwrap();
    assert_eq!(tools(&event)["web_search"], "allow");
    let event = change(&event, json!({"hosted_tools": {"web_search": "drop", "mcp": "refuse"}}));
    let event = change(&event.unwrap(), json!({"extra_tool_types": ["file_search"]})).unwrap();
    let expected = json!({"file_search": "allow", "mcp": "refuse", "web_search": "drop"});
    assert_eq!(tools(&event), expected);
    let event = change(&event, json!({"hosted_tools": {"mcp": null, "shell": "allow"}})).unwrap();
    let expected = json!({"file_search": "allow", "shell": "allow", "web_search": "drop"});
    assert_eq!(tools(&event), expected);
    assert_eq!(tools(&change(&event, json!({"hosted_tools": null})).unwrap()), json!({}));
    for wrong in [
        json!(["mcp"]),
        json!({"mcp": "maybe"}),
        json!({"Web Search": "allow"}),
        json!({"function": "refuse"}),
        json!({"computer_use_preview": "drop"}),
    ] {
        let refused = mistakes(change(&event, json!({"hosted_tools": wrong})));
        assert!(refused.starts_with("hosted_tools "), "{refused}");
    }
}

#[test]
fn only_tools_whose_calls_have_a_price_and_a_bound_go_with_a_limit_on_money() {
    let limited = |kind: &str| {
        create(oslo(json!({
            "allowances": {"event": {"usd_total": 50}}, "hosted_tools": {kind: "allow"},
        })))
    };
    for kind in ["web_search", "web_search_preview", "file_search", "code_interpreter", "web_fetch"]
    {
        assert_eq!(limited(kind).unwrap().hosted_tools.allowed(), [kind]);
    }
    for kind in ["mcp", "image_generation", "hosted_shell", "code_execution", "of_tomorrow"] {
        let refused = mistakes(limited(kind));
        assert!(refused.contains(kind) && refused.contains("US dollars"), "{refused}");
    }
}
