//! What only organisers do with the table: their tokens, events and deployments, and the audit.
//!
//! Implements the ports of `lanyard_administration`, which decides what is written. A change of an
//! event is one transaction with its audit entry, and is made from the version that was read.
//! Accounts go through the ledger.

mod audit;
mod deployments;
mod events;
mod hours;
mod issued;
mod listing;
mod own;
mod ratings;
mod sessions;
mod tokens;
mod transaction;

use lanyard_administration::ports::OrganiserFault;
use lanyard_gateway::ports::Cause;

use crate::table::Table;

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
}

fn away(fault: impl Into<Cause>) -> OrganiserFault {
    OrganiserFault::Away(fault.into())
}

fn unreadable(fault: impl Into<Cause>) -> OrganiserFault {
    OrganiserFault::Unreadable(fault.into())
}
