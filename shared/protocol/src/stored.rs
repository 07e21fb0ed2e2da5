//! What the protocols of stored objects have in common.
//!
//! Their calls concern an object at the resource that stores it, cost a request, and are not
//! forwarded as calls of a model are.

use lanyard_domain::operation::Operation;

use crate::demand::Demanded;
use crate::protocol::{BodyEncoding, Placement, Protocol};
use crate::response::ResponseFormat;
use crate::stream::StreamFormat;
use crate::write;

/// A protocol of stored objects without ids in its bodies.
pub(crate) const fn protocol(operation: Operation, path: &'static str) -> Protocol {
    Protocol {
        operation,
        path,
        placement: Placement::Resource,
        has_engine_path: false,
        is_bound_to_model: false,
        body: BodyEncoding::Json,
        read: |_, _| Ok(Demanded::nothing()),
        write: |payload, _, target, out| write::with_model(payload, target.azure_name, out),
        ids: &[],
        response: ResponseFormat { accept: ACCEPT, ..ResponseFormat::TOKENS },
        stream: StreamFormat::CHUNKS,
    }
}

/// The `accept` header of a call about an object: its content may be of any type.
const ACCEPT: &str = "application/json, */*;q=0.1";

/// The `accept` header of a call about an object.
#[must_use]
pub fn accept(is_streamed: bool) -> &'static str {
    if is_streamed { "text/event-stream" } else { ACCEPT }
}
