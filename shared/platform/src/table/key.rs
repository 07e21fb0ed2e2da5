//! The keys of items, and the prefixes of sort keys that are read together.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use lanyard_domain::account::AccountKey;
use lanyard_domain::ids::{
    DeploymentName, EventId, OrganiserId, Replica, RequestId, SessionId, TokenId,
};
use lanyard_domain::object::{Kind, ObjectId, Owned, Owner};
use lanyard_domain::token::{EventCode, UserId};

use super::item::{Item, get_text};
use super::partition::{
    EVENT_PREFIX, Partition, event_pk, objects_pk, organiser_pk, own_pk, rating_pk, records_pk,
    shard_pk,
};

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// The event of a code.
    #[must_use]
    pub fn code(code: &EventCode) -> Self {
        Self::new(Partition::Code.of(code.as_str()), "CODE")
    }

    /// An event's settings.
    #[must_use]
    pub fn event(id: &EventId) -> Self {
        Self::new(event_pk(id), "EVENT")
    }

    /// An account.
    #[must_use]
    pub fn account(key: &AccountKey) -> Self {
        match key {
            AccountKey::Event(event) => Self::new(event_pk(event), "ACCOUNT"),
            AccountKey::Shard(event, shard) => Self::new(shard_pk(event, *shard), "ACCOUNT"),
            AccountKey::Attendee(event, user) => {
                Self::new(event_pk(event), format!("{ATTENDEE_PREFIX}{user}"))
            }
        }
    }

    /// The hourly counters of a model, in the partition of a shard of the event's account.
    #[must_use]
    pub fn hour(
        event: &EventId,
        shard: u16,
        at: DateTime<Utc>,
        model: Option<&DeploymentName>,
    ) -> Self {
        let model = model.map_or(NO_MODEL, DeploymentName::as_str);
        let hour = at.format("%Y-%m-%dT%H");
        Self::new(shard_pk(event, shard), format!("{HOUR_PREFIX}{hour}#{model}"))
    }

    /// An audit entry in the partition of an event or an organiser.
    #[must_use]
    pub fn audit(partition: String, at: DateTime<Utc>, id: &RequestId) -> Self {
        Self::new(partition, format!("{AUDIT_PREFIX}{}#{id}", at.format("%Y-%m-%dT%H:%M:%S%.6fZ")))
    }

    /// One of an organiser's events.
    #[must_use]
    pub fn organisers_event(organiser: &OrganiserId, event: &EventId) -> Self {
        Self::new(organiser_pk(organiser), format!("{EVENT_PREFIX}{event}"))
    }

    /// One of an organiser's deployments.
    #[must_use]
    pub fn deployment(organiser: &OrganiserId, name: &DeploymentName, replica: &Replica) -> Self {
        Self::new(organiser_pk(organiser), format!("{DEPLOYMENT_PREFIX}{name}#{replica}"))
    }

    /// The organiser of a token, by the token's hash.
    #[must_use]
    pub fn token(sha256_hex: &str) -> Self {
        Self::new(Partition::Token.of(sha256_hex), "TOKEN")
    }

    /// One of an organiser's tokens, by its id.
    #[must_use]
    pub fn organisers_token(organiser: &OrganiserId, token: &TokenId) -> Self {
        Self::new(organiser_pk(organiser), format!("{TOKEN_PREFIX}{token}"))
    }

    /// An event that the sweep checks.
    #[must_use]
    pub fn sweep(event: &EventId) -> Self {
        Self::new(Partition::Sweep.of(""), format!("{EVENT_PREFIX}{event}"))
    }

    /// A usage record, beside the attendee's others.
    #[must_use]
    pub fn request(event: &EventId, user: &UserId, id: &RequestId) -> Self {
        Self::new(records_pk(event, user), id.as_str())
    }

    /// A usage record of an earlier release, which had a partition of its own.
    #[must_use]
    pub fn earlier_request(id: &RequestId) -> Self {
        Self::new(Partition::Request.of(id.as_str()), "REQUEST")
    }

    /// An object stored upstream, by its owner and its id.
    #[must_use]
    pub fn object(owner: &Owner, kind: Kind, id: &ObjectId) -> Self {
        let sk = format!("{}{id}", objects_prefix(&owner.user, kind));
        Self::new(objects_pk(&owner.event), sk)
    }

    /// A run or a video that is not known to have ended.
    #[must_use]
    pub fn job(job: &Owned) -> Self {
        let (event, prefix) = (&job.event, objects_prefix(&job.user, job.kind));
        Self::new(Partition::Jobs.of(""), format!("{EVENT_PREFIX}{event}#{prefix}{}", job.id))
    }

    /// The mark of an event that may have objects.
    #[must_use]
    pub fn mark(event: &EventId) -> Self {
        Self::new(Partition::Marks.of(""), format!("{EVENT_PREFIX}{event}"))
    }

    /// A request in the session that its client named.
    #[must_use]
    pub fn in_session(event: &EventId, session: &SessionId, user: &UserId, id: &RequestId) -> Self {
        Self::new(event_pk(event), format!("{}{id}", session_prefix(session, user)))
    }

    /// A signed token.
    #[must_use]
    pub fn issued(event: &EventId, token: &TokenId) -> Self {
        Self::new(event_pk(event), format!("{ISSUED_PREFIX}{token}"))
    }

    /// The rating of a request that was admitted at an instant.
    #[must_use]
    pub fn rating(event: &EventId, admitted_at: DateTime<Utc>, id: &RequestId) -> Self {
        let at = admitted_at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
        Self::new(rating_pk(event), format!("{at}#{id}"))
    }

    /// The claim of a user id.
    #[must_use]
    pub fn claim(event: &EventId, user: &UserId) -> Self {
        Self::new(Partition::Claim.of(event.as_str()), user.as_str())
    }

    /// A deployment that only one attendee uses.
    #[must_use]
    pub fn own(event: &EventId, user: &UserId, name: &DeploymentName, replica: &Replica) -> Self {
        Self::new(own_pk(event, user), format!("{DEPLOYMENT_PREFIX}{name}#{replica}"))
    }

    /// The key's two attributes.
    #[must_use]
    pub fn attributes(self) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk)),
            ("sk".to_owned(), AttributeValue::S(self.sk)),
        ])
    }
}

/// The user of an attendee account's sort key.
#[must_use]
pub fn user_of(item: &Item) -> Option<UserId> {
    get_text(item, "sk").ok()?.strip_prefix(ATTENDEE_PREFIX)?.parse().ok()
}

/// The prefix of the sort keys of attendees' accounts.
pub const ATTENDEE_PREFIX: &str = "ATTENDEE#";
/// The prefix of the sort keys of hourly counters.
pub const HOUR_PREFIX: &str = "HOUR#";

/// Stands in for the model where none was chosen. No deployment can have this name.
pub const NO_MODEL: &str = "-";
/// The prefix of the sort keys of audit entries.
pub const AUDIT_PREFIX: &str = "AUDIT#";
/// The prefix of the sort keys of deployments.
pub const DEPLOYMENT_PREFIX: &str = "DEPLOYMENT#";
/// The prefix of the sort keys of an organiser's tokens.
pub const TOKEN_PREFIX: &str = "TOKEN#";
/// The prefix of the sort keys of requests in sessions.
pub const SESSION_PREFIX: &str = "SESSION#";
/// The prefix of the sort keys of an attendee's requests in a session.
#[must_use]
pub fn session_prefix(session: &SessionId, user: &UserId) -> String {
    format!("{SESSION_PREFIX}{session}#{}#", parted(user))
}

/// The prefix of the sort keys of signed tokens.
pub const ISSUED_PREFIX: &str = "ISSUED#";

/// The prefix of the sort keys of an attendee's objects of one kind.
#[must_use]
pub fn objects_prefix(user: &UserId, kind: Kind) -> String {
    format!("{}#{kind}#", parted(user))
}

/// A user id inside a key. It may contain any character, including the separator, so it is encoded.
fn parted(user: &UserId) -> String {
    user.as_str().replace('%', "%25").replace('#', "%23")
}
