//! How much of an event's budget is used, for its metric and the alarms on that.
//!
//! Up to 99 per cent it is what is used and reserved. 100 per cent means that nothing is left: what is
//! used alone leaves too little for the least request that the event admits.

use lanyard_domain::account::{Account, Field};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::catalog::{Catalog, LeastRequest};
use lanyard_domain::event::Event;
use lanyard_domain::limit::Limit;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::unit::Unit;
use lanyard_protocol::demand::Demanded;

use crate::error::{ApiError, LimitScope};

/// The least that a request of an event can need, if the event has a budget. None for an event in
/// shards: what one of them lacks, another may have.
pub(super) fn least_request(event: &Event, catalog: &Catalog) -> Option<LeastRequest> {
    let of_event = &event.allowances.event;
    let has_budget = [Limit::TokensTotal, Limit::UsdTotal]
        .into_iter()
        .any(|limit| of_event.limit(limit).is_some());
    (has_budget && event.shards == 1).then(|| catalog.least_request(event.max_completion_tokens))
}

/// The used part of a budget in tokens or in money: of the one that ends first.
pub(super) fn used_percent(
    part: &Allowance,
    account: &Account,
    least: Option<LeastRequest>,
) -> Option<u64> {
    let used = |limit, committed, held, least: Option<u64>| {
        let budget = part.limit(limit)?;
        let committed = account.count(committed);
        let left = budget.saturating_sub(committed.saturating_sub(account.count(held)));
        if least.is_some_and(|least| left < least) || left == 0 {
            return Some(100);
        }
        let percent = (u128::from(committed) * 100).checked_div(budget.into())?;
        Some(u64::try_from(percent).unwrap_or(u64::MAX).min(99))
    };
    let tokens = least.map(|least| least.tokens);
    let nano_usd = least.and_then(|least| least.nano_usd);
    let (usd_committed, usd_held) = (Field::UnitCommitted(Unit::Usd), Field::UnitHeld(Unit::Usd));
    [
        used(Limit::TokensTotal, Field::Committed, Field::Held, tokens),
        used(Limit::UsdTotal, usd_committed, usd_held, nano_usd),
    ]
    .into_iter()
    .flatten()
    .max()
}

/// Whether a refusal means that the event's budget is spent: what is used leaves no room for an
/// ordinary request, of a prompt that is no longer than its completion.
pub(crate) fn is_spent(error: &ApiError, demanded: &Demanded, facts: &ModelFacts) -> bool {
    let ApiError::InsufficientQuota { scope: LimitScope::Event, limit, .. } = error else {
        return false;
    };
    let is_budget = matches!(limit.limit, Limit::TokensTotal | Limit::UsdTotal);
    let least = facts.least_cap();
    let lowest = demanded.with_least_cap(least);
    let tokens = lowest.as_ref().unwrap_or(demanded).estimate.tokens();
    is_budget && limit.model.is_none() && tokens <= 2 * least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(numbers: &[(Field, i64)], least: Option<LeastRequest>) -> Option<u64> {
        let part = Allowance::from([(Limit::TokensTotal, 100_000), (Limit::UsdTotal, 1_000)]);
        let numbers = numbers.iter().copied().collect();
        used_percent(&part, &Account { numbers, ..Account::default() }, least)
    }

    #[test]
    fn a_budget_is_used_to_the_last_per_cent_only_when_nothing_is_left_for_a_request() {
        let least = Some(LeastRequest { tokens: 1_025, nano_usd: Some(7) });
        let tokens =
            |committed, held| percent(&[(Field::Committed, committed), (Field::Held, held)], least);
        assert_eq!(tokens(49_999, 0), Some(49));
        assert_eq!(tokens(98_975, 0), Some(98));
        assert_eq!(tokens(98_976, 0), Some(100));
        assert_eq!(tokens(150_000, 0), Some(100));
        // What is reserved may be free again.
        assert_eq!(tokens(100_000, 60_000), Some(99));
        let usd = |committed, held| {
            let fields = [Field::UnitCommitted(Unit::Usd), Field::UnitHeld(Unit::Usd)];
            percent(&[(fields[0], committed), (fields[1], held)], least)
        };
        assert_eq!((usd(993, 0), usd(994, 0)), (Some(99), Some(100)));
        assert_eq!(usd(1_000, 999), Some(99));
        // A shard alone does not know what the others have.
        assert_eq!(percent(&[(Field::Committed, 99_999)], None), Some(99));
        assert_eq!(percent(&[(Field::Committed, 100_000)], None), Some(100));
    }
}
