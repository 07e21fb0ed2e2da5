//! Usage as Azure reports it, as accounts are charged for it, and as it is recorded.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AppId, DeploymentName, EventId, RequestId, ResponseId, SessionId};
use crate::operation::Operation;
use crate::token::UserId;
use crate::unit::Units;

/// The usage that Azure reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// The amounts of other units.
    pub units: Units,
}

impl Usage {
    /// Usage of tokens alone.
    #[must_use]
    pub const fn of_tokens(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { prompt_tokens, completion_tokens, units: Units::NONE }
    }

    /// Usage of units alone.
    #[must_use]
    pub fn of_units(units: Units) -> Self {
        Self { units, ..Self::default() }
    }
}

/// The charge to an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// Other units. Absent if there are none.
    #[serde(default, skip_serializing_if = "Units::is_none")]
    pub units: Units,
}

impl Charge {
    /// A charge of tokens alone.
    #[must_use]
    pub const fn of_tokens(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { prompt_tokens, completion_tokens, units: Units::NONE }
    }

    /// The sum of prompt and completion tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// The sum of two charges.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
            units: self.units.plus(other.units),
        }
    }
}

/// One settled request, for the organiser's report. It holds no prompt and no completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The id of the request.
    pub request_id: RequestId,
    /// The event.
    pub event: EventId,
    /// The attendee who sent it.
    pub user: UserId,
    /// The operation.
    pub operation: Operation,
    /// The model's name. Absent if the sweep settled the request because its function had crashed.
    pub model: Option<DeploymentName>,
    /// The charge.
    pub charge: Charge,
    /// True if Azure reported no usage and the estimate was charged.
    pub is_estimated: bool,
    /// The status that the attendee saw.
    pub status: u16,
    /// Whether the response was streamed.
    pub is_streamed: bool,
    /// When the request was admitted.
    pub admitted_at: DateTime<Utc>,
    /// The time from admission to the end of the response.
    pub duration_ms: u64,
    /// The time from admission to the first byte of the response.
    pub first_byte_ms: u64,
    /// The session. Absent if it is no longer known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The application that sent it, if the client named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The model's id of the response, if there was one.
    #[serde(rename = "answer", default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<ResponseId>,
    /// The usage of an attendee's own deployment. The event does not pay for it, so `charge` is
    /// empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_charge: Option<Charge>,
}

impl UsageRecord {
    /// The session, if the client named it. A session that was made for this request has no other
    /// request yet.
    #[must_use]
    pub fn named_session(&self) -> Option<&SessionId> {
        self.session.as_ref().filter(|session| !session.is_made_for(&self.request_id))
    }
}
