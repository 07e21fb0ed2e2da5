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
        r#"{"type": "object", "description": "Your own files and vector stores. A vector store is not made here."}"#,
    ),
];

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
        if makes_stores(&node) {
            return Err(not_allowed(
                field,
                "Vector stores are not made along with something else. Make one by POST \
                 /vector_stores and name it in vector_store_ids.",
            ));
        }
    }
    Ok(())
}

fn makes_stores(node: &Node<'_>) -> bool {
    node.all("vector_stores").any(|stores| *stores != Node::Null)
        || node.children().any(makes_stores)
}

/// The body of an assistant for Azure.
#[must_use]
pub fn write(payload: &Payload<'_>, azure_name: &str) -> Bytes {
    let mut out = Vec::with_capacity(payload.body.len() + 64);
    write::with_model(payload, azure_name, &mut out);
    out.into()
}
