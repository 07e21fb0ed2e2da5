//! The ports in memory, and what every store must pass. For tests only.
//!
//! [`ledger_contract`] is the one suite for ledgers: it runs here against [`MemoryLedger`] and in
//! `tests/` against the DynamoDB engine. [`FaultyLedger`] makes any ledger fail where a test wants. [`azure`] is a
//! scripted Azure.

pub mod azure;
mod books;
mod contract;
mod events;
mod faulty;
mod ledger;
mod ports;
mod random;
mod samples;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod slow;

pub use azure::{ScriptedUpstream, id_prefix};
pub use books::balance;
pub use contract::ledger_contract;
pub use events::{EventTrouble, MemoryEvents};
pub use faulty::{FaultyLedger, LedgerCall, LedgerTrouble};
pub use ledger::MemoryLedger;
pub use ports::{FixedRandom, MemoryPorts, RecordedLog, TestClock};
pub use random::SeededRandom;
pub use samples::{a_deployment, a_window, an_event};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A failed test must not hide behind the poison of another.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
