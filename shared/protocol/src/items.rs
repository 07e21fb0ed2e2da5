//! Lists of items, as responses and conversations have them: messages, calls of tools, images.

use lanyard_domain::estimate::Estimate;

use crate::content::{Content, MOST_IMAGES};
use crate::demand::Caps;
use crate::error::{BodyRefused, invalid, not_allowed};
use crate::estimate;
use crate::payload::Payload;
use crate::tree::Node;

/// The most items of one list.
const MOST_ITEMS: usize = 2_048;

/// The items of a body, as far as they are looked at; none if the field is not there.
pub(crate) fn read<'a>(
    payload: &Payload<'a>,
    field: &'static str,
) -> Result<Option<Node<'a>>, BodyRefused> {
    let Some(raw) = payload.field(field) else { return Ok(None) };
    let node: Node<'_> =
        serde_json::from_str(raw.get()).map_err(|_| invalid(field, "cannot be read"))?;
    if let Node::List(list) = &node
        && list.len() > MOST_ITEMS
    {
        return Err(invalid(field, &format!("may hold at most {MOST_ITEMS} items")));
    }
    Ok(Some(node))
}

/// The prompt tokens of a body with these items.
pub(crate) fn estimate(
    payload: &Payload<'_>,
    field: &'static str,
    items: Option<&Node<'_>>,
    caps: &Caps<'_>,
) -> Result<Estimate, BodyRefused> {
    let (Some(node), Some(raw)) = (items, payload.field(field)) else {
        return Ok(estimate::prompt(payload.body));
    };
    let content = Content::of(raw.get(), node, caps.facts);
    if content.images > MOST_IMAGES {
        return Err(invalid(field, &format!("may hold at most {MOST_IMAGES} images")));
    }
    Ok(Estimate::of_tokens(estimate::prompt_tokens(payload, field, &content), 0))
}

/// Refuses the approval of a request that is not part of the input, unless it is one of an earlier
/// response that the body names: it might belong to any attendee.
pub(crate) fn check_approvals(payload: &Payload<'_>, items: &Node<'_>) -> Result<(), BodyRefused> {
    let Node::List(list) = items else { return Ok(()) };
    if ["previous_response_id", "conversation"].iter().any(|name| payload.field(name).is_some()) {
        return Ok(());
    }
    let is_asked = |approved: &&str| {
        list.iter()
            .filter(|item| item.all("type").any(|k| k.text() == Some("mcp_approval_request")))
            .flat_map(|item| item.all("id"))
            .any(|id| id.text() == Some(*approved))
    };
    // A call that was approved in an earlier turn approves nothing now.
    let is_past = |item: &&Node<'_>| item.field("type").and_then(Node::text) == Some("mcp_call");
    let asking = list.iter().filter(|item| !is_past(item));
    let mut approved =
        asking.flat_map(|item| item.all("approval_request_id")).filter_map(Node::text);
    match approved.all(|id| is_asked(&id)) {
        true => Ok(()),
        false => Err(not_allowed(
            "input",
            "input approves a request of an MCP server that is not in it. Send the item mcp_approval_request as well, or previous_response_id.",
        )),
    }
}

/// The ids of items that an input only refers to: Azure fills in the content of a stored response.
///
/// An item without a role and a type is a reference, says OpenAI's description of the API. Reasoning
/// and images without their content are found by their id as well. The ids of reasoning are apart,
/// because it may be left out.
pub(crate) fn references(items: &Node<'_>) -> (Vec<String>, Vec<String>) {
    let Node::List(list) = items else { return (Vec::new(), Vec::new()) };
    let ids = |is_reasoning: bool| {
        let wanted = list.iter().filter(|item| is_reference(item));
        let wanted = wanted.filter(|item| is(item, "reasoning") == is_reasoning);
        let ids = wanted.flat_map(|item| item.all("id")).filter_map(Node::text);
        ids.map(ToOwned::to_owned).collect()
    };
    (ids(false), ids(true))
}

/// Whether an item is of this type, or one of its types is.
fn is(item: &Node<'_>, wanted: &str) -> bool {
    item.all("type").any(|kind| kind.text() == Some(wanted))
}

fn is_reference(item: &Node<'_>) -> bool {
    let has =
        |name: &str| item.all(name).any(|node| *node != Node::Null && node.text() != Some(""));
    is(item, "item_reference")
        || (has("id") && !has("type") && !has("role"))
        || (has("id") && is(item, "reasoning") && !has("encrypted_content"))
        || (has("id") && is(item, "image_generation_call") && !has("result"))
}

/// Refuses items that are only named, where nothing is stored that they could name. Reasoning that
/// was never stored may be removed instead.
pub(crate) fn refuse_references(
    field: &str,
    items: &Node<'_>,
    removes_reasoning: bool,
) -> Result<(), BodyRefused> {
    let refused = || {
        not_allowed(
            field,
            format!(
                "{field} refers to an item of an earlier response by its id, which is not possible here. Set store to false in your client, so that it sends the items themselves; in the AI SDK that is providerOptions.openai.store."
            ),
        )
    };
    let Node::List(list) = items else { return Ok(()) };
    let is_removed = |item: &Node<'_>| removes_reasoning && is(item, "reasoning");
    let names_one = |item: &Node<'_>| is_reference(item) && !is_removed(item);
    if list.iter().any(names_one) { Err(refused()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(json: &str) -> Node<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_item_is_a_reference_by_its_type_or_by_having_no_content() {
        for json in [
            r#"[{"type":"item_reference","id":"msg_1"}]"#,
            r#"[{"id":"msg_1"}]"#,
            r#"[{"type":null,"id":"msg_1"}]"#,
            r#"[{"type":"message","type":"item_reference","id":"msg_1"}]"#,
            r#"[{"type":"image_generation_call","id":"msg_1"}]"#,
            r#"[{"type":"image_generation_call","id":"msg_1","result":null}]"#,
        ] {
            let named = (vec!["msg_1".to_owned()], Vec::new());
            assert_eq!(references(&items(json)), named, "{json}");
            assert!(refuse_references("input", &items(json), true).is_err(), "{json}");
        }
        let reasoning = r#"[{"type":"reasoning","id":"rs_1","summary":[]}]"#;
        assert_eq!(references(&items(reasoning)), (Vec::new(), vec!["rs_1".to_owned()]));
        assert!(refuse_references("input", &items(reasoning), true).is_ok());
        assert!(refuse_references("items", &items(reasoning), false).is_err());
        for json in [
            r#"[{"role":"user","content":"hello","id":"msg_1"}]"#,
            r#"[{"type":"reasoning","id":"rs_1","encrypted_content":"gAAAA"}]"#,
            r#"[{"type":"image_generation_call","id":"ig_1","result":"iVBOR"}]"#,
            r#""hello""#,
        ] {
            assert_eq!(references(&items(json)), Default::default(), "{json}");
            assert!(refuse_references("input", &items(json), true).is_ok(), "{json}");
        }
    }
}
