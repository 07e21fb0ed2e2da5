//! The event's side of an admission: chooses the shard that admits a request.
//!
//! One that has room is found by asking, and where none is found, by reading all. If one shard
//! lacks room that all of them together have, room is moved to the first one, in the background if
//! necessary: a started move is finished.

use std::sync::Arc;
use std::time::Duration;

use lanyard_domain::account::{Account, AccountKey};
use lanyard_domain::admission::{self, Demand, Guess, Refusal, Rejection, Side};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::by_model::LimitKey;
use lanyard_domain::event::Event;
use lanyard_domain::shard::{self, Plan, Take};
use tokio::time::Instant;

use super::{AdmissionRefused, GUESSES, IN_FLIGHT_PAUSE, too_busy};
use crate::Gateway;
use crate::ports::{LedgerFault, Outcome};
use crate::retry::{PAUSES, with_retry};
use crate::settle::Settler;

/// The most reads of all shards for one request, while other requests change them.
const LOOKS: usize = 64;

/// The shortest pause before all shards are looked at again.
const PAUSE_MS: u64 = 5;

impl Gateway {
    /// Admits a request to the event's account, and returns the shard.
    pub(super) async fn admit_event(
        &self,
        event: &Event,
        demand: &Demand,
        is_job: bool,
        is_priced: bool,
    ) -> Result<u16, AdmissionRefused> {
        let of_model;
        let allowance = match demand.model_key() {
            None => &event.allowances.event,
            model => {
                of_model = event.allowances.event_for(model);
                &of_model
            }
        };
        if !is_priced && allowance.limits_money() {
            return Err(AdmissionRefused::NoPrice);
        }
        let choices = shard::choices(&demand.id, event.shards);
        // The settlement of a job finds its shard by its id.
        let bound = is_job.then_some(choices[0]);
        if let Some(rejection) = shard::reject(allowance, event.shards, bound, demand) {
            return Err(self.unless_used_up(event, allowance, demand, rejection).await.into());
        }
        if event.shards <= 1 {
            return self.admit_to(event, 0, demand).await.map(|()| 0);
        }
        if bound.is_none() && shard::is_large(allowance, event.shards, &demand.estimate) {
            return self.admit_large(event, demand).await;
        }
        let choices = bound.map_or(choices, |bound| [bound; 3]);
        for (tried, shard) in choices.into_iter().enumerate() {
            if choices[..tried].contains(&shard) {
                continue;
            }
            match self.admit_if_room(event, shard, demand).await {
                // Full, or so busy that it certainly did not take the request.
                Err(
                    AdmissionRefused::Refused(_)
                    | AdmissionRefused::Fault { is_unknown: false, .. },
                ) => {}
                admitted => return admitted.map(|()| shard),
            }
        }
        self.admit_by_reading(event, demand, bound, false).await
    }

    /// Why a request that is too large for the event's limits is refused: where one of them is used
    /// up, no smaller request helps.
    async fn unless_used_up(
        &self,
        event: &Event,
        allowance: &Allowance,
        demand: &Demand,
        rejection: Rejection,
    ) -> Rejection {
        let Rejection::Refuse(_) = rejection else { return rejection };
        // Without an answer of the store it is refused all the same.
        let shards = self.ports.ledger.accounts(&event.account_keys()).await.unwrap_or_default();
        let used_up = admission::used_up(allowance, &shard::total(&shards), demand);
        used_up.map_or(rejection, Rejection::Refuse)
    }

    /// Admits a request for more tokens than one shard's part of a minute. The first shard alone goes
    /// into debt for it, once its bucket is full, and the others then take over what they can.
    async fn admit_large(&self, event: &Event, demand: &Demand) -> Result<u16, AdmissionRefused> {
        match self.write_to(event, 0, demand).await {
            Ok(()) => {}
            Err(AdmissionRefused::Refused(rejection)) => {
                if let Refusal::Rate { .. } = rejection.refusal() {
                    return Err(large(event, demand, rejection).into());
                }
                self.admit_by_reading(event, demand, Some(0), true).await?;
            }
            Err(refused) => return Err(refused),
        }
        let (settler, event, demand) = (Arc::clone(&self.settler), event.clone(), demand.clone());
        self.settler.in_background(async move {
            let Ok(shards) = settler.ledger.accounts(&event.account_keys()).await else { return };
            let takes =
                shard::repay(&event.allowances.event_for(demand.model_key()), &shards, &demand);
            if !takes.is_empty() {
                settler.gather(event, takes, 0, demand).await;
            }
        });
        Ok(0)
    }

    /// Asks a shard unless it is known to have no room.
    async fn admit_if_room(
        &self,
        event: &Event,
        shard: u16,
        demand: &Demand,
    ) -> Result<(), AdmissionRefused> {
        let key = AccountKey::of_shard(&event.id, shard);
        let memory = &self.settler.memory;
        // The state remembered for the first shard stands for all of them.
        let remembered = memory.refusal(&key, demand, &demand.estimate);
        if let Some(refusal) = remembered.filter(|_| shard != 0) {
            return Err(Rejection::Refuse(refusal).into());
        }
        let outcome = self.admit_to(event, shard, demand).await;
        if let Err(AdmissionRefused::Refused(rejection)) = &outcome
            && shard != 0
        {
            memory.refused(&key, demand, *rejection);
        }
        outcome
    }

    async fn admit_to(
        &self,
        event: &Event,
        shard: u16,
        demand: &Demand,
    ) -> Result<(), AdmissionRefused> {
        let part = event.part(shard, demand.model_key());
        if event.shards > 1 && !shard::bears(&part, &demand.estimate) {
            let rejection = Rejection::by_shard(&part, &Account::default(), demand);
            return Err(rejection.map_or_else(too_busy, AdmissionRefused::Refused));
        }
        self.write_to(event, shard, demand).await
    }

    /// The same for a request of any size.
    async fn write_to(
        &self,
        event: &Event,
        shard: u16,
        demand: &Demand,
    ) -> Result<(), AdmissionRefused> {
        let (key, part) =
            (AccountKey::of_shard(&event.id, shard), event.part(shard, demand.model_key()));
        let memory = &self.settler.memory;
        let mut guess = memory.guess(&key, demand);
        let mut may_pause = true;
        for _ in 0..GUESSES {
            let write = admission::write(Side::Event, &part, demand, &guess);
            // A second try might count twice: only a write that was certainly not made is tried
            // again.
            match self.apply_once(&key, &write).await? {
                Outcome::Made(account) => {
                    memory.saw(&key, account, guess);
                    return Ok(());
                }
                Outcome::Kept(old) => {
                    let old = old.unwrap_or_default();
                    match Rejection::by_shard(&part, &old, demand) {
                        Some(rejection)
                            if rejection.refusal().may_end_with_a_request()
                                && std::mem::take(&mut may_pause) =>
                        {
                            tokio::time::sleep(IN_FLIGHT_PAUSE).await;
                        }
                        Some(rejection) => return Err(rejection.into()),
                        None => {}
                    }
                    guess = Guess::from_account(&old, demand);
                }
            }
        }
        Err(too_busy())
    }

    /// Reads all shards until the request is admitted, or does not fit. The tokens per minute of one
    /// that `is_large` are for its shard to judge.
    async fn admit_by_reading(
        &self,
        event: &Event,
        demand: &Demand,
        bound: Option<u16>,
        is_large: bool,
    ) -> Result<u16, AdmissionRefused> {
        let keys = event.account_keys();
        let allowance = event.allowances.event_for(demand.model_key());
        let allowance = if is_large { allowance.without_token_rate() } else { allowance };
        // Half the time is left for what follows.
        let retry_until = Instant::now() + self.ports.ledger_timeout / 2;
        for _ in 0..LOOKS {
            let shards = match self.ports.ledger.accounts(&keys).await {
                Err(_) => {
                    tokio::time::sleep(self.jitter()).await;
                    self.ports.ledger.accounts(&keys).await?
                }
                Ok(shards) => shards,
            };
            let may_retry = Instant::now() < retry_until;
            let plan = |demand: &Demand| shard::plan(&allowance, &shards, demand, bound, may_retry);
            let asked = match plan(demand) {
                Plan::Refuse(refusal) => {
                    let rule = |demand: &Demand| plan(demand).refusal();
                    let room = || shard::room(&allowance, &shards, demand, may_retry);
                    return Err(Rejection::after(refusal, demand, rule, room).into());
                }
                Plan::Try(shard) => Some(shard),
                Plan::Gather(takes) => {
                    let (settler, at) = (Arc::clone(&self.settler), bound.unwrap_or_default());
                    let gathering = settler.gather(event.clone(), takes, at, demand.clone());
                    // It ends also if this request does not wait for it.
                    let _ = self.settler.tasks.spawn(gathering).await;
                    Some(at)
                }
                Plan::Wait => None,
            };
            if let Some(shard) = asked {
                let admitted = match is_large {
                    true => self.write_to(event, shard, demand).await,
                    false => self.admit_to(event, shard, demand).await,
                };
                match admitted {
                    Err(AdmissionRefused::Refused(rejection)) => {
                        if is_large && let Refusal::Rate { .. } = rejection.refusal() {
                            return Err(large(event, demand, rejection).into());
                        }
                    }
                    admitted => return admitted.map(|()| shard),
                }
            }
            // Not all at the same time again, or two might take from each other for ever.
            let pause = PAUSE_MS + self.ports.random.next_u64() % (3 * PAUSE_MS);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Err(too_busy())
    }
}

/// What the first shard has said to a large request. One that is lowered to a shard's part of the
/// minute may find room in any of them.
fn large(event: &Event, demand: &Demand, rejection: Rejection) -> Rejection {
    let allowance = event.allowances.event_for(demand.model_key());
    match demand.least {
        Some(least) if !shard::is_large(&allowance, event.shards, &least) => Rejection::Lower {
            refusal: rejection.refusal(),
            room: shard::room_of_part(&allowance, event.shards),
        },
        Some(_) | None => rejection,
    }
}

impl Settler {
    /// Takes room from shards and gives it to one; or back, if that has enough meanwhile. Room that
    /// was taken from one shard and could not be added to another is lost until the sweep restores
    /// it.
    async fn gather(self: Arc<Self>, event: Event, takes: Vec<Take>, at: u16, demand: Demand) {
        let mut taken = Vec::new();
        for take in takes {
            let key = AccountKey::of_shard(&event.id, take.shard);
            // Not made: another request was faster. Unknown: it may be lost.
            if let Ok(Outcome::Made(_)) = self.ledger.apply(&key, &take.write).await {
                taken.push(take);
            }
        }
        let all: Vec<_> = taken.iter().flat_map(|take| take.amounts.iter().copied()).collect();
        if self.give(&event, at, &all, &demand).await {
            return;
        }
        for take in taken {
            self.give(&event, take.shard, &take.amounts, &demand).await;
        }
    }

    /// False if a shard certainly was not given what it is to have.
    async fn give(
        &self,
        event: &Event,
        shard: u16,
        amounts: &[(LimitKey, u64)],
        demand: &Demand,
    ) -> bool {
        let Some(write) = shard::give(&event.part(shard, demand.model_key()), amounts, demand)
        else {
            return true;
        };
        let key = AccountKey::of_shard(&event.id, shard);
        let given =
            with_retry(PAUSES, || self.ledger.apply(&key, &write), LedgerFault::is_not_made).await;
        match given {
            Ok(outcome) => matches!(outcome, Outcome::Made(_)),
            Err(fault) => {
                let event = &event.id;
                tracing::warn!(%event, fault = ?fault, "a move between shards was lost");
                true
            }
        }
    }
}
