//! The clock, luck and ids: the three things that cannot be worked out.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use lanyard_domain::ids::RequestId;
use lanyard_gateway::hex;
use lanyard_gateway::ports::{Cause, Clock, Luck};

/// The machine's clock and luck.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Clock for Machine {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

impl Luck for Machine {
    /// SplitMix64 from a seed of the system's: it decides nothing secret, and a request that draws
    /// should not ask the kernel each time.
    fn draw(&self) -> u64 {
        static STATE: LazyLock<AtomicU64> =
            LazyLock::new(|| AtomicU64::new(getrandom::u64().unwrap_or_default()));
        let state = STATE.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The step of SplitMix64, <https://doi.org/10.1145/2714064.2660195>.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Random bytes.
///
/// # Errors
///
/// If the machine has none, without which nothing secret can be made.
pub fn random<const N: usize>() -> Result<[u8; N], Cause> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A request id: `req_` and 32 hex digits.
///
/// # Errors
///
/// If the machine has no randomness.
pub fn request_id() -> Result<RequestId, Cause> {
    Ok(format!("req_{}", hex(&random::<16>()?)).parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luck_does_not_favour_one_of_three() {
        let mut drawn = [0; 3];
        for _ in 0..3_000 {
            drawn[usize::try_from(Machine.draw() % 3).unwrap()] += 1;
        }
        assert!(drawn.iter().all(|times| (850..1_150).contains(times)), "{drawn:?}");
    }
}
