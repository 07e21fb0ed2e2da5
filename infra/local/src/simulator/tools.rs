//! Decides whether the simulated model calls a tool, and with which arguments.
//!
//! Serves `tools` with `tool_choice`, and their predecessors `functions` with `function_call`.

use serde_json::{Value, json};

use super::fields::{self, Object};
use super::prompt::Speaker;
use super::refusal::Refusal;
use super::{schema, tokens};

/// Which of the three shapes a call has on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `tool_calls` with a `function`
    Function,
    /// `tool_calls` with a `custom` tool, whose input is free text
    Custom,
    /// `function_call`, the form before tools
    Legacy,
}

/// A tool that the request offers, or the call that the simulator makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCall {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// The names of a request's fields, which differ between tools and functions.
struct Words {
    list: &'static str,
    choice: &'static str,
}

const TOOLS: Words = Words { list: "tools", choice: "tool_choice" };
const FUNCTIONS: Words = Words { list: "functions", choice: "function_call" };

enum Choice<'a> {
    None,
    Auto,
    Required,
    Named(&'a str),
}

/// The call to make, if one is to be made.
///
/// A user's message is answered with a call of the first tool, or of the forced one; a tool's
/// message is answered in words, so that a client's loop comes to an end.
pub(super) fn choose(body: &Object, last: Speaker) -> Result<Option<ToolCall>, Refusal> {
    let words = if fields::given(body, FUNCTIONS.list).is_some() { FUNCTIONS } else { TOOLS };
    for Words { list, choice } in [TOOLS, FUNCTIONS] {
        if fields::given(body, choice).is_some() && fields::given(body, list).is_none() {
            let message = format!("'{choice}' makes sense only together with '{list}'.");
            return Err(Refusal::field(choice, None, message));
        }
    }
    let mut offers = offers(body, &words)?.into_iter();
    let call = match choice(body, &words)? {
        Choice::None => None,
        Choice::Auto => offers.next().filter(|_| last == Speaker::User),
        Choice::Required => offers.next(),
        Choice::Named(name) => {
            let Some(named) = offers.find(|offer| offer.name == name) else {
                return Err(unknown(&words));
            };
            Some(named)
        }
    };
    Ok(call.filter(|_| last != Speaker::Tool))
}

/// What the offered tools add to the prompt.
pub(super) fn prompt_tokens(body: &Object) -> usize {
    [TOOLS.list, FUNCTIONS.list]
        .into_iter()
        .filter_map(|list| fields::given(body, list))
        .map(|offered| tokens::count(&offered.to_string()))
        .sum()
}

fn unknown(words: &Words) -> Refusal {
    let Words { list, choice } = words;
    let message = format!("'{choice}' names a function that is not among the '{list}'.");
    Refusal::field(*choice, None, message)
}

fn offers(body: &Object, words: &Words) -> Result<Vec<ToolCall>, Refusal> {
    let list = words.list;
    match fields::given(body, list) {
        None => Ok(Vec::new()),
        Some(Value::Array(offered)) if offered.is_empty() => {
            let message = format!("'{list}' must hold at least one entry, or be left out.");
            Err(Refusal::field(list, Some("empty_array"), message))
        }
        Some(Value::Array(offered)) => {
            let places = offered.iter().enumerate();
            places.map(|(index, tool)| offer(tool, &format!("{list}[{index}]"), list)).collect()
        }
        Some(other) => Err(Refusal::wrong_type(list, "an array", other)),
    }
}

fn offer(tool: &Value, place: &str, list: &str) -> Result<ToolCall, Refusal> {
    let (kind, described, place) = match (list, tool["type"].as_str()) {
        ("functions", _) => (Kind::Legacy, tool, place.to_owned()),
        (_, Some("function")) => (Kind::Function, &tool["function"], format!("{place}.function")),
        (_, Some("custom")) => (Kind::Custom, &tool["custom"], format!("{place}.custom")),
        (_, Some(_)) => {
            return Err(Refusal::unsupported(&format!("{place}.type"), "'function' and 'custom'"));
        }
        (_, None) => return Err(Refusal::missing(&format!("{place}.type"))),
    };
    let place = format!("{place}.name");
    let Some(name) = described["name"].as_str() else {
        return Err(Refusal::missing(&place));
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let message = format!("'{place}' must be 1 to 64 letters, digits, '_' or '-'.");
        return Err(Refusal::field(place, Some("invalid_value"), message));
    }
    let arguments = match (kind, &described["parameters"]) {
        (Kind::Custom, _) => format!("simulated input of {name}"),
        (Kind::Function | Kind::Legacy, Value::Null) => json!({}).to_string(),
        (Kind::Function | Kind::Legacy, parameters) => schema::example(parameters).to_string(),
    };
    Ok(ToolCall { kind, name: name.to_owned(), arguments })
}

fn choice<'a>(body: &'a Object, words: &Words) -> Result<Choice<'a>, Refusal> {
    let choice = words.choice;
    let supported = || Refusal::unsupported(choice, "'none', 'auto' and 'required'");
    match fields::given(body, choice) {
        None => Ok(Choice::Auto),
        Some(Value::String(text)) => match text.as_str() {
            "none" => Ok(Choice::None),
            "auto" => Ok(Choice::Auto),
            "required" if choice == TOOLS.choice => Ok(Choice::Required),
            _ => Err(supported()),
        },
        Some(allowed) if allowed["type"] == "allowed_tools" => {
            let required = allowed["allowed_tools"]["mode"] == "required";
            Ok(if required { Choice::Required } else { Choice::Auto })
        }
        Some(forced @ Value::Object(_)) => {
            let place = ["function", "custom"].iter().find_map(|key| forced.get(key));
            match place.unwrap_or(forced)["name"].as_str() {
                Some(name) => Ok(Choice::Named(name)),
                None => Err(Refusal::missing(&format!("{choice}.name"))),
            }
        }
        Some(other) => Err(Refusal::wrong_type(choice, "a string or an object", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(rest: Value) -> Object {
        let tool = |name: &str| {
            json!({"type": "function", "function": {"name": name, "parameters": {
                "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
            }}})
        };
        let mut body = json!({"tools": [tool("weather"), tool("news")]});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        body.as_object().unwrap().clone()
    }

    fn name(rest: Value, last: Speaker) -> Option<String> {
        choose(&body(rest), last).unwrap().map(|call| call.name)
    }

    #[test]
    fn a_user_is_answered_with_the_first_tool() {
        let call = choose(&body(json!({})), Speaker::User).unwrap().unwrap();
        assert_eq!((call.kind, call.name.as_str()), (Kind::Function, "weather"));
        assert_eq!(call.arguments, r#"{"city":"simulated city"}"#);
        assert_eq!(name(json!({"tool_choice": "required"}), Speaker::User).unwrap(), "weather");
    }

    #[test]
    fn a_forced_tool_is_called_and_none_is_obeyed() {
        let forced = json!({"tool_choice": {"type": "function", "function": {"name": "news"}}});
        assert_eq!(name(forced, Speaker::User).unwrap(), "news");
        assert_eq!(name(json!({"tool_choice": "none"}), Speaker::User), None);
    }

    #[test]
    fn a_tool_is_answered_in_words() {
        assert_eq!(name(json!({}), Speaker::Tool), None);
        assert_eq!(name(json!({"tool_choice": "required"}), Speaker::Tool), None);
    }

    #[test]
    fn functions_and_custom_tools_have_their_own_shape() {
        let legacy = json!({"tools": null, "functions": [{"name": "f"}], "function_call": "auto"});
        let call = choose(&body(legacy), Speaker::User).unwrap().unwrap();
        assert_eq!((call.kind, call.arguments.as_str()), (Kind::Legacy, "{}"));

        let custom = json!({"tools": [{"type": "custom", "custom": {"name": "shell"}}]});
        let call = choose(&body(custom), Speaker::User).unwrap().unwrap();
        assert_eq!((call.kind, call.name.as_str()), (Kind::Custom, "shell"));
    }

    #[test]
    fn a_mistake_is_named_by_its_place() {
        let cases = [
            (json!({"tool_choice": {"function": {"name": "nope"}}}), "tool_choice"),
            (json!({"tool_choice": "sometimes"}), "tool_choice"),
            (json!({"tools": null, "tool_choice": "auto"}), "tool_choice"),
            (json!({"tools": []}), "tools"),
            (json!({"tools": [{"type": "web_search"}]}), "tools[0].type"),
            (json!({"tools": [{"type": "function"}]}), "tools[0].function.name"),
            (
                json!({"tools": [{"type": "function", "function": {"name": "a b"}}]}),
                "tools[0].function.name",
            ),
            (
                json!({"functions": [{"name": "f"}], "function_call": {"name": "g"}}),
                "function_call",
            ),
        ];
        for (rest, expected) in cases {
            match choose(&body(rest.clone()), Speaker::User) {
                Err(Refusal::Invalid { param: Some(param), .. }) => assert_eq!(param, expected),
                other => panic!("{rest}: {other:?}"),
            }
        }
    }
}
