//! The calls of Azure's tools that the output of a response shows.

use std::borrow::Cow;
use std::sync::LazyLock;

use lanyard_domain::tool_calls::{PricedTool, ToolCalls};
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The end of the types of these items. Most outputs have none and are not parsed.
const ENDS: [&str; 2] = ["_search_call\"", "code_interpreter_call\""];
static FINDERS: LazyLock<[Finder<'_>; 2]> = LazyLock::new(|| ENDS.map(Finder::new));

/// Whether a response may show such calls.
pub(super) fn may_be_in(body: &[u8]) -> bool {
    FINDERS.iter().any(|end| end.find(body).is_some())
}

/// The calls in a list of items, whatever became of each.
pub(super) fn of(output: Option<&RawValue>) -> ToolCalls {
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(rename = "type", borrow)]
        kind: Option<Cow<'a, str>>,
    }
    let items = output.filter(|output| may_be_in(output.get().as_bytes()));
    let items = items.and_then(|output| serde_json::from_str::<Vec<Item<'_>>>(output.get()).ok());
    items.unwrap_or_default().iter().fold(ToolCalls::NONE, |calls, item| {
        let kind = item.kind.as_deref().and_then(|kind| kind.strip_suffix("_call"));
        match kind.and_then(PricedTool::of_response) {
            Some(tool) => calls.with(tool, 1),
            None => calls,
        }
    })
}
