//! Shared by the protocols of stored objects.
//!
//! Their calls concern an object at the resource that stores it, cost a request, and are not
//! forwarded as calls of a model are.

use lanyard_domain::object::ObjectId;
use lanyard_domain::operation::Operation;
use serde::Deserialize;

use crate::demand::{Caps, Demanded};
use crate::error::BodyRefused;
use crate::payload::{Payload, Target};
use crate::response::ResponseFormat;
use crate::{Placement, Protocol, write};

/// A protocol of stored objects without ids in its bodies.
pub(crate) const fn protocol(operation: Operation, path: &'static str) -> Protocol {
    Protocol {
        placement: Placement::Resource,
        response: ResponseFormat { accept: ACCEPT, ..ResponseFormat::TOKENS },
        ..Protocol::call(operation, path, read, write)
    }
}

fn read(_: &Payload<'_>, _: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    Ok(Demanded::nothing())
}

fn write(payload: &Payload<'_>, _: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    write::with_model(payload, target.azure_name, out);
}

/// The ids of the items in the output of a response, or of an event that shows one.
#[must_use]
pub fn item_ids(json: &[u8]) -> Vec<ObjectId> {
    #[derive(Deserialize)]
    struct Shown {
        response: Option<Output>,
        output: Option<Vec<Item>>,
    }
    #[derive(Deserialize)]
    struct Output {
        output: Option<Vec<Item>>,
    }
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        id: serde_json::Value,
    }
    let Ok(shown) = serde_json::from_slice::<Shown>(json) else { return Vec::new() };
    let output = shown.output.or_else(|| shown.response?.output).unwrap_or_default();
    let ids = output.iter().filter_map(|item| item.id.as_str()?.parse().ok());
    ids.take(MOST_ITEMS).collect()
}

/// The most items of a response whose ids are recorded.
const MOST_ITEMS: usize = 256;

/// The `accept` header of a call about an object: its content may be of any type.
const ACCEPT: &str = "application/json, */*;q=0.1";

/// The `accept` header of a call about an object.
#[must_use]
pub fn accept(is_streamed: bool) -> &'static str {
    if is_streamed { "text/event-stream" } else { ACCEPT }
}
