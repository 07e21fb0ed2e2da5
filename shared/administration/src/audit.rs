//! The audit log: changes of events, deployments and organiser tokens.

use chrono::{DateTime, Utc};
use lanyard_domain::ids::{EventId, OrganiserId, RequestId};
use lanyard_domain::token::UserId;
use serde::{Deserialize, Serialize};

/// Which log an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditLog<'a> {
    /// Changes of one event.
    Event(&'a EventId),
    /// Changes of an organiser's deployments and tokens.
    Organiser(&'a OrganiserId),
}

/// One change. It holds no code, no key and no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// By which request.
    pub request_id: RequestId,
    /// By whom.
    pub by: Actor,
    /// The action.
    pub action: Action,
    /// To whom, if it was done to one attendee.
    pub attendee: Option<UserId>,
    /// Which deployment or organiser token it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("type" = "string")))]
    pub subject: Option<String>,
    /// The changed fields.
    pub changes: Vec<FieldChange>,
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A caller with the organiser's token.
    Organiser,
    /// A caller that may invoke the function itself.
    Operator,
}

/// An action on an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was created.
    Create,
    /// Its settings were changed.
    Change,
    /// It was stopped for now.
    Pause,
    /// It goes on.
    Resume,
    /// It was ended before its time.
    End,
    /// It got another code.
    RotateCode,
    /// What a rehearsal had used was deleted.
    Reset,
    /// It was deleted.
    Delete,
    /// An attendee was blocked or unblocked, or got an allowance of their own.
    ChangeAttendee,
    /// The seat of an attendee who had used nothing was freed.
    FreeSeat,
    /// A signed token was issued for an attendee.
    IssueToken,
    /// A signed token was revoked.
    RevokeToken,
    /// Every signed token and personal key was revoked.
    RevokeTokens,
    /// The roster was replaced, or a user taken off it.
    ChangeRoster,
    /// An attendee's registration was removed.
    RemoveRegistration,
    /// A deployment of one attendee was added or removed.
    ChangeOwnDeployments,
    /// A deployment was added or changed.
    ChangeDeployment,
    /// A deployment was removed.
    RemoveDeployment,
    /// A token for an organiser was made.
    MakeOrganiserToken,
    /// An organiser's token was revoked.
    RevokeOrganiserToken,
}

/// A field that changed, by its path in the organisers' API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldChange {
    /// Which.
    pub field: String,
    /// The value before.
    pub from: serde_json::Value,
    /// The value now.
    pub to: serde_json::Value,
}
