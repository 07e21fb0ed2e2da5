//! The ids of kept objects in bodies: one table of where they stand and what they name.
//!
//! Azure takes the id of any object of its resource, whoever made it. So every place of a body at
//! which Azure reads an id has a row here, and what stands there must be the attendee's own.

use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;

use crate::error::Refused;
use crate::payload::{Payload, invalid, not_allowed};
use crate::tree::Node;

/// One row: in the body of an operation, what stands at a path.
struct Row {
    operation: Operation,
    /// Names of fields with dots between them. `**` is any depth. Lists are gone through as if
    /// they were not there.
    path: &'static str,
    what: What,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The id of an object of this kind.
    Names(Kind),
    /// An id of something that is never anybody's here: refused in these words.
    Refused(&'static str),
}

const fn names(operation: Operation, path: &'static str, kind: Kind) -> Row {
    Row { operation, path, what: What::Names(kind) }
}

const fn refused(operation: Operation, path: &'static str, why: &'static str) -> Row {
    Row { operation, path, what: What::Refused(why) }
}

const CONTAINER: &str = "Containers cannot be named here, since they are shared by everybody at \
     the event. Write {\"type\": \"auto\"} for one of your own.";

pub(crate) const CHARACTERS: &str = "Characters cannot be named here, since they are shared by \
     everybody at the event. Describe them in prompt.";

/// The table.
const ROWS: &[Row] = &[
    names(Operation::ChatCompletions, "messages.**.file_id", Kind::File),
    names(Operation::Responses, "previous_response_id", Kind::Response),
    names(Operation::Responses, "conversation", Kind::Conversation),
    names(Operation::Responses, "conversation.id", Kind::Conversation),
    names(Operation::Responses, "input.**.file_id", Kind::File),
    names(Operation::Responses, "input.**.file_ids", Kind::File),
    names(Operation::Responses, "input.**.vector_store_ids", Kind::VectorStore),
    refused(Operation::Responses, "input.**.container_id", CONTAINER),
    names(Operation::Responses, "tools.vector_store_ids", Kind::VectorStore),
    names(Operation::Responses, "tools.container.file_ids", Kind::File),
    names(Operation::Responses, "tools.input_image_mask.file_id", Kind::File),
    refused(Operation::Responses, "tools.container", CONTAINER),
    refused(Operation::Responses, "tools.container.id", CONTAINER),
    refused(
        Operation::Responses,
        "prompt.id",
        "Stored prompts are not offered. Send the prompt itself as input or instructions.",
    ),
    names(Operation::Conversations, "items.**.file_id", Kind::File),
    refused(Operation::Conversations, "items.**.container_id", CONTAINER),
    names(Operation::Assistants, "tool_resources.**.file_ids", Kind::File),
    names(Operation::Assistants, "tool_resources.**.vector_store_ids", Kind::VectorStore),
    names(Operation::Threads, "assistant_id", Kind::Assistant),
    names(Operation::Threads, "tool_resources.**.file_ids", Kind::File),
    names(Operation::Threads, "tool_resources.**.vector_store_ids", Kind::VectorStore),
    names(Operation::Threads, "thread.**.file_id", Kind::File),
    names(Operation::Threads, "thread.**.file_ids", Kind::File),
    names(Operation::Threads, "thread.**.vector_store_ids", Kind::VectorStore),
    names(Operation::Threads, "messages.**.file_id", Kind::File),
    names(Operation::Threads, "additional_messages.**.file_id", Kind::File),
    names(Operation::Threads, "content.**.file_id", Kind::File),
    names(Operation::Threads, "attachments.**.file_id", Kind::File),
    names(Operation::Videos, "input_reference.**.file_id", Kind::File),
    refused(Operation::Videos, "characters.**.id", CHARACTERS),
    names(Operation::VectorStores, "file_ids", Kind::File),
    names(Operation::VectorStores, "file_id", Kind::File),
    names(Operation::VectorStores, "files.file_id", Kind::File),
];

/// An id in a body, unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// What it names.
    pub kind: Kind,
    /// The field of the body in which it stands.
    pub param: &'static str,
    /// The id as it was sent.
    pub id: String,
}

/// Every id in a body, each once.
///
/// # Errors
///
/// 400 for an id of what can be nobody's, and for a reference to an item of another response.
pub(crate) fn read(payload: &Payload<'_>) -> Result<Vec<Reference>, Refused> {
    let mut found = Vec::new();
    for row in ROWS.iter().filter(|row| row.operation == payload.operation) {
        let mut path = row.path.split('.');
        let field = path.next().unwrap_or_default();
        let path: Vec<&str> = path.collect();
        let raws = payload.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(field));
        for (_, raw) in raws {
            if payload.operation == Operation::ChatCompletions && !may_hold_ids(raw.get()) {
                continue;
            }
            let node = serde_json::from_str::<Node<'_>>(raw.get())
                .map_err(|_| invalid(field, "cannot be read"))?;
            let mut ids = Vec::new();
            collect(&node, &path, &mut ids);
            match row.what {
                What::Refused(why) if !ids.is_empty() => return Err(not_allowed(field, why)),
                What::Refused(_) => {}
                What::Names(kind) => found.extend(ids.into_iter().map(|id| Reference {
                    kind,
                    param: field,
                    id: id.to_owned(),
                })),
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether a text can hold a field such as `file_id`, spelt out or escaped: long chats without
/// files need not be read for them.
fn may_hold_ids(text: &str) -> bool {
    let holds = |needle: &str| memchr::memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
    holds("_id") || holds("_ID") || holds("_Id") || holds("_iD") || holds("\\u")
}

/// The texts at a path.
fn collect<'n>(node: &'n Node<'_>, path: &[&'n str], ids: &mut Vec<&'n str>) {
    if let Node::List(list) = node {
        for part in list {
            collect(part, path, ids);
        }
        return;
    }
    match path {
        [] => ids.extend(node.text()),
        ["**", rest @ ..] => {
            collect(node, rest, ids);
            for child in node.children() {
                collect(child, path, ids);
            }
        }
        [name, rest @ ..] => {
            for child in node.all(name) {
                collect(child, rest, ids);
            }
        }
    }
}

/// Refuses items that are only named: Azure would fill in what anybody's response said.
///
/// An item without a role and a type is a reference, says OpenAI's description of the API.
pub(crate) fn refuse_item_references(field: &str, items: &Node<'_>) -> Result<(), Refused> {
    let is_reference = |item: &Node<'_>| {
        let has = |name| item.all(name).any(|node| *node != Node::Null);
        let says = |wanted: &str| item.all("type").any(|kind| kind.text() == Some(wanted));
        says("item_reference") || (has("id") && !has("type") && !has("role"))
    };
    match items {
        Node::List(list) if list.iter().any(is_reference) => Err(not_allowed(
            field,
            format!(
                "{field} cannot refer to items of earlier answers by id. Send the items themselves, or previous_response_id."
            ),
        )),
        Node::List(_) | Node::Map(_) | Node::Text(_) | Node::Null | Node::Other => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(json: &str, path: &str) -> Vec<String> {
        let node: Node<'_> = serde_json::from_str(json).unwrap();
        let path: Vec<_> = path.split('.').collect();
        let mut ids = Vec::new();
        collect(&node, &path, &mut ids);
        ids.into_iter().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn lists_doubles_letters_and_escapes_hide_nothing() {
        assert_eq!(ids(r#"{"file_ids":["a",["b"]]}"#, "file_ids"), ["a", "b"]);
        assert_eq!(ids(r#"{"file_id":"a","file_id":"b"}"#, "file_id"), ["a", "b"]);
        assert_eq!(ids(r#"{"File_Id":"a","file\u005fid":"b"}"#, "file_id"), ["a", "b"]);
        assert_eq!(
            ids(r#"[{"x":{"y":[{"file_id":"a"}]}},{"file_id":"b"}]"#, "**.file_id"),
            ["a", "b"]
        );
        assert!(ids(r#"{"file_id":{"type":"string"}}"#, "**.file_id").is_empty());
    }

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
