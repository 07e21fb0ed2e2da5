//! Tools that the messages of a conversation define.
//! <https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages>

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::Seen;
use crate::error::{BodyRefused, invalid};
use crate::json;
use crate::tree::Node;

pub(super) const MESSAGES: &str = "messages";

/// The field by which a message defines a tool that the conversation has from then on.
const DEFINITION: &str = "definition";
static QUOTED: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"definition\""));

/// Whether messages may define tools. Most define none, and are not parsed.
pub(super) fn may_be_in(messages: &str) -> bool {
    QUOTED.find(messages.as_bytes()).is_some() || json::hides_letters(messages)
}

impl Seen<'_> {
    /// The tools that messages define, at any depth. They are not removed: what follows speaks of
    /// them.
    pub(super) fn additions(&mut self, value: &Node<'_>) -> Result<(), BodyRefused> {
        match value {
            Node::List(list) => list.iter().try_for_each(|value| self.additions(value)),
            Node::Map(fields) => fields.iter().try_for_each(|(name, value)| {
                match (name.eq_ignore_ascii_case(DEFINITION), value) {
                    (true, Node::Map(_)) => self.addition(value),
                    // What a model has written as the arguments of a tool.
                    _ if name == "input" => Ok(()),
                    _ => self.additions(value),
                }
            }),
            Node::Text(_) | Node::Null | Node::Other => Ok(()),
        }
    }

    fn addition(&mut self, tool: &Node<'_>) -> Result<(), BodyRefused> {
        let may_drop = std::mem::replace(&mut self.may_drop, false);
        let before = self.allowed.count();
        let is_tool = self.entry(MESSAGES, tool, false);
        if self.allowed.count() > before {
            // What a message defines stays as it is.
            self.allowed.cannot_be_bounded();
        }
        self.may_drop = may_drop;
        match is_tool? {
            true => Ok(()),
            false => Err(invalid(MESSAGES, "holds the definition of a tool that cannot be read")),
        }
    }
}
