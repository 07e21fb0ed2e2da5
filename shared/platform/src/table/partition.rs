//! The kinds of partitions in the table. The policies of functions name them.

use lanyard_domain::ids::{EventId, OrganiserId};
use lanyard_domain::token::UserId;
use strum::VariantArray;

/// The prefix of the keys of events, and of references to them.
pub const EVENT_PREFIX: &str = "EVENT#";

/// A kind of partition. A function's access to the table is granted by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub enum Partition {
    /// The event of a code.
    Code,
    /// All items of an event.
    Event,
    /// All items of an organiser.
    Organiser,
    /// The organiser of a token.
    Token,
    /// The events that the sweep checks: one partition.
    Sweep,
    /// The usage records of an attendee.
    Request,
    /// The ratings of an event.
    Rating,
    /// The claimed user ids of an event.
    Claim,
    /// The deployments that only one attendee uses.
    Own,
    /// The objects of an event that are stored upstream.
    Objects,
    /// The events that may have such objects: one partition.
    Marks,
    /// The runs and videos that are not known to have ended: one partition.
    Jobs,
}

impl Partition {
    /// Every kind.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The prefix of the keys of such partitions. For kinds with one partition it is the full key.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Code => "CODE#",
            Self::Event => EVENT_PREFIX,
            Self::Organiser => "ORGANISER#",
            Self::Token => "TOKEN#",
            Self::Sweep => "SWEEP",
            Self::Request => "REQUEST#",
            Self::Rating => "RATING#",
            Self::Claim => "CLAIM#",
            Self::Own => "OWN#",
            Self::Objects => "OBJECTS#",
            Self::Marks => "MARKS",
            Self::Jobs => "JOBS",
        }
    }

    /// The key of one partition of this kind.
    #[must_use]
    pub fn of(self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    /// The pattern for all keys of this kind in an IAM policy.
    #[must_use]
    pub fn pattern(self) -> String {
        match self {
            Self::Code
            | Self::Event
            | Self::Organiser
            | Self::Token
            | Self::Request
            | Self::Rating
            | Self::Claim
            | Self::Own
            | Self::Objects => self.of("*"),
            Self::Sweep | Self::Marks | Self::Jobs => self.of(""),
        }
    }
}

/// The partition of the objects of an event.
#[must_use]
pub fn objects_pk(event: &EventId) -> String {
    Partition::Objects.of(event.as_str())
}

/// The partition of a shard of an event's account. The first shard is in the event's own partition.
#[must_use]
pub fn shard_pk(event: &EventId, shard: u16) -> String {
    let first = event_pk(event);
    if shard == 0 { first } else { format!("{first}#{shard}") }
}

/// The partition of all items of an event.
#[must_use]
pub fn event_pk(id: &EventId) -> String {
    Partition::Event.of(id.as_str())
}

/// The partition of an event's ratings.
#[must_use]
pub fn rating_pk(id: &EventId) -> String {
    Partition::Rating.of(id.as_str())
}

/// The partition of an attendee's usage records.
#[must_use]
pub fn records_pk(event: &EventId, user: &UserId) -> String {
    Partition::Request.of(&format!("{event}#{user}"))
}

/// The partition of the deployments that only one attendee uses.
#[must_use]
pub fn own_pk(event: &EventId, user: &UserId) -> String {
    Partition::Own.of(&format!("{event}#{user}"))
}

/// The partition of all items of an organiser.
#[must_use]
pub fn organiser_pk(id: &OrganiserId) -> String {
    Partition::Organiser.of(id.as_str())
}
