//! Luck from a seed.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ports::Luck;

/// SplitMix64: small, and good enough to tell stories.
/// <https://prng.di.unimi.it/splitmix64.c>
#[derive(Debug)]
pub(super) struct SeededLuck(AtomicU64);

impl SeededLuck {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// A number below a bound; 0 for a bound of 0.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.draw().checked_rem(bound).unwrap_or_default()
    }

    /// True once in so many times.
    pub(super) fn one_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }
}

impl Luck for SeededLuck {
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
