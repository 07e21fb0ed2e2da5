//! Admission as the gateway does it, without the gateway: propose, and propose again from what the
//! ledger shows.

use lanyard_domain::account::AccountKey;
use lanyard_domain::admission::{self, Demand, Guess, Refusal, Side};
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::by_model::{ByModel, HeldModel, ModelLimit, ModelLimits};
use lanyard_domain::estimate::Estimate;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::limit::Quantity;
use lanyard_domain::unit::Units;
use lanyard_domain::window::LocalDay;

use super::{hold, noon, request, today};
use crate::ports::{Ledger, Outcome};

/// Request number `n`, which asks for so much at noon.
pub(super) fn demand(n: usize, estimate: Estimate) -> Demand {
    Demand {
        is_recorded: true,
        model: None,
        id: request(n),
        estimate,
        least: None,
        now: noon().into(),
        day: LocalDay { date: today(), ends_at: noon() + chrono::TimeDelta::hours(12) },
        expires_at: hold(0).expires_at,
    }
}

/// An allowance of one limit.
pub(super) fn only(limit: Limit, value: u64) -> Allowance {
    Allowance::default().with(limit, Some(value))
}

/// The estimate of one of many requests, and the limits that admit exactly `k` of them.
pub(super) fn allowance_for(limit: Limit, k: u64) -> (Allowance, Estimate) {
    const UNITS: u64 = 3;
    let mut estimate = Estimate::of_tokens(6, 7);
    let allowed = match limit.quantity() {
        Quantity::Requests => k,
        Quantity::Tokens => k * estimate.tokens(),
        Quantity::Unit(unit) => {
            estimate.units = Units::of(unit, UNITS);
            k * UNITS
        }
    };
    (only(limit, allowed), estimate)
}

/// The same for a limit on one model, with what a request to it remembers.
pub(super) fn allowance_of_model_for(limit: Limit, k: u64) -> (Allowance, HeldModel, Estimate) {
    let (all, estimate) = allowance_for(limit, k);
    let name: DeploymentName = "dear".parse().unwrap();
    let allowed = all.limit(limit).unwrap();
    let limits: ModelLimits =
        [ModelLimit { name: name.clone(), limit, allowed }].into_iter().collect();
    let by_model = ByModel { attendee: limits.clone(), event: limits.clone() };
    let allowance = Allowance::default().for_model(limits.of(&name));
    (allowance, by_model.held(&name).unwrap(), estimate)
}

pub(super) async fn admit(
    ledger: &dyn Ledger,
    key: &AccountKey,
    side: Side,
    allowance: &Allowance,
    demand: &Demand,
) -> Result<(), Refusal> {
    let mut guess = Guess::default();
    for _ in 0..10 {
        let write = admission::propose(side, allowance, demand, &guess)?;
        let old = match ledger.apply(key, &write).await.unwrap() {
            Outcome::Made(_) => return Ok(()),
            Outcome::Kept(old) => old.unwrap_or_default(),
        };
        if let Some(refusal) = admission::refusal(allowance, &old, demand) {
            return Err(refusal);
        }
        guess = Guess::from_account(&old, demand);
    }
    panic!("neither admitted nor refused after ten tries: {demand:?}");
}
