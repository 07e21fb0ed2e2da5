//! What was used, as Azure reports it and as it is remembered.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AnswerId, AppId, DeploymentName, EventId, RequestId, SessionId};
use crate::operation::Operation;
use crate::token::UserId;
use crate::unit::Units;

/// What was used, as Azure counted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of what was sent.
    pub prompt_tokens: u64,
    /// Tokens of what came back.
    pub completion_tokens: u64,
    /// What was used of other units.
    pub units: Units,
}

impl Usage {
    /// Tokens alone.
    #[must_use]
    pub const fn of_tokens(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { prompt_tokens, completion_tokens, units: Units::NONE }
    }

    /// Units alone.
    #[must_use]
    pub fn of_units(units: Units) -> Self {
        Self { units, ..Self::default() }
    }
}

/// What an account pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// Other units. Absent where there are none.
    #[serde(default, skip_serializing_if = "Units::is_none")]
    pub units: Units,
}

impl Charge {
    /// Tokens alone.
    #[must_use]
    pub const fn of_tokens(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { prompt_tokens, completion_tokens, units: Units::NONE }
    }

    /// Prompt and completion tokens together.
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

/// One settled request, for the organiser's report. Holds no prompt and no completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// Which request.
    pub request_id: RequestId,
    /// At which event.
    pub event: EventId,
    /// Who sent it.
    pub user: UserId,
    /// What it asked for.
    pub operation: Operation,
    /// Under which name; absent when the sweep settled a request whose function had died.
    pub model: Option<DeploymentName>,
    /// What it cost.
    pub charge: Charge,
    /// True when Azure's own count is missing and the estimate was charged.
    pub is_estimated: bool,
    /// The status that the attendee saw.
    pub status: u16,
    /// Whether the answer was streamed.
    pub is_streamed: bool,
    /// When it was admitted.
    pub admitted_at: DateTime<Utc>,
    /// From admission to the end of the answer.
    pub duration_ms: u64,
    /// From admission to the first byte of the answer.
    pub first_byte_ms: u64,
    /// To which session it belongs; absent where nobody can tell any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Which application sent it, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The model's id of the answer, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerId>,
    /// What a deployment of the attendee's own used. The event does not pay for it, so `charge` is
    /// empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_charge: Option<Charge>,
}

impl UsageRecord {
    /// The session, if the client named it. One that was made for this very request has no other
    /// request in it yet.
    #[must_use]
    pub fn named_session(&self) -> Option<&SessionId> {
        self.session.as_ref().filter(|session| !session.is_made_for(&self.request_id))
    }
}
