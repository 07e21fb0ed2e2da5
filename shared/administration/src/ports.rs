//! The ports of administration, which the platform implements.
//!
//! There is one trait for each kind of item, so that each is implemented beside the code that reads
//! and writes it, and so that a function may be given less than all of them. Every change of an
//! event is written together with its audit entry.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::AzureKey;
use lanyard_domain::event::Event;
use lanyard_domain::ids::{DeploymentName, EventId, OrganiserId, Replica, RequestId, TokenId};
use lanyard_domain::token::{EventCode, UserId};
use lanyard_domain::usage::UsageRecord;
use lanyard_gateway::ports::{Cause, StoreFault};

use crate::audit::{AuditEntry, AuditLog};
use crate::organiser_token::OrganiserToken;
use crate::place::Place;
use crate::records::{
    HourUsage, IssuedToken, OrganiserTokenRecord, RatedResponse, SessionPlace, SessionUsage,
};

/// Everything that organisers store, as one value.
pub trait AdministrationStore:
    AuditStore
    + DeploymentStore
    + EventSettingsStore
    + HourStore
    + IssuedTokenStore
    + OrganiserTokenStore
    + OwnDeploymentStore
    + RatingStore
    + RecordStore
    + RegistrationStore
    + SessionStore
{
}

impl<S> AdministrationStore for S where
    S: AuditStore
        + DeploymentStore
        + EventSettingsStore
        + HourStore
        + IssuedTokenStore
        + OrganiserTokenStore
        + OwnDeploymentStore
        + RatingStore
        + RecordStore
        + RegistrationStore
        + SessionStore
{
}

/// Why a store did not do what an organiser asked for.
#[derive(Debug, thiserror::Error)]
pub enum OrganiserFault {
    /// The store did not respond, or not in time: it may have done it.
    #[error("the table did not respond")]
    Unavailable(#[source] Cause),
    /// An item is malformed or newer than this code.
    #[error("an item of the table cannot be read")]
    Unreadable(#[source] Cause),
    /// Another event has the code.
    #[error("the code is taken")]
    CodeTaken,
    /// Another request changed the event since it was read.
    #[error("the event has changed meanwhile")]
    VersionConflict,
    /// The event has been used.
    #[error("the event has been used")]
    InUse,
    /// Requests are in flight.
    #[error("requests are in flight")]
    InProgress,
    /// Attendees may have objects at Azure.
    #[error("attendees may have objects at Azure")]
    HasObjects,
}

impl From<StoreFault> for OrganiserFault {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Unavailable(cause) => Self::Unavailable(cause),
            StoreFault::Unreadable(cause) => Self::Unreadable(cause),
        }
    }
}

/// Tokens of organisers, stored as hashes.
#[async_trait]
pub trait OrganiserTokenStore: Send + Sync {
    /// Adds a token of an organiser. Tokens that the organiser already has stay valid.
    async fn add_organiser_token(
        &self,
        organiser: &OrganiserId,
        token: &OrganiserToken,
        record: &OrganiserTokenRecord,
    ) -> Result<(), OrganiserFault>;

    /// The organiser and the record of a token, expired or not. `None` if it was never issued or is
    /// revoked.
    async fn organiser_of(
        &self,
        token: &OrganiserToken,
    ) -> Result<Option<(OrganiserId, OrganiserTokenRecord)>, OrganiserFault>;

    /// Up to `limit` tokens of an organiser, `after` one; and the last one if there are more. A
    /// token of an earlier release is listed once it was used.
    async fn organiser_tokens(
        &self,
        organiser: &OrganiserId,
        after: Option<&TokenId>,
        limit: u16,
    ) -> Result<(Vec<OrganiserTokenRecord>, Option<TokenId>), OrganiserFault>;

    /// Deletes a token, so that it works no more. Returns its record.
    async fn revoke_organiser_token(
        &self,
        organiser: &OrganiserId,
        token: &TokenId,
    ) -> Result<Option<OrganiserTokenRecord>, OrganiserFault>;
}

/// The settings of events, by their organiser.
#[async_trait]
pub trait EventSettingsStore: Send + Sync {
    /// Writes a new event with its code, or fails with [`OrganiserFault::CodeTaken`].
    async fn create_event(&self, event: &Event, entry: &AuditEntry) -> Result<(), OrganiserFault>;

    /// An event as it is now, if it is this organiser's.
    async fn event(
        &self,
        organiser: &OrganiserId,
        id: &EventId,
    ) -> Result<Option<Event>, OrganiserFault>;

    /// Up to `limit` of an organiser's events, the newest first, `after` one; and the last one if
    /// there are more. An event that cannot be read is logged and left out.
    async fn events(
        &self,
        organiser: &OrganiserId,
        after: Option<&EventId>,
        limit: u16,
    ) -> Result<(Vec<Event>, Option<EventId>), OrganiserFault>;

    /// Writes an event that was changed from `before`, and returns it with its new version. Fails
    /// with [`OrganiserFault::VersionConflict`] if it is no longer as `before`.
    async fn update_event(
        &self,
        before: &Event,
        after: Event,
        entry: &AuditEntry,
    ) -> Result<Event, OrganiserFault>;

    /// Gives an event another code; the one before works until then. Fails with
    /// [`OrganiserFault::CodeTaken`] or [`OrganiserFault::VersionConflict`].
    async fn rotate_code(
        &self,
        before: &Event,
        code: EventCode,
        works_until: DateTime<Utc>,
        entry: &AuditEntry,
    ) -> Result<Event, OrganiserFault>;

    /// Deletes an unused event, with every code it had. Its audit entries stay. Fails with
    /// [`OrganiserFault::InUse`] or [`OrganiserFault::VersionConflict`].
    async fn delete_event(&self, event: &Event, entry: &AuditEntry) -> Result<(), OrganiserFault>;

    /// Deletes what an event used: its accounts, hours, sessions and ratings. Decisions about
    /// attendees stay. Returns how many attendees had used it, and writes the entry when all is
    /// deleted. After a failure a part may be deleted; doing it again deletes the rest.
    ///
    /// Fails with [`OrganiserFault::InProgress`] or [`OrganiserFault::HasObjects`].
    async fn reset_event(&self, event: &Event, entry: &AuditEntry) -> Result<u64, OrganiserFault>;
}

/// The audit logs of events and organisers.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Writes down a change that no transaction wrote, such as one of an account.
    async fn write_audit(
        &self,
        log: AuditLog<'_>,
        entry: &AuditEntry,
    ) -> Result<(), OrganiserFault>;

    /// Up to `limit` changes, the newest first, `after` a place; and the place of the last one if
    /// there are more.
    async fn audit(
        &self,
        log: AuditLog<'_>,
        after: Option<&Place>,
        limit: u16,
    ) -> Result<(Vec<AuditEntry>, Option<Place>), OrganiserFault>;
}

/// The deployments of an organiser. Their keys are in a [`KeyStore`].
#[async_trait]
pub trait DeploymentStore: Send + Sync {
    /// Every deployment of an organiser as it is now, by name and replica.
    async fn deployments(&self, organiser: &OrganiserId)
    -> Result<Vec<Deployment>, OrganiserFault>;

    /// One deployment as it is now.
    async fn deployment(
        &self,
        organiser: &OrganiserId,
        name: &DeploymentName,
        replica: &Replica,
    ) -> Result<Option<Deployment>, OrganiserFault>;

    /// Writes a deployment, and replaces the one before.
    async fn put_deployment(
        &self,
        organiser: &OrganiserId,
        deployment: &Deployment,
    ) -> Result<(), OrganiserFault>;

    /// Deletes a deployment if it is there.
    async fn delete_deployment(
        &self,
        organiser: &OrganiserId,
        name: &DeploymentName,
        replica: &Replica,
    ) -> Result<(), OrganiserFault>;

    /// The organiser's events whose attendees may have stored objects at an endpoint. An event that
    /// cannot be read is logged and left out.
    async fn events_with_objects_at(
        &self,
        organiser: &OrganiserId,
        endpoint: &str,
    ) -> Result<Vec<Event>, OrganiserFault>;
}

/// Deployments that one attendee alone uses. Their keys are in a [`KeyStore`].
#[async_trait]
pub trait OwnDeploymentStore: Send + Sync {
    /// Every deployment of an attendee, by name and replica.
    async fn own_deployments(
        &self,
        event: &EventId,
        user: &UserId,
    ) -> Result<Vec<Deployment>, Cause>;

    /// One deployment as it is now.
    async fn own_deployment(
        &self,
        event: &EventId,
        user: &UserId,
        name: &DeploymentName,
        replica: &Replica,
    ) -> Result<Option<Deployment>, Cause>;

    /// Writes a deployment, and replaces the one before.
    async fn put_own_deployment(
        &self,
        event: &EventId,
        user: &UserId,
        deployment: &Deployment,
    ) -> Result<(), Cause>;

    /// Deletes a deployment if it is there.
    async fn delete_own_deployment(
        &self,
        event: &EventId,
        user: &UserId,
        name: &DeploymentName,
        replica: &Replica,
    ) -> Result<(), Cause>;
}

/// Signed tokens that an event issued: for whom and until when, never the token.
#[async_trait]
pub trait IssuedTokenStore: Send + Sync {
    /// Remembers an issued token until it expires.
    async fn put_issued(&self, event: &EventId, token: &IssuedToken) -> Result<(), OrganiserFault>;

    /// An issued token that has not expired.
    async fn issued_token(
        &self,
        event: &EventId,
        token: &TokenId,
    ) -> Result<Option<IssuedToken>, OrganiserFault>;

    /// Up to `limit` tokens, the newest first, `after` one; and the last one if there are more.
    async fn issued(
        &self,
        event: &EventId,
        after: Option<&TokenId>,
        limit: u16,
    ) -> Result<(Vec<IssuedToken>, Option<TokenId>), OrganiserFault>;
}

/// Registrations of attendees.
#[async_trait]
pub trait RegistrationStore: Send + Sync {
    /// Deletes the registration of a user's name, and returns whether there was one.
    async fn remove_claim(&self, event: &EventId, user: &UserId) -> Result<bool, Cause>;
}

/// Usage of an event by hour and model.
#[async_trait]
pub trait HourStore: Send + Sync {
    /// Every hour in which a model was used, once for each shard that admitted requests in it.
    async fn hours(&self, event: &Event) -> Result<Vec<HourUsage>, OrganiserFault>;
}

/// Usage records.
#[async_trait]
pub trait RecordStore: Send + Sync {
    /// About a thousand records of an attendee's requests, `after` one; and the last one if there
    /// are more. The newest may be missing. One that cannot be read is logged and left out.
    async fn records(
        &self,
        event: &EventId,
        user: &UserId,
        after: Option<&RequestId>,
    ) -> Result<(Vec<UsageRecord>, Option<RequestId>), OrganiserFault>;
}

/// Usage of an event by session.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Up to `limit` sessions, `after` one, in the order of their names; and the last one if there
    /// are more. Only sessions that a client named are there.
    async fn sessions(
        &self,
        event: &EventId,
        after: Option<&SessionPlace>,
        limit: u16,
    ) -> Result<(Vec<SessionUsage>, Option<SessionPlace>), OrganiserFault>;
}

/// Attendees' ratings of responses.
#[async_trait]
pub trait RatingStore: Send + Sync {
    /// Every rating of an event, that of the newest request first.
    async fn ratings(&self, event: &EventId) -> Result<Vec<RatedResponse>, OrganiserFault>;
}

/// Where the keys of deployments are stored, apart from the deployments.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// The key that a reference names.
    async fn read(&self, reference: &str) -> Result<AzureKey, Cause>;

    /// Stores a key under a reference, and replaces the one before.
    async fn write(&self, reference: &str, key: &AzureKey) -> Result<(), Cause>;

    /// Deletes the key of a reference, if there is one.
    async fn remove(&self, reference: &str) -> Result<(), Cause>;
}
