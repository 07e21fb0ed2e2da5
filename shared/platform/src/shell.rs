//! The system's clock and randomness, and the ids made from it.

use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use lanyard_administration::random::SecureRandom;
use lanyard_domain::ids::RequestId;
use lanyard_gateway::hex;
use lanyard_gateway::ports::{Cause, Clock, Random};

/// The system's clock and randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Clock for Machine {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

impl Random for Machine {
    /// The number decides nothing secret, so the kernel provides only a seed. `fastrand` would take
    /// its seed from the clock, which environments that start together may share.
    fn next_u64(&self) -> u64 {
        static RANDOM: LazyLock<Mutex<fastrand::Rng>> = LazyLock::new(|| {
            Mutex::new(
                getrandom::u64().map_or_else(|_| fastrand::Rng::new(), fastrand::Rng::with_seed),
            )
        });
        RANDOM.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }
}

impl SecureRandom for Machine {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Cause> {
        Ok(getrandom::fill(bytes)?)
    }
}

/// Random bytes.
///
/// # Errors
///
/// If the system has no randomness. Nothing secret can be made without it.
pub fn random<const N: usize>() -> Result<[u8; N], Cause> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A new request id: `req_` and 32 hex digits.
///
/// # Errors
///
/// If the system has no randomness.
pub fn request_id() -> Result<RequestId, Cause> {
    Ok(format!("req_{}", hex(&random::<16>()?)).parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn randomness_does_not_favour_one_of_three() {
        let mut drawn = [0; 3];
        for _ in 0..3_000 {
            drawn[usize::try_from(Machine.next_u64() % 3).unwrap()] += 1;
        }
        assert!(drawn.iter().all(|times| (850..1_150).contains(times)), "{drawn:?}");
    }
}
