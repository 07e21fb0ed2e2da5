//! Admission as the gateway does it, without the gateway: propose, and propose again from what the
//! ledger shows.

use lanyard_domain::account::AccountKey;
use lanyard_domain::admission::{self, Demand, Guess, Refusal, Side};
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::estimate::Estimate;
use lanyard_domain::limit::Quantity;
use lanyard_domain::unit::Units;
use lanyard_domain::window::LocalDay;

use super::{hold, noon, request, today};
use crate::ports::{Ledger, Outcome};

/// Request number `n`, which asks for so much at noon.
pub(super) fn demand(n: usize, estimate: Estimate) -> Demand {
    Demand {
        is_recorded: true,
        id: request(n),
        estimate,
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
        guess = Guess::from_account(&old, demand.now);
    }
    panic!("neither admitted nor refused after ten tries: {demand:?}");
}
