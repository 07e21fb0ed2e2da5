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
    refuse_item_references(field, &node)?;
    Ok(Some(node))
}

/// What a body with these items may cost as a prompt.
pub(crate) fn estimate(
    payload: &Payload<'_>,
    field: &'static str,
    items: Option<&Node<'_>>,
    caps: &Caps<'_>,
) -> Result<Estimate, BodyRefused> {
    let Some(node) = items else { return Ok(estimate::prompt(payload.body)) };
    let content = Content::of(node, caps.facts);
    if content.images > MOST_IMAGES {
        return Err(invalid(field, &format!("may hold at most {MOST_IMAGES} images")));
    }
    Ok(Estimate::of_tokens(estimate::prompt_tokens(payload, field, &content), 0))
}

/// Refuses items that are only named: Azure would fill in what anybody's response said.
///
/// An item without a role and a type is a reference, says OpenAI's description of the API.
fn refuse_item_references(field: &str, items: &Node<'_>) -> Result<(), BodyRefused> {
    let is_reference = |item: &Node<'_>| {
        let has = |name| item.all(name).any(|node| *node != Node::Null);
        let says = |wanted: &str| item.all("type").any(|kind| kind.text() == Some(wanted));
        says("item_reference") || (has("id") && !has("type") && !has("role"))
    };
    match items {
        Node::List(list) if list.iter().any(is_reference) => Err(not_allowed(
            field,
            format!(
                "{field} refers to an item of an earlier response by its id, which is not possible here. Set store to false in your client, so that it sends the items themselves; in the AI SDK that is providerOptions.openai.store."
            ),
        )),
        Node::List(_) | Node::Map(_) | Node::Text(_) | Node::Null | Node::Other => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_a_reference_by_its_type_or_by_having_none() {
        let refuses = |json| {
            let node: Node<'_> = serde_json::from_str(json).unwrap();
            refuse_item_references("input", &node).is_err()
        };
        assert!(refuses(r#"[{"type":"item_reference","id":"msg_1"}]"#));
        assert!(refuses(r#"[{"id":"msg_1"}]"#));
        assert!(refuses(r#"[{"type":null,"id":"msg_1"}]"#));
        assert!(refuses(r#"[{"type":"message","type":"item_reference","id":"msg_1"}]"#));
        assert!(!refuses(r#"[{"role":"user","content":"hello","id":"msg_1"}]"#));
        assert!(!refuses(r#"[{"type":"reasoning","id":"rs_1","summary":[]}]"#));
        assert!(!refuses(r#""hello""#));
    }
}
