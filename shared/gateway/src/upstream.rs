//! The attendee as Azure sees them.

use hmac::{Hmac, KeyInit, Mac};
use lanyard_domain::event::Event;
use lanyard_domain::token::UserId;
use sha2::Sha256;

use crate::hex;

/// Names an event's attendees for Azure: each by a hash, without a name. Azure's abuse reports quote
/// it.
#[derive(Clone, Debug)]
pub struct UserHashes(Option<Hmac<Sha256>>);

impl UserHashes {
    /// The hashes of an event. Half of a hash is the same for all attendees, so it is computed here.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        // HMAC accepts keys of any length.
        Self(Hmac::new_from_slice(event.user_salt.as_bytes()).ok())
    }

    /// The `user` that Azure sees.
    #[must_use]
    pub fn hash(&self, user: &UserId) -> String {
        let Some(mut mac) = self.0.clone() else { return String::new() };
        mac.update(user.as_str().as_bytes());
        hex(&mac.finalize().into_bytes()[..16])
    }
}
