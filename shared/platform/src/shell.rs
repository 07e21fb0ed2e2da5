//! The clock, luck and ids: the three things that cannot be worked out.

use chrono::{DateTime, Utc};
use lanyard_domain::ids::RequestId;
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
    fn draw(&self) -> u64 {
        getrandom::u64().unwrap_or_default()
    }
}

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

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A request id: `req_` and 32 hex digits.
///
/// # Errors
///
/// If the machine has no randomness.
pub fn request_id() -> Result<RequestId, Cause> {
    Ok(format!("req_{}", hex(&random::<16>()?)).parse()?)
}
