//! What only organisers do with the table: their tokens, events and deployments, and the audit.
//!
//! A change of an event is one transaction with its audit entry, and is made from the version that
//! was read. Which changes are sensible is for the caller to say; accounts go through the ledger.

mod audit;
mod deployments;
mod events;
mod hours;
mod issued;
mod listing;
mod place;
mod ratings;
mod sessions;
mod tokens;
mod transaction;

use lanyard_gateway::ports::{Cause, StoreFault};

use crate::table::Table;

pub use audit::{Action, Actor, AuditEntry, FieldChange};
pub use hours::HourUsage;
pub use issued::IssuedToken;
pub use place::Place;
pub use ratings::RatedAnswer;
pub use sessions::{SessionPlace, SessionUsage};
pub use tokens::OrganiserToken;

/// The table, as organisers use it.
#[derive(Clone, Debug)]
pub struct Organisers {
    table: Table,
}

impl Organisers {
    /// Organisers' view of a table.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// The table itself, for what attendees also do with it.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }
}

/// Why the table did not do what an organiser asked for.
#[derive(Debug, thiserror::Error)]
pub enum OrganiserFault {
    /// The table did not answer, or not in time: it may have done it.
    #[error("the table did not answer")]
    Away(#[source] Cause),
    /// An item is malformed or newer than this code.
    #[error("an item of the table cannot be read")]
    Unreadable(#[source] Cause),
    /// Another event goes by the code.
    #[error("the code is taken")]
    CodeTaken,
    /// Somebody else changed the event since it was read.
    #[error("the event has changed meanwhile")]
    VersionConflict,
    /// Somebody has used the event.
    #[error("the event has been used")]
    InUse,
}

impl From<StoreFault> for OrganiserFault {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Away(cause) => Self::Away(cause),
            StoreFault::Unreadable(cause) => Self::Unreadable(cause),
        }
    }
}

fn away(fault: impl Into<Cause>) -> OrganiserFault {
    OrganiserFault::Away(fault.into())
}

fn unreadable(fault: impl Into<Cause>) -> OrganiserFault {
    OrganiserFault::Unreadable(fault.into())
}
