//! The tools of a request that Azure executes: what their calls cost, and how they are bounded.

use std::borrow::Cow;

use lanyard_domain::tool_calls::PricedTool;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::demand::HostedUse;

/// The bound of a tool in Anthropic's format.
const MAX_USES: &str = "max_uses";

/// The tools that are allowed so far.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    count: u64,
    /// The price of the dearest.
    price: u64,
    /// Whether there is one without a price, or without a bound.
    has_unbounded: bool,
}

impl Allowed {
    /// Adds a tool by its type.
    pub(super) fn add(&mut self, is_message: bool, kind: &str) {
        self.count += 1;
        let priced = match is_message {
            true => PricedTool::of_message(kind),
            false => PricedTool::of_response(kind),
        };
        match priced {
            Some(tool) => self.price = self.price.max(tool.nano_usd()),
            None => self.has_unbounded = true,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Nothing in the request can bound what was added.
    pub(super) fn cannot_be_bounded(&mut self) {
        self.has_unbounded = true;
    }

    /// What is known of them. `None` if there are none.
    pub(super) fn hosted_use(&self, context: u64) -> Option<HostedUse> {
        (self.count > 0).then(|| HostedUse {
            price: Some(self.price).filter(|_| !self.has_unbounded),
            tools: 1,
            asked: None,
            most: None,
            context,
        })
    }
}

/// A tool of Anthropic's server that has a bound.
struct ServerTool {
    fields: Map<String, Value>,
    max_uses: Option<u64>,
}

impl ServerTool {
    /// A bound that is no whole number, or that is there twice, must not hide the tool: the last field of
    /// a name counts, and what is no bound is replaced by ours.
    fn read(tool: &RawValue) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(tool.get()).ok()?;
        PricedTool::of_message(fields.get("type")?.as_str()?)?;
        let max_uses = fields.get(MAX_USES).and_then(Value::as_u64);
        Some(Self { fields, max_uses })
    }
}

/// How many tools of a list have a bound, and the highest if the client bounds all of them.
pub(crate) fn asked_uses(tools: Option<&RawValue>) -> (u64, Option<u64>) {
    let tools = tools.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
    let tools = tools.unwrap_or_default();
    let bounded: Vec<_> = tools.iter().copied().filter_map(ServerTool::read).collect();
    let asked = bounded.iter().map(|tool| tool.max_uses).collect::<Option<Vec<_>>>();
    let count = u64::try_from(bounded.len()).unwrap_or(u64::MAX);
    (count, asked.unwrap_or_default().into_iter().max())
}

/// The same list with a bound on each of these tools: its own, or this one if that is lower.
pub(crate) fn with_uses(list: &str, most: u64) -> Cow<'_, str> {
    let Ok(tools) = serde_json::from_str::<Vec<&RawValue>>(list) else {
        return Cow::Borrowed(list);
    };
    let bounded = |tool: &&RawValue| -> String {
        let Some(ServerTool { mut fields, max_uses }) = ServerTool::read(tool) else {
            return tool.get().to_owned();
        };
        let most = max_uses.map_or(most, |asked| asked.min(most));
        fields.insert(MAX_USES.to_owned(), most.into());
        Value::Object(fields).to_string()
    };
    let tools: Vec<_> = tools.iter().map(bounded).collect();
    Cow::Owned(format!("[{}]", tools.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_bound_hides_a_tool() {
        for bound in [r#""max_uses":1,"max_uses":99"#, r#""max_uses":"99""#, r#""max_uses":1.5"#] {
            let list = format!(r#"[{{"type":"web_search_20250305","name":"web_search",{bound}}}]"#);
            let tools: Box<RawValue> = serde_json::from_str(&list).unwrap();
            assert_eq!(asked_uses(Some(&tools)).0, 1, "{bound}");
            let sent: Value = serde_json::from_str(&with_uses(&list, 10)).unwrap();
            assert_eq!(sent[0]["max_uses"], 10, "{bound}");
        }
    }
}
