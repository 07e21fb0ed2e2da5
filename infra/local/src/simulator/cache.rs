//! Which prompts were read before, so that a repeated beginning counts as cached, as at Azure: from
//! 1,024 tokens, in steps of 128.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// The bytes of a step of 128 tokens.
const STEP_BYTES: usize = 512;

const STEP_TOKENS: usize = 128;

/// The fewest steps that are cached.
const FEWEST: usize = 8;

/// The most steps that are remembered. Then everything is forgotten.
const MOST: usize = 200_000;

/// The prompts that were read: each step, together with all before it.
#[derive(Debug, Default)]
pub(super) struct Prompts(HashSet<u64>);

impl Prompts {
    /// Reads a prompt, and says how many of its first tokens were read before by this deployment.
    pub(super) fn read(&mut self, deployment: &str, prompt: &str) -> usize {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut chain = hasher.hash_one(deployment);
        let steps: Vec<u64> = prompt
            .as_bytes()
            .chunks_exact(STEP_BYTES)
            .map(|step| {
                chain = hasher.hash_one((chain, step));
                chain
            })
            .collect();
        let known = steps.iter().take_while(|step| self.0.contains(step)).count();
        if self.0.len() + steps.len() > MOST {
            self.0.clear();
        }
        self.0.extend(steps);
        if known < FEWEST { 0 } else { known * STEP_TOKENS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_repeated_beginning_is_cached() {
        let mut prompts = Prompts::default();
        let long = "word".repeat(1_200);
        assert_eq!(prompts.read("a", &long), 0);
        assert_eq!(prompts.read("a", &format!("{long} and more")), 9 * 128);
        assert_eq!(prompts.read("b", &long), 0);
        assert_eq!(prompts.read("a", &format!("New: {long}")), 0);
        let short = "word".repeat(1_000);
        assert_eq!((prompts.read("c", &short), prompts.read("c", &short)), (0, 0));
    }
}
