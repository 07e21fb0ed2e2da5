//! `…/conversations`
//!
//! Lists of items that responses belong to and continue. Naming one in a request costs the tokens
//! of its items. <https://platform.openai.com/docs/api-reference/conversations>

use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;

use crate::Protocol;
use crate::demand::Caps;
use crate::error::BodyRefused;
use crate::payload::Payload;
use crate::references::{CONTAINER, IdPlace};
use crate::{items, stored};

pub(crate) static PROTOCOL: Protocol = Protocol {
    ids: &[
        IdPlace::names("items.**.file_id", Kind::File),
        IdPlace::refused("items.**.container_id", CONTAINER),
    ],
    ..stored::protocol(Operation::Conversations, "conversations")
};

/// The prompt tokens that the items in a body add to a conversation, or more.
///
/// # Errors
///
/// [`BodyRefused`] for items that are only named, and for too many images.
pub fn items_tokens(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<u64, BodyRefused> {
    items::estimate(payload, "items", caps).map(|estimate| estimate.prompt_tokens)
}
