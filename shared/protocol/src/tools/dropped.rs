//! Removes the tools that the event drops.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::governed_type;
use crate::json;

/// A list of tools without those of these types, as JSON; the same text if none is in it.
pub(crate) fn without<'a>(list: &'a str, dropped: &[String]) -> Cow<'a, str> {
    let Ok(tools) = serde_json::from_str::<Vec<&RawValue>>(list) else {
        return Cow::Borrowed(list);
    };
    let kept: Vec<_> = tools.iter().map(|tool| kept(tool.get(), dropped)).collect();
    let is_same = kept.iter().all(|tool| matches!(tool, Some(Cow::Borrowed(_))));
    if is_same {
        return Cow::Borrowed(list);
    }
    let kept: Vec<_> = kept.into_iter().flatten().collect();
    Cow::Owned(format!("[{}]", kept.join(",")))
}

/// A tool as it is sent; `None` if it is removed, also as a namespace of which nothing is left.
fn kept<'a>(tool: &'a str, dropped: &[String]) -> Option<Cow<'a, str>> {
    let Ok(fields) = json::object(tool.as_bytes()) else { return Some(Cow::Borrowed(tool)) };
    let value = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, raw)| *raw);
    let text = |raw: &'a RawValue| serde_json::from_str::<json::Text<'a>>(raw.get()).ok();
    let environment = value("environment")
        .and_then(|raw| json::object(raw.get().as_bytes()).ok())
        .and_then(|fields| fields.into_iter().find(|(name, _)| name == "type"))
        .and_then(|(_, raw)| text(raw));
    let kind = value("type").and_then(text);
    if let Some(kind) = &kind {
        let environment = environment.as_ref().map(|text| text.0.as_ref());
        let kind = governed_type(&kind.0, environment);
        if dropped.iter().any(|dropped| dropped == kind) {
            return None;
        }
    }
    let mut is_same = true;
    let mut written = Vec::with_capacity(fields.len());
    for (name, raw) in &fields {
        let left = match name.as_ref() {
            "tools" => without(raw.get(), dropped),
            "allowed_callers" => callers_without(raw.get(), dropped),
            _ => Cow::Borrowed(raw.get()),
        };
        if let Cow::Owned(left) = &left {
            is_same = false;
            match (name.as_ref(), left.as_str()) {
                ("tools", "[]") => return None,
                // Without the field, the model itself may call the tool.
                (_, "[]") => continue,
                (_, _) => {}
            }
        }
        written.push(format!("{}:{left}", serde_json::Value::from(name.as_ref())));
    }
    match is_same {
        true => Some(Cow::Borrowed(tool)),
        false => Some(Cow::Owned(format!("{{{}}}", written.join(",")))),
    }
}

/// The tools whose code may call a tool, without the dropped ones. Anthropic refuses a caller that
/// is not in the request.
fn callers_without<'a>(callers: &'a str, dropped: &[String]) -> Cow<'a, str> {
    let Ok(mut left) = serde_json::from_str::<Vec<Cow<'_, str>>>(callers) else {
        return Cow::Borrowed(callers);
    };
    let before = left.len();
    left.retain(|caller| !dropped.iter().any(|dropped| dropped == caller));
    match left.len() == before {
        true => Cow::Borrowed(callers),
        false => Cow::Owned(serde_json::Value::from_iter(left).to_string()),
    }
}
