//! The policy of an event for tools that run at Azure.
//!
//! A tool is either executed by the client, which costs nothing but tokens, or hosted: Azure runs
//! it, at a price of its own or with access to the network. The organiser decides on each hosted
//! type. The decision holds for dated and preview variants of the type as well, unless they have
//! one of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dated;

/// The decision on a hosted tool in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", schemars(inline))]
pub enum HostedTool {
    /// It is sent to Azure.
    Allow,
    /// It is removed, where a tool that the client executes remains.
    #[default]
    Drop,
    /// The request is refused.
    Refuse,
}

/// The decisions of an event, by type of tool. Types without one are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "BTreeMap<String, HostedTool>")]
pub struct HostedTools(BTreeMap<String, HostedTool>);

/// The stored form. Earlier versions stored a list of the types that were allowed.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Allowed(Vec<String>),
    Decisions(BTreeMap<String, HostedTool>),
}

impl From<Stored> for HostedTools {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Allowed(types) => Self::allowing(types),
            Stored::Decisions(decisions) => Self(decisions),
        }
    }
}

impl From<HostedTools> for BTreeMap<String, HostedTool> {
    fn from(tools: HostedTools) -> Self {
        tools.0
    }
}

/// The types of tools that clients execute, and those that search among them, which costs nothing
/// but tokens.
pub const CLIENT_EXECUTED: [&str; 17] = [
    "apply_patch",
    "bash",
    "browser_toolset",
    "computer",
    "computer_toolset",
    "computer_use",
    "custom",
    "function",
    "local_shell",
    "memory",
    "namespace",
    "shell",
    "text_editor",
    "tool_search",
    "tool_search_tool",
    "tool_search_tool_bm25",
    "tool_search_tool_regex",
];

/// The types of tools that Azure is known to host. `hosted_shell` stands for a `shell` in a
/// container of Azure's.
pub const KNOWN_HOSTED: [&str; 9] = [
    "code_execution",
    "code_interpreter",
    "file_search",
    "hosted_shell",
    "image_generation",
    "mcp",
    "web_fetch",
    "web_search",
    "web_search_preview",
];

impl HostedTools {
    /// The longest name of a type.
    pub const LONGEST_TYPE: usize = 64;

    /// No decisions: every hosted type is dropped.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Decisions that allow these types.
    pub fn allowing(types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(types.into_iter().map(|kind| (kind.into(), HostedTool::Allow)).collect())
    }

    /// The decision on a hosted type: its own, or that of the type of which it is a variant.
    #[must_use]
    pub fn decision(&self, kind: &str) -> HostedTool {
        variants(kind).find_map(|kind| self.0.get(kind).copied()).unwrap_or_default()
    }

    /// Each decision with its type.
    pub fn iter(&self) -> impl Iterator<Item = (&str, HostedTool)> {
        self.0.iter().map(|(kind, decision)| (kind.as_str(), *decision))
    }

    /// The types that are allowed.
    #[must_use]
    pub fn allowed(&self) -> Vec<&str> {
        let allowed = self.iter().filter(|(_, decision)| *decision == HostedTool::Allow);
        allowed.map(|(kind, _)| kind).collect()
    }

    /// The same decisions, with this list of the types that are allowed.
    #[must_use]
    pub fn with_allowed(mut self, types: Vec<String>) -> Self {
        self.0.retain(|_, decision| *decision != HostedTool::Allow);
        self.0.extend(types.into_iter().map(|kind| (kind, HostedTool::Allow)));
        self
    }

    /// The same decisions, with another on one type; `None` for the default.
    #[must_use]
    pub fn with(mut self, kind: String, decision: Option<HostedTool>) -> Self {
        match decision {
            Some(decision) => self.0.insert(kind, decision),
            None => self.0.remove(&kind),
        };
        self
    }
}

/// Whether a text can be the name of a type: such a name can be repeated in messages.
#[must_use]
pub fn is_type_name(text: &str) -> bool {
    (1..=HostedTools::LONGEST_TYPE).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether clients execute tools of this type, or of the type of which it is a variant.
#[must_use]
pub fn is_client_executed(kind: &str) -> bool {
    variants(kind).any(|kind| CLIENT_EXECUTED.contains(&kind))
}

/// Whether two types are variants of one.
#[must_use]
pub fn is_same_tool(one: &str, other: &str) -> bool {
    variants(one).last() == variants(other).last()
}

/// A type, then the type of which it is a dated or preview variant, as far as that goes:
/// `web_search_preview_2025_03_11`, `web_search_preview`, `web_search`.
fn variants(kind: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(kind), |kind| {
        let shorter = without_date(kind).or_else(|| kind.strip_suffix("_preview"))?;
        (!shorter.is_empty()).then_some(shorter)
    })
}

/// A type without the date at its end, such as `_2025_03_11`, `-2025-03-11` or `_20250311`.
fn without_date(kind: &str) -> Option<&str> {
    dated::without_date(kind, b"_-", b"_-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_follow_their_type_unless_they_have_their_own_decision() {
        let tools: HostedTools =
            serde_json::from_str(r#"{"web_search":"refuse","web_search_preview":"allow"}"#)
                .unwrap();
        assert_eq!(tools.decision("web_search"), HostedTool::Refuse);
        assert_eq!(tools.decision("web_search_2025_08_26"), HostedTool::Refuse);
        assert_eq!(tools.decision("web_search_preview_2025_03_11"), HostedTool::Allow);
        assert_eq!(tools.decision("telepathy"), HostedTool::Drop);
        assert!(is_same_tool("web_search_preview_2025_03_11", "web_search"));
        assert!(!is_same_tool("web_search", "file_search"));
    }

    #[test]
    fn client_executed_types_are_known_in_all_their_variants() {
        for kind in [
            "function",
            "custom",
            "namespace",
            "tool_search",
            "local_shell",
            "shell",
            "apply_patch",
            "computer",
            "computer_use_preview",
            "computer_use_preview_2025_03_11",
            "computer_20251124",
            "shell_2026-01-31",
            "bash_20250124",
            "text_editor_20250728",
            "computer_20250124",
            "memory_20250818",
            "tool_search_tool_regex_20251119",
            "tool_search_tool_bm25",
            "tool_search_tool_bm25_20251119",
            "tool_search_tool_bm25_2025_11_19",
        ] {
            assert!(is_client_executed(kind), "{kind}");
        }
        for kind in [
            "web_search_20250305",
            "code_execution_20250825",
            "web_fetch_20250910",
            "tool_search_tool_bm2520251119",
            "function_2025111",
        ] {
            assert!(!is_client_executed(kind), "{kind}");
        }
        for kind in ["web_search", "mcp", "Function", "functions", "function_1", "", "_preview"] {
            assert!(!is_client_executed(kind), "{kind}");
        }
    }

    #[test]
    fn a_list_that_was_stored_allows_its_types() {
        let tools: HostedTools = serde_json::from_str(r#"["mcp","file_search"]"#).unwrap();
        assert_eq!(tools.allowed(), ["file_search", "mcp"]);
        let stored = serde_json::to_value(&tools).unwrap();
        assert_eq!(stored, serde_json::json!({"file_search": "allow", "mcp": "allow"}));
        let tools = tools.with("mcp".to_owned(), Some(HostedTool::Refuse));
        let tools = tools.with_allowed(vec!["web_search".to_owned()]);
        assert_eq!(tools.allowed(), ["web_search"]);
        assert_eq!(tools.decision("mcp"), HostedTool::Refuse);
    }
}
