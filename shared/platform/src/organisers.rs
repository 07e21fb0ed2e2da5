//! The table operations of organisers: their tokens, events and deployments, and the audit log.
//!
//! This module implements the ports of `lanyard_administration`, which decides what is written. A
//! change of an event is one transaction with its audit entry, and is based on the version that was
//! read. Accounts are changed through the ledger.

mod audit;
mod deployments;
mod events;
mod hours;
mod issued;
mod listing;
mod own;
mod ratings;
mod records;
mod reset;
mod sessions;
mod tokens;
mod transaction;

use lanyard_administration::ports::OrganiserFault;
use lanyard_gateway::ports::Cause;

use crate::table::Table;

/// The table with the operations of organisers.
#[derive(Clone, Debug)]
pub struct Organisers {
    table: Table,
}

impl Organisers {
    /// Adds the operations of organisers to a table.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }
}

fn unavailable(fault: impl Into<Cause>) -> OrganiserFault {
    OrganiserFault::Unavailable(fault.into())
}

fn unreadable(fault: impl Into<Cause>) -> OrganiserFault {
    OrganiserFault::Unreadable(fault.into())
}
