//! The calls of tools that a usage reports.

use lanyard_domain::tool_calls::{PricedTool, ToolCalls};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The calls of tools that a message of Claude reports.
pub(super) fn of_message(field: &RawValue) -> ToolCalls {
    #[derive(Default, Deserialize)]
    struct Requests {
        #[serde(default)]
        web_search_requests: Option<u64>,
        #[serde(default)]
        web_fetch_requests: Option<u64>,
    }
    let requests = serde_json::from_str::<Requests>(field.get()).unwrap_or_default();
    ToolCalls::NONE
        .with(PricedTool::WebSearchOfMessage, requests.web_search_requests.unwrap_or_default())
        .with(PricedTool::WebFetchOfMessage, requests.web_fetch_requests.unwrap_or_default())
}
