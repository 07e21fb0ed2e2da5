//! `…/assistants`
//!
//! Models with instructions and tools. <https://platform.openai.com/docs/api-reference/assistants>

use bytes::Bytes;
use lanyard_domain::operation::Operation;

use crate::demand::Caps;
use crate::documentation::{Field, MODEL, TOOLS};
use crate::error::{BodyRefused, invalid, not_allowed};
use crate::payload::Payload;
use crate::tools;
use crate::tree::Node;
use crate::{ASSISTANTS_PREVIEW, Protocol};
use crate::{stored, write};

pub(crate) static PROTOCOL: Protocol = Protocol {
    preview: Some(ASSISTANTS_PREVIEW),
    ..stored::protocol(Operation::Assistants, "assistants")
};

/// The governed fields of an assistant, for the description of the API.
pub const FIELDS: &[Field] = &[
    MODEL,
    TOOLS,
    (
        "tool_resources",
        r#"{"type": "object", "description": "Your own files and vector stores. One vector store can be made along with it."}"#,
    ),
];

/// Checks a new assistant or thread, and says whether Azure makes a vector store along with it.
///
/// # Errors
///
/// [`BodyRefused`] for tools that the event does not allow, and for vector stores in other places.
pub fn check_new(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<bool, BodyRefused> {
    let field = "tool_resources";
    let Some(raw) = payload.field(field) else { return check(payload, caps).map(|()| false) };
    let node = serde_json::from_str::<Node<'_>>(raw.get())
        .map_err(|_| invalid(field, "cannot be read"))?;
    let is_usual = match node.field("file_search").and_then(|search| search.field("vector_stores"))
    {
        Some(Node::List(stores)) => stores.len() == 1,
        Some(Node::Text(_) | Node::Map(_) | Node::Null | Node::Other) | None => false,
    };
    // Only where it is sure what Azure reads.
    match is_usual && count_stores(&node) == 1 {
        true => tools::check_all(payload, caps).map(|()| true),
        false => check(payload, caps).map(|()| false),
    }
}

/// Checks the tools of an assistant or a run, and the resources of its tools.
///
/// # Errors
///
/// [`BodyRefused`] for tools that the event does not allow, and for vector stores that would have
/// no owner.
pub fn check(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<(), BodyRefused> {
    tools::check_all(payload, caps)?;
    for field in ["tool_resources", "thread"] {
        let Some(raw) = payload.field(field) else { continue };
        let node = serde_json::from_str::<Node<'_>>(raw.get())
            .map_err(|_| invalid(field, "cannot be read"))?;
        if count_stores(&node) > 0 {
            return Err(not_allowed(
                field,
                "One vector store can be made along with an assistant or a thread, in \
                 tool_resources.file_search.vector_stores. Make others by POST /vector_stores and \
                 name them in vector_store_ids.",
            ));
        }
    }
    Ok(())
}

/// How many lists of new vector stores there are, in whatever letters.
fn count_stores(node: &Node<'_>) -> usize {
    let here = node.all("vector_stores").filter(|stores| **stores != Node::Null).count();
    here + node.children().map(count_stores).sum::<usize>()
}

/// The body of an assistant for Azure.
#[must_use]
pub fn write(payload: &Payload<'_>, azure_name: &str) -> Bytes {
    let mut out = Vec::with_capacity(payload.body.len() + 64);
    write::with_model(payload, azure_name, &mut out);
    out.into()
}
