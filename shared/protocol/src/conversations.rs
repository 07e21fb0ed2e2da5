//! `…/conversations`
//!
//! Lists of items that responses belong to and continue. Naming one in a request costs the tokens
//! of its items. <https://platform.openai.com/docs/api-reference/conversations>

use lanyard_domain::operation::Operation;

use crate::Protocol;
use crate::demand::Caps;
use crate::error::BodyRefused;
use crate::payload::Payload;
use crate::{items, stored, tools};

pub(crate) static PROTOCOL: Protocol =
    Protocol { ..stored::protocol(Operation::Conversations, "conversations") };

/// The prompt tokens that the items in a body add to a conversation, or more.
///
/// # Errors
///
/// [`BodyRefused`] for items that are only named, for tools that the event does not allow, and
/// for too many images.
pub fn items_tokens(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<u64, BodyRefused> {
    let items = items::read(payload, "items")?;
    if let Some(items) = &items {
        items::refuse_references("items", items, false)?;
        tools::check_items("items", items, caps)?;
    }
    let estimate = items::estimate(payload, "items", items.as_ref(), caps)?;
    Ok(estimate.prompt_tokens)
}
