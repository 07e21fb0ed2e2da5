//! Limits on the simulated models, and what must be true of them.

use std::collections::BTreeMap;

use lanyard_domain::account::{Account, AccountKey, Change, Field, Write};
use lanyard_domain::allowance::Limit;
use lanyard_domain::by_model::{ByModel, LimitKey, ModelKey, ModelLimit, ModelLimits};
use lanyard_domain::event::Event;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::token::UserId;

use crate::ports::Ledger;
use crate::testing::{MemoryLedger, SeededRandom};

/// The names of the models.
pub(super) const MODELS: [&str; 2] = ["model", "other"];

fn name(model: &str) -> Option<DeploymentName> {
    model.parse().ok()
}

/// Limits on both models, tight enough to be reached.
pub(super) fn limits(random: &SeededRandom) -> ByModel {
    let ranges = [
        (Limit::RequestsPerMinute, 1, 20),
        (Limit::TokensPerMinute, 500, 20_000),
        (Limit::RequestsPerDay, 1, 20),
        (Limit::TokensTotal, 500, 20_000),
        (Limit::UsdTotal, 1_000_000, 200_000_000),
        (Limit::InFlight, 1, 4),
    ];
    let some = |first: Option<Limit>| -> ModelLimits {
        let first = first.map(|limit| (MODELS[0], limit, 2 + random.below(30)));
        let others = (0..3).filter_map(|_| {
            let (limit, least, more) = ranges[usize::try_from(random.below(6)).ok()?];
            let model = MODELS[usize::from(random.one_in(2))];
            Some((model, limit, least + random.below(more)))
        });
        // Of two on the same, the last one counts.
        let each: BTreeMap<_, _> =
            first.into_iter().chain(others).map(|(m, limit, value)| ((m, limit), value)).collect();
        let limit = |((model, limit), allowed): ((&str, Limit), u64)| {
            Some(ModelLimit { name: name(model)?, limit, allowed })
        };
        each.into_iter().filter_map(limit).collect()
    };
    // An attendee always has this one, so that it counts every request to the model.
    ByModel { attendee: some(Some(Limit::RequestsTotal)), event: some(None) }
}

/// Checks that an admission to the event's account kept within its limits on models, which do not
/// change during a run.
pub(super) fn check(
    event: &Event,
    key: &AccountKey,
    account: &Account,
    write: &Write,
) -> Result<(), String> {
    let shard = match key {
        AccountKey::Event(_) => 0,
        AccountKey::Shard(_, shard) => *shard,
        AccountKey::Attendee(..) => return Ok(()),
    };
    let is_admission =
        write.changes.iter().any(|c| matches!(c, Change::Add(Field::PeriodOpen(_), 1)));
    if !is_admission {
        return Ok(());
    }
    for change in &write.changes {
        let Change::Add(field, 1..) = change else { continue };
        let (Field::OfModel(model, limit) | Field::OfModelDay(model, limit, _)) = *field else {
            continue;
        };
        let key = LimitKey { limit, model: Some(model) };
        let most = event.part(shard, key.model).get(key).filter(|_| !key.is_rate());
        if most.is_some_and(|most| account.count(*field) > most) {
            let counted = account.count(*field);
            return Err(format!("{counted} were admitted where {most:?} {limit} are granted"));
        }
    }
    Ok(())
}

/// Checks, when nothing runs, that nothing is held of a limit on a model, and that each attendee's
/// limit on requests to a model counts those that were charged.
pub(super) async fn balance(
    ledger: &MemoryLedger,
    event: &Event,
    is_recorded: bool,
) -> Result<(), String> {
    if event.allowances.by_model.is_empty() {
        return Ok(());
    }
    let shards = ledger.accounts(&event.account_keys()).await.map_err(|fault| fault.to_string())?;
    for (field, number) in shards.iter().flat_map(|shard| &shard.numbers) {
        if matches!(field, Field::PeriodModelHeld(..)) && *number != 0 {
            return Err(format!("the event still holds {number} of {field:?}"));
        }
    }
    for model in MODELS.into_iter().filter_map(name) {
        let in_flight = Field::OfModel(ModelKey::of(&model), Limit::InFlight);
        let sum: i64 = shards.iter().map(|shard| shard.get(in_flight)).sum();
        let moved: i64 = shards.iter().map(|shard| moved(shard, in_flight)).sum();
        if sum != moved {
            return Err(format!("{sum} requests to {model} are in flight for ever"));
        }
    }
    if !is_recorded {
        return Ok(());
    }
    let Some(first) = name(MODELS[0]) else { return Ok(()) };
    let counted = Field::OfModel(ModelKey::of(&first), Limit::RequestsTotal);
    let mut recorded = BTreeMap::<UserId, (u64, u64)>::new();
    for record in ledger.records() {
        let (of_model, unknown) = recorded.entry(record.user).or_default();
        *of_model += u64::from(record.model.as_ref() == Some(&first));
        *unknown += u64::from(record.model.is_none());
    }
    let page = ledger.attendees(&event.id, None, u16::MAX).await.map_err(|f| f.to_string())?;
    for (user, account) in page.accounts {
        let (least, unknown) = recorded.get(&user).copied().unwrap_or_default();
        let counted = account.count(counted);
        if !(least..=least + unknown).contains(&counted) {
            return Err(format!(
                "{user}: {counted} requests to {first}, {least} to {unknown} more"
            ));
        }
    }
    Ok(())
}

/// What moves have added to a number of a shard.
fn moved(shard: &Account, of: Field) -> i64 {
    let is_its = |field: &&Field| {
        matches!(field, Field::Moved(key, day)
            if Field::of_limit(*key, day.unwrap_or_default()) == of)
    };
    shard.numbers.keys().filter(is_its).map(|field| shard.get(*field)).sum()
}
