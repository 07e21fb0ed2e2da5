//! Randomness for secrets.

use lanyard_gateway::ports::Cause;

/// Random bytes that are good enough for secrets.
pub trait SecureRandom: Send + Sync {
    /// Fills a buffer, or fails on a machine without randomness.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Cause>;
}

impl dyn SecureRandom + '_ {
    /// An array of random bytes.
    pub(crate) fn bytes<const N: usize>(&self) -> Result<[u8; N], Cause> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}
