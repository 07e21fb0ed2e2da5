//! The tools of a response: in `tools`, in items that add some, and in namespaces.

use serde_json::Value;

use super::super::fields::{self, Object};
use super::super::offer::{Kind, Offer};
use super::super::refusal::Refusal;
use super::super::tokens;
use super::super::tools::Choice;

/// The types that are run elsewhere than in the simulator, and never called by it.
const OTHERS: [&str; 17] = [
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "shell",
    "tool_search",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "namespace",
    "function",
    "custom",
];

/// What is offered.
#[derive(Default)]
pub(super) struct Offers<'a> {
    /// The tools that can be called.
    pub(super) list: Vec<Offer<'a>>,
    /// What they cost.
    pub(super) tokens: usize,
    /// All of them as text, for the cache of prompts.
    pub(super) described: String,
}

/// Reads the tools of a request and of the items before it.
pub(super) fn read<'a>(body: &'a Object, said: &'a [Value]) -> Result<Offers<'a>, Refusal> {
    let mut offers = Offers::default();
    match fields::given(body, "tools") {
        None => {}
        Some(Value::Array(tools)) => offers.take(tools, None, "tools")?,
        Some(other) => return Err(Refusal::wrong_type("tools", "an array", other)),
    }
    for (index, item) in said.iter().enumerate() {
        if matches!(item["type"].as_str(), Some("additional_tools" | "tool_search_output"))
            && let Some(tools) = item["tools"].as_array()
        {
            offers.take(tools, None, &format!("input[{index}].tools"))?;
        }
    }
    Ok(offers)
}

impl<'a> Offers<'a> {
    fn take(
        &mut self,
        tools: &'a [Value],
        namespace: Option<&'a str>,
        place: &str,
    ) -> Result<(), Refusal> {
        for (index, tool) in tools.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let kind = match tool["type"].as_str() {
                Some("function") => Kind::Function,
                Some("custom") => Kind::Custom,
                Some("namespace") => {
                    let name = tool["name"].as_str();
                    let name = name.ok_or_else(|| Refusal::missing(&format!("{place}.name")))?;
                    let below = tool["tools"].as_array().map_or(&[][..], Vec::as_slice);
                    self.take(below, Some(name), &format!("{place}.tools"))?;
                    continue;
                }
                Some(other) if OTHERS.contains(&other) => continue,
                Some(other) => {
                    let message = format!(
                        "Invalid value: '{other}'. Supported values are: '{}'.",
                        OTHERS.join("', '")
                    );
                    let place = format!("{place}.type");
                    return Err(Refusal::field(place, Some("invalid_value"), message));
                }
                None => return Err(Refusal::missing(&format!("{place}.type"))),
            };
            self.list.push(Offer::read(kind, namespace, tool, &place)?);
            let text = tool.to_string();
            self.tokens += tokens::count(&text);
            self.described.push_str(&text);
        }
        Ok(())
    }
}

/// What the request says about the choice.
pub(super) fn choice<'a>(body: &'a Object, offers: &Offers<'_>) -> Result<Choice<'a>, Refusal> {
    const PLACE: &str = "tool_choice";
    match fields::given(body, PLACE) {
        None => Ok(Choice::Auto),
        Some(Value::String(text)) => match text.as_str() {
            "none" => Ok(Choice::None),
            "auto" => Ok(Choice::Auto),
            "required" => Ok(Choice::Required),
            _ => Err(Refusal::unsupported(PLACE, "'none', 'auto' and 'required'")),
        },
        Some(given @ Value::Object(_)) => match (given["type"].as_str(), given["name"].as_str()) {
            (Some("function" | "custom"), Some(name)) => Ok(Choice::Named(name)),
            (Some("function" | "custom"), None) => Err(Refusal::missing("tool_choice.name")),
            (Some("allowed_tools"), _) if given["mode"] == "required" => Ok(Choice::Required),
            // A tool that the simulator does not run.
            (Some(_), _) if offers.list.is_empty() => Ok(Choice::None),
            (Some(_), _) => Ok(Choice::Auto),
            (None, _) => Err(Refusal::missing("tool_choice.type")),
        },
        Some(other) => Err(Refusal::wrong_type(PLACE, "a string or an object", other)),
    }
}
