//! The partitions of the table, by which functions are granted what they may do.

use lanyard_domain::ids::{EventId, OrganiserId};
use lanyard_domain::token::UserId;
use strum::VariantArray;

/// How the keys of events begin, and of references to them.
pub const EVENT_PREFIX: &str = "EVENT#";

/// The kinds of partitions. What a function may do at the table is granted by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub enum Partition {
    /// What a code names.
    Code,
    /// Everything of an event.
    Event,
    /// Everything of an organiser.
    Organiser,
    /// What a token names.
    Token,
    /// The events that the sweep looks at: one partition.
    Sweep,
    /// A usage record.
    Request,
    /// The ratings of an event.
    Rating,
    /// The names that have been claimed at an event.
    Claim,
    /// The deployments that one attendee alone uses.
    Own,
    /// The objects of an event that are kept upstream.
    Objects,
    /// The events that may have such objects: one partition.
    Marks,
    /// The runs and films whose end nobody has seen: one partition.
    Jobs,
}

impl Partition {
    /// Every kind.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// How the keys of such partitions begin; the whole key of the sweep's.
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

    /// The key of one such partition.
    #[must_use]
    pub fn of(self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    /// The keys of all such partitions, in the words of an IAM policy.
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

/// The partition of a shard of an event's account; the first is in the event's own.
#[must_use]
pub fn shard_pk(event: &EventId, shard: u16) -> String {
    let first = event_pk(event);
    if shard == 0 { first } else { format!("{first}#{shard}") }
}

/// The partition of everything of an event.
#[must_use]
pub fn event_pk(id: &EventId) -> String {
    Partition::Event.of(id.as_str())
}

/// The partition of an event's ratings.
#[must_use]
pub fn rating_pk(id: &EventId) -> String {
    Partition::Rating.of(id.as_str())
}

/// The partition of the deployments that one attendee alone uses.
#[must_use]
pub fn own_pk(event: &EventId, user: &UserId) -> String {
    Partition::Own.of(&format!("{event}#{user}"))
}

/// The partition of everything of an organiser.
#[must_use]
pub fn organiser_pk(id: &OrganiserId) -> String {
    Partition::Organiser.of(id.as_str())
}
