//! What makes one response different from the next: its time and its ids.

use std::time::{Duration, SystemTime};

use lanyard_gateway::hex;
use sha2::{Digest, Sha256};

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The moment of one response, from which all its ids are made.
#[derive(Clone)]
pub(super) struct Stamp {
    since_epoch: Duration,
    serial: u64,
}

impl Stamp {
    /// A stamp for the response with this serial number, taken now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator stands for a foreign service, which has a clock of its own"
    )]
    pub(super) fn now(serial: u64) -> Self {
        let since_epoch =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { since_epoch, serial }
    }

    /// Seconds since 1970, as `created` has them.
    pub(super) fn created(&self) -> u64 {
        self.since_epoch.as_secs()
    }

    /// `chatcmpl-` and 29 letters or digits.
    pub(super) fn completion_id(&self) -> String {
        format!("chatcmpl-{}", self.letters("completion", 29))
    }

    /// A prefix and 48 letters or digits, of whatever is kept.
    pub(super) fn id(&self, prefix: &str) -> String {
        format!(
            "{prefix}{}{}",
            self.letters(prefix, 24),
            self.letters(&format!("{prefix} too"), 24)
        )
    }

    /// `call_` and 24 letters or digits, one per choice.
    pub(super) fn call_id(&self, choice: usize) -> String {
        format!("call_{}", self.letters(&format!("call {choice}"), 24))
    }

    /// Up to 15 letters that hide the length of a streamed token from an eavesdropper.
    pub(super) fn obfuscation(&self, frame: usize) -> String {
        self.letters("obfuscation", 32).chars().skip(frame % 16).take(frame * 7 % 16).collect()
    }

    /// A version 4 UUID for the `label` header.
    pub(super) fn uuid(&self, label: &str) -> String {
        let mut bytes = self.digest(label);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = hex(&bytes[..16]);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn letters(&self, label: &str, length: usize) -> String {
        let digest = self.digest(label);
        digest
            .iter()
            .take(length)
            .map(|byte| char::from(LETTERS[usize::from(*byte) % 62]))
            .collect()
    }

    fn digest(&self, label: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.since_epoch.as_nanos().to_le_bytes())
            .chain_update(self.serial.to_le_bytes())
            .chain_update(label)
            .finalize()
            .into()
    }

    #[cfg(test)]
    pub(super) fn fixed() -> Self {
        Self { since_epoch: Duration::from_secs(1_764_000_000), serial: 7 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_length_and_alphabet_of_azure() {
        let stamp = Stamp::fixed();
        assert_eq!(stamp.completion_id().len(), "chatcmpl-".len() + 29);
        assert_eq!(stamp.call_id(0).len(), "call_".len() + 24);
        assert_ne!(stamp.call_id(0), stamp.call_id(1));

        let uuid = stamp.uuid("apim-request-id");
        assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'4');
    }

    #[test]
    fn two_answers_of_one_instant_differ() {
        let first = Stamp::fixed();
        let second = Stamp { serial: first.serial + 1, ..first.clone() };
        assert_ne!(first.completion_id(), second.completion_id());
    }
}
