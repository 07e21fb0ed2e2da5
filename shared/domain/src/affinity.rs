//! Which replica serves which attendee: the same one each time, in proportion to the weights.
//!
//! Prompt caches and encrypted reasoning belong to one resource, so an attendee's requests should
//! keep to one. The rule is rendezvous hashing with weights: every replica has a score for every
//! attendee, and the highest wins. If a replica goes, only its own attendees move.
//! <https://www.snia.org/sites/default/files/SDC15_presentations/dist_sys/Jason_Resch_New_Consistent_Hashings_Rev.pdf>

use crate::ids::EventId;
use crate::token::UserId;

/// Identifies an attendee of an event when replicas are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affinity(u64);

impl Affinity {
    /// That of an attendee.
    #[must_use]
    pub fn of(event: &EventId, user: &UserId) -> Self {
        let hash = hashed(OFFSET, event.as_str().as_bytes());
        // They are separated by a byte that neither of them contains.
        Self(hashed(hashed(hash, &[0]), user.as_str().as_bytes()))
    }

    /// How well a replica of this name suits: the larger, the better, and zero without a weight.
    #[must_use]
    pub fn score(self, replica: &str, weight: u32) -> f64 {
        let hash = hashed(self.0, replica.as_bytes());
        f64::from(weight) / -uniform(mixed(hash)).ln()
    }
}

/// FNV-1a, which is the same in every process and every release.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

fn hashed(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// Spreads what FNV leaves close together: the last step of SplitMix64.
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A number above 0 and below 1 from the upper 32 bits.
fn uniform(hash: u64) -> f64 {
    let upper = u32::try_from(hash >> 32).unwrap_or(u32::MAX);
    (f64::from(upper) + 0.5) / 4_294_967_296.0
}
