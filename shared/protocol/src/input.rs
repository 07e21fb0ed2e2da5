//! The input of a response as it is written for Azure.
//!
//! Where a response is not stored, ids of items mean nothing to Azure: it looks for the stored item
//! and refuses the request, although the item is there. So the ids are removed, and reasoning items
//! with nothing but an id are removed.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::demand::Demanded;
use crate::reasoning::LeftOut;
use crate::{json, tools};

/// The `include` that lets a client send reasoning back, where nothing is stored.
const REASONING: &str = "\"reasoning.encrypted_content\"";

/// The input without the tools that are removed, without the ids of items that were never stored,
/// and without reasoning that no resource can read. Everything else stays as it came.
pub(crate) fn written<'a>(
    input: &'a str,
    demanded: &Demanded,
    left_out: LeftOut<'_>,
) -> Cow<'a, str> {
    let may_name = !demanded.is_kept && may_hold_ids(input);
    let is_same = demanded.dropped_tools.is_empty() && !may_name && left_out == LeftOut::NONE;
    if !input.starts_with('[') || is_same {
        return Cow::Borrowed(input);
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(input) else {
        return Cow::Borrowed(input);
    };
    let Some(items): Option<Vec<_>> = items.iter().map(|item| Item::read(item.get())).collect()
    else {
        return Cow::Borrowed(input);
    };
    let is_removed =
        |item: &Item<'_>| item.is_left_out(left_out) || item.is_lost_reasoning(demanded);
    let items: Vec<_> = items.iter().filter(|item| !is_removed(item)).collect();
    // An input that refers to stored items is left alone: Azure knows their ids.
    let refers = !demanded.is_stateless && items.iter().any(|item| item.is_reference());
    let takes_ids = may_name && !refers;
    let items: Vec<_> =
        items.into_iter().filter_map(|item| item.written(demanded, takes_ids)).collect();
    Cow::Owned(format!("[{}]", items.join(",")))
}

/// Whether a text can hold a field `id` or a reasoning item, spelt out or escaped.
fn may_hold_ids(input: &str) -> bool {
    let holds = |needle: &str| memchr::memmem::find(input.as_bytes(), needle.as_bytes()).is_some();
    ["id\"", "reasoning", "\\u", "ID\"", "Id\"", "iD\""].into_iter().any(holds)
}

/// The list of what a response is to include, with the encrypted reasoning; `None` if the client's
/// own list stays as it is.
pub(crate) fn with_reasoning(include: Option<&str>) -> Option<String> {
    let Some(include) = include.filter(|include| *include != "null") else {
        return Some(format!("[{REASONING}]"));
    };
    let listed = serde_json::from_str::<Vec<&RawValue>>(include).ok()?;
    if listed.iter().any(|value| value.get() == REASONING) {
        return None;
    }
    let listed = listed.into_iter().map(RawValue::get).chain([REASONING]);
    Some(format!("[{}]", listed.collect::<Vec<_>>().join(",")))
}

/// An item of the input.
struct Item<'a> {
    raw: &'a str,
    /// Its fields; none if it is no object.
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
    kind: Option<Cow<'a, str>>,
}

impl<'a> Item<'a> {
    fn read(raw: &'a str) -> Option<Self> {
        if !raw.starts_with('{') {
            return Some(Self { raw, fields: Vec::new(), kind: None });
        }
        let fields = json::object(raw.as_bytes()).ok()?;
        let kind = fields.iter().find(|(name, _)| name == "type");
        let kind = kind.and_then(|(_, raw)| serde_json::from_str::<json::Text<'a>>(raw.get()).ok());
        Some(Self { raw, fields, kind: kind.map(|kind| kind.0) })
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Whether the item has a value in a field.
    fn has(&self, name: &str) -> bool {
        let is_there = |raw: &RawValue| !matches!(raw.get(), "null" | "\"\"");
        self.fields.iter().any(|(field, raw)| field == name && is_there(raw))
    }

    /// Whether it is reasoning that is left out.
    fn is_left_out(&self, left_out: LeftOut<'_>) -> bool {
        let encrypted = self.fields.iter().find(|(name, _)| name == "encrypted_content");
        self.is("reasoning") && left_out.has(encrypted.map(|(_, raw)| *raw))
    }

    /// Whether it is reasoning that only Azure could know, by its id.
    fn is_bare_reasoning(&self) -> bool {
        self.is("reasoning") && !self.has("encrypted_content")
    }

    /// Whether it is reasoning that nobody has: without its content, and not stored.
    fn is_lost_reasoning(&self, demanded: &Demanded) -> bool {
        let ids = self.fields.iter().filter(|(name, _)| name == "id");
        let mut ids = ids.filter_map(|(_, raw)| {
            serde_json::from_str::<json::Text<'_>>(raw.get()).ok().map(|text| text.0)
        });
        let is_unstored = |id: Cow<'_, str>| demanded.unstored_ids.iter().any(|known| *known == id);
        self.is_bare_reasoning()
            && !demanded.is_kept
            && (demanded.is_stateless || ids.all(is_unstored))
    }

    fn is_reference(&self) -> bool {
        self.is("item_reference")
            || self.is_bare_reasoning()
            || (self.kind.is_none() && self.has("id") && !self.has("role"))
    }

    /// The item for Azure; `None` if it is removed.
    fn written(&self, demanded: &Demanded, takes_ids: bool) -> Option<Cow<'a, str>> {
        // An approval names the request that it is about by this id.
        let takes_id = takes_ids && !self.is("mcp_approval_request");
        let is_id = |name: &str| takes_id && name.eq_ignore_ascii_case("id");
        let is_same = !self.fields.iter().any(|(name, _)| is_id(name))
            && (demanded.dropped_tools.is_empty() || !self.has("tools"));
        if is_same {
            return Some(Cow::Borrowed(self.raw));
        }
        let mut parts = Vec::with_capacity(self.fields.len());
        for (name, raw) in &self.fields {
            if is_id(name) {
                continue;
            }
            let mut value = Cow::Borrowed(raw.get());
            if name == "tools" && !demanded.dropped_tools.is_empty() {
                value = tools::without(raw.get(), &demanded.dropped_tools);
                // Nothing is left to add.
                if self.is("additional_tools") && matches!(&value, Cow::Owned(left) if left == "[]")
                {
                    return None;
                }
            }
            parts.push(format!("{}:{value}", Value::from(name.as_ref())));
        }
        Some(Cow::Owned(format!("{{{}}}", parts.join(","))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(input: &Value, stateless: bool, kept: bool) -> Value {
        let demanded = Demanded { is_stateless: stateless, is_kept: kept, ..Demanded::nothing() };
        serde_json::from_str(&written(&input.to_string(), &demanded, LeftOut::NONE)).unwrap()
    }

    #[test]
    fn ids_that_were_never_stored_are_removed_and_bare_reasoning_is() {
        let input = json!([
            {"role": "user", "content": "the \"id\" of x"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
            {"type": "reasoning", "id": "rs_2", "summary": []},
            {"type": "reasoning", "id": "rs_3", "encrypted_content": null},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"id\":1}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "{\"id\":\"x\"}"},
            {"type": "message", "id": "msg_1", "role": "assistant",
                "content": [{"type": "output_text", "text": "hi", "id": "part"}]},
            {"type": "mcp_approval_request", "id": "mcpr_1", "name": "t"},
            "text",
        ]);
        let expected = json!([
            {"role": "user", "content": "the \"id\" of x"},
            {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"id\":1}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "{\"id\":\"x\"}"},
            {"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": "hi", "id": "part"}]},
            {"type": "mcp_approval_request", "id": "mcpr_1", "name": "t"},
            "text",
        ]);
        assert_eq!(sent(&input, true, false), expected);
        // Where responses are stored, Azure knows the ids.
        assert_eq!(sent(&input, false, true), input);
        assert_eq!(sent(&input, false, false), input);
        // Without a reference the ids have no use.
        let input =
            json!([{"type": "message", "id": "msg_1", "role": "assistant", "content": "x"}]);
        let expected = json!([{"type": "message", "role": "assistant", "content": "x"}]);
        assert_eq!(sent(&input, false, false), expected);
    }

    #[test]
    fn reasoning_that_is_not_stored_is_left_out_and_then_ids_have_no_use() {
        let unstored_ids = vec!["rs_1".to_owned(), "rs_\u{e9}".to_owned()];
        let demanded = Demanded { unstored_ids, ..Demanded::nothing() };
        let input = r#"[{"type":"message","id":"msg_1"},{"type":"reasoning","id":"rs_1"},
            {"type":"reasoning","id":"rs_\u00e9","encrypted_content":""},{"type":"reasoning"}]"#;
        assert_eq!(written(input, &demanded, LeftOut::NONE), r#"[{"type":"message"}]"#);
        let stored = r#"[{"type":"message","id":"msg_1"},{"type":"reasoning","id":"rs_2"}]"#;
        assert_eq!(written(stored, &demanded, LeftOut::NONE), stored);
        let kept = Demanded { is_kept: true, ..demanded };
        assert_eq!(written(input, &kept, LeftOut::NONE), input);
    }

    #[test]
    fn reasoning_that_nobody_can_read_is_left_out() {
        let input =
            r#"[{"role":"user","content":"a"},{"type":"reasoning","encrypted_content":"g"}]"#;
        let kept = written(input, &Demanded::nothing(), LeftOut::All);
        assert_eq!(kept, r#"[{"role":"user","content":"a"}]"#);
    }

    #[test]
    fn what_is_not_changed_keeps_its_bytes() {
        let demanded = Demanded { is_stateless: true, ..Demanded::nothing() };
        for same in ["\"id\"", "[ {\"role\" : \"user\", \"content\":\"x\"} ]", "[", "7"] {
            assert!(
                matches!(written(same, &demanded, LeftOut::NONE), Cow::Borrowed(text) if text == same)
            );
        }
    }

    #[test]
    fn the_clients_own_includes_stay() {
        assert_eq!(with_reasoning(None).unwrap(), "[\"reasoning.encrypted_content\"]");
        assert_eq!(with_reasoning(Some("null")).unwrap(), "[\"reasoning.encrypted_content\"]");
        let both = with_reasoning(Some("[\"a\"]")).unwrap();
        assert_eq!(both, "[\"a\",\"reasoning.encrypted_content\"]");
        assert_eq!(with_reasoning(Some("[\"reasoning.encrypted_content\"]")), None);
        assert_eq!(with_reasoning(Some("\"odd\"")), None);
    }
}
