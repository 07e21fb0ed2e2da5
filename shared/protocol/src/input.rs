//! The input of a response as it is written for Azure.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::demand::Demanded;
use crate::{json, tools};

/// The input without the tools that are removed. Everything else stays as it came.
pub(crate) fn written<'a>(input: &'a str, demanded: &Demanded) -> Cow<'a, str> {
    if demanded.dropped_tools.is_empty() || !input.starts_with('[') {
        return Cow::Borrowed(input);
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(input) else {
        return Cow::Borrowed(input);
    };
    let items: Vec<_> =
        items.iter().filter_map(|item| written_item(item.get(), demanded)).collect();
    Cow::Owned(format!("[{}]", items.join(",")))
}

/// An item; `None` if it is removed.
fn written_item<'a>(item: &'a str, demanded: &Demanded) -> Option<Cow<'a, str>> {
    let Ok(fields) = json::object(item.as_bytes()) else { return Some(Cow::Borrowed(item)) };
    let text = |name: &str| {
        let (_, raw) = fields.iter().find(|(field, _)| field == name)?;
        serde_json::from_str::<json::Text<'_>>(raw.get()).ok()
    };
    let kind = text("type");
    let adds_tools = kind.is_some_and(|kind| kind.0 == "additional_tools");
    let mut parts = Vec::with_capacity(fields.len());
    for (name, raw) in &fields {
        let mut value = Cow::Borrowed(raw.get());
        if name == "tools" {
            value = tools::without(raw.get(), &demanded.dropped_tools);
            let is_emptied = matches!(value, Cow::Owned(_)) && value == "[]";
            // Nothing is left to add.
            if is_emptied && adds_tools {
                return None;
            }
        }
        parts.push(format!("{}:{value}", Value::from(name.as_ref())));
    }
    Some(Cow::Owned(format!("{{{}}}", parts.join(","))))
}
