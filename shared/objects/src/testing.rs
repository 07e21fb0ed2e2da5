//! The store in memory, what every store must pass, and generated traffic. For tests only.

mod contract;
mod hostile;
#[cfg(test)]
mod simulation;
mod store;

pub use contract::objects_contract;
pub use hostile::{Survived, survive};
pub use store::{FaultyObjects, MemoryObjects};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A failed test must not hide behind the poison of another.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
