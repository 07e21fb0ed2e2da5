//! The tool that a request chooses.

use lanyard_domain::hosted_tools::is_same_tool;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{HOSTED_SHELL, Seen, node};
use crate::error::{BodyRefused, not_allowed};
use crate::tree::Node;

const FIELD: &str = "tool_choice";

/// Where a choice lists the tools that are allowed: of responses, of chats, and of chats as some
/// clients write it, without the object between.
const ALLOWED: [&str; 3] = ["/tools", "/allowed_tools/tools", "/allowed_tools"];

/// Where it says whether one of them must be called.
const MODE: [&str; 2] = ["/mode", "/allowed_tools/mode"];

/// A choice of no tool.
const NONE: &str = "\"none\"";

impl Seen<'_> {
    /// The choice without the tools that are removed; `None` if it stays as it is. Where none of the
    /// allowed tools is left, the model may call none.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] if the request needs one that is removed.
    pub(super) fn choice(&self, raw: &RawValue) -> Result<Option<String>, BodyRefused> {
        if let Some(kind) = self.chosen(&node(FIELD, raw)?) {
            return Err(refused(kind));
        }
        let Ok(mut choice) = serde_json::from_str::<Value>(raw.get()) else { return Ok(None) };
        let is_required = |mode: &Value| mode == "required";
        let must_call = MODE.iter().any(|at| choice.pointer(at).is_some_and(is_required));
        let is_list = |at: &&str| choice.pointer(at).is_some_and(Value::is_array);
        let Some(at) = ALLOWED.into_iter().find(is_list) else { return Ok(None) };
        let Some(Value::Array(tools)) = choice.pointer_mut(at) else { return Ok(None) };
        let removed = |tool: &Value| {
            let kind = tool["type"].as_str().map(Chosen::Type);
            let chosen = kind.or_else(|| tool["server_label"].as_str().map(Chosen::Server))?;
            self.removed_type(&chosen)
        };
        let Some(kind) = tools.iter().find_map(removed) else { return Ok(None) };
        tools.retain(|tool| removed(tool).is_none());
        match (tools.is_empty(), must_call) {
            (true, true) => Err(refused(kind)),
            (true, false) => Ok(Some(NONE.to_owned())),
            (false, _) => Ok(Some(choice.to_string())),
        }
    }

    /// The type of the removed tool that a choice asks for by itself.
    fn chosen(&self, choice: &Node<'_>) -> Option<&str> {
        let texts = |name| choice.all(name).filter_map(Node::text);
        let kinds: Vec<&str> = match choice {
            Node::Text(kind) => vec![kind.as_ref()],
            Node::Map(_) => texts("type").collect(),
            Node::List(_) | Node::Null | Node::Other => Vec::new(),
        };
        let by_type = |kind: &&str| self.removed_type(&Chosen::Type(kind));
        let by_label = |label: &str| self.removed_type(&Chosen::Server(label));
        // Anthropic's clients choose a tool by its name.
        let is_named =
            || texts("name").any(|name| self.dropped_names.iter().any(|dropped| dropped == name));
        let named = || self.dropped.first().filter(|_| is_named()).map(|(kind, _)| kind.as_str());
        let labelled = || texts("server_label").find_map(by_label);
        kinds.iter().find_map(by_type).or_else(labelled).or_else(named)
    }

    /// The type of the removed tool that this is; `None` if it is not removed.
    fn removed_type(&self, chosen: &Chosen<'_>) -> Option<&str> {
        let is_it = |dropped: &str| match chosen {
            // One in a container of Azure's is chosen like one of the client's.
            Chosen::Type(kind) if dropped == HOSTED_SHELL => {
                is_same_tool(dropped, kind) || (!self.keeps_shell && is_same_tool("shell", kind))
            }
            Chosen::Type(kind) => is_same_tool(dropped, kind),
            Chosen::Server(label) => {
                dropped == super::MCP && self.dropped_labels.iter().any(|one| one == label)
            }
        };
        self.dropped.iter().map(|(kind, _)| kind.as_str()).find(|dropped| is_it(dropped))
    }
}

/// How a choice names a tool.
enum Chosen<'n> {
    /// By its type.
    Type(&'n str),
    /// By the label of its server of MCP.
    Server(&'n str),
}

fn refused(kind: &str) -> BodyRefused {
    not_allowed(
        FIELD,
        format!(
            "tool_choice asks for a tool of the type {kind}, which this event does not allow. Leave {kind} out of tools and tool_choice, or ask the organiser to allow it."
        ),
    )
}
