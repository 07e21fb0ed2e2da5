//! Usage as Azure reports it, as accounts are charged for it, and as it is recorded.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::bill::Bill;
use crate::ids::{AppId, DeploymentName, EventId, RequestId, ResponseId, SessionId};
use crate::models::KnownModel;
use crate::operation::Operation;
use crate::token::UserId;
use crate::tool_calls::ToolCalls;
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
    /// Whether it is a video that has the price of large ones.
    pub is_large_video: bool,
    /// Which of the tokens have another price.
    pub details: TokenDetails,
    /// The calls of tools that Azure ran.
    pub calls: ToolCalls,
    /// The model that wrote the response, if the response names one that is known.
    pub model: Option<KnownModel>,
}

/// Tokens that have another price than the rest of the prompt or of the completion, of which they are
/// a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenDetails {
    /// Prompt tokens that were read from the cache.
    pub cached: u64,
    /// Prompt tokens that were written to the cache.
    pub cache_write: u64,
    /// Prompt tokens that were written to the cache for an hour.
    pub cache_write_hour: u64,
    /// Audio tokens of the prompt.
    pub input_audio: u64,
    /// Image tokens of the prompt.
    pub input_image: u64,
    /// Audio tokens of the completion.
    pub output_audio: u64,
    /// Image tokens of the completion.
    pub output_image: u64,
    /// Whether the report names the kinds of prompt tokens. If not, they may be of any kind.
    pub has_prompt_kinds: bool,
    /// The same of completion tokens.
    pub has_completion_kinds: bool,
}

impl TokenDetails {
    /// No such tokens.
    pub const NONE: Self = Self {
        cached: 0,
        cache_write: 0,
        cache_write_hour: 0,
        input_audio: 0,
        input_image: 0,
        output_audio: 0,
        output_image: 0,
        has_prompt_kinds: false,
        has_completion_kinds: false,
    };

    /// The sum of two parts of a response.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |of: fn(&Self) -> u64| of(&self).saturating_add(of(&other));
        Self {
            cached: sum(|of| of.cached),
            cache_write: sum(|of| of.cache_write),
            cache_write_hour: sum(|of| of.cache_write_hour),
            input_audio: sum(|of| of.input_audio),
            input_image: sum(|of| of.input_image),
            output_audio: sum(|of| of.output_audio),
            output_image: sum(|of| of.output_image),
            has_prompt_kinds: self.has_prompt_kinds && other.has_prompt_kinds,
            has_completion_kinds: self.has_completion_kinds && other.has_completion_kinds,
        }
    }
}

impl Usage {
    /// Usage of tokens alone.
    #[must_use]
    pub const fn of_tokens(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            units: Units::NONE,
            is_large_video: false,
            details: TokenDetails::NONE,
            calls: ToolCalls::NONE,
            model: None,
        }
    }

    /// Usage of units alone.
    #[must_use]
    pub fn of_units(units: Units) -> Self {
        Self { units, ..Self::default() }
    }
}

/// Tokens of prompts that were read from the cache, and that were written to it. They are part of the
/// prompt tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheUse {
    /// Those that were read.
    pub read: u64,
    /// Those that were written.
    pub written: u64,
}

impl CacheUse {
    /// Whether nothing was read or written.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            read: self.read.saturating_add(other.read),
            written: self.written.saturating_add(other.written),
        }
    }
}

impl From<TokenDetails> for CacheUse {
    fn from(of: TokenDetails) -> Self {
        Self { read: of.cached, written: of.cache_write.saturating_add(of.cache_write_hour) }
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
    /// The model's name: that on offer, or that of the model which a model router chose. Absent if the sweep settled the request because its function had crashed.
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
    /// The part of the prompt that was read from the cache, and that was written to it.
    #[serde(default, skip_serializing_if = "CacheUse::is_none")]
    pub cache: CacheUse,
    /// What the charge in money consists of. Absent if the price was not known, and in records of
    /// earlier releases. Its sum is that of the charge, unless `is_estimated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill: Option<Bill>,
}

impl UsageRecord {
    /// The session, if the client named it. A session that was made for this request has no other
    /// request yet.
    #[must_use]
    pub fn named_session(&self) -> Option<&SessionId> {
        self.session.as_ref().filter(|session| !session.is_made_for(&self.request_id))
    }
}
