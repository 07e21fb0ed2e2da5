//! The attendee as Azure sees them.

use hmac::{Hmac, KeyInit, Mac};
use lanyard_domain::event::Event;
use lanyard_domain::token::UserId;
use sha2::Sha256;

use crate::hex;

/// The `user` that Azure sees: one attendee, no name. Azure's abuse reports quote it.
#[must_use]
pub fn user_hash(event: &Event, user: &UserId) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(event.user_salt.as_bytes()) else {
        return String::new();
    };
    mac.update(user.as_str().as_bytes());
    hex(&mac.finalize().into_bytes()[..16])
}
