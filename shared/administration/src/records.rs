//! Stored records of issued tokens, usage and ratings.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use lanyard_domain::hour::{FirstBytes, MinuteUse};
use lanyard_domain::ids::{DeploymentName, RequestId, SessionId, TokenId};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::{CacheUse, Charge};
use serde::{Deserialize, Serialize};

use crate::place::{InvalidPlace, Place};

/// A token that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// Which.
    pub id: TokenId,
    /// For whom.
    pub user: UserId,
    /// When.
    pub issued_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// An organiser's token, without the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganiserTokenRecord {
    /// Which.
    pub id: TokenId,
    /// The name that it was made under.
    pub name: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when. `None` if it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
}

impl OrganiserTokenRecord {
    /// Whether it still works, unless it is revoked.
    #[must_use]
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// The usage of a model in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourUsage {
    /// When the hour begins.
    pub hour: DateTime<Utc>,
    /// Under which name; absent for what was refused before a model was chosen.
    pub model: Option<DeploymentName>,
    /// Requests settled with a charge.
    pub requests: u64,
    /// The charge.
    pub charge: Charge,
    /// What of the prompts was read from the cache or written to it.
    pub cache: CacheUse,
    /// Errors by their codes.
    pub errors: BTreeMap<String, u64>,
    /// Times to the first byte.
    pub first_bytes: FirstBytes,
    /// The minutes in which something was used.
    pub minutes: Vec<MinuteUsage>,
    /// The last rejected requests, in no order.
    pub rejected: Vec<RejectedRequest>,
}

/// The usage of a minute of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinuteUsage {
    /// Its number in the hour.
    pub minute: u32,
    /// Requests and tokens.
    pub used: MinuteUse,
    /// Times to the first byte. Empty for minutes of earlier releases.
    pub first_bytes: FirstBytes,
}

/// The last request of an attendee that was rejected for a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRequest {
    /// The attendee.
    pub user: UserId,
    /// The code of the error.
    pub code: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The usage of an attendee in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionUsage {
    /// Which, and whose.
    pub place: SessionPlace,
    /// Requests settled with a charge.
    pub requests: u64,
    /// Tokens, those of deployments of the attendee's own included.
    pub charge: Charge,
}

/// A session and its attendee: the position among the event's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPlace {
    /// The session.
    pub session: SessionId,
    /// The attendee.
    pub user: UserId,
}

impl FromStr for SessionPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (session, user) = text.split_once('#').ok_or(InvalidPlace)?;
        Ok(Self {
            session: session.parse().map_err(|_| InvalidPlace)?,
            user: user.parse().map_err(|_| InvalidPlace)?,
        })
    }
}

impl fmt::Display for SessionPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.session, self.user)
    }
}

/// A response that was rated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RatedResponse {
    /// Which request.
    pub request_id: RequestId,
    /// Whose.
    pub user: UserId,
    /// By which model; absent if it is unknown.
    pub model: Option<DeploymentName>,
    /// 1 or -1.
    pub rating: i64,
    /// In words; empty where there are none.
    pub feedback: String,
    /// When.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub rated_at: String,
    /// Where it is in the list.
    #[serde(skip)]
    pub place: Place,
}
