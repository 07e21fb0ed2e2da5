//! Calls of tools that Azure runs: their prices, and how many a request made.

use enum_map::EnumMap;

use crate::bill::Priced;
use crate::hosted_tools::is_same_tool;

/// A tool of Azure's of which a call has a known price, and whose calls a request can bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, enum_map::Enum)]
pub enum PricedTool {
    /// A search in the web by a response: Azure's Grounding with Bing Search, 14 dollars for 1,000.
    /// <https://www.microsoft.com/en-us/bing/apis/grounding-pricing>
    WebSearch,
    /// The same by a message of Claude: 10 dollars for 1,000.
    /// <https://platform.claude.com/docs/en/about-claude/pricing>
    WebSearchOfMessage,
    /// A page that a message of Claude reads, which costs its tokens alone.
    /// <https://platform.claude.com/docs/en/about-claude/pricing>
    WebFetchOfMessage,
    /// A search in vector stores: 2.50 dollars for 1,000.
    /// <https://azure.microsoft.com/pricing/details/azure-openai>
    FileSearch,
    /// A call of the code interpreter: 0.03 dollars, the price of a session, which one call may begin.
    /// <https://azure.microsoft.com/pricing/details/azure-openai>
    CodeInterpreter,
}

impl PricedTool {
    /// The tool of a type in a response, or of a dated or preview variant of it.
    #[must_use]
    pub fn of_response(kind: &str) -> Option<Self> {
        [
            ("web_search", Self::WebSearch),
            ("file_search", Self::FileSearch),
            ("code_interpreter", Self::CodeInterpreter),
        ]
        .into_iter()
        .find_map(|(known, tool)| is_same_tool(kind, known).then_some(tool))
    }

    /// The tool of a type in a message of Claude, or of a dated variant of it.
    #[must_use]
    pub fn of_message(kind: &str) -> Option<Self> {
        [("web_search", Self::WebSearchOfMessage), ("web_fetch", Self::WebFetchOfMessage)]
            .into_iter()
            .find_map(|(known, tool)| is_same_tool(kind, known).then_some(tool))
    }

    /// What a call costs, in nano-dollars.
    #[must_use]
    pub const fn nano_usd(self) -> u64 {
        match self {
            Self::WebSearch => 14_000_000,
            Self::WebSearchOfMessage => 10_000_000,
            Self::WebFetchOfMessage => 0,
            Self::FileSearch => 2_500_000,
            Self::CodeInterpreter => 30_000_000,
        }
    }

    /// The line of a bill on which calls are paid.
    pub(crate) const fn line(self) -> Priced {
        match self {
            Self::WebSearch | Self::WebSearchOfMessage => Priced::WebSearch,
            Self::WebFetchOfMessage => Priced::WebFetch,
            Self::FileSearch => Priced::FileSearch,
            Self::CodeInterpreter => Priced::CodeInterpreter,
        }
    }
}

/// How many calls of each tool a response made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToolCalls(EnumMap<PricedTool, u32>);

impl ToolCalls {
    /// None.
    pub const NONE: Self = Self(EnumMap::from_array([0; 5]));

    /// These, and so many more of a tool.
    #[must_use]
    pub fn with(mut self, tool: PricedTool, calls: u64) -> Self {
        let count = &mut self.0[tool];
        *count = count.saturating_add(u32::try_from(calls).unwrap_or(u32::MAX));
        self
    }

    /// Of two counts of one response the larger one, for each tool.
    #[must_use]
    pub fn max(mut self, other: Self) -> Self {
        for (tool, count) in other.0 {
            self.0[tool] = self.0[tool].max(count);
        }
        self
    }

    /// Each tool that was called, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (PricedTool, u64)> {
        self.0.iter().filter(|(_, count)| **count > 0).map(|(tool, count)| (tool, (*count).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_has_its_price_in_each_variant_of_its_type() {
        let response = PricedTool::of_response;
        for kind in ["web_search", "web_search_preview", "web_search_preview_2025_03_11"] {
            assert_eq!(response(kind), Some(PricedTool::WebSearch), "{kind}");
        }
        assert_eq!(response("file_search"), Some(PricedTool::FileSearch));
        for kind in ["mcp", "image_generation", "web_fetch", "web_searches", "hosted_shell", ""] {
            assert_eq!(response(kind), None, "{kind}");
        }
        let message = PricedTool::of_message;
        assert_eq!(message("web_search_20250305"), Some(PricedTool::WebSearchOfMessage));
        assert_eq!(message("web_fetch_20250910"), Some(PricedTool::WebFetchOfMessage));
        assert_eq!(message("code_execution_20250825"), None);
    }

    #[test]
    fn of_two_counts_the_larger_one_holds() {
        let calls = |searches, files| {
            let calls = ToolCalls::NONE.with(PricedTool::WebSearch, searches);
            calls.with(PricedTool::FileSearch, files)
        };
        assert_eq!(calls(1, 5).max(calls(3, 2)), calls(3, 5));
        assert_eq!(calls(0, 2).iter().collect::<Vec<_>>(), [(PricedTool::FileSearch, 2)]);
        assert_eq!(calls(u64::MAX, 0).iter().next().unwrap().1, u64::from(u32::MAX));
    }
}
