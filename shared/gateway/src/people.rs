//! What attendees do beside calling models: they register, rate responses, and add their own
//! deployments.

mod rate;
mod register;
#[cfg(feature = "schema")]
pub mod schema;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_domain::ids::{EventId, RequestId, ResponseId, SessionId};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::UsageRecord;
use serde::{Deserialize, Serialize};

use crate::Gateway;
use crate::error::ApiError;
use crate::ports::Cause;

pub use rate::Rating;

/// The claim of a user's name at an event.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The number of the personal key.
    pub number: i64,
    /// When the name was claimed.
    pub claimed_at: DateTime<Utc>,
    /// The proof, hashed slowly, as hex.
    pub proof_hash: String,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Where claims and ratings are kept.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// Claims a user's name, or returns the claim that was there before.
    async fn claim(
        &self,
        event: &EventId,
        user: &UserId,
        claim: &Claim,
    ) -> Result<Option<Claim>, Cause>;

    /// The claim of a user's name.
    async fn claim_of(&self, event: &EventId, user: &UserId) -> Result<Option<Claim>, Cause>;

    /// A settled request of an attendee.
    async fn record_of(
        &self,
        event: &EventId,
        user: &UserId,
        request: &RequestId,
    ) -> Result<Option<UsageRecord>, Cause>;

    /// The request of an attendee's named session that got this response.
    async fn request_in_session(
        &self,
        event: &EventId,
        user: &UserId,
        session: &SessionId,
        response: &ResponseId,
    ) -> Result<Option<RequestId>, Cause>;

    /// Rates a settled request, in place of the rating before. False if its record is gone.
    async fn rate(&self, record: &UsageRecord, rating: &Rating) -> Result<bool, Cause>;
}

/// Everything that serves people.
#[derive(Clone)]
pub struct People {
    /// The gateway, which looks up events, attendees and their accounts.
    pub gateway: Arc<Gateway>,
    /// Where claims and ratings are kept.
    pub store: Arc<dyn PeopleStore>,
}

impl People {
    fn unavailable(&self, cause: Cause) -> ApiError {
        self.gateway.accounting_unavailable(Some(cause))
    }
}
