//! The ports in memory, and what every store must pass. For tests only.
//!
//! [`ledger_contract`] is the one suite for ledgers: it runs here against [`MemoryLedger`] and in
//! `tests/` against the DynamoDB engine; [`objects_contract`] is the same for owners. [`FaultyLedger`] makes any ledger fail where a test wants.

mod azure;
mod books;
mod contract;
mod events;
mod faulty;
mod hostile;
mod ledger;
mod luck;
mod objects;
mod ports;
mod samples;
#[cfg(test)]
mod simulation;

pub use contract::{ledger_contract, objects_contract};
pub use events::{EventTrouble, MemoryEvents};
pub use faulty::{FaultyLedger, LedgerCall, LedgerTrouble};
pub use hostile::{Survived, survive};
pub use ledger::MemoryLedger;
use luck::SeededLuck;
pub use objects::{FaultyObjects, MemoryObjects};
pub use ports::{FixedLuck, MemoryPorts, Notebook, ScriptedUpstream, TestClock};
pub use samples::{a_deployment, a_window, an_event};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A failed test must not hide behind the poison of another.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
