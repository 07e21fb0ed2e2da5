//! One request on its way through the shards, step by step.

use super::*;

/// One request on its way through the shards. Each step is one call to the store.
pub(super) struct Contender {
    pub(super) demand: Demand,
    bound: Option<u16>,
    pub(super) step: Step,
}

pub(super) enum Step {
    /// Tries a shard, then the next ones, then reads.
    Ask {
        shard: u16,
        then: Vec<u16>,
    },
    /// Reads the shards in turn.
    Read {
        seen: Vec<Account>,
    },
    Take {
        takes: Vec<Take>,
        taken: Vec<Take>,
    },
    Give {
        taken: Vec<Take>,
    },
    /// Restores what could not be given.
    Return {
        taken: Vec<Take>,
    },
    Admitted,
    Refused,
    /// Its process crashed.
    Dead,
}

impl Contender {
    pub(super) fn new(demand: Demand, of: u16) -> Self {
        let [home, second, first] = choices(&demand.id, of);
        Self { demand, bound: None, step: Step::Ask { shard: home, then: vec![first, second] } }
    }

    /// Makes it a job, which is bound to one shard.
    pub(super) fn bound(mut self, of: u16) -> Self {
        let [home, ..] = choices(&self.demand.id, of);
        self.bound = Some(home);
        self.step = Step::Ask { shard: home, then: Vec::new() };
        self
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.step, Step::Admitted | Step::Refused | Step::Dead)
    }

    /// Makes the next call. `may_wait` has the same meaning as for the gateway.
    pub(super) fn go(&mut self, shards: &mut [Account], allowance: &Allowance, may_wait: bool) {
        let step = std::mem::replace(&mut self.step, Step::Dead);
        self.step = match step {
            Step::Ask { shard, mut then } => match self.ask(shards, allowance, shard) {
                true => Step::Admitted,
                false => match then.pop() {
                    Some(shard) => Step::Ask { shard, then },
                    None => Step::Read { seen: Vec::new() },
                },
            },
            Step::Read { mut seen } => {
                seen.push(shards[seen.len()].clone());
                match seen.len() == shards.len() {
                    false => Step::Read { seen },
                    true => match plan(allowance, &seen, &self.demand, self.bound, may_wait) {
                        Plan::Refuse(_) => Step::Refused,
                        Plan::Try(shard) => Step::Ask { shard, then: Vec::new() },
                        Plan::Gather(takes) => Step::Take { takes, taken: Vec::new() },
                        Plan::Wait => Step::Read { seen: Vec::new() },
                    },
                }
            }
            Step::Take { mut takes, mut taken } => {
                let take = takes.remove(0);
                if let Some(after) = shards[usize::from(take.shard)].apply(&take.write) {
                    shards[usize::from(take.shard)] = after;
                    taken.push(take);
                }
                match takes.is_empty() {
                    true => Step::Give { taken },
                    false => Step::Take { takes, taken },
                }
            }
            Step::Give { taken } => {
                let at = self.bound.unwrap_or_default();
                let all: Vec<_> = taken.iter().flat_map(|take| take.amounts.clone()).collect();
                match self.give(shards, allowance, at, &all) {
                    true => Step::Ask { shard: at, then: Vec::new() },
                    false => Step::Return { taken },
                }
            }
            Step::Return { mut taken } => {
                let take = taken.remove(0);
                assert!(self.give(shards, allowance, take.shard, &take.amounts), "lost");
                let at = self.bound.unwrap_or_default();
                match taken.is_empty() {
                    true => Step::Ask { shard: at, then: Vec::new() },
                    false => Step::Return { taken },
                }
            }
            done @ (Step::Admitted | Step::Refused | Step::Dead) => done,
        };
    }

    fn give(
        &self,
        shards: &mut [Account],
        allowance: &Allowance,
        shard: u16,
        amounts: &[(LimitKey, u64)],
    ) -> bool {
        let part = allowance.part(shard, u16::try_from(shards.len()).unwrap());
        let Some(write) = give(&part, amounts, &self.demand) else { return true };
        let account = &mut shards[usize::from(shard)];
        match account.apply(&write) {
            Some(after) => {
                *account = after;
                true
            }
            None => false,
        }
    }

    pub(super) fn ask(&self, shards: &mut [Account], allowance: &Allowance, shard: u16) -> bool {
        let part = allowance.part(shard, u16::try_from(shards.len()).unwrap());
        let account = &mut shards[usize::from(shard)];
        if !bears(&part, &self.demand.estimate) {
            return false;
        }
        let mut guess = Guess::default();
        for _ in 0..3 {
            let write = admission::write(Side::Event, &part, &self.demand, &guess);
            if let Some(after) = account.apply(&write) {
                *account = after;
                return true;
            }
            if admission::lacks(&part, account, &self.demand).is_some() {
                return false;
            }
            guess = Guess::from_account(account, &self.demand);
        }
        panic!("neither admitted nor refused: {account:?}");
    }
}
