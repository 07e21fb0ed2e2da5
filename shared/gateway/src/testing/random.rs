//! Random numbers from a seed.

use std::sync::Mutex;

use super::lock;
use crate::ports::Random;

/// The same numbers for the same seed, in the order in which they are drawn.
#[derive(Debug)]
pub struct SeededRandom(Mutex<fastrand::Rng>);

impl SeededRandom {
    /// Numbers that a seed decides.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A number below a bound; 0 for a bound of 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { lock(&self.0).u64(..bound) }
    }

    /// True once in so many times.
    pub fn one_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }
}

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        lock(&self.0).u64(..)
    }
}
