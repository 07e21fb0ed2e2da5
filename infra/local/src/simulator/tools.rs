//! The tools that a request offers, as chats describe them, and which of them it asks for.
//!
//! Serves `tools` with `tool_choice`, and their predecessors `functions` with `function_call`.
//! [`mention`](super::mention) decides what is called.

use serde_json::Value;

use super::fields::{self, Object};
use super::mention;
use super::offer::{Kind, Offer, ToolCall};
use super::prompt::{Prompt, Speaker};
use super::refusal::Refusal;
use super::tokens;

/// What the request says about the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    None,
    Auto,
    Required,
    Named(&'a str),
}

/// The names of a request's fields, which differ between tools and functions.
struct Words {
    list: &'static str,
    choice: &'static str,
}

const TOOLS: Words = Words { list: "tools", choice: "tool_choice" };
const FUNCTIONS: Words = Words { list: "functions", choice: "function_call" };

/// The call that answers a chat, if one does.
pub(super) fn of_chat(body: &Object, prompt: &Prompt) -> Result<Option<ToolCall>, Refusal> {
    let words = if fields::given(body, FUNCTIONS.list).is_some() { FUNCTIONS } else { TOOLS };
    for Words { list, choice } in [TOOLS, FUNCTIONS] {
        if fields::given(body, choice).is_some() && fields::given(body, list).is_none() {
            let message = format!("'{choice}' makes sense only together with '{list}'.");
            return Err(Refusal::field(choice, None, message));
        }
    }
    choose(&offers(body, &words)?, choice(body, &words)?, prompt, words.choice)
}

/// The call to make, if one is to be made.
///
/// A user is answered with the tool that the message asks for, once for each mention; with a tool's
/// result the next one is called, and after the last the response is words, so that a client's loop
/// comes to an end.
pub(super) fn choose(
    offers: &[Offer<'_>],
    choice: Choice<'_>,
    prompt: &Prompt,
    place: &str,
) -> Result<Option<ToolCall>, Refusal> {
    let asked = || mention::asked(&prompt.asked, prompt.calls, offers);
    let first = || offers.first().map(|offer| (offer, None));
    let found = match (choice, prompt.last) {
        (Choice::None, _) => None,
        (Choice::Named(name), last) => {
            let Some(named) = offers.iter().find(|offer| offer.name == name) else {
                let message = format!("'{place}' names a tool that is not offered.");
                return Err(Refusal::field(place, None, message));
            };
            let given = mention::given(&prompt.asked, named);
            Some((named, given)).filter(|_| last != Speaker::Tool)
        }
        (Choice::Auto, Speaker::User | Speaker::Tool) | (Choice::Required, Speaker::Tool) => {
            asked()
        }
        (Choice::Required, _) => asked().or_else(first),
        (Choice::Auto, Speaker::System | Speaker::Assistant) => None,
    };
    Ok(found.map(|(offer, given)| offer.call(given)))
}

/// What the offered tools add to the prompt.
pub(super) fn prompt_tokens(body: &Object) -> usize {
    [TOOLS.list, FUNCTIONS.list]
        .into_iter()
        .filter_map(|list| fields::given(body, list))
        .map(|offered| tokens::count(&offered.to_string()))
        .sum()
}

fn offers<'a>(body: &'a Object, words: &Words) -> Result<Vec<Offer<'a>>, Refusal> {
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

fn offer<'a>(tool: &'a Value, place: &str, list: &str) -> Result<Offer<'a>, Refusal> {
    let (kind, described, place) = match (list, tool["type"].as_str()) {
        ("functions", _) => (Kind::Legacy, tool, place.to_owned()),
        (_, Some("function")) => (Kind::Function, &tool["function"], format!("{place}.function")),
        (_, Some("custom")) => (Kind::Custom, &tool["custom"], format!("{place}.custom")),
        (_, Some(_)) => {
            return Err(Refusal::unsupported(&format!("{place}.type"), "'function' and 'custom'"));
        }
        (_, None) => return Err(Refusal::missing(&format!("{place}.type"))),
    };
    Offer::read(kind, None, described, &place)
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
    use serde_json::json;

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

    fn prompt(messages: Value) -> Prompt {
        let mut body = Object::new();
        body.insert("messages".to_owned(), messages);
        Prompt::read(&body).unwrap()
    }

    fn says(text: &str) -> Prompt {
        prompt(json!([{"role": "user", "content": text}]))
    }

    fn call(rest: Value, text: &str) -> Option<ToolCall> {
        of_chat(&body(rest), &says(text)).unwrap()
    }

    fn name(rest: Value, text: &str) -> Option<String> {
        call(rest, text).map(|call| call.name)
    }

    #[test]
    fn a_user_is_answered_with_the_tool_that_is_asked_for() {
        let asked = call(json!({}), "How is the weather?").unwrap();
        assert_eq!((asked.kind, asked.name.as_str()), (Kind::Function, "weather"));
        assert_eq!(asked.arguments, r#"{"city":"simulated city"}"#);
        assert_eq!(name(json!({}), "What is the news?").unwrap(), "news");
        assert_eq!(name(json!({}), "Hello"), None);
        assert_eq!(name(json!({"tool_choice": "required"}), "Hello").unwrap(), "weather");
        assert_eq!(name(json!({"tool_choice": "required"}), "The news?").unwrap(), "news");
    }

    #[test]
    fn a_forced_tool_is_called_and_none_is_obeyed() {
        let forced = json!({"tool_choice": {"type": "function", "function": {"name": "news"}}});
        assert_eq!(name(forced, "The weather?").unwrap(), "news");
        assert_eq!(name(json!({"tool_choice": "none"}), "The weather?"), None);
    }

    #[test]
    fn each_mention_is_called_once_and_then_come_words() {
        let called = |id: &str, name: &str| {
            json!({"role": "assistant", "tool_calls": [{"id": id, "type": "function",
                "function": {"name": name, "arguments": "{}"}}]})
        };
        let mut said = vec![json!({"role": "user", "content": "Call news, then call weather."})];
        for (round, expected) in [Some("news"), Some("weather"), None].into_iter().enumerate() {
            let next = of_chat(&body(json!({})), &prompt(said.clone().into())).unwrap();
            assert_eq!(next.map(|call| call.name).as_deref(), expected);
            let id = format!("call_{round}");
            said.push(called(&id, "any"));
            said.push(json!({"role": "tool", "tool_call_id": id, "content": "done"}));
        }
        let required = body(json!({"tool_choice": "required"}));
        assert_eq!(of_chat(&required, &prompt(said.clone().into())), Ok(None));
        said.push(json!({"role": "user", "content": "And the weather?"}));
        let again = of_chat(&body(json!({})), &prompt(said.into())).unwrap();
        assert_eq!(again.unwrap().name, "weather");
    }

    #[test]
    fn functions_and_custom_tools_have_their_own_shape() {
        let legacy = json!({"tools": null, "functions": [{"name": "f"}], "function_call": "auto"});
        let called = call(legacy, "Call f.").unwrap();
        assert_eq!((called.kind, called.arguments.as_str()), (Kind::Legacy, "{}"));

        let custom = json!({"tools": [{"type": "custom", "custom": {"name": "run_code"}}]});
        let called = call(custom, "Call run_code with `1 + 1`").unwrap();
        assert_eq!((called.kind, called.name.as_str()), (Kind::Custom, "run_code"));
        assert_eq!(called.arguments, "1 + 1");
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
            match of_chat(&body(rest.clone()), &says("Hello")) {
                Err(Refusal::Invalid { param: Some(param), .. }) => assert_eq!(param, expected),
                other => panic!("{rest}: {other:?}"),
            }
        }
    }
}
