//! The tool that a request chooses.

use lanyard_domain::hosted_tools::is_same_tool;

use super::Seen;
use crate::error::{BodyRefused, not_allowed};
use crate::tree::Node;

impl Seen<'_> {
    /// Refuses a choice of a tool that is removed, by its type or in a list of those allowed.
    pub(super) fn check_choice(&self, choice: &Node<'_>) -> Result<(), BodyRefused> {
        let names = match choice {
            Node::Text(kind) => vec![kind.as_ref()],
            Node::Map(_) => choice
                .all("type")
                .chain(choice.all("allowed_tools"))
                .chain(choice.all("tools"))
                .flat_map(chosen_types)
                .collect(),
            Node::List(_) | Node::Null | Node::Other => Vec::new(),
        };
        let is_dropped =
            |name: &&str| self.dropped.iter().find(|(kind, _)| is_same_tool(kind, name));
        // Anthropic's clients choose a tool by its name.
        let is_named = choice
            .all("name")
            .filter_map(Node::text)
            .any(|name| self.dropped_names.iter().any(|dropped| dropped == name));
        let named = || self.dropped.first().filter(|_| is_named);
        let Some((kind, _)) = names.iter().find_map(is_dropped).or_else(named) else {
            return Ok(());
        };
        Err(not_allowed(
            "tool_choice",
            format!(
                "tool_choice asks for a tool of the type {kind}, which this event does not allow. Leave {kind} out of tools and tool_choice, or ask the organiser to allow it."
            ),
        ))
    }
}

/// The types that a part of a choice names: a type, a list of tools, or an object with such a list.
fn chosen_types<'n>(part: &'n Node<'_>) -> Vec<&'n str> {
    match part {
        Node::Text(kind) => vec![kind.as_ref()],
        Node::List(tools) => {
            tools.iter().flat_map(|tool| tool.all("type")).filter_map(Node::text).collect()
        }
        Node::Map(_) => part.all("tools").flat_map(chosen_types).collect(),
        Node::Null | Node::Other => Vec::new(),
    }
}
